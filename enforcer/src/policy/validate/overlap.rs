//! Rules of a profile that say again what an earlier one says. Runs on a policy
//! without errors and only warns. Compares each rule with single earlier rules,
//! not with all of them together, and stops when its budget is used up.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::super::findings::Findings;
use super::super::model::{Model, Peer, Profile, Rule, Service};
use super::super::place::{Here, quoted};

/// Comparisons of a prefix or a service with another, over a whole policy: a
/// fraction of a second.
const BUDGET: usize = 5_000_000;

pub(super) fn warn(model: &Model, here: &Here<'_>, findings: &mut Findings) {
    let mut budget = BUDGET;
    for profile in &model.profiles {
        let rules: Vec<_> = profile
            .rules
            .iter()
            .map(|rule| Reach::of(rule, &model.peers))
            .collect();
        let profile_here = here.key(&profile.name);
        let allow = profile_here.key("allow");
        for (index, rule) in rules.iter().enumerate() {
            let related = rules[..index]
                .iter()
                .enumerate()
                .find_map(|(earlier, other)| {
                    budget = budget.checked_sub(rule.cost(other))?;
                    Some((earlier, rule.compare(other)?))
                });
            if let Some((earlier, relation)) = related {
                report(profile, relation, (index, earlier), &allow, findings);
            }
        }
    }
}

/// How a rule relates to an earlier one that it has something in common with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Same,
    Within,
    Beyond,
    Partly,
}

fn report(
    profile: &Profile,
    relation: Relation,
    (index, earlier): (usize, usize),
    allow: &Here<'_>,
    findings: &mut Findings,
) {
    let (Some(rule), Some(other)) = (profile.rules.get(index), profile.rules.get(earlier)) else {
        return;
    };
    let (name, other) = (quoted(&rule.name), quoted(&other.name));
    let message = match relation {
        Relation::Same => format!("rule {name} allows the same as rule {other}"),
        Relation::Within => {
            format!("rule {name} is shadowed by rule {other}, which allows all of it,")
        }
        Relation::Beyond => format!("rule {name} allows all that rule {other} allows"),
        Relation::Partly => format!("rule {name} overlaps rule {other}"),
    };
    findings
        .warning(&allow.index(index), message)
        .beside(allow.index(earlier).place());
}

/// What a rule allows, ready to compare.
struct Reach<'a> {
    rule: &'a Rule,
    any: bool,
    prefixes: Vec<IpNet>,
    profiles: Vec<usize>,
}

impl<'a> Reach<'a> {
    fn of(rule: &'a Rule, named: &BTreeMap<String, Vec<IpNet>>) -> Self {
        let mut reach = Self {
            rule,
            any: false,
            prefixes: Vec::new(),
            profiles: Vec::new(),
        };
        for peer in &rule.peers {
            match peer {
                Peer::Any => reach.any = true,
                Peer::Named(name) => reach.prefixes.extend(named.get(name).into_iter().flatten()),
                Peer::Prefix(prefix) => reach.prefixes.push(*prefix),
                Peer::Profile(index) => reach.profiles.push(*index),
            }
        }
        reach
    }

    fn cost(&self, other: &Self) -> usize {
        let peers = self.prefixes.len().saturating_mul(other.prefixes.len());
        let services = self
            .rule
            .services
            .len()
            .saturating_mul(other.rule.services.len());
        peers.saturating_add(services).saturating_add(1)
    }

    fn compare(&self, earlier: &Self) -> Option<Relation> {
        if self.rule.direction != earlier.rule.direction || !self.meets(earlier) {
            return None;
        }
        Some(match (earlier.covers(self), self.covers(earlier)) {
            (true, true) => Relation::Same,
            (true, false) => Relation::Within,
            (false, true) => Relation::Beyond,
            (false, false) => Relation::Partly,
        })
    }

    /// Whether some traffic is allowed by both.
    fn meets(&self, other: &Self) -> bool {
        let nested = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
        let peers = self.any
            || other.any
            || self
                .prefixes
                .iter()
                .any(|a| other.prefixes.iter().any(|b| nested(a, b)))
            || self
                .profiles
                .iter()
                .any(|profile| other.profiles.contains(profile));
        let touch = |a: &Service, b: &Service| {
            let ((a, first, last), (b, from, to)) = (span(*a), span(*b));
            a == b && first <= to && from <= last
        };
        peers
            && self
                .rule
                .services
                .iter()
                .any(|a| other.rule.services.iter().any(|b| touch(a, b)))
    }

    /// Whether this allows all that `other` allows.
    fn covers(&self, other: &Self) -> bool {
        let peers = self.any
            || !other.any
                && other
                    .prefixes
                    .iter()
                    .all(|b| self.prefixes.iter().any(|a| a.contains(b)))
                && other
                    .profiles
                    .iter()
                    .all(|profile| self.profiles.contains(profile));
        let within = |a: &Service, b: &Service| {
            let ((a, first, last), (b, from, to)) = (span(*a), span(*b));
            a == b && first <= from && to <= last
        };
        peers
            && other
                .rule
                .services
                .iter()
                .all(|b| self.rule.services.iter().any(|a| within(a, b)))
    }
}

/// A service as an interval of ports or types of one protocol.
fn span(service: Service) -> (u8, u16, u16) {
    match service {
        Service::Tcp(first, last) => (6, first, last),
        Service::Udp(first, last) => (17, first, last),
        Service::Icmp(first, last) => (1, first.into(), last.into()),
        Service::Icmpv6(first, last) => (58, first.into(), last.into()),
        Service::Protocol(number) => (number, 0, 0),
    }
}
