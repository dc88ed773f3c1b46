//! Several prefixes from one word: address ranges and well-known groups.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use super::super::findings::Findings;
use super::super::numbers::GROUPS;
use super::super::place::{Here, quoted};
use super::address::{mapped, prefix};
use super::name::{closest, meant};

/// Prefixes that one range may be made of.
const PARTS: usize = 64;
/// The start of a peer that is a well-known group of receivers.
pub(super) const GROUP: &str = "group:";

/// What a prefix, an address, a range or a group stands for; nothing if it is wrong.
pub(super) fn prefixes(text: &str, here: &Here<'_>, findings: &mut Findings) -> Vec<IpNet> {
    if let Some(name) = text.strip_prefix(GROUP) {
        return group(name, here, findings);
    }
    if let Some((first, last)) = text.split_once('-') {
        return range(text, first, last, here, findings);
    }
    prefix(text, here, findings).into_iter().collect()
}

fn group(name: &str, here: &Here<'_>, findings: &mut Findings) -> Vec<IpNet> {
    let Some((_, addresses)) = GROUPS.iter().find(|(known, _)| *known == name) else {
        let known = || GROUPS.iter().map(|(known, _)| *known);
        findings
            .error(here, format!("no group {}", quoted(name)))
            .suggest(|| {
                let all = known().collect::<Vec<_>>().join(", ");
                closest(name, known()).or(Some(format!("the groups are {all}")))
            });
        return Vec::new();
    };
    let addresses = addresses
        .iter()
        .filter_map(|text| text.parse::<IpAddr>().ok());
    addresses.map(IpNet::from).collect()
}

fn range(
    text: &str,
    first: &str,
    last: &str,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<IpNet> {
    let parse = |text: &str| text.trim().parse::<IpAddr>().ok();
    let (Some(first), Some(last)) = (parse(first), parse(last)) else {
        let message = format!(
            "{} is no range of addresses such as 10.20.0.5-10.20.0.20",
            quoted(text)
        );
        findings.error(here, message);
        return Vec::new();
    };
    if mapped(first).is_some() || mapped(last).is_some() {
        let message =
            format!("{text} has IPv4 addresses mapped into IPv6, which are not used on a wire");
        findings.error(here, message);
        return Vec::new();
    }
    let parts: Vec<IpNet> = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
            let parts = Ipv4Subnets::new(first, last, 0).take(PARTS + 1);
            parts.map(IpNet::V4).collect()
        }
        (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
            let parts = Ipv6Subnets::new(first, last, 0).take(PARTS + 1);
            parts.map(IpNet::V6).collect()
        }
        _ if first.is_ipv4() == last.is_ipv4() => {
            findings
                .error(here, format!("the range {text} ends before it begins"))
                .suggest(|| Some(meant(format!("{last}-{first}"))));
            return Vec::new();
        }
        _ => {
            let message = format!("the range {text} begins in one family and ends in another");
            findings.error(here, message);
            return Vec::new();
        }
    };
    if parts.len() > PARTS {
        findings
            .error(
                here,
                format!("the range {text} is made of more than {PARTS} prefixes"),
            )
            .suggest(|| Some("write the prefixes that are meant".to_owned()));
        return Vec::new();
    }
    parts
}
