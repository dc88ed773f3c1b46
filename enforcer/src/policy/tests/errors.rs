//! What wrong policies are answered with: exact message, line and column.

use super::*;

const PUMP: &str = "version: 1\nprofiles: {alaris-pcu: {}}\ndevices:\n";

/// A policy with one rule in line 3.
fn rule(rule: &str) -> String {
    format!("version: 1\npeers: {{dns: 10.0.0.53}}\nprofiles: {{p: {{allow: [{rule}]}}}}\n")
}

#[track_caller]
fn rule_error(text: &str, expected: &str) {
    let lines = errors(&rule(text));
    let [line] = lines.as_slice() else {
        panic!("{lines:#?}")
    };
    let (_, message) = line.split_once(" error: profiles.p.allow[0]").unwrap();
    assert_eq!(message, expected);
    assert!(line.starts_with("p.yaml:3:"), "{line}");
}

#[track_caller]
fn device_error(text: &str, expected: &str) {
    let text =
        format!("{PUMP}  - {{name: d, mac: 00:00:00:00:00:01, profile: alaris-pcu, {text}}}\n");
    let lines = errors(&text);
    let [line] = lines.as_slice() else {
        panic!("{lines:#?}")
    };
    let (_, message) = line.split_once(" error: devices[0]").unwrap();
    assert_eq!(message, expected);
    assert!(line.starts_with("p.yaml:4:"), "{line}");
}

#[test]
fn all_errors_are_told_at_once() {
    expect(
        "version: 1\n\
        peer: {}\n\
        peers:\n  dns: 10.0.0.5/24\n  dns: 10.0.0.5\n  any: 10.0.0.1\n  void: []\n\
        profiles:\n  pump:\n    mode: enforced\n    allow:\n      - {to: dsn, tcp: 70000}\n      - {too: dns, udp: 53}\n\
        devices:\n  - {name: a, mac: 00:1d:9c:12:34, profile: pmup}\n  - {name: a, mac: 01:00:5e:00:00:01, profile: pump}\n",
        &[
            "p.yaml:2:1: error: peer: no such key; did you mean \"peers\"?",
            "p.yaml:4:8: error: peers.dns: 10.0.0.5/24 has bits set behind its first 24; did you mean \"10.0.0.0/24\"?",
            "p.yaml:5:3: error: peers.dns: written twice, first at p.yaml:4",
            "p.yaml:6:3: error: peers.any: \"any\" has a meaning of its own and cannot name a peer",
            "p.yaml:7:9: error: peers.void: a peer has at least one address",
            "p.yaml:10:11: error: profiles.pump.mode: a mode is audit or enforce, not \"enforced\"; did you mean \"enforce\"?",
            "p.yaml:12:14: error: profiles.pump.allow[0].to: no peer \"dsn\"; did you mean \"dns\"?",
            "p.yaml:12:24: error: profiles.pump.allow[0].tcp: expected a port from 1 to 65535, a range such as 8000-8010, or any, found \"70000\"",
            "p.yaml:13:9: error: profiles.pump.allow[1]: a rule needs `to` (the device starts) or `from` (the peer starts)",
            "p.yaml:13:10: error: profiles.pump.allow[1].too: no such key; did you mean \"to\"?",
            "p.yaml:15:20: error: devices[0].mac: \"00:1d:9c:12:34\": a MAC address is six pairs of hexadecimal digits, as in 00:1d:9c:12:34:56",
            "p.yaml:15:45: error: devices[0].profile: no profile \"pmup\"; did you mean \"pump\"?",
            "p.yaml:16:12: error: devices[1].name: another device is named \"a\" at p.yaml:15",
            "p.yaml:16:20: error: devices[1].mac: 01:00:5e:00:00:01 is a group address (its first octet is odd), which no device has",
        ],
    );
}

#[test]
fn a_misspelt_profile_is_guessed() {
    let device = |name, mac, profile| {
        format!("  - {{name: {name}, mac: 00:00:00:00:00:0{mac}, profile: {profile}}}\n")
    };
    let devices: String = (1..=3)
        .map(|number| device(format!("d{number}"), number, "alaris-pcu"))
        .collect();
    expect(
        &format!("{PUMP}{devices}{}", device("d4".into(), 4, "alaris-puc")),
        &[
            "p.yaml:7:49: error: devices[3].profile: no profile \"alaris-puc\"; did you mean \"alaris-pcu\"?",
        ],
    );
}

