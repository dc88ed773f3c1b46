//! `tests:` as the model holds them; whether they pass is asked elsewhere.

use super::super::model::{Asked, Test};
use super::*;

const POLICY: &str = "version: 1\npeers: {pacs: 10.0.0.4}\nprofiles:\n  ct:\n    allow: [{name: store, to: pacs, tcp: 104}, {name: ping, to: any, icmpv6: any}]\n\
    devices:\n  - {name: ct-1, mac: 02:00:00:00:00:01, ip: 10.0.0.9, profile: ct}\n  - {name: ct-2, mac: 02:00:00:00:00:02, ip: \"fd00::9\", profile: ct}\n\
    tests:\n";

fn tests(lines: &[&str]) -> String {
    let lines: String = lines
        .iter()
        .map(|line| format!("  - {{{line}}}\n"))
        .collect();
    format!("{POLICY}{lines}")
}

#[track_caller]
fn test_error(line: &str, expected: &str) {
    let told = errors(&tests(&[line]));
    let [told] = told.as_slice() else {
        panic!("{told:#?}")
    };
    assert!(told.starts_with("p.yaml:10:"), "{told}");
    let (_, message) = told.split_once(" error: tests[0]").unwrap();
    assert_eq!(message, expected);
}

#[test]
fn every_part_reaches_the_model() {
    let (model, warnings) = model(&tests(&[
        "name: CT stores, from: ct-1, to: 10.0.0.4, tcp: 104, expect: allow, reason: rule, rule: store",
        "from: 02:00:00:00:00:99, to: ct-1, udp: 53, expect: deny, reason: unknown-device",
        "from: ct-1, to: 10.0.0.4, icmp: echo-request, expect: deny, at: 2027-03-01T00:00:00Z",
        "from: ct-2, to: fd00::4, icmp: echo-request, expect: allow, rule: ct/ping",
        "from: ct-1, to: 10.0.0.4, protocol: gre, expect: deny",
        "from: ct-1, to: 10.0.0.4, protocol: 47, expect: deny",
    ]));
    assert_eq!(warnings, Vec::<String>::new());
    let of = |test: &Test| (test.name.clone(), test.service, test.allow);
    let expected = [
        ("CT stores", Asked::Tcp(104), true),
        ("02:00:00:00:00:99 to ct-1 udp 53", Asked::Udp(53), false),
        ("ct-1 to 10.0.0.4 icmp 8", Asked::Icmp(8), false),
        ("ct-2 to fd00::4 icmp 128", Asked::Icmp(128), true),
        ("ct-1 to 10.0.0.4 protocol 47", Asked::Protocol(47), false),
        ("ct-1 to 10.0.0.4 protocol 47-2", Asked::Protocol(47), false),
    ];
    let expected = expected.map(|(name, service, allow)| (name.to_owned(), service, allow));
    assert_eq!(model.tests.iter().map(of).collect::<Vec<_>>(), expected);
    let first = &model.tests[0];
    assert_eq!(
        (first.from.as_str(), first.to.as_str()),
        ("ct-1", "10.0.0.4")
    );
    assert_eq!(first.reason.as_deref(), Some("rule"));
    assert_eq!(first.rule.as_deref(), Some("store"));
    assert_eq!(model.tests[2].at, Some(1_803_859_200));
    assert_eq!(model.tests[3].rule.as_deref(), Some("ct/ping"));
}

#[test]
fn tests_with_slips() {
    const ONE: &str = ": a test asks for exactly one service: tcp, udp, icmp or protocol";
    let rest = "from: ct-1, to: 10.0.0.4";
    for (line, expected) in [
        (
            "to: ct-1, tcp: 1, expect: deny".to_owned(),
            ".from: missing",
        ),
        (
            "from: ct-3, to: ct-1, tcp: 1, expect: deny".to_owned(),
            ".from: \"ct-3\" is neither a device nor an IP or MAC address; did you mean \"ct-1\"?",
        ),
        (
            "from: ct-1, to: pacs, tcp: 1, expect: deny".to_owned(),
            ".to: \"pacs\" is neither a device nor an IP or MAC address; write one of the addresses of that peer, such as 10.0.0.4",
        ),
        (format!("{rest}, expect: deny"), ONE),
        (format!("{rest}, tcp: 1, udp: 1, expect: deny"), ONE),
        (
            format!("{rest}, tcp: 1-2, expect: deny"),
            ".tcp: expected one port from 1 to 65535, found \"1-2\"",
        ),
        (
            format!("{rest}, udp: any, expect: deny"),
            ".udp: expected one port from 1 to 65535, found \"any\"",
        ),
        (
            format!("{rest}, icmp: echo, expect: deny"),
            ".icmp: expected an ICMP type by name or number, found \"echo\"",
        ),
        (
            format!("{rest}, protocol: 6, expect: deny"),
            ".protocol: tcp has a key of its own in a test; write tcp, udp or icmp",
        ),
        (format!("{rest}, tcp: 1"), ".expect: missing"),
        (
            format!("{rest}, tcp: 1, expect: alow"),
            ".expect: expected deny or allow, found \"alow\"; did you mean \"allow\"?",
        ),
        (
            format!("{rest}, tcp: 1, expect: deny, reason: no-rul"),
            ".reason: no reason \"no-rul\"; did you mean \"no-rule\"?",
        ),
        (
            format!("{rest}, tcp: 1, expect: deny, reason: rule"),
            ".reason: rule is a reason to allow, but deny is expected; did you mean \"expect: allow\"?",
        ),
        (
            format!("{rest}, tcp: 1, expect: allow, rule: stroe"),
            ".rule: no rule \"stroe\"; did you mean \"store\"?",
        ),
        (
            format!("{rest}, tcp: 1, expect: allow, rule: ct/stroe"),
            ".rule: no rule \"ct/stroe\"; did you mean \"ct/store\"?",
        ),
        (
            format!("{rest}, tcp: 1, expect: deny, rule: store"),
            ".rule: what is denied is denied by no rule; write `reason`",
        ),
        (
            format!("{rest}, tcp: 1, expect: deny, expects: deny"),
            ".expects: no such key; did you mean \"expect\"?",
        ),
        (
            format!("name: '', {rest}, tcp: 1, expect: deny"),
            ".name: a test's name has 1 to 100 characters",
        ),
    ] {
        test_error(&line, expected);
    }
    expect(
        &tests(&[
            "name: a, from: ct-1, to: ct-2, tcp: 1, expect: deny",
            "name: a, from: ct-1, to: ct-2, tcp: 2, expect: deny",
        ]),
        &["p.yaml:11:12: error: tests[1].name: another test is named \"a\" at p.yaml:10"],
    );
    expect(
        "version: 1\ntests: {}\n",
        &["p.yaml:2:8: error: tests: expected a list, found a mapping"],
    );
}

#[test]
fn included_files_hold_no_tests() {
    let told = failures(&with_devices(HEAD, "d.yaml", "ports: {}\ntests: []\n"));
    assert_eq!(
        told,
        [
            "d.yaml:1:1: error: ports: an included file holds only `devices` and `signatures`",
            "d.yaml:2:1: error: tests: an included file holds only `devices` and `signatures`",
        ]
    );
}
