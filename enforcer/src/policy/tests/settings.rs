//! Limits, guards, fragments, failures and EtherTypes.

use std::time::Duration;

use super::super::model::{Fragments, Limit, OnError, Peer, Profile};
use super::*;

fn profile(settings: &str) -> Profile {
    let text =
        format!("version: 1\npeers: {{servers: 10.0.0.8/30}}\nprofiles:\n  p: {{{settings}}}\n");
    model(&text).0.profiles[0].clone()
}

#[track_caller]
fn profile_error(settings: &str, expected: &str) {
    let text =
        format!("version: 1\npeers: {{servers: 10.0.0.8/30}}\nprofiles:\n  p: {{{settings}}}\n");
    let told = errors(&text);
    let [line] = told.as_slice() else {
        panic!("{told:#?}")
    };
    assert!(line.starts_with("p.yaml:4:"), "{line}");
    let (_, message) = line.split_once(" error: profiles.p.").unwrap();
    assert_eq!(message, expected);
}

#[test]
fn limits() {
    let limit = |packets, bytes, flows| Limit {
        packets,
        bytes,
        flows,
    };
    for (written, expected) in [
        (
            "packets: 100, bytes: 10MB, flows: 5",
            limit(100, 10_000_000, 5),
        ),
        ("bytes: 500kB", limit(0, 500_000, 0)),
        ("bytes: 2KiB", limit(0, 2_048, 0)),
        ("bytes: 1GiB", limit(0, 1 << 30, 0)),
        ("bytes: 3MiB", limit(0, 3 << 20, 0)),
        ("bytes: 4GB", limit(0, 4_000_000_000, 0)),
        ("bytes: 1500", limit(0, 1_500, 0)),
        ("bytes: 1500B", limit(0, 1_500, 0)),
    ] {
        assert_eq!(profile(&format!("limit: {{{written}}}")).limit, expected);
        let rule = format!("{{to: any, tcp: 1, limit: {{{written}}}}}");
        let (model, _) = model(&with_rules(&[&rule]));
        assert_eq!(model.profiles[0].rules[0].limit, expected, "{written}");
    }
    profile_error(
        "limit: {packets: many}",
        "limit.packets: expected a whole number from 0 to 4294967295, found \"many\"",
    );
    profile_error(
        "limit: {flows: -1}",
        "limit.flows: expected a whole number from 0 to 4294967295, found -1",
    );
    profile_error(
        "limit: {bytes: 10mb}",
        "limit.bytes: expected a number of bytes, such as 500000, 500kB or 10MiB, found \"10mb\"; did you mean \"10MB\"?",
    );
    profile_error(
        "limit: {bytes: 1.5MB}",
        "limit.bytes: expected a number of bytes, such as 500000, 500kB or 10MiB, found \"1.5MB\"",
    );
    profile_error(
        "limit: {bytes: fast}",
        "limit.bytes: expected a number of bytes, such as 500000, 500kB or 10MiB, found \"fast\"",
    );
    profile_error(
        "limit: {bytes: 5GB}",
        "limit.bytes: 5GB are more than the 4294967295 bytes that fit",
    );
    profile_error("limit: 100", "limit: expected a mapping, found 100");
    profile_error(
        "limit: {packet: 1}",
        "limit.packet: no such key; did you mean \"packets\"?",
    );
}

#[test]
fn guards() {
    let guards = profile(
        "guards: {dhcp_servers: [servers, 10.0.0.1, 10.0.1.2-10.0.1.3], routers: 'fe80::1', hold_port: 30s}",
    )
    .guards;
    let prefix = |text: &str| Peer::Prefix(text.parse().unwrap());
    assert_eq!(
        guards.dhcp_servers,
        Some(vec![
            Peer::Named("servers".into()),
            prefix("10.0.0.1/32"),
            prefix("10.0.1.2/31")
        ])
    );
    assert_eq!(guards.routers, Some(vec![prefix("fe80::1/128")]));
    assert_eq!(guards.hold_port, Duration::from_secs(30));
    let guards = profile("guards: {dhcp_servers: any, routers: [], hold_port: 0s}").guards;
    assert_eq!((guards.dhcp_servers, guards.routers), (None, Some(vec![])));
    assert!(guards.hold_port.is_zero());

    for kind in ["profile:p", "device:d", "tag:t", "dns:a.example"] {
        let (word, _) = kind.split_once(':').unwrap();
        profile_error(
            &format!("guards: {{routers: '{kind}'}}"),
            &format!(
                "guards.routers: {word}: stands in rules, not in guards; write the addresses that are trusted, or a named peer"
            ),
        );
    }
    profile_error(
        "guards: {dhcp_servers: [server]}",
        "guards.dhcp_servers[0]: no peer \"server\"; did you mean \"servers\"?",
    );
    profile_error(
        "guards: {hold_port: 30}",
        "guards.hold_port: 30 of what? a time has a unit: s, m or h; did you mean \"30s\"?",
    );
    profile_error(
        "guards: {hold_port: 25h}",
        "guards.hold_port: 25h is not from 0s to 24h",
    );
    profile_error(
        "guards: {router: any}",
        "guards.router: no such key; did you mean \"routers\"?",
    );
}

