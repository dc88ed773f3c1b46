//! Services of a rule: ports, ICMP types and IP protocols. Expands names,
//! ranges and `any`; knows nothing of peers.

use std::collections::BTreeSet;

use super::super::findings::Findings;
use super::super::lenient::{OneOrMany, Scalar};
use super::super::model::Service;
use super::super::numbers::{ICMP, ICMPV6, PROTOCOLS};
use super::super::place::{Here, quoted};
use super::super::raw;
use super::name::{closest, meant};
use super::scalar::{each, expected};

/// Protocols with a key of their own.
const KEYED: [(&str, u8); 4] = [("icmp", 1), ("tcp", 6), ("udp", 17), ("icmpv6", 58)];

/// The keys of a rule that name services, with what is written there.
pub(super) fn keys(rule: &raw::Rule) -> [(&'static str, Option<&OneOrMany>); 5] {
    [
        ("tcp", rule.tcp.as_ref()),
        ("udp", rule.udp.as_ref()),
        ("icmp", rule.icmp.as_ref()),
        ("icmpv6", rule.icmpv6.as_ref()),
        ("protocol", rule.protocol.as_ref()),
    ]
}

/// All services of a rule, in the order of [`keys`] and then as written. What is
/// listed twice counts once.
pub(super) fn services(rule: &raw::Rule, here: &Here<'_>, findings: &mut Findings) -> Vec<Service> {
    let mut services = Vec::new();
    let mut seen = BTreeSet::new();
    for (key, values) in keys(rule) {
        let Some(values) = values else {
            continue;
        };
        let here = here.key(key);
        if matches!(values, OneOrMany::Many(values) if values.is_empty()) {
            let reported = findings.error(&here, "the list is empty");
            reported.suggest(|| Some("leave the key out or write any".to_owned()));
        }
        each(values, &here, |value, here| {
            let named = of_value(key, value, here, findings);
            let fresh: Vec<_> = named
                .iter()
                .filter(|service| seen.insert(**service))
                .collect();
            if fresh.len() < named.len() {
                findings.warning(here, "listed before in the same rule");
            }
            services.extend(fresh);
        });
    }
    services
}

/// What one value at one of the [`keys`] stands for; nothing if it is wrong.
fn of_value(key: &str, value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Vec<Service> {
    let service = match key {
        "tcp" => ports(value, here, findings).map(|(first, last)| Service::Tcp(first, last)),
        "udp" => ports(value, here, findings).map(|(first, last)| Service::Udp(first, last)),
        "icmp" => kind(value, &ICMP, here, findings).map(|(a, b)| Service::Icmp(a, b)),
        "icmpv6" => kind(value, &ICMPV6, here, findings).map(|(a, b)| Service::Icmpv6(a, b)),
        _ => return protocols(value, here, findings),
    };
    service.into_iter().collect()
}

/// A port or a range of them.
pub(super) fn ports(
    value: &Scalar,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<(u16, u16)> {
    ports_from(1, value, here, findings)
}

/// As [`ports`], of those from `least` on.
pub(super) fn ports_from(
    least: u16,
    value: &Scalar,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<(u16, u16)> {
    let form = format!("a port from {least} to 65535, a range such as 8000-8010, or any");
    let port = |text: &str| match text.trim() {
        "0" if least == 0 => Some(0),
        text => port(text),
    };
    let text = match value {
        Scalar::Text(text) if text == "any" => return Some((0, u16::MAX)),
        Scalar::Text(text) => text.clone(),
        Scalar::Int(number) => number.to_string(),
        other => {
            expected(&form, other, here, findings);
            return None;
        }
    };
    let (first, last) = text.split_once('-').unwrap_or((&text, &text));
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Some((first, last)),
        (Some(first), Some(last)) => {
            let reported = findings.error(here, format!("the range {text} ends before it begins"));
            reported.suggest(|| Some(meant(format!("{last}-{first}"))));
            None
        }
        _ => {
            let several = text.contains(',') && text.split(',').all(|part| port(part).is_some());
            findings
                .error(here, format!("expected {form}, found {}", quoted(&text)))
                .suggest(|| several.then(|| format!("a list of ports is written [{text}]")));
            None
        }
    }
}

/// One port, as a test asks for it.
pub(super) fn one_port(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<u16> {
    let number = match value {
        Scalar::Text(text) => port(text),
        Scalar::Int(number) => port(&number.to_string()),
        _ => None,
    };
    if number.is_none() {
        expected("one port from 1 to 65535", value, here, findings);
    }
    number
}

/// The key that a protocol has of its own.
pub(super) fn keyed(number: u8) -> Option<&'static str> {
    let key = KEYED.iter().find(|(_, keyed)| *keyed == number);
    key.map(|(name, _)| *name)
}

fn port(text: &str) -> Option<u16> {
    let text = text.trim();
    let digits = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// An ICMP type, or all of them.
fn kind(
    value: &Scalar,
    names: &[(&str, u8)],
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<(u8, u8)> {
    if matches!(value, Scalar::Text(text) if text == "any") {
        return Some((0, u8::MAX));
    }
    let number = numbered(
        "an ICMP type by name or number, or any",
        value,
        names,
        here,
        findings,
    )?;
    Some((number, number))
}

fn protocols(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Vec<Service> {
    if matches!(value, Scalar::Text(text) if text == "any") {
        return every_service();
    }
    let keyed = KEYED.iter().find(|(name, number)| match value {
        Scalar::Text(text) => text.eq_ignore_ascii_case(name),
        Scalar::Int(value) => *value == i64::from(*number),
        _ => false,
    });
    if let Some((name, _)) = keyed {
        let message = format!("{name} has a key of its own in a rule");
        findings
            .error(here, message)
            .suggest(|| Some(format!("write `{name}: any`, or what of it is needed")));
        return Vec::new();
    }
    let number = numbered(
        "an IP protocol by name or number, or any",
        value,
        &PROTOCOLS,
        here,
        findings,
    );
    number.map(Service::Protocol).into_iter().collect()
}

/// What `protocol: any` stands for.
fn every_service() -> Vec<Service> {
    let mut services = vec![
        Service::Tcp(0, u16::MAX),
        Service::Udp(0, u16::MAX),
        Service::Icmp(0, u8::MAX),
        Service::Icmpv6(0, u8::MAX),
    ];
    let others = (0..=u8::MAX).filter(|number| KEYED.iter().all(|(_, keyed)| keyed != number));
    services.extend(others.map(Service::Protocol));
    services
}

/// A number below 256, or its name.
pub(super) fn numbered(
    what: &str,
    value: &Scalar,
    names: &[(&str, u8)],
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<u8> {
    match value {
        Scalar::Int(number) if (0..=255).contains(number) => return u8::try_from(*number).ok(),
        Scalar::Text(text) => {
            if let Some((_, number)) = names
                .iter()
                .find(|(name, _)| text.eq_ignore_ascii_case(name))
            {
                return Some(*number);
            }
            findings
                .error(here, format!("expected {what}, found {}", quoted(text)))
                .suggest(|| closest(text, names.iter().map(|(name, _)| *name)));
        }
        other => expected(what, other, here, findings),
    }
    None
}
