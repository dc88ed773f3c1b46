//! `ports:`, what each port may carry, and the ports that devices are bound to.

use std::collections::{BTreeMap, BTreeSet};

use enforcer_common::addr::Vlan;
use enforcer_common::limits;

use super::super::findings::Findings;
use super::super::lenient::{Named, OneOrMany, Scalar};
use super::super::model::{Device, Port};
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::name::meant;
use super::scalar::{choice, each, expected, is_mapping, word};

/// Bytes of an interface's name (IFNAMSIZ of the kernel, less the final zero).
const LONGEST: usize = 15;
const LAST_VLAN: u16 = 4094;

pub(super) fn ports(
    raw: &Named<raw::Port>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> BTreeMap<String, Port> {
    is_mapping(&raw.odd, &[], here, findings);
    let mut ports = BTreeMap::new();
    for (name, raw) in &raw.entries {
        let here = here.key(name);
        if !is_interface(name) {
            let message = no_interface(name);
            findings.error(here.key_place(), message);
        }
        ports.insert(name.clone(), port(raw, &here, findings));
    }
    ports
}

fn port(raw: &raw::Port, here: &Here<'_>, findings: &mut Findings) -> Port {
    is_mapping(&raw.odd, raw::Port::KEYS, here, findings);
    let mut allowed = |value: &Option<Scalar>, key| {
        let value = value.as_ref()?;
        let choices = [("deny", false), ("allow", true)];
        choice(value, choices, &here.key(key), findings)
    };
    let double_tags = allowed(&raw.double_tags, "double_tags");
    let priority_tags = allowed(&raw.priority_tags, "priority_tags");
    let vlans = match &raw.vlans {
        None => vec![(0, LAST_VLAN)],
        Some(values) => vlans(values, &here.key("vlans"), findings),
    };
    Port {
        vlans,
        double_tags: double_tags.unwrap_or(false),
        priority_tags: priority_tags.unwrap_or(false),
    }
}

/// Ranges of VLANs in order, those that touch joined.
fn vlans(values: &OneOrMany, here: &Here<'_>, findings: &mut Findings) -> Vec<(u16, u16)> {
    if matches!(values, OneOrMany::Many(list) if list.is_empty()) {
        findings
            .error(here, "the list is empty")
            .suggest(|| Some("leave the key out for any VLAN".to_owned()));
    }
    let mut ranges = Vec::new();
    each(values, here, |value, here| {
        ranges.extend(range(value, here, findings));
    });
    ranges.sort_unstable();
    let mut joined: Vec<(u16, u16)> = Vec::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(before) if first <= before.1 + 1 => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

fn range(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<(u16, u16)> {
    const FORM: &str = "a VLAN from 1 to 4094, a range such as 20-30, untagged, or any";
    let text = match value {
        Scalar::Text(text) if text == "any" => return Some((0, LAST_VLAN)),
        Scalar::Text(text) if text == "untagged" => return Some((0, 0)),
        Scalar::Text(text) => text.clone(),
        Scalar::Int(number) => number.to_string(),
        other => {
            expected(FORM, other, here, findings);
            return None;
        }
    };
    let number = |text: &str| {
        let number = text.trim().parse::<u16>().ok()?;
        (1..=LAST_VLAN).contains(&number).then_some(number)
    };
    let (first, last) = text.split_once('-').unwrap_or((&text, &text));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => return Some((first, last)),
        (Some(first), Some(last)) => {
            findings
                .error(here, format!("the range {text} ends before it begins"))
                .suggest(|| Some(meant(format!("{last}-{first}"))));
        }
        _ => expected(FORM, value, here, findings),
    }
    None
}

/// The name of an interface.
pub(super) fn interface(
    value: &Scalar,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<String> {
    let text = word(value, here, findings)?;
    if is_interface(&text) {
        return Some(text);
    }
    findings.error(here, no_interface(&text));
    None
}

/// What the kernel accepts (`dev_valid_name` in net/core/dev.c).
fn is_interface(name: &str) -> bool {
    let plain = |character: char| {
        !character.is_whitespace() && !character.is_control() && !matches!(character, '/' | ':')
    };
    (1..=LONGEST).contains(&name.len()) && !matches!(name, "." | "..") && name.chars().all(plain)
}

fn no_interface(name: &str) -> String {
    format!(
        "{} is no name of an interface: 1 to {LONGEST} bytes without blanks, slashes and colons",
        quoted(name)
    )
}

/// Whether the port that a device is bound to may carry its VLAN; reports if not.
pub(super) fn check_carried(
    name: &str,
    vlan: Vlan,
    ports: &BTreeMap<String, Port>,
    here: &Here<'_>,
    findings: &mut Findings,
) {
    let Some(port) = ports.get(name) else {
        return;
    };
    let (top, outer) = (Here::top(0), vlan.outer);
    let (ports_here, shown) = (top.key("ports"), quoted(name));
    let place = ports_here.key(name).key_place();
    let carried = |(first, last): &(u16, u16)| (*first..=*last).contains(&outer);
    if !port.vlans.iter().any(carried) {
        let what = match outer {
            0 => "untagged frames, as this device sends".to_owned(),
            _ => format!("VLAN {outer}, in which this device is"),
        };
        let message = format!("port {shown} may not carry {what}, by what is said");
        findings.error(here, message).beside(place);
    } else if vlan.inner != 0 && !port.double_tags {
        let message =
            format!("port {shown} may not carry two tags, as this device has, by what is said");
        findings.error(here, message).beside(place);
    }
}

/// Reports more ports than the tables number.
pub(super) fn limit(
    ports: &BTreeMap<String, Port>,
    devices: &[Device],
    here: &Here<'_>,
    findings: &mut Findings,
) {
    let of_devices = devices.iter().filter_map(|device| device.port.as_deref());
    let names: BTreeSet<&str> = ports.keys().map(String::as_str).chain(of_devices).collect();
    let most = limits::POLICY_PORTS;
    if names.len() > most {
        let message = format!(
            "{} ports are named here and at devices; a policy names at most {most}",
            names.len()
        );
        findings.error(here.key_place(), message);
    }
}
