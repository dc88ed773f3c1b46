//! The mappings of the policy language, each with its keys.

use enforcer_common::limits;
use enforcer_common::sanity::Set;
use serde_json::{Value, json};

use super::values::{
    bytes, days, deny_or_profile, device_address, device_name, duration, end, ethertype, icmp,
    icmpv6, interface, mac, mode, named, number, one_icmp, one_or_many, one_port, one_protocol,
    ports, protocols, reason, reference, rule_peers, switch, text, time_of_day, trusted, vlan,
    vlans, words, zone,
};
use super::{entry, list, object};

const RATE: u32 = 1_000_000;

pub(super) fn defaults() -> Value {
    object(
        "What holds where nothing else is said",
        [
            ("mode", mode()),
            (
                "unknown_devices",
                deny_or_profile("`deny`, or the profile of devices that are not listed"),
            ),
            (
                "core_broadcast",
                deny_or_profile("`deny`, or the profile that judges broadcast from the core side"),
            ),
            ("network", reference("network")),
            ("guards", reference("guards")),
            ("fragments", reference("fragments")),
            ("on_error", reference("on_error")),
            ("inspect_first", inspected()),
            ("sanity", reference("sanity")),
            ("control_frames", reference("control_frames")),
            ("timeouts", reference("timeouts")),
            (
                "adopt_sessions",
                duration("How long running sessions are taken over, at most 1h"),
            ),
            (
                "new_flows_per_second",
                number(
                    "Flows that one device may create, on each CPU; 0 is unlimited",
                    RATE,
                ),
            ),
            (
                "events_per_second",
                number("Denials of one device that are reported, on each CPU", RATE),
            ),
            ("zone", zone()),
        ],
    )
}

pub(super) fn port() -> Value {
    let allowed = |what: &str| words(what, &["deny", "allow"]);
    object(
        "What a port may carry",
        [
            ("vlans", one_or_many(vlans(), "VLANs; any if left out")),
            ("double_tags", allowed("Frames with two tags")),
            ("priority_tags", allowed("Tags that carry a priority alone")),
        ],
    )
}

pub(super) fn profile() -> Value {
    let mut ethertypes = one_or_many(ethertype(), "EtherTypes besides IP and ARP that pass");
    ethertypes["anyOf"][1]["maxItems"] = json!(limits::ETHERTYPES);
    object(
        "What devices of one kind may do",
        [
            ("description", text("For people")),
            (
                "extends",
                one_or_many(
                    named("A profile"),
                    "Profiles whose rules and settings it inherits",
                ),
            ),
            ("mode", mode()),
            ("network", reference("network")),
            ("guards", reference("guards")),
            ("fragments", reference("fragments")),
            ("on_error", reference("on_error")),
            ("inspect_first", inspected()),
            ("sanity", reference("sanity")),
            ("limit", reference("limit")),
            ("ethertypes", ethertypes),
            ("allow", list("The rules", "rule")),
        ],
    )
}

pub(super) fn rule() -> Value {
    let schedule = json!({
        "description": "When the rule holds",
        "anyOf": [reference("window"), {"type": "array", "items": reference("window"), "minItems": 1}],
    });
    let mut rule = entry(
        "One permission: `to` or `from`, and a service",
        &[],
        [
            (
                "name",
                named("Unique in its profile; made from the rule if left out"),
            ),
            ("comment", text("Why it is there")),
            (
                "source",
                text("Where it comes from: an advisory, a manual, a MUD file"),
            ),
            (
                "to",
                one_or_many(
                    rule_peers(true),
                    "The device may start, towards these peers",
                ),
            ),
            (
                "from",
                one_or_many(
                    rule_peers(false),
                    "These peers may start, towards the device",
                ),
            ),
            ("tcp", one_or_many(ports(), "TCP ports")),
            ("udp", one_or_many(ports(), "UDP ports")),
            ("icmp", one_or_many(icmp(), "ICMP types")),
            ("icmpv6", one_or_many(icmpv6(), "ICMPv6 types")),
            (
                "protocol",
                one_or_many(protocols(), "Other IP protocols; any stands for all"),
            ),
            ("expires", reference("moment")),
            ("schedule", schedule),
            ("limit", reference("limit")),
            ("dicom", reference("dicom")),
            ("hl7", reference("hl7")),
            ("modbus", reference("modbus")),
            ("bacnet", reference("bacnet")),
        ],
    );
    rule["oneOf"] = json!([{"required": ["to"]}, {"required": ["from"]}]);
    rule["anyOf"] = requires(&["tcp", "udp", "icmp", "icmpv6", "protocol"]);
    rule
}

pub(super) fn device() -> Value {
    entry(
        "One device",
        &["name", "mac", "profile"],
        [
            ("name", device_name()),
            ("mac", mac()),
            ("vlan", vlan()),
            (
                "ip",
                one_or_many(device_address(), "Addresses that it is bound to"),
            ),
            ("profile", named("The name of a profile")),
            ("mode", mode()),
            ("port", interface()),
            (
                "tags",
                one_or_many(named("A tag"), "Tags by which rules may name it"),
            ),
        ],
    )
}

