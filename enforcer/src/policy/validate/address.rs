//! Addresses, prefixes, MAC addresses and VLANs, from text. Says of what is wrong
//! what would be right; knows no names.

use std::net::{IpAddr, Ipv6Addr};

use enforcer_common::addr::{Ip, Mac, Vlan};
use ipnet::IpNet;

use super::super::findings::Findings;
use super::super::lenient::Scalar;
use super::super::place::{Here, quoted};
use super::name::meant;
use super::scalar::expected;

/// Whether a text is meant as an address, not as a name.
pub(super) fn looks_like_address(text: &str) -> bool {
    let numeric = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'/' | b'-');
    let dotted = match text.split_once('-') {
        Some((first, last)) => first.contains('.') && last.contains('.'),
        None => text.contains('.'),
    };
    text.contains([':', '/']) || (dotted && text.bytes().all(numeric))
}

/// A prefix; an address without a length is the prefix of that address alone.
pub(super) fn prefix(text: &str, here: &Here<'_>, findings: &mut Findings) -> Option<IpNet> {
    let parsed = text
        .parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let Some(prefix) = parsed else {
        let message = format!(
            "{} is neither an address nor a prefix such as 10.20.0.0/24",
            quoted(text)
        );
        findings.error(here, message);
        return None;
    };
    if let Some(plain) = mapped(prefix.addr()) {
        let message =
            format!("{text} is an IPv4 address mapped into IPv6, which is not used on a wire");
        findings.error(here, message).suggest(|| Some(meant(plain)));
        return None;
    }
    if prefix.addr() != prefix.network() {
        findings
            .error(
                here,
                format!(
                    "{text} has bits set behind its first {}",
                    prefix.prefix_len()
                ),
            )
            .suggest(|| Some(meant(prefix.trunc().to_string())));
        return None;
    }
    Some(prefix)
}

/// An address that a device can have.
pub(super) fn device_address(
    value: &Scalar,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<IpAddr> {
    let Scalar::Text(text) = value else {
        expected("an address", value, here, findings);
        return None;
    };
    let Ok(address) = text.parse::<IpAddr>() else {
        let message = format!("{} is not an IPv4 or IPv6 address", quoted(text));
        let prefix = text.parse::<IpNet>().ok();
        findings
            .error(here, message)
            .suggest(|| prefix.map(|prefix| meant(prefix.addr().to_string())));
        return None;
    };
    if let Some(plain) = mapped(address) {
        let message =
            format!("{text} is an IPv4 address mapped into IPv6, which is not used on a wire");
        findings.error(here, message).suggest(|| Some(meant(plain)));
        return None;
    }
    let ip = Ip::from(address);
    let kind = match address {
        _ if ip.is_unspecified() => "the unspecified address",
        _ if ip.is_loopback() => "a loopback address",
        _ if ip.is_group() => "a group or broadcast address",
        _ => return Some(address),
    };
    findings.error(here, format!("{text} is {kind}, which no device has"));
    None
}

pub(super) fn mac(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<Mac> {
    let text = match value {
        Scalar::Text(text) => text.clone(),
        Scalar::Int(_) | Scalar::Float(_) => {
            findings
                .error(here, "YAML reads this as a number, not as a MAC address")
                .suggest(|| Some(r#"write it in quotes, as in "00:1d:9c:12:34:56""#.to_owned()));
            return None;
        }
        other => {
            expected("a MAC address", other, here, findings);
            return None;
        }
    };
    let mac = match text.parse::<Mac>() {
        Ok(mac) => mac,
        Err(form) => {
            findings
                .error(here, format!("{}: {form}", quoted(&text)))
                .suggest(|| other_form(&text).map(meant));
            return None;
        }
    };
    let kind = match mac {
        Mac::ZERO => "the zero address",
        _ if mac.is_group() => "a group address (its first octet is odd)",
        _ => return Some(mac),
    };
    findings.error(here, format!("{mac} is {kind}, which no device has"));
    None
}

pub(super) fn vlan(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<Vlan> {
    let parsed = match value {
        Scalar::Int(number) => number.to_string().parse::<Vlan>(),
        Scalar::Text(text) => text.parse(),
        // YAML takes 100.10 and 100.1 for the same number.
        Scalar::Float(number) => {
            findings
                .error(
                    here,
                    "YAML reads this as a number with a fraction, not as outer.inner",
                )
                .suggest(|| Some(format!("write it in quotes, as in \"{number}\"")));
            return None;
        }
        other => {
            expected("a VLAN", other, here, findings);
            return None;
        }
    };
    match parsed {
        Ok(vlan) => Some(vlan),
        Err(form) => {
            findings.error(here, format!("{}: {form}", quoted(&value.to_text())));
            None
        }
    }
}

/// The IPv4 address or prefix within ::ffff:0:0/96 (RFC 4291, 2.5.5.2).
pub(super) fn mapped(address: IpAddr) -> Option<String> {
    match address {
        IpAddr::V6(v6) => Ipv6Addr::to_ipv4_mapped(&v6).map(|v4| v4.to_string()),
        IpAddr::V4(_) => None,
    }
}

/// The twelve digits of `001d.9c12.3456` or `001D9C123456` in the usual form.
fn other_form(text: &str) -> Option<String> {
    let digits: String = text
        .chars()
        .filter(|character| !matches!(character, '.' | ':' | '-' | ' '))
        .collect();
    if digits.len() != 12 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let number = u64::from_str_radix(&digits, 16).ok()?;
    let [_, _, octets @ ..] = number.to_be_bytes();
    Some(Mac(octets).to_string())
}
