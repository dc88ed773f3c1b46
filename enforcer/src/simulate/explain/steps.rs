//! What the decision looked up and found, in sentences that name devices,
//! profiles, peers, services and rules instead of numbers.

use std::net::IpAddr;

use enforcer_common::addr::Ip;
use enforcer_common::decide::Work;
use enforcer_common::decide::trace::Step;
use enforcer_common::table::{DeviceEntry, Direction, profile_class};
use enforcer_common::verdict::{Fate, Verdict};

use super::{Crossing, device_text};
use crate::policy::compile::Compiled;
use crate::policy::describe;
use crate::policy::model::{self, Device, Model, Peer, Rule, Service};

/// Names listed in one sentence.
const LISTED: usize = 8;

/// One sentence for each step.
pub(super) fn tell(
    model: &Model,
    compiled: &Compiled,
    crossing: &Crossing,
    steps: &[Step],
) -> Vec<String> {
    steps
        .iter()
        .map(|step| sentence(model, compiled, crossing, *step))
        .collect()
}

/// How the verdict came about: one sentence for each end that is judged.
pub(super) fn conclude(
    model: &Model,
    compiled: &Compiled,
    work: &Work,
    verdict: Verdict,
) -> Vec<String> {
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
        let rule = rule_name(model, compiled, finding.rule)
            .map(|rule| format!(" ({rule})"))
            .unwrap_or_default();
        let fate = finding.reason.fate(party.mode).label();
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
    });
    told
}

/// `profile/rule` of a rule's number.
pub(super) fn rule_name(model: &Model, compiled: &Compiled, number: u16) -> Option<String> {
    let (profile, rule) = rule_at(model, compiled, number)?;
    Some(format!("{}/{}", profile.name, rule.name))
}

/// The device with this number in the compiled policy.
pub(super) fn device(model: &Model, number: u32) -> Option<&Device> {
    model.devices.get((number as usize).checked_sub(1)?)
}

fn sentence(model: &Model, compiled: &Compiled, crossing: &Crossing, step: Step) -> String {
    match step {
        Step::Identified { end, device } => identified(model, crossing, end, device),
        Step::FlowMissing => "No flow is known for it: the rules are asked.".to_owned(),
        Step::FlowKnown => "It belongs to a flow that this policy has judged.".to_owned(),
        Step::FlowOutdated => {
            "It belongs to a flow that an older policy has judged: the rules are asked.".to_owned()
        }
        Step::Class { ip, class } => class_text(model, ip, class),
        Step::Service { index, class } => service_text(model, index, class),
        Step::Cell {
            profile,
            direction,
            class,
            rule,
        } => cell_text(model, compiled, profile, direction, class, rule),
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
        .filter(|peer| contains(model, peer, address))
        .collect();
    peers.sort();
    peers.dedup();
    let names = peers
        .iter()
        .map(|peer| describe::peer(model, peer))
        .collect();
    if class == 0 {
        return format!("The address {address} lies in no peer that a rule names.");
    }
    format!("The address {address} lies in {}.", listed(names))
}

fn contains(model: &Model, peer: &Peer, address: IpAddr) -> bool {
    match peer {
        // No part of a class: it holds every address.
        Peer::Any => false,
        Peer::Named(name) => model
            .peers
            .get(name)
            .is_some_and(|all| all.iter().any(|net| net.contains(&address))),
        Peer::Prefix(prefix) => prefix.contains(&address),
        Peer::Profile(profile) => {
            let of = model
                .devices
                .iter()
                .filter(|device| device.profile == *profile);
            of.flat_map(Device::addresses).any(|own| own == address)
        }
    }
}

fn service_text(model: &Model, index: u32, class: u16) -> String {
    let asked = describe::service_at(index);
    let text = describe::service(asked);
    if class == 0 {
        return format!("No rule of any profile names {text}.");
    }
    let naming =
        all_rules(model).filter(|(_, rule)| rule.services.iter().any(|of| covers(*of, asked)));
    let names = naming
        .map(|(profile, rule)| format!("{}/{}", profile.name, rule.name))
        .collect();
    format!("Rules that name {text}: {}.", listed(names))
}

fn covers(service: Service, asked: Service) -> bool {
    match (service, asked) {
        (Service::Tcp(first, last), Service::Tcp(port, _))
        | (Service::Udp(first, last), Service::Udp(port, _)) => (first..=last).contains(&port),
        (Service::Icmp(first, last), Service::Icmp(kind, _))
        | (Service::Icmpv6(first, last), Service::Icmpv6(kind, _)) => {
            (first..=last).contains(&kind)
        }
        (Service::Protocol(number), Service::Protocol(asked)) => number == asked,
        _ => false,
    }
}

fn cell_text(
    model: &Model,
    compiled: &Compiled,
    profile: u32,
    direction: Direction,
    class: u32,
    rule: u16,
) -> String {
    let name = profile_name(model, profile);
    let word = match direction {
        Direction::To => "to",
        Direction::From => "from",
    };
    let peer = match (class & !profile_class(0), class & profile_class(0) != 0) {
        (number, true) => format!("the devices of profile {}", profile_name(model, number)),
        (0, false) => "addresses in no named peer".to_owned(),
        (_, false) => "this address".to_owned(),
    };
    match rule_at(model, compiled, rule) {
        Some((_, rule)) => {
            let text = describe::rule(model, rule);
            format!(
                "Profile {name}, `{word}` rules, by {peer}: rule {} allows it ({text}).",
                rule.name
            )
        }
        None => format!("Profile {name}, `{word}` rules, by {peer}: none allows it."),
    }
}

/// The compiler adds a profile of its own behind the declared ones.
fn profile_name(model: &Model, number: u32) -> &str {
    let index = (number as usize).wrapping_sub(1);
    model
        .profiles
        .get(index)
        .map_or("of network services alone", |profile| &profile.name)
}

fn rule_at<'m>(
    model: &'m Model,
    compiled: &Compiled,
    number: u16,
) -> Option<(&'m model::Profile, &'m Rule)> {
    let (profile, rule) = *compiled.rules.get(usize::from(number).checked_sub(1)?)?;
    let profile = model.profiles.get(profile)?;
    Some((profile, profile.rules.get(rule)?))
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
