//! What the decision looked up and found, in sentences that name devices,
//! profiles, peers, services and rules instead of numbers.

use std::net::IpAddr;

use enforcer_common::addr::Ip;
use enforcer_common::decide::Work;
use enforcer_common::decide::trace::Step;
use enforcer_common::table::{DeviceEntry, Direction, group_class};
use enforcer_common::verdict::{Fate, Tolerance, Verdict};

use super::moment::asleep;
use super::{Case, Crossing, Setting, device_text, matching};
use crate::policy::compile::Compiled;
use crate::policy::describe;
use crate::policy::model::{self, Device, Model, Peer, Rule};
use crate::policy::signature::told;

/// Names listed in one sentence.
const LISTED: usize = 8;

/// One sentence for each step.
pub(super) fn tell(case: &Case<'_>, steps: &[Step]) -> Vec<String> {
    let (setting, crossing) = (case.setting, case.crossing);
    // Guards are asked before the rules are: only these look a service up.
    let rules_asked = steps
        .iter()
        .position(|step| matches!(step, Step::Service { .. }))
        .unwrap_or(steps.len());
    let told = steps.iter().enumerate().map(|(index, step)| match *step {
        Step::Cell { profile, rule, .. } if index < rules_asked => {
            guard_text(setting.model, profile, rule)
        }
        Step::Cell {
            profile,
            direction,
            class,
            rule,
        } => cell_text(case, profile, direction, class, rule),
        step => sentence(setting.model, crossing, step),
    });
    told.collect()
}

/// How the verdict came about: one sentence for each end that is judged.
pub(super) fn conclude(case: &Case<'_>, work: &Work, verdict: Verdict) -> Vec<String> {
    let Setting {
        model, compiled, ..
    } = *case.setting;
    let mut told = Vec::new();
    let by_ends = work
        .parties
        .iter()
        .zip(&work.findings)
        .filter(|(party, _)| party.judged);
    for (party, finding) in by_ends.clone() {
        // Where nobody answers for the frame, no end has a finding of its own.
        if by_ends
            .clone()
            .all(|(_, finding)| finding.reason != verdict.reason)
        {
            break;
        }
        let who = match device(model, party.number) {
            Some(device) => device.name.clone(),
            None => format!("profile {}", profile_name(model, party.profile)),
        };
        let line = rule_number(compiled, finding.rule).and_then(|rule| case.lines.of_rule(rule));
        let line = line.map(|line| format!(", {line}")).unwrap_or_default();
        let rule = rule_name(model, compiled, finding.rule)
            .map(|rule| format!(" ({rule}{line})"))
            .unwrap_or_default();
        let fate = finding.reason.fate(party.mode, Tolerance::NONE).label();
        told.push(format!(
            "For {who}: {fate}, {}{rule}: {}",
            finding.reason.label(),
            finding.reason.explanation()
        ));
    }
    told.push(match verdict.fate() {
        Fate::Allow => format!("The frame passes: {}.", verdict.reason.label()),
        Fate::Audit => format!(
            "The frame passes because of audit mode, and is reported: enforcing would deny it ({}).",
            verdict.reason.label()
        ),
        Fate::Deny => format!("The frame is dropped: {}.", verdict.reason.label()),
        Fate::FailOpen => format!(
            "The frame passes because `on_error` says so: {}.",
            verdict.reason.label()
        ),
    });
    told
}

/// Profile and rule of a rule's number, as indices.
pub(super) fn rule_number(compiled: &Compiled, number: u16) -> Option<(usize, usize)> {
    compiled
        .rules
        .get(usize::from(number).checked_sub(1)?)
        .copied()
}

/// `profile/rule` of a rule's number.
pub(super) fn rule_name(model: &Model, compiled: &Compiled, number: u16) -> Option<String> {
    let at = rule_number(compiled, number)?;
    let profile = model.profiles.get(at.0)?;
    Some(format!("{}/{}", profile.name, rule(model, at)?.name))
}

/// The device with this number in the compiled policy.
pub(super) fn device(model: &Model, number: u32) -> Option<&Device> {
    model.devices.get((number as usize).checked_sub(1)?)
}

fn sentence(model: &Model, crossing: &Crossing, step: Step) -> String {
    match step {
        Step::Identified { end, device } => identified(model, crossing, end, device),
        Step::FlowMissing => "No flow is known for it: the rules are asked.".to_owned(),
        Step::FlowKnown => "It belongs to a flow that this policy has judged.".to_owned(),
        Step::FlowOutdated => {
            "It belongs to a flow that an older policy has judged: the rules are asked.".to_owned()
        }
        Step::Class { ip, class } => class_text(model, ip, class),
        Step::Service { index, class } => service_text(model, index, class),
        Step::Signature { number } => match told(model, number) {
            Some(signature) => format!("It bears the signature {}.", signature.name),
            None => String::new(),
        },
        // Told in `tell`, which knows more.
        Step::Cell { .. } => String::new(),
    }
}

