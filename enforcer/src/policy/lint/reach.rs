//! What a rule allows, ready to compare with what another one allows.

use std::net::IpAddr;

use ipnet::IpNet;

use super::super::model::{Direction, Limit, Model, Peer, Rule, Service};
use super::span::Spans;

/// A rule's peers and services as sets.
#[derive(Debug)]
pub(super) struct Reach<'a> {
    pub(super) rule: &'a Rule,
    model: &'a Model,
    any: bool,
    addresses: Addresses,
    /// Peers that are not compared by address.
    others: Vec<&'a Peer>,
    /// Protocol in the upper half, port or ICMP type in the lower one.
    pub(super) services: Spans,
}

impl<'a> Reach<'a> {
    pub(super) fn of(rule: &'a Rule, model: &'a Model) -> Self {
        let by_address =
            |peer: &&Peer| matches!(peer, Peer::Any | Peer::Named(_) | Peer::Prefix(_));
        Self {
            rule,
            model,
            any: rule.peers.contains(&Peer::Any),
            addresses: Addresses::of(prefixes(rule, model).map(|(prefix, _)| prefix)),
            others: rule.peers.iter().filter(|peer| !by_address(peer)).collect(),
            services: Spans::of(rule.services.iter().copied().map(span)),
        }
    }

    /// Whether every peer is reached.
    pub(super) fn is_any(&self) -> bool {
        self.any
    }

    /// The single family that all peers are of, if they are known by address alone:
    /// true for IPv4.
    pub(super) fn only_family(&self) -> Option<bool> {
        if self.any || !self.others.is_empty() {
            return None;
        }
        match (
            self.addresses.ipv4.is_empty(),
            self.addresses.ipv6.is_empty(),
        ) {
            (false, true) => Some(true),
            (true, false) => Some(false),
            _ => None,
        }
    }

    /// Whether it holds some of these addresses.
    pub(super) fn meets_addresses(&self, addresses: &Addresses) -> bool {
        self.any || self.addresses.meets(addresses)
    }

    /// What comparing it costs.
    pub(super) fn cost(&self) -> usize {
        1 + self.addresses.len() + self.services.len()
    }

    /// Whether some traffic is allowed by both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.rule.direction == other.rule.direction
            && self.services.meets(&other.services)
            && (self.any
                || other.any
                || self.addresses.meets(&other.addresses)
                || self.others.iter().any(|peer| {
                    let theirs = &mut other.others.iter();
                    theirs.any(|other| self.holds(peer, other) || self.holds(other, peer))
                }))
    }

    /// Whether this allows all that `other` allows, whenever and as fast as that does.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let peers = self.any
            || !other.any
                && self.addresses.covers(&other.addresses)
                && other
                    .others
                    .iter()
                    .all(|theirs| self.others.iter().any(|peer| self.holds(peer, theirs)));
        peers && self.services.covers(&other.services) && !self.is_narrower(other)
    }

    /// Whether this holds for a shorter time, at a lower rate or for less that is said.
    pub(super) fn is_narrower(&self, other: &Self) -> bool {
        let (rule, other) = (self.rule, other.rule);
        let ends_before = rule.expires != 0 && (other.expires == 0 || rule.expires < other.expires);
        let sleeps = !rule.schedule.is_empty() && rule.schedule != other.schedule;
        let slower = |rate: fn(&Limit) -> u32| {
            let (mine, theirs) = (rate(&rule.limit), rate(&other.limit));
            mine != 0 && (theirs == 0 || mine < theirs)
        };
        let restricts = rule.application.is_some() && rule.application != other.application;
        ends_before
            || restricts
            || sleeps
            || slower(|limit| limit.packets)
            || slower(|limit| limit.bytes)
            || slower(|limit| limit.flows)
    }

    /// Whether a peer holds all of another, going by what they are called.
    fn holds(&self, peer: &Peer, other: &Peer) -> bool {
        let device = match other {
            Peer::Device(index) => self.model.devices.get(*index),
            _ => None,
        };
        match (peer, other, device) {
            _ if peer == other => true,
            (Peer::Profile(profile), _, Some(device)) => device.profile == *profile,
            (Peer::Tag(tag), _, Some(device)) => device.tags.contains(tag),
            (Peer::Name(pattern), Peer::Name(name), _) => pattern
                .strip_prefix('*')
                .is_some_and(|end| name.ends_with(end)),
            _ => false,
        }
    }
}

/// A set of addresses.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    ipv4: Spans,
    ipv6: Spans,
}

impl Addresses {
    pub(super) fn of(prefixes: impl IntoIterator<Item = IpNet>) -> Self {
        let (ipv4, ipv6): (Vec<_>, Vec<_>) = prefixes
            .into_iter()
            .partition(|prefix| prefix.addr().is_ipv4());
        let spans = |prefixes: Vec<IpNet>| {
            let ends = |prefix: IpNet| (number(prefix.network()), number(prefix.broadcast()));
            Spans::of(prefixes.into_iter().map(ends))
        };
        Self {
            ipv4: spans(ipv4),
            ipv6: spans(ipv6),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ipv4.is_empty() && self.ipv6.is_empty()
    }

    fn len(&self) -> usize {
        self.ipv4.len() + self.ipv6.len()
    }

    fn meets(&self, other: &Self) -> bool {
        self.ipv4.meets(&other.ipv4) || self.ipv6.meets(&other.ipv6)
    }

    fn covers(&self, other: &Self) -> bool {
        self.ipv4.covers(&other.ipv4) && self.ipv6.covers(&other.ipv6)
    }
}

/// The prefixes of a rule, each with the named peer that it is of.
pub(super) fn prefixes<'a>(
    rule: &'a Rule,
    model: &'a Model,
) -> impl Iterator<Item = (IpNet, Option<&'a str>)> {
    rule.peers.iter().flat_map(|peer| {
        let (own, named, name) = match peer {
            Peer::Prefix(prefix) => (Some(*prefix), None, None),
            Peer::Named(name) => (None, model.peers.get(name), Some(name.as_str())),
            Peer::Any | Peer::Profile(_) | Peer::Device(_) | Peer::Tag(_) | Peer::Name(_) => {
                (None, None, None)
            }
        };
        let named = named.into_iter().flatten().copied();
        own.into_iter()
            .chain(named)
            .map(move |prefix| (prefix, name))
    })
}

/// The direction seen from the other end.
pub(super) fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::To => Direction::From,
        Direction::From => Direction::To,
    }
}

/// A service as numbers of [`Reach::services`].
pub(super) fn span(service: Service) -> (u128, u128) {
    let of = |protocol: u8, first: u16, last: u16| {
        let base = u128::from(protocol) << 16;
        (base | u128::from(first), base | u128::from(last))
    };
    match service {
        Service::Tcp(first, last) => of(6, first, last),
        Service::Udp(first, last) => of(17, first, last),
        Service::Icmp(first, last) => of(1, first.into(), last.into()),
        Service::Icmpv6(first, last) => of(58, first.into(), last.into()),
        Service::Protocol(number) => of(number, 0, u16::MAX),
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
