//! Rules that allow more than systems that somebody can have had in mind.

use std::net::IpAddr;

use enforcer_common::addr::Ip;
use ipnet::IpNet;

use super::super::model::{Direction, Service};
use super::reach::{Reach, prefixes, span};
use super::span::Spans;
use super::{Lint, code, named};

/// Shorter prefixes hold whole organisations.
const SHORTEST_V4: u8 = 16;
const SHORTEST_V6: u8 = 32;

/// Private and unique local addresses (RFC 1918; RFC 4193).
const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

const ADVICE: &str = "name the systems that are meant";

pub(super) fn warn(lint: &mut Lint<'_, '_>) {
    for reach in lint.own_rules() {
        let rule = reach.rule;
        if let Some(what) = any(reach) {
            let message = format!("{} {what}", named(rule));
            lint.tell(code::OVER_BROAD, rule, message).suggest(advice);
        }
        for (prefix, peer) in prefixes(rule, lint.model) {
            let Some(what) = too_short(prefix) else {
                continue;
            };
            let of = peer
                .map(|name| format!(" of peer {name}"))
                .unwrap_or_default();
            let message = format!("{} names {prefix}{of}, {what}", named(rule));
            lint.tell(code::OVER_BROAD, rule, message).suggest(advice);
        }
    }
}

fn advice() -> Option<String> {
    Some(ADVICE.to_owned())
}

/// What a rule for any peer allows too much of.
fn any(reach: &Reach<'_>) -> Option<String> {
    if !reach.is_any() {
        return None;
    }
    let all = |service| reach.services.covers(&Spans::of([span(service)]));
    let (tcp, udp) = (
        all(Service::Tcp(1, u16::MAX)),
        all(Service::Udp(1, u16::MAX)),
    );
    let protocols = (0..=u8::MAX).filter(|number| !matches!(number, 1 | 6 | 17 | 58));
    let what = if protocols.map(Service::Protocol).all(all) {
        "everything"
    } else if tcp && udp {
        "every TCP and UDP port"
    } else if tcp {
        "every TCP port"
    } else if udp {
        "every UDP port"
    } else {
        return None;
    };
    Some(match reach.rule.direction {
        Direction::To => format!("allows {what} of any peer"),
        Direction::From => format!("opens {what} to any peer"),
    })
}

/// What makes a prefix too short.
fn too_short(prefix: IpNet) -> Option<String> {
    if prefix.prefix_len() == 0 {
        let family = if prefix.addr().is_ipv4() {
            "IPv4"
        } else {
            "IPv6"
        };
        return Some(format!("every {family} address"));
    }
    // Every device makes link-local addresses of its own.
    if Ip::from(prefix.addr()).is_v6_link_local() {
        return None;
    }
    let mut private = PRIVATE.iter().filter_map(|text| text.parse::<IpNet>().ok());
    if private.any(|known| known == prefix) {
        return Some("a whole private range".to_owned());
    }
    let shortest = match prefix.addr() {
        IpAddr::V4(_) => SHORTEST_V4,
        IpAddr::V6(_) => SHORTEST_V6,
    };
    (prefix.prefix_len() < shortest).then(|| format!("which is wider than /{shortest}"))
}