fn identified(model: &Model, crossing: &Crossing, end: u8, device: Option<DeviceEntry>) -> String {
    let (end, host) = if end == 0 {
        ("source", &crossing.source)
    } else {
        ("destination", &crossing.destination)
    };
    let at = format!("{} ({})", host.mac, describe::vlan(crossing.vlan));
    match device {
        Some(entry) => {
            let index = (entry.number() as usize).wrapping_sub(1);
            format!("The {end}, {at}, is the {}.", device_text(model, index))
        }
        None => {
            let treated = match model.defaults.unknown_devices {
                Some(profile) => format!(
                    "falls under the profile {}",
                    describe::profile_name(model, profile)
                ),
                None => "the policy denies those".to_owned(),
            };
            format!("The {end}, {at}, is not a declared device: {treated}.")
        }
    }
}

/// Which peers make up the class of an address.
fn class_text(model: &Model, ip: Ip, class: u32) -> String {
    let address = IpAddr::from(ip);
    let mut peers: Vec<&Peer> = all_rules(model)
        .flat_map(|(_, rule)| &rule.peers)
        .filter(|peer| matching::contains(model, peer, address))
        .collect();
    peers.sort();
    peers.dedup();
    if class == 0 || peers.is_empty() {
        return format!("The address {address} lies in no peer that a rule names.");
    }
    let names = peers.iter().map(|peer| describe::peer(model, peer));
    format!("The address {address} lies in {}.", listed(names.collect()))
}

fn service_text(model: &Model, index: u32, class: u16) -> String {
    let asked = describe::service_at(index);
    let text = describe::service(asked);
    if class == 0 {
        return format!("No rule of any profile names {text}.");
    }
    let naming = all_rules(model).filter(|(_, rule)| matching::names(rule, asked));
    let names = naming
        .map(|(profile, rule)| format!("{}/{}", profile.name, rule.name))
        .collect();
    format!("Rules that name {text}: {}.", listed(names))
}

fn guard_text(model: &Model, profile: u32, rule: u16) -> String {
    let name = profile_name(model, profile);
    let says = if rule == 0 { "do not name" } else { "name" };
    format!("The guards of profile {name} {says} this address as a server or router.")
}

fn cell_text(case: &Case<'_>, profile: u32, direction: Direction, class: u32, cell: u16) -> String {
    let Setting {
        model, compiled, ..
    } = *case.setting;
    let name = profile_name(model, profile);
    let word = match direction {
        Direction::To => "to",
        Direction::From => "from",
    };
    let peer = match (class & !group_class(0), class & group_class(0) != 0) {
        (group, true) => {
            let peers = compiled.groups.get(group as usize).into_iter().flatten();
            listed(peers.map(|peer| describe::peer(model, peer)).collect())
        }
        (0, false) => "addresses in no named peer".to_owned(),
        (_, false) => "this address".to_owned(),
    };
    let asked = format!("Profile {name}, `{word}` rules, by {peer}");
    let rules = case.rules_of(cell);
    match &rules[..] {
        [] => format!("{asked}: none allows it."),
        [only] if usize::from(cell) <= compiled.rules.len() => {
            let text = rule(model, *only).map(|rule| describe::rule(model, rule));
            let name = case.lines.rule(*only);
            let name = name.split_once('/').map_or(name.as_str(), |(_, name)| name);
            format!(
                "{asked}: rule {name} allows it ({}).",
                text.unwrap_or_default()
            )
        }
        several => {
            let told = several.iter().map(|at| conditions(case, *at));
            format!("{asked}: {}.", told.collect::<Vec<_>>().join("; "))
        }
    }
}

/// What a rule's conditions say now.
fn conditions(case: &Case<'_>, at: (usize, usize)) -> String {
    let name = case.lines.rule(at);
    let Some(rule) = rule(case.setting.model, at) else {
        return name;
    };
    if let Some(why) = asleep(rule, case.setting.time) {
        return format!("rule {name} is asleep, {why}");
    }
    let by_name = rule.peers.iter().any(|peer| matches!(peer, Peer::Name(_)));
    let if_named = if by_name {
        " to an address that the device was given for the name, if its peers do not hold it anyway"
    } else {
        ""
    };
    format!("rule {name} may allow it{if_named}")
}

/// The compiler adds a profile of its own behind the declared ones.
fn profile_name(model: &Model, number: u32) -> &str {
    let index = (number as usize).wrapping_sub(1);
    model
        .profiles
        .get(index)
        .map_or("of network services alone", |profile| &profile.name)
}

fn rule(model: &Model, (profile, rule): (usize, usize)) -> Option<&Rule> {
    model.profiles.get(profile)?.rules.get(rule)
}

fn all_rules(model: &Model) -> impl Iterator<Item = (&model::Profile, &Rule)> {
    model
        .profiles
        .iter()
        .flat_map(|profile| profile.rules.iter().map(move |rule| (profile, rule)))
}

fn listed(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    if names.is_empty() {
        return "none".to_owned();
    }
    let text = names.join(", ");
    if more > 0 {
        format!("{text} and {more} more")
    } else {
        text
    }
}