pub(super) fn expectation() -> Value {
    let mut test = entry(
        "A first packet, and what must become of it",
        &["from", "to", "expect"],
        [
            ("name", text("Made from the rest if left out")),
            (
                "from",
                end("Who starts: a device, a MAC address or an IP address"),
            ),
            ("to", end("Who is asked: the same")),
            ("tcp", one_port()),
            ("udp", one_port()),
            ("icmp", one_icmp()),
            ("protocol", one_protocol()),
            (
                "expect",
                words("What must become of it", &["allow", "deny"]),
            ),
            ("reason", reason()),
            ("rule", text("`rule` or `profile/rule` that must allow it")),
            ("at", reference("moment")),
        ],
    );
    test["oneOf"] = requires(&["tcp", "udp", "icmp", "protocol"]);
    test
}

/// Mappings that stand in more than one place.
pub(super) fn settings() -> [(&'static str, Value); 11] {
    [
        ("network", network()),
        ("guards", guards()),
        (
            "fragments",
            words("What becomes of IP fragments", &["deny", "track"]),
        ),
        ("on_error", on_error()),
        ("sanity", sanity()),
        ("control_frames", control_frames()),
        ("timeouts", timeouts()),
        ("limit", limit()),
        ("moment", moment()),
        ("moment_in_zone", moment_in_zone()),
        ("window", window()),
    ]
}

fn network() -> Value {
    object(
        "What devices may use to live on their network",
        [
            ("arp", switch("ARP")),
            ("neighbour_discovery", switch("IPv6 neighbour discovery")),
            ("dhcp", switch("DHCP and DHCPv6 as a client")),
        ],
    )
}

fn guards() -> Value {
    object(
        "Whom a device may believe about its network",
        [
            ("dhcp_servers", one_or_many(trusted(), "DHCP servers")),
            (
                "routers",
                one_or_many(trusted(), "Routers that may advertise themselves"),
            ),
            (
                "hold_port",
                duration("How long a hardware address is held to the port it was seen on"),
            ),
        ],
    )
}

fn inspected() -> Value {
    let mut bytes = bytes();
    bytes["description"] = json!(
        "Bytes that each end of a connection sends in which signatures are looked for; 0 is all"
    );
    bytes
}

fn on_error() -> Value {
    let fate = |what: &str| words(what, &["deny", "allow"]);
    let each = object(
        "For each kind of failure",
        [
            (
                "bad_frame",
                fate("A header is malformed or cannot be followed"),
            ),
            ("flow_table_full", fate("The flow table takes no new entry")),
            (
                "stream_lost",
                fate("Bytes that signatures are looked for in cannot be followed"),
            ),
        ],
    );
    json!({
        "description": "What becomes of frames that cannot be judged",
        "anyOf": [fate("For all of them"), each],
    })
}

fn sanity() -> Value {
    let level = || {
        words(
            "What follows where a predicate is met",
            &["off", "alert", "drop"],
        )
    };
    let sets = object(
        "By set of predicates",
        Set::ALL.map(|set| (set.label(), level())),
    );
    json!({
        "description": "Conditions on headers that attacks on protocol stacks depend on: one word for all sets, or one for each",
        "anyOf": [level(), sets],
    })
}

fn control_frames() -> Value {
    object(
        "Link-local frames between bridges",
        [
            ("stp", switch("Spanning tree")),
            ("lldp", switch("LLDP")),
            ("lacp", switch("LACP")),
            ("eapol", switch("802.1X")),
        ],
    )
}

fn timeouts() -> Value {
    object(
        "How long a flow may be silent before it is forgotten, 1s to 168h",
        [
            (
                "tcp_opening",
                duration("TCP before both ends have answered"),
            ),
            ("tcp_established", duration("TCP")),
            ("tcp_closing", duration("TCP after an end has finished")),
            ("udp", duration("UDP")),
            ("icmp", duration("ICMP")),
            ("other", duration("Other protocols")),
        ],
    )
}

fn limit() -> Value {
    object(
        "What each device by itself may use a second; 0 is unlimited",
        [
            ("packets", number("Packets a second", u32::MAX)),
            ("bytes", bytes()),
            ("flows", number("New flows a second", u32::MAX)),
        ],
    )
}

fn moment() -> Value {
    json!({
        "description": "A time with its zone",
        "anyOf": [
            {
                "type": "string",
                "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+-][0-9:]+|.*\[.+\])$",
                "examples": ["2027-03-01T00:00:00+01:00", "2027-03-01T00:00[Europe/Berlin]"],
            },
            reference("moment_in_zone"),
        ],
    })
}

fn moment_in_zone() -> Value {
    let local = json!({
        "description": "Local date and time",
        "type": "string",
        "examples": ["2027-03-01 00:00"],
    });
    entry(
        "A time by the clocks of a zone",
        &["at"],
        [("at", local), ("zone", zone())],
    )
}

fn window() -> Value {
    entry(
        "A part of each week",
        &["from", "until"],
        [
            (
                "days",
                one_or_many(days(), "Days on which it begins; every day if left out"),
            ),
            ("from", time_of_day("Local time at which it begins")),
            (
                "until",
                time_of_day("When it ends; on the next day where not later"),
            ),
            ("zone", zone()),
        ],
    )
}

fn requires(keys: &[&str]) -> Value {
    keys.iter().map(|key| json!({"required": [key]})).collect()
}
