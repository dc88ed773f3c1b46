//! `ethertypes:` of a profile: what besides IP and ARP it may speak.

use enforcer_common::limits;
use enforcer_common::packet::ethertype;

use super::super::findings::Findings;
use super::super::lenient::{OneOrMany, Scalar};
use super::super::numbers::ETHERTYPES;
use super::super::place::{Here, quoted};
use super::name::closest;
use super::scalar::{each, expected};

/// What is judged by its content, and what must not hide it from being judged:
/// reverse ARP is RFC 903, 0x9100 a tag of the time before IEEE 802.1ad.
const JUDGED: [(u16, &str); 7] = [
    (ethertype::IPV4, "IPv4, which rules allow"),
    (ethertype::IPV6, "IPv6, which rules allow"),
    (ethertype::ARP, "ARP, which `network.arp` allows"),
    (0x8035, "reverse ARP, which is always refused"),
    (ethertype::VLAN, "a VLAN tag, which `ports` allow"),
    (ethertype::PROVIDER_VLAN, "a VLAN tag, which `ports` allow"),
    (0x9100, "a VLAN tag of a kind that is not read"),
];

pub(super) fn ethertypes(values: &OneOrMany, here: &Here<'_>, findings: &mut Findings) -> Vec<u16> {
    let mut ethertypes = Vec::new();
    each(values, here, |value, here| {
        let Some(ethertype) = one(value, here, findings) else {
            return;
        };
        if ethertypes.contains(&ethertype) {
            findings.warning(here, "listed before");
        } else {
            ethertypes.push(ethertype);
        }
    });
    if ethertypes.len() > limits::ETHERTYPES {
        let (count, most) = (ethertypes.len(), limits::ETHERTYPES);
        findings.error(
            here,
            format!("{count} EtherTypes; a profile has at most {most}"),
        );
    }
    ethertypes
}

fn one(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<u16> {
    const FORM: &str = "an EtherType by name, or by number as in 0x88b8";
    let number = match value {
        Scalar::Int(number) => u16::try_from(*number).ok(),
        Scalar::Text(text) => named(text).or_else(|| {
            let digits = text.strip_prefix("0x")?;
            u16::from_str_radix(digits, 16).ok()
        }),
        _ => None,
    };
    let Some(number) = number else {
        if let Scalar::Text(text) = value {
            let names = ETHERTYPES.iter().map(|(name, _)| *name);
            findings
                .error(here, format!("expected {FORM}, found {}", quoted(text)))
                .suggest(|| closest(text, names));
        } else {
            expected(FORM, value, here, findings);
        }
        return None;
    };
    if number < ethertype::FIRST {
        let message = format!("{number:#06x} is a length, not an EtherType: those begin at 0x0600");
        findings.error(here, message);
        return None;
    }
    if let Some((_, what)) = JUDGED.iter().find(|(judged, _)| *judged == number) {
        findings.error(here, format!("{number:#06x} is {what}"));
        return None;
    }
    Some(number)
}

fn named(text: &str) -> Option<u16> {
    ETHERTYPES
        .iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name))
        .map(|(_, number)| *number)
}