#[test]
fn versions() {
    expect(
        "peers: {}\n",
        &["p.yaml:1:1: error: version: missing; begin the policy with `version: 1`"],
    );
    expect(
        "version: 2\nunheard_of: yes\n",
        &[
            "p.yaml:1:10: error: version: this is version \"2\" of the policy language; only 1 is known",
            "p.yaml:2:1: error: unheard_of: no such key; the keys here are version, defaults, ports, peers, profiles, devices, include, signatures, tests",
        ],
    );
    expect(
        "- 1\n",
        &["p.yaml:1:1: error: expected a mapping, found a list"],
    );
    expect(
        "# nothing\n",
        &["p.yaml:1:1: error: version: missing; begin the policy with `version: 1`"],
    );
}

#[test]
fn defaults() {
    expect(
        "version: 1\ndefaults:\n  unknown_devices: gast\n  network: {arp: on}\n  timeouts: {udp: 30, icmp: 5 m, other: 0s}\n  adopt_sessions: 2h\n  events_per_second: -1\nprofiles: {guest: {}}\n",
        &[
            "p.yaml:3:20: error: defaults.unknown_devices: neither deny nor a profile: \"gast\"",
            "p.yaml:4:18: error: defaults.network.arp: expected true or false, found \"on\"",
            "p.yaml:5:19: error: defaults.timeouts.udp: 30 of what? a time has a unit: s, m or h; did you mean \"30s\"?",
            "p.yaml:5:29: error: defaults.timeouts.icmp: \"5 m\" is no time; a time is written as in 30s, 5m, 2h or 2h5m",
            "p.yaml:5:41: error: defaults.timeouts.other: 0s is not from 1s to 168h",
            "p.yaml:6:19: error: defaults.adopt_sessions: 2h is not from 0s to 1h",
            "p.yaml:7:22: error: defaults.events_per_second: expected a whole number from 0 to 1000000, found -1",
        ],
    );
}

#[test]
fn rules() {
    rule_error(
        "{to: dns, from: dns, udp: 53}",
        ": a rule has `to` or `from`, not both; write two rules: `to` is what the device may start, `from` what peers may",
    );
    rule_error(
        "{to: dns}",
        ": a rule needs a service: tcp, udp, icmp, icmpv6 or protocol",
    );
    rule_error(
        "{to: p, udp: 53}",
        ".to: no peer \"p\"; did you mean \"profile:p\"?",
    );
    rule_error(
        "{to: 'profile:q', udp: 53}",
        ".to: no profile \"q\"; did you mean \"p\"?",
    );
    rule_error(
        "{to: 10.0.0.300, udp: 53}",
        ".to: \"10.0.0.300\" is neither an address nor a prefix such as 10.20.0.0/24",
    );
    rule_error(
        "{to: [], udp: 53}",
        ".to: the list is empty; write any for every peer",
    );
    rule_error(
        "{to: '::ffff:10.0.0.1', udp: 53}",
        ".to: ::ffff:10.0.0.1 is an IPv4 address mapped into IPv6, which is not used on a wire; did you mean \"10.0.0.1\"?",
    );
    rule_error(
        "{to: any, tcp: 8010-8000}",
        ".tcp: the range 8010-8000 ends before it begins; did you mean \"8000-8010\"?",
    );
    rule_error(
        "{to: any, tcp: '80,443'}",
        ".tcp: expected a port from 1 to 65535, a range such as 8000-8010, or any, found \"80,443\"; a list of ports is written [80,443]",
    );
    rule_error(
        "{to: any, tcp: 0}",
        ".tcp: expected a port from 1 to 65535, a range such as 8000-8010, or any, found \"0\"",
    );
    rule_error(
        "{to: any, icmp: echo-requst}",
        ".icmp: expected an ICMP type by name or number, or any, found \"echo-requst\"; did you mean \"echo-request\"?",
    );
    rule_error(
        "{to: any, protocol: 6}",
        ".protocol: tcp has a key of its own in a rule; write `tcp: any`, or what of it is needed",
    );
    rule_error(
        "{to: any, protocol: ICMPv6}",
        ".protocol: icmpv6 has a key of its own in a rule; write `icmpv6: any`, or what of it is needed",
    );
    rule_error(
        "{to: any, protocol: 256}",
        ".protocol: expected an IP protocol by name or number, or any, found 256",
    );
    rule_error(
        "{to: any, tcp: {from: 1}}",
        ".tcp: expected a port from 1 to 65535, a range such as 8000-8010, or any, found a mapping",
    );
    rule_error(
        "{name: Bad Name, to: any, tcp: 1}",
        ".name: \"Bad Name\" is no name for a rule: 1 to 64 of a-z, 0-9, dot, hyphen and underscore, a letter or digit first; did you mean \"bad-name\"?",
    );
    rule_error("[dns]", ": expected a mapping, found a list");
    expect(
        &rule("{name: x, to: dns, tcp: 1}, {name: x, to: dns, tcp: 2}"),
        &[
            "p.yaml:3:59: error: profiles.p.allow[1].name: another rule of this profile is named \"x\" at p.yaml:3",
        ],
    );
}

