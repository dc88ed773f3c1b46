//! Each kind of lint: its code, its line, and that a clean policy is silent.

use super::super::diagnostic::Diagnostics;
use super::super::parse;
use super::super::source::{Bundle, File};

/// What is warned of, as `line code message`.
fn lint(text: &str) -> Vec<String> {
    let line = |item: &super::super::diagnostic::Diagnostic| {
        let code = item.code.as_deref().unwrap_or("-");
        format!("{} {code} {}", item.line, item.message)
    };
    warnings(text).iter().map(line).collect()
}

fn warnings(text: &str) -> Diagnostics {
    let main = File {
        path: "p.yaml".into(),
        text: text.into(),
    };
    let bundle = Bundle {
        main,
        included: Vec::new(),
    };
    let (_, warnings) = parse(&bundle).unwrap_or_else(|errors| panic!("{errors}\nin\n{text}"));
    warnings
}

/// A policy whose profile `p`, with a device, has these rules, the first in line 8.
fn with_rules(rules: &[&str]) -> String {
    let rules: String = rules
        .iter()
        .map(|rule| format!("      - {rule}\n"))
        .collect();
    format!(
        "version: 1
peers:
  dns: [10.20.0.53, 'fd00:20::53']
profiles:
  empty: {{}}
  p:
    allow:
{rules}
devices:
  - {{name: d, mac: 02:00:00:00:00:01, profile: p, ip: 10.0.0.5, tags: [lab]}}
"
    )
}

