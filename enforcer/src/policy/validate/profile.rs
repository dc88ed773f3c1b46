//! `profiles:`. Rules, settings and what is inherited are judged by their own
//! modules; here they come together.

use std::collections::BTreeSet;

use enforcer_common::limits;

use super::super::findings::Findings;
use super::super::lenient::Named as Mapping;
use super::super::model::{Defaults, Profile};
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::rule::{self, Named};
use super::scalar::{is_mapping, word};
use super::settings::{self, Stated, Written};
use super::{Names, defaults, extends, name};

/// A profile by itself, without what it inherits.
struct Own {
    description: String,
    stated: Stated,
    rules: Vec<Named>,
    given: BTreeSet<String>,
}

/// A profile with what it inherits.
#[derive(Clone, Default)]
struct Whole {
    stated: Stated,
    rules: Vec<Named>,
}

/// Reads `profiles:`; none is left out, so that indices are those of the names.
pub(super) fn profiles(
    raw: &Mapping<raw::Profile>,
    names: &Names<'_>,
    defaults: &Defaults,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<Profile> {
    is_mapping(&raw.odd, &[], here, findings);
    limit(raw, here, findings);
    let mut own = Vec::with_capacity(raw.entries.len());
    for (index, (name, profile)) in raw.entries.iter().enumerate() {
        let here = here.key(name);
        name::check("profile", name, here.key_place(), findings);
        own.push(one(index, profile, names, &here, findings));
    }
    let mut parents = extends::parents(raw, names, here, findings);
    let order = extends::order(&mut parents, raw, here, findings);
    let wholes = inherit(&own, &parents, &order, raw, here, findings);
    let otherwise = defaults::of_profiles(defaults);
    let named = raw.entries.iter().map(|(name, _)| name);
    let named: Vec<_> = named.cloned().collect();
    let parts = own.into_iter().zip(wholes).zip(parents).zip(&named);
    parts
        .map(|(((own, whole), parents), name)| {
            let settings = whole.stated.over(&otherwise);
            Profile {
                name: name.clone(),
                description: own.description,
                mode: settings.mode,
                extends: parents
                    .iter()
                    .map(|parent| named[*parent].clone())
                    .collect(),
                network: settings.network,
                guards: settings.guards,
                fragments: settings.fragments,
                on_error: settings.on_error,
                inspect_first: settings.inspect_first,
                sanity: settings.sanity,
                limit: settings.limit,
                ethertypes: settings.ethertypes,
                rules: whole.rules.into_iter().map(|named| named.rule).collect(),
            }
        })
        .collect()
}

fn limit(raw: &Mapping<raw::Profile>, here: &Here<'_>, findings: &mut Findings) {
    if raw.entries.len() > limits::PROFILES as usize {
        let message = format!(
            "{} profiles; a policy has at most {}",
            raw.entries.len(),
            limits::PROFILES
        );
        findings.error(here.key_place(), message);
    }
}

fn one(
    index: usize,
    raw: &raw::Profile,
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Own {
    is_mapping(&raw.odd, raw::Profile::KEYS, here, findings);
    let description = raw
        .description
        .as_ref()
        .and_then(|value| word(value, &here.key("description"), findings));
    let written = Written {
        mode: raw.mode.as_ref(),
        network: raw.network.as_ref(),
        guards: raw.guards.as_ref(),
        fragments: raw.fragments.as_ref(),
        on_error: raw.on_error.as_ref(),
        inspect_first: raw.inspect_first.as_ref(),
        sanity: raw.sanity.as_ref(),
        limit: raw.limit.as_ref(),
        ethertypes: raw.ethertypes.as_ref(),
    };
    let stated = settings::stated(written, names, here, findings);
    let mut own = Own {
        description: description.unwrap_or_default(),
        stated,
        rules: Vec::new(),
        given: BTreeSet::new(),
    };
    if let Some(allow) = &raw.allow {
        let here = here.key("allow");
        own.given = rule::given_names(&allow.items, &here, findings);
        own.rules = rule::rules(allow, index, names, &here, findings);
    }
    own
}

/// Gives every profile what it inherits.
fn inherit(
    own: &[Own],
    parents: &[Vec<usize>],
    order: &[usize],
    raw: &Mapping<raw::Profile>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<Whole> {
    let mut wholes = vec![Whole::default(); own.len()];
    let mut rules = 0;
    for index in order {
        let Own {
            stated,
            rules: own,
            given,
            ..
        } = &own[*index];
        let above = || parents[*index].iter().map(|parent| &wholes[*parent]);
        let stated = above().fold(stated.clone(), |stated, parent| stated.or(&parent.stated));
        let inherited: Vec<_> = above().map(|parent| parent.rules.as_slice()).collect();
        let name = raw.entries.get(*index).map_or("", |(name, _)| name);
        let rules_of = extends::rules(&inherited, own, given, |first, second| {
            let message = format!(
                "profile {} inherits this rule and another one named {}",
                quoted(name),
                quoted(&second.name),
            );
            findings
                .error(extends::place(second, raw, here), message)
                .beside(extends::place(first, raw, here))
                .suggest(|| {
                    let child = quoted(name);
                    Some(format!(
                        "a rule of that name in {child} itself replaces both"
                    ))
                });
        });
        rules += rules_of.len();
        wholes[*index] = Whole {
            stated,
            rules: rules_of,
        };
        if !extends::fit(rules, here, findings) {
            break;
        }
    }
    wholes
}

/// Warns of profiles that neither a device nor a default nor another profile uses.
pub(super) fn warn_unused(
    profiles: &[Profile],
    used: &BTreeSet<usize>,
    here: &Here<'_>,
    findings: &mut Findings,
) {
    let extended: BTreeSet<&String> = profiles
        .iter()
        .flat_map(|profile| &profile.extends)
        .collect();
    for (_, profile) in profiles
        .iter()
        .enumerate()
        .filter(|(index, profile)| !used.contains(index) && !extended.contains(&profile.name))
    {
        findings.warning(
            here.key(&profile.name).key_place(),
            "no device and no default uses this profile",
        );
    }
}
