//! One rule of a profile: who may start what, when and how much. Names that are left
//! out are made here; how rules relate to each other is not judged.

use std::collections::{BTreeMap, BTreeSet};

use super::super::describe;
use super::super::findings::Findings;
use super::super::lenient::{List, OneOrMany, Scalar};
use super::super::lint;
use super::super::model::{Direction, Limit, Rule};
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::scalar::{is_list, is_mapping, word};
use super::{Names, application, moment, name, peer, rate, schedule, service};

/// Days before its end at which a rule is told.
const SOON: u32 = 14;
const DAY: u32 = 86_400;

/// A rule, and the base of its name where that was made.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) rule: Rule,
    pub(super) made_of: Option<String>,
}

/// Reads the rules that a profile, by index, has of its own. Names that were made
/// need not be unique yet.
pub(super) fn rules(
    allow: &List<raw::Rule>,
    profile: usize,
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<Named> {
    is_list(allow, here, findings);
    let items = allow.items.iter().enumerate();
    items
        .filter_map(|(index, raw)| rule(raw, (profile, index), names, &here.index(index), findings))
        .collect()
}

/// The names that rules of a profile were given.
pub(super) fn given_names(
    rules: &[raw::Rule],
    here: &Here<'_>,
    findings: &mut Findings,
) -> BTreeSet<String> {
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
    origin: (usize, usize),
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Named> {
    if !is_mapping(&raw.odd, raw::Rule::KEYS, here, findings) {
        return None;
    }
    if let Some(Scalar::Text(text)) = &raw.name {
        name::check("rule", text, here.key("name").place(), findings);
    }
    let ends = ends(raw, here, findings);
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
    let application = application::application(raw, &services, here, findings);
    let mut text = |value: &Option<Scalar>, key| {
        let value = value.as_ref()?;
        word(value, &here.key(key), findings)
    };
    let (comment, source) = (text(&raw.comment, "comment"), text(&raw.source, "source"));
    let expires = expires(raw, names, &here.key("expires"), findings);
    let schedule = raw
        .schedule
        .as_ref()
        .map(|raw| schedule::schedule(raw, names, &here.key("schedule"), findings));
    let limit = raw
        .limit
        .as_ref()
        .map(|raw| rate::rates(raw, &here.key("limit"), findings).over(Limit::default()));
    let (direction, values, key) = ends?;
    let peers = peer::of_rule(values, direction, names, &here.key(key), findings);
    let made_of = raw.name.is_none().then(|| base(raw, key, values));
    let name = match &raw.name {
        Some(name) => name.to_text(),
        None => String::new(),
    };
    Some(Named {
        rule: Rule {
            name,
            comment: comment.unwrap_or_default(),
            source: source.unwrap_or_default(),
            direction,
            peers,
            services,
            expires: expires.unwrap_or(0),
            schedule: schedule.unwrap_or_default(),
            limit: limit.unwrap_or_default(),
            application,
            origin,
        },
        made_of,
    })
}

/// Who starts, and the other end as written and its key.
fn ends<'r>(
    raw: &'r raw::Rule,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<(Direction, &'r OneOrMany, &'static str)> {
    match (&raw.to, &raw.from) {
        (Some(peers), None) => return Some((Direction::To, peers, "to")),
        (None, Some(peers)) => return Some((Direction::From, peers, "from")),
        (Some(_), Some(_)) => {
            let reported = findings.error(here, "a rule has `to` or `from`, not both");
            reported.suggest(|| {
                Some(
                    "write two rules: `to` is what the device may start, `from` what peers may"
                        .to_owned(),
                )
            });
        }
        (None, None) => {
            findings.error(
                here,
                "a rule needs `to` (the device starts) or `from` (the peer starts)",
            );
        }
    }
    None
}

/// When a rule ends; told where that has happened or will soon.
fn expires(
    raw: &raw::Rule,
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<u32> {
    let end = moment::moment(raw.expires.as_ref()?, names.zone.as_deref(), here, findings)?;
    let when = describe::moment(end);
    if end <= names.now {
        findings
            .warning(here, format!("expired on {when}, matches nothing"))
            .code(lint::code::EXPIRED);
    } else if end - names.now <= SOON * DAY {
        let left = match (end - names.now) / DAY {
            0 => "in less than a day".to_owned(),
            1 => "in 1 day".to_owned(),
            days => format!("in {days} days"),
        };
        findings
            .warning(here, format!("expires {left}, on {when}"))
            .code(lint::code::EXPIRES_SOON);
    }
    Some(end)
}

/// Makes the name of a rule that has none unique, and takes it.
pub(super) fn unique(base: &str, taken: &mut BTreeSet<String>) -> String {
    let mut name = base.to_owned();
    let mut number = 2u32;
    while !taken.insert(name.clone()) {
        name = format!("{base}-{number}");
        number += 1;
    }
    name
}

/// What a name is made of: direction, peers and services, as in
/// `to-hl7-engine-tcp-2575`.
fn base(raw: &raw::Rule, key: &str, peers: &OneOrMany) -> String {
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
    base
}

fn texts(values: &OneOrMany) -> Vec<String> {
    match values {
        OneOrMany::One(value) => vec![value.to_text()],
        OneOrMany::Many(values) => values.iter().map(Scalar::to_text).collect(),
    }
}
