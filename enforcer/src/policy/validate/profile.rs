//! `profiles:` and their rules. Services, peers and names are judged by their
//! own modules; how rules relate to each other is not judged here.

use std::collections::{BTreeMap, BTreeSet};

use enforcer_common::limits;

use super::super::findings::Findings;
use super::super::lenient::{Named, OneOrMany, Scalar};
use super::super::model::{Defaults, Direction, Profile, Rule};
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::scalar::{is_list, is_mapping, mode, word};
use super::{Names, defaults, name, peer, service};

/// Reads `profiles:`; none is left out, so that indices are those of the names.
pub(super) fn profiles(
    raw: &Named<raw::Profile>,
    names: &Names,
    defaults: &Defaults,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<Profile> {
    is_mapping(&raw.odd, &[], here, findings);
    limit(raw, here, findings);
    let mut profiles = Vec::new();
    for (name, profile) in &raw.entries {
        let here = here.key(name);
        name::check("profile", name, here.key_place(), findings);
        profiles.push(one(name, profile, names, defaults, &here, findings));
    }
    profiles
}

fn limit(raw: &Named<raw::Profile>, here: &Here<'_>, findings: &mut Findings) {
    if raw.entries.len() > limits::PROFILES as usize {
        let message = format!(
            "{} profiles; a policy has at most {}",
            raw.entries.len(),
            limits::PROFILES
        );
        findings.error(here.key_place(), message);
    }
    let rules =
        |profile: &raw::Profile| profile.allow.as_ref().map_or(0, |allow| allow.items.len());
    let rules: usize = raw.entries.iter().map(|(_, profile)| rules(profile)).sum();
    if rules > limits::RULES as usize {
        let message = format!(
            "{rules} rules in all profiles; a policy has at most {}",
            limits::RULES
        );
        findings.error(here.key_place(), message);
    }
}

fn one(
    name: &str,
    raw: &raw::Profile,
    names: &Names,
    defaults: &Defaults,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Profile {
    is_mapping(&raw.odd, raw::Profile::KEYS, here, findings);
    let description = raw
        .description
        .as_ref()
        .and_then(|value| word(value, &here.key("description"), findings));
    let mode = raw
        .mode
        .as_ref()
        .and_then(|value| mode(value, &here.key("mode"), findings));
    let network = defaults::network(
        raw.network.as_ref(),
        defaults.network,
        &here.key("network"),
        findings,
    );
    let mut rules = Vec::new();
    if let Some(allow) = &raw.allow {
        let here = here.key("allow");
        is_list(allow, &here, findings);
        let mut taken = rule_names(&allow.items, &here, findings);
        for (index, raw) in allow.items.iter().enumerate() {
            rules.extend(rule(raw, &mut taken, names, &here.index(index), findings));
        }
    }
    Profile {
        name: name.to_owned(),
        description: description.unwrap_or_default(),
        mode: mode.unwrap_or(defaults.mode),
        network,
        rules,
    }
}

/// The names that rules of a profile were given.
fn rule_names(rules: &[raw::Rule], here: &Here<'_>, findings: &mut Findings) -> BTreeSet<String> {
    let mut first = BTreeMap::new();
    for (index, rule) in rules.iter().enumerate() {
        let rule_here = here.index(index);
        let name_here = rule_here.key("name");
        let Some(name) = rule
            .name
            .as_ref()
            .and_then(|value| word(value, &name_here, findings))
        else {
            continue;
        };
        if let Some(earlier) = first.get(&name) {
            let message = format!("another rule of this profile is named {}", quoted(&name));
            findings
                .error(&name_here, message)
                .beside(here.index(*earlier).key("name").place());
        } else {
            first.insert(name, index);
        }
    }
    first.into_keys().collect()
}

fn rule(
    raw: &raw::Rule,
    taken: &mut BTreeSet<String>,
    names: &Names,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Rule> {
    if !is_mapping(&raw.odd, raw::Rule::KEYS, here, findings) {
        return None;
    }
    if let Some(Scalar::Text(text)) = &raw.name {
        name::check("rule", text, here.key("name").place(), findings);
    }
    let ends = match (&raw.to, &raw.from) {
        (Some(peers), None) => Some((Direction::To, peers, "to")),
        (None, Some(peers)) => Some((Direction::From, peers, "from")),
        (Some(_), Some(_)) => {
            findings
                .error(here, "a rule has `to` or `from`, not both")
                .suggest(|| {
                    Some(
                        "write two rules: `to` is what the device may start, `from` what peers may"
                            .to_owned(),
                    )
                });
            None
        }
        (None, None) => {
            findings.error(
                here,
                "a rule needs `to` (the device starts) or `from` (the peer starts)",
            );
            None
        }
    };
    if service::keys(raw)
        .iter()
        .all(|(_, values)| values.is_none())
    {
        findings.error(
            here,
            "a rule needs a service: tcp, udp, icmp, icmpv6 or protocol",
        );
    }
    let services = service::services(raw, here, findings);
    let (direction, values, key) = ends?;
    let peers = peer::of_rule(values, names, &here.key(key), findings);
    let name = match &raw.name {
        Some(name) => name.to_text(),
        None => generated(raw, key, values, taken),
    };
    Some(Rule {
        name,
        direction,
        peers,
        services,
    })
}

/// A name made of direction, peers and services: `to-hl7-engine-tcp-2575`.
fn generated(
    raw: &raw::Rule,
    key: &str,
    peers: &OneOrMany,
    taken: &mut BTreeSet<String>,
) -> String {
    /// Leaves room for a number.
    const LONGEST: usize = 56;
    let mut parts = vec![key.to_owned()];
    parts.extend(texts(peers));
    for (key, values) in service::keys(raw) {
        for text in values.iter().flat_map(|values| texts(values)) {
            parts.push(format!("{key}-{text}"));
        }
    }
    let mut base = name::repaired(&parts.join("-")).unwrap_or_default();
    base.truncate(LONGEST);
    let mut name = base.clone();
    let mut number = 2u32;
    while !taken.insert(name.clone()) {
        name = format!("{base}-{number}");
        number += 1;
    }
    name
}

fn texts(values: &OneOrMany) -> Vec<String> {
    match values {
        OneOrMany::One(value) => vec![value.to_text()],
        OneOrMany::Many(values) => values.iter().map(Scalar::to_text).collect(),
    }
}

/// Warns of profiles that neither a device nor a default uses.
pub(super) fn warn_unused(
    profiles: &[Profile],
    used: &BTreeSet<usize>,
    here: &Here<'_>,
    findings: &mut Findings,
) {
    for (_, profile) in profiles
        .iter()
        .enumerate()
        .filter(|(index, _)| !used.contains(index))
    {
        findings.warning(
            here.key(&profile.name).key_place(),
            "no device and no default uses this profile",
        );
    }
}
