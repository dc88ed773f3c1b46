//! Forms of single values, from the tables that validation reads.

use enforcer_common::verdict::Reason;
use serde_json::{Value, json};

use crate::policy::numbers::{ETHERTYPES, GROUPS, ICMP, ICMPV6, PROTOCOLS};

pub(super) fn reference(definition: &str) -> Value {
    json!({"$ref": format!("#/$defs/{definition}")})
}

/// A value or a list of such.
pub(super) fn one_or_many(value: Value, description: &str) -> Value {
    json!({
        "description": description,
        "anyOf": [value, {"type": "array", "items": value}],
    })
}

/// The name of a profile, peer, tag or rule.
pub(super) fn name() -> Value {
    json!({
        "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$",
        "not": {"enum": ["any", "deny"]},
    })
}

/// A name as a value: YAML takes some for numbers.
pub(super) fn named(description: &str) -> Value {
    let mut named = name();
    named["type"] = json!(["string", "integer"]);
    named["description"] = json!(description);
    named
}

pub(super) fn device_name() -> Value {
    json!({
        "description": "Unique in the policy",
        "type": ["string", "integer"],
        "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
    })
}

pub(super) fn text(description: &str) -> Value {
    json!({"description": description, "type": ["string", "integer"]})
}

pub(super) fn switch(description: &str) -> Value {
    json!({"description": description, "type": "boolean"})
}

pub(super) fn words(description: &str, words: &[&str]) -> Value {
    json!({"description": description, "enum": words})
}

pub(super) fn mode() -> Value {
    words(
        "`enforce` drops what is denied, `audit` reports it and lets it pass",
        &["audit", "enforce"],
    )
}

pub(super) fn duration(description: &str) -> Value {
    json!({
        "description": description,
        "type": "string",
        "pattern": "^(?=.)([0-9]+h)?([0-9]+m)?([0-9]+s)?$",
        "examples": ["30s", "5m", "2h5m"],
    })
}

pub(super) fn number(description: &str, most: u32) -> Value {
    json!({"description": description, "type": "integer", "minimum": 0, "maximum": most})
}

pub(super) fn bytes() -> Value {
    json!({
        "description": "Bytes a second, as in 500000, 500kB or 10MiB",
        "anyOf": [
            number("", u32::MAX),
            {"type": "string", "pattern": "^[0-9]+(B|[kMG]B|[KMG]iB)?$"},
        ],
    })
}

/// `deny`, or a profile.
pub(super) fn deny_or_profile(description: &str) -> Value {
    json!({
        "description": description,
        "type": "string",
        "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$",
        "not": {"const": "any"},
    })
}

pub(super) fn zone() -> Value {
    json!({
        "description": "A time zone by its IANA name",
        "type": "string",
        "pattern": "^[A-Za-z0-9_+/-]+$",
        "examples": ["Europe/Berlin", "UTC"],
    })
}

/// A group of receivers by name.
fn group() -> Value {
    let groups: Vec<_> = GROUPS
        .iter()
        .map(|(name, _)| format!("group:{name}"))
        .collect();
    json!({"enum": groups})
}

/// An address, a prefix or a range.
fn address() -> Value {
    json!({
        "type": "string",
        "pattern": "^(?=.*[.:/])[0-9A-Fa-f:./]+( *- *[0-9A-Fa-f:.]+)?$",
        "examples": ["10.20.0.10", "10.20.0.0/24", "10.20.0.5-10.20.0.20", "fd00:20::/64"],
    })
}

/// What stands in `peers`.
pub(super) fn addresses() -> Value {
    json!({"anyOf": [address(), group()]})
}

/// What stands in guards.
pub(super) fn trusted() -> Value {
    json!({"anyOf": [{"const": "any"}, named("A named peer"), address(), group()]})
}