/// Asserts what is warned of, the two things aside that the frame itself lacks.
#[track_caller]
fn expect(rules: &[&str], expected: &[&str]) {
    let found = lint(&with_rules(rules));
    let found: Vec<_> = found
        .iter()
        .filter(|line| !line.contains("uses this p"))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_clean_policy_is_silent() {
    expect(
        &[
            "{to: dns, udp: 53}",
            "{to: dns, tcp: 53}",
            "{to: 10.20.0.0/16, tcp: 104}",
            "{to: 'dns:pacs.example.org', tcp: 104}",
            "{to: any, tcp: [443, 8000-9000], icmp: any, icmpv6: any}",
            "{from: 10.20.1.0/24, tcp: any}",
            "{from: 'fe80::/10', udp: 5353}",
            "{to: 'group:mdns', udp: 5353}",
            "{from: 10.20.1.7, protocol: any, expires: 2099-01-01T00:00:00Z}",
        ],
        &[],
    );
}

#[test]
fn rules_that_say_the_same_are_told() {
    expect(
        &[
            "{name: wide, to: 10.9.0.0/16, tcp: 1-100}",
            "{name: narrow, to: 10.9.1.0/24, tcp: [80, 81]}",
            "{name: same, to: 10.9.0.0/16, tcp: [1-50, 51-100]}",
            "{name: partly, to: 10.9.3.3, tcp: 90-110}",
            "{name: wider, to: any, tcp: 1-100}",
            "{name: backwards, from: any, tcp: 1-100}",
        ],
        &[
            "9 shadowed rule \"narrow\" is shadowed by rule \"wide\", which allows all of it, at p.yaml:8",
            "10 duplicate rule \"same\" allows the same as rule \"wide\" at p.yaml:8",
            "11 overlap rule \"partly\" overlaps rule \"wide\" at p.yaml:8",
            "12 shadowed rule \"wider\" allows all that rule \"wide\" allows at p.yaml:8",
        ],
    );
}

#[test]
fn the_plainest_relation_is_told() {
    expect(
        &[
            "{name: a, to: 10.9.0.0/16, tcp: 1-10}",
            "{name: b, to: 10.9.0.1, tcp: 5-20}",
            "{name: c, to: 10.9.0.1, tcp: 5-20}",
        ],
        &[
            "9 overlap rule \"b\" overlaps rule \"a\" at p.yaml:8",
            "10 duplicate rule \"c\" allows the same as rule \"b\" at p.yaml:9",
        ],
    );
}

#[test]
fn what_is_narrower_in_time_or_rate_shadows_nothing() {
    expect(
        &[
            "{name: a, to: 10.9.0.0/16, tcp: 1-10, limit: {packets: 5}}",
            "{name: b, to: 10.9.0.1, tcp: 5}",
            "{name: c, to: 10.9.0.1, tcp: 6, limit: {packets: 4}}",
            "{name: d, to: 10.8.0.0/16, tcp: 7, expires: 2099-01-01T00:00:00Z}",
            "{name: e, to: 10.8.0.1, tcp: 7}",
            "{name: f, to: 10.7.0.0/16, tcp: 7, schedule: {from: '08:00', until: '09:00', zone: UTC}}",
            "{name: g, to: 10.7.0.1, tcp: 7}",
        ],
        &["10 shadowed rule \"c\" is shadowed by rule \"a\", which allows all of it, at p.yaml:8"],
    );
}

#[test]
fn peers_that_hold_each_other_by_name_are_compared() {
    expect(
        &[
            "{name: dns, to: dns, udp: 53}",
            "{name: a, to: 'dns:*.example.org', tcp: 1}",
            "{name: b, to: 'dns:pacs.example.org', tcp: 1}",
            "{name: c, from: 'tag:lab', udp: 9}",
            "{name: d, from: 'device:d', udp: 9}",
            "{name: e, to: 'profile:p', udp: 9}",
        ],
        &[
            "10 shadowed rule \"b\" is shadowed by rule \"a\", which allows all of it, at p.yaml:9",
            "12 shadowed rule \"d\" is shadowed by rule \"c\", which allows all of it, at p.yaml:11",
        ],
    );
}

#[test]
fn inherited_rules_are_told_where_they_are_written_and_once() {
    let text = "version: 1
profiles:
  base:
    allow:
      - {name: a, to: 10.9.0.0/16, tcp: 1}
      - {name: b, to: 10.9.0.1, tcp: 1}
  other:
    allow:
      - {name: c, to: 10.9.0.0/17, tcp: 1}
  child:
    extends: [base, other]
    allow:
      - {name: e, to: 10.9.0.1, tcp: 1}
  grandchild:
    extends: child
devices:
  - {name: d1, mac: 02:00:00:00:00:01, profile: base, ip: 10.0.0.5}
  - {name: d2, mac: 02:00:00:00:00:02, profile: other, ip: 10.0.0.6}
  - {name: d3, mac: 02:00:00:00:00:03, profile: child, ip: 10.0.0.7}
  - {name: d4, mac: 02:00:00:00:00:04, profile: grandchild, ip: 10.0.0.8}
";
    assert_eq!(
        lint(text),
        [
            "6 shadowed rule \"b\" is shadowed by rule \"a\", which allows all of it, at p.yaml:5",
            "9 shadowed in profile \"child\", rule \"c\" is shadowed by rule \"a\", which allows all of it, at p.yaml:5",
            "13 duplicate rule \"e\" allows the same as rule \"b\" at p.yaml:6",
        ]
    );
}

#[test]
fn what_is_over_broad_is_told() {
    expect(
        &[
            "{name: a, to: any, protocol: any}",
            "{name: b, from: any, tcp: any}",
            "{name: c, from: any, udp: 1-65535}",
            "{name: d, to: 10.0.0.0/8, icmp: 8}",
            "{name: e, from: 192.168.0.0/16, icmp: 8}",
            "{name: f, from: ['fd00::/8', '2001:db8::/32'], icmpv6: 128}",
            "{name: g, from: '::/0', tcp: 443}",
        ],
        &[
            "8 over-broad rule \"a\" allows everything of any peer",
            "9 over-broad rule \"b\" opens every TCP port to any peer",
            "10 over-broad rule \"c\" opens every UDP port to any peer",
            "11 over-broad rule \"d\" names 10.0.0.0/8, a whole private range",
            "11 shadowed rule \"d\" is shadowed by rule \"a\", which allows all of it, at p.yaml:8",
            "12 over-broad rule \"e\" names 192.168.0.0/16, a whole private range",
            "13 over-broad rule \"f\" names fd00::/8, which is wider than /32",
            "14 over-broad rule \"g\" names ::/0, every IPv6 address",
            "14 shadowed rule \"g\" is shadowed by rule \"b\", which allows all of it, at p.yaml:9",
        ],
    );
    let text = with_rules(&["{name: a, to: dns, udp: 53}"]).replace("10.20.0.53", "172.16.0.0/12");
    assert!(
        lint(&text).contains(
            &"8 over-broad rule \"a\" names 172.16.0.0/12 of peer dns, a whole private range"
                .to_owned()
        )
    );
}

#[test]
fn what_never_matches_is_told() {
    expect(
        &[
            "{name: a, to: 'profile:empty', tcp: 1}",
            "{name: b, from: 'group:mdns', udp: 5353}",
            "{name: c, to: 127.0.0.1, tcp: 1}",
            "{name: d, to: 10.9.0.1, icmpv6: echo-request}",
            "{name: e, to: ['fd00::1', 'fd00::2'], icmp: 8, tcp: 7}",
            "{name: f, to: 'dns:a.example.org', tcp: 1}",
            "{name: g, to: [10.9.0.1, 'fd00::1'], icmpv6: echo-reply}",
            "{name: h, to: 10.9.0.1, expires: 2020-01-02T00:00:00Z, tcp: 9}",
        ],
        &[
            "8 never-matches rule \"a\" never matches by profile:empty: no device has that profile",
            "9 never-matches rule \"b\" never matches by 224.0.0.251: no packet comes from a group or broadcast address",
            "9 never-matches rule \"b\" never matches by ff02::fb: no packet comes from a group or broadcast address",
            "10 never-matches rule \"c\" never matches by 127.0.0.1: loopback addresses are never on a wire",
            "11 never-matches rule \"d\" never matches by icmpv6: all its peers are IPv4 addresses",
            "12 never-matches rule \"e\" never matches by icmp: all its peers are IPv6 addresses",
            "13 never-matches rule \"f\" never matches by name: its profile may ask no resolver, so no name is learned",
            "15 expired expired on 2020-01-02T00:00:00Z, matches nothing",
        ],
    );
}

const TWO_SIDED: &str = "version: 1
profiles:
  pump:
    allow:
      - {name: report, to: 'profile:gateway', tcp: 5000}
      - {name: manage, from: 'device:gw', tcp: 22}
      - {name: sync, to: 'tag:clock', udp: 123}
  gateway:
    allow:
      - {name: reported, from: 'profile:pump', tcp: 4000-6000}
      - {name: manages, to: 10.1.0.0/24, tcp: 22}
      - {name: synced, from: any, udp: 123}
devices:
  - {name: p, mac: 02:00:00:00:00:01, profile: pump, ip: 10.1.0.1}
  - {name: gw, mac: 02:00:00:00:00:02, profile: gateway, ip: 10.1.0.9, tags: [clock]}
";

#[test]
fn both_ends_must_allow() {
    assert_eq!(lint(TWO_SIDED), Vec::<String>::new());
    let shut = TWO_SIDED
        .replace("4000-6000", "4000")
        .replace("to: 10.1.0.0/24", "to: 10.1.1.0/24")
        .replace(
            "{name: synced, from: any,",
            "{name: synced, from: 'device:gw',",
        );
    let expected = [
        "5 one-sided rule \"report\" is one-sided for profile:gateway: profile \"gateway\" has no `from` rule for tcp 5000 from profile \"pump\"",
        "6 one-sided rule \"manage\" is one-sided for device:gw: profile \"gateway\" has no `to` rule for tcp 22 towards profile \"pump\"",
        "7 one-sided rule \"sync\" is one-sided for tag:clock: profile \"gateway\" has no `from` rule for udp 123 from profile \"pump\"",
        "10 one-sided rule \"reported\" is one-sided for profile:pump: profile \"pump\" has no `to` rule for tcp 4000 towards profile \"gateway\"",
        "12 one-sided rule \"synced\" is one-sided for device:gw: profile \"gateway\" has no `to` rule for udp 123 towards profile \"gateway\"",
    ];
    assert_eq!(lint(&shut), expected);
    assert!(
        warnings(&shut).to_string().contains(
            "; add to profile gateway: `- {from: \"profile:pump\", tcp: 5000}` [one-sided]"
        )
    );
}

#[test]
fn the_largest_policies_take_no_long_time() {
    let mut text = String::from("version: 1\nprofiles:\n");
    let mut devices = String::from("devices:\n");
    for profile in 0..500 {
        text += &format!("  p{profile}:\n    allow:\n");
        for rule in 0..130 {
            let third = rule % 13;
            text += &format!(
                "      - {{to: [10.{third}.{rule}.0/24, 'profile:p{}'], tcp: {}}}\n",
                (profile + 1) % 500,
                1000 + rule
            );
        }
        devices += &format!(
            "  - {{name: d{profile}, mac: 02:00:00:00:{:02x}:{:02x}, profile: p{profile}}}\n",
            profile / 256,
            profile % 256
        );
    }
    let bundle = Bundle {
        main: File {
            path: "p.yaml".into(),
            text: text + &devices,
        },
        included: Vec::new(),
    };
    let (model, _) = parse(&bundle).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(
        model
            .profiles
            .iter()
            .map(|of| of.rules.len())
            .sum::<usize>(),
        65_000
    );
    let started = std::time::Instant::now();
    let mut findings = super::Findings::default();
    super::warn(&model, &super::Here::top(0).key("profiles"), &mut findings);
    let took = started.elapsed();
    // A build without optimisation takes ten times as long.
    assert!(took.as_secs() < 10, "{took:?}");
    let warnings = findings.into_diagnostics(&bundle.files());
    assert_eq!(warnings.warnings(), 65_000, "each is one-sided");
}

#[test]
fn too_many_rules_to_compare_are_owned_up_to() {
    let mut text = String::from("version: 1\nprofiles:\n  p:\n    allow:\n");
    for rule in 0..12_000 {
        text += &format!(
            "      - {{to: 10.9.{}.{}, tcp: 7}}\n",
            rule / 256,
            rule % 256
        );
    }
    text += "devices:\n  - {name: d, mac: 02:00:00:00:00:01, profile: p}\n";
    assert_eq!(
        lint(&text),
        ["2 unfinished has too many rules to compare them all: some may overlap unseen"]
    );
}