#[test]
fn a_peer_that_only_a_guard_names_is_used() {
    let text =
        "version: 1\npeers: {servers: 10.0.0.8/30}\ndefaults: {guards: {dhcp_servers: servers}}\n";
    assert_eq!(model(text).1, Vec::<String>::new());
}

#[test]
fn fragments_and_failures() {
    let of = |settings: &str| {
        let profile = profile(settings);
        (profile.fragments, profile.on_error)
    };
    let passes = |[bad_frame, flow_table_full, stream_lost]: [bool; 3]| OnError {
        bad_frame,
        flow_table_full,
        stream_lost,
    };
    assert_eq!(of(""), (Fragments::Deny, passes([false; 3])));
    assert_eq!(
        of("fragments: track, on_error: allow"),
        (Fragments::Track, passes([true; 3]))
    );
    assert_eq!(
        of("on_error: {flow_table_full: allow, bad_frame: deny}").1,
        passes([false, true, false])
    );
    assert_eq!(
        of("on_error: {stream_lost: allow}").1,
        passes([false, false, true])
    );
    let text = "version: 1\ndefaults: {on_error: {bad_frame: allow}, fragments: track}\nprofiles: {p: {on_error: {flow_table_full: allow}}}\n";
    let (model, _) = model(text);
    assert_eq!(model.defaults.on_error, passes([true, false, false]));
    assert_eq!(model.profiles[0].on_error, passes([true, true, false]));
    assert_eq!(model.profiles[0].fragments, Fragments::Track);

    profile_error(
        "fragments: allow",
        "fragments: expected deny or track, found \"allow\"",
    );
    profile_error(
        "fragments: trak",
        "fragments: expected deny or track, found \"trak\"; did you mean \"track\"?",
    );
    profile_error(
        "on_error: true",
        "on_error: expected deny or allow, found true",
    );
    profile_error(
        "on_error: [deny]",
        "on_error: expected deny or allow, found a list",
    );
    profile_error(
        "on_error: {bad_frame: pass}",
        "on_error.bad_frame: expected deny or allow, found \"pass\"",
    );
    profile_error(
        "on_error: {bad_frames: deny}",
        "on_error.bad_frames: no such key; did you mean \"bad_frame\"?",
    );
}

#[test]
fn ethertypes() {
    assert_eq!(
        profile("ethertypes: [goose, 0x88ba, '0x88F7', 34915, PROFINET]").ethertypes,
        [0x88b8, 0x88ba, 0x88f7, 0x8863, 0x8892]
    );
    assert_eq!(profile("ethertypes: homeplug").ethertypes, [0x88e1]);
    for (written, expected) in [
        ("0x0800", ": 0x0800 is IPv4, which rules allow"),
        ("0x86dd", ": 0x86dd is IPv6, which rules allow"),
        ("0x0806", ": 0x0806 is ARP, which `network.arp` allows"),
        ("0x8035", ": 0x8035 is reverse ARP, which is always refused"),
        ("0x8100", ": 0x8100 is a VLAN tag, which `ports` allow"),
        (
            "0x9100",
            ": 0x9100 is a VLAN tag of a kind that is not read",
        ),
        (
            "0x5ff",
            ": 0x05ff is a length, not an EtherType: those begin at 0x0600",
        ),
        (
            "0x10000",
            ": expected an EtherType by name, or by number as in 0x88b8, found 65536",
        ),
        (
            "gose",
            ": expected an EtherType by name, or by number as in 0x88b8, found \"gose\"; did you mean \"goose\"?",
        ),
        (
            "[[goose]]",
            "[0]: expected an EtherType by name, or by number as in 0x88b8, found a list",
        ),
        (
            "[1536, 1537, 1538, 1539, 1540, 1541, 1542, 1543, 1544]",
            ": 9 EtherTypes; a profile has at most 8",
        ),
    ] {
        profile_error(
            &format!("ethertypes: {written}"),
            &format!("ethertypes{expected}"),
        );
    }
}