#[test]
fn devices() {
    device_error(
        "ip: 127.0.0.1",
        ".ip: 127.0.0.1 is a loopback address, which no device has",
    );
    device_error(
        "ip: '::'",
        ".ip: :: is the unspecified address, which no device has",
    );
    device_error(
        "ip: 224.0.0.1",
        ".ip: 224.0.0.1 is a group or broadcast address, which no device has",
    );
    device_error(
        "ip: 10.0.0.5/24",
        ".ip: \"10.0.0.5/24\" is not an IPv4 or IPv6 address; did you mean \"10.0.0.5\"?",
    );
    device_error(
        "ip: [10.0.0.1, 10.0.0.2, 10.0.0.3]",
        ".ip: 3 IPv4 addresses; a device is bound to at most 2",
    );
    device_error(
        "vlan: 100.10",
        ".vlan: YAML reads this as a number with a fraction, not as outer.inner; write it in quotes, as in \"100.1\"",
    );
    device_error(
        "vlan: 4095",
        ".vlan: \"4095\": a VLAN is `untagged`, an identifier from 1 to 4094, or outer.inner as in 100.10",
    );
    device_error("vlan: [10]", ".vlan: expected a VLAN, found a list");
    device_error(
        "mode: !x audit",
        ".mode: expected audit or enforce, found a tagged value",
    );
    device_error("vlans: 3", ".vlans: no such key; did you mean \"vlan\"?");
    expect(
        &format!(
            "{PUMP}  - {{mac: 0x001d9c123456, profile: alaris-pcu}}\n  - {{name: true, mac: 001D.9C12.3456}}\n"
        ),
        &[
            "p.yaml:4:5: error: devices[0].name: missing",
            "p.yaml:4:11: error: devices[0].mac: YAML reads this as a number, not as a MAC address; write it in quotes, as in \"00:1d:9c:12:34:56\"",
            "p.yaml:5:5: error: devices[1].profile: missing",
            "p.yaml:5:12: error: devices[1].name: YAML reads this as true or false, where text is expected; put it in quotes",
            "p.yaml:5:23: error: devices[1].mac: \"001D.9C12.3456\": a MAC address is six pairs of hexadecimal digits, as in 00:1d:9c:12:34:56; did you mean \"00:1d:9c:12:34:56\"?",
        ],
    );
}

#[test]
fn what_only_one_device_may_have() {
    expect(
        &format!(
            "{PUMP}  - {{name: a, mac: 00:00:00:00:00:01, vlan: 7, ip: 10.0.0.1, profile: alaris-pcu}}\n\
            \x20 - {{name: b, mac: 00:00:00:00:00:01, vlan: 8, ip: 10.0.0.1, profile: alaris-pcu}}\n\
            \x20 - {{name: c, mac: 00:00:00:00:00:01, vlan: 7, ip: 10.0.0.1, profile: alaris-pcu}}\n"
        ),
        &[
            "p.yaml:6:20: error: devices[2].mac: another device has the address 00:00:00:00:00:01 (VLAN 7) at p.yaml:4",
            "p.yaml:6:52: error: devices[2].ip: another device has the address 10.0.0.1 (VLAN 7) at p.yaml:4",
        ],
    );
}

#[test]
fn yaml_that_is_not_for_policies() {
    expect(
        "version: 1\npeers: {a: &x 10.0.0.1, b: *x}\n",
        &["p.yaml:2:12: error: YAML anchors and aliases are not supported"],
    );
    expect(
        "version: 1\n---\nversion: 1\n",
        &["p.yaml:2:1: error: a file holds one YAML document; this starts a second one"],
    );
    let broken = errors("version: 1\npeers: [\n");
    assert_eq!(broken.len(), 1);
    assert!(
        broken[0].starts_with("p.yaml:3:1: error: not valid YAML: "),
        "{broken:?}"
    );
}

#[test]
fn an_ampersand_is_no_anchor() {
    let (model, _) =
        model("version: 1\nprofiles: {p: {description: 'R&D * &x and *y', mode: audit}}\n");
    assert_eq!(model.profiles[0].description, "R&D * &x and *y");
}