/// What stands at `to` and `from`; names of the DNS at `to` alone.
pub(super) fn rule_peers(dns: bool) -> Value {
    let mut forms = vec![
        json!({"const": "any", "description": "Every peer"}),
        named("A named peer"),
        address(),
        group(),
        json!({"type": "string", "pattern": "^(profile|tag):[a-z0-9][a-z0-9._-]{0,63}$"}),
        json!({"type": "string", "pattern": "^device:[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}),
    ];
    if dns {
        forms.push(json!({
            "type": "string",
            "description": "Addresses that the device was told for this name",
            "pattern": r"^dns:(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?$",
        }));
    }
    json!({"anyOf": forms})
}

pub(super) fn ports() -> Value {
    json!({"anyOf": [
        one_port(),
        {"const": "any"},
        {"type": "string", "pattern": "^ *[1-9][0-9]{0,4} *(- *[1-9][0-9]{0,4} *)?$"},
    ]})
}

/// As [`ports`], and port 0: all but some are also this.
pub(super) fn ports_from_0() -> Value {
    let port = "(0|[1-9][0-9]{0,4})";
    json!({"anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 65535},
        {"const": "any"},
        {"type": "string", "pattern": format!("^ *{port} *(- *{port} *)?$")},
    ]})
}

pub(super) fn one_port() -> Value {
    json!({"anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 65535},
        {"type": "string", "pattern": "^ *[1-9][0-9]{0,4} *$"},
    ]})
}

pub(super) fn icmp() -> Value {
    numbers(&ICMP, &[], true)
}

pub(super) fn icmpv6() -> Value {
    numbers(&ICMPV6, &[], true)
}

/// A type of either family, as a test asks for it.
pub(super) fn one_icmp() -> Value {
    let both: Vec<_> = ICMP.iter().chain(&ICMPV6).copied().collect();
    numbers(&both, &[], false)
}

/// Those with a key of their own are none.
const KEYED: [u8; 4] = [1, 6, 17, 58];

pub(super) fn protocols() -> Value {
    numbers(&PROTOCOLS, &KEYED, true)
}

pub(super) fn one_protocol() -> Value {
    numbers(&PROTOCOLS, &KEYED, false)
}

/// A number below 256 or its name.
fn numbers(names: &[(&str, u8)], except: &[u8], any: bool) -> Value {
    let mut words: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    words.sort_unstable();
    words.dedup();
    if any {
        words.push("any");
    }
    json!({"anyOf": [
        {"enum": words},
        {"type": "integer", "minimum": 0, "maximum": 255, "not": {"enum": except}},
    ]})
}

pub(super) fn ethertype() -> Value {
    let words: Vec<&str> = ETHERTYPES.iter().map(|(name, _)| *name).collect();
    json!({"anyOf": [
        {"enum": words},
        {"type": "integer", "minimum": 0x600, "maximum": 0xffff},
        {"type": "string", "pattern": "^0x[0-9A-Fa-f]{3,4}$"},
    ]})
}

pub(super) fn mac() -> Value {
    json!({
        "description": "Hardware address, with colons or hyphens",
        "type": "string",
        "pattern": "^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$",
    })
}

/// The tags of a device.
pub(super) fn vlan() -> Value {
    json!({
        "description": "VLAN, `outer.inner` in quotes for two tags, or untagged",
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 4094},
            {"type": "string", "pattern": r"^(untagged|[1-9][0-9]{0,3}(\.[1-9][0-9]{0,3})?)$"},
        ],
    })
}

/// The tags of a port.
pub(super) fn vlans() -> Value {
    json!({"anyOf": [
        {"type": "integer", "minimum": 1, "maximum": 4094},
        {"enum": ["any", "untagged"]},
        {"type": "string", "pattern": "^ *[1-9][0-9]{0,3} *(- *[1-9][0-9]{0,3} *)?$"},
    ]})
}

pub(super) fn device_address() -> Value {
    json!({"anyOf": [
        {"const": "dhcp", "description": "The address that a DHCP server gives it"},
        {"type": "string", "pattern": "^(?=.*[.:])[0-9A-Fa-f:.]+$"},
    ]})
}

pub(super) fn interface() -> Value {
    json!({
        "description": "Port that it must be seen on",
        "type": ["string", "integer"],
        "pattern": r"^[^\s/:]{1,15}$",
    })
}

pub(super) fn time_of_day(description: &str) -> Value {
    json!({
        "description": description,
        "type": "string",
        "pattern": "^([0-9]|[01][0-9]|2[0-4]):[0-5][0-9]$",
        "examples": ["08:00"],
    })
}

pub(super) fn days() -> Value {
    json!({"enum": [
        "mon", "tue", "wed", "thu", "fri", "sat", "sun", "weekdays", "weekend", "daily",
    ]})
}

/// A device's name, a MAC address or an IP address.
pub(super) fn end(description: &str) -> Value {
    text(description)
}

pub(super) fn reason() -> Value {
    let labels: Vec<_> = Reason::ALL.iter().map(|reason| reason.label()).collect();
    json!({"description": "The reason that must be given", "enum": labels})
}
