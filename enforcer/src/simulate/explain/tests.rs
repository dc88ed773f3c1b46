//! Each kind of answer, by policies as people write them.

use super::*;
use crate::control::api::Asked::{self, Icmp, Protocol, Tcp, Udp};
use crate::policy::compile::compile;
use crate::policy::parse;
use crate::policy::source::{Bundle, File};

const POLICY: &str = "version: 1
peers: {dns: 10.0.0.53, engine: [10.0.0.100, 'fd00::64'], servers: 10.0.0.0/24}
profiles:
  pump:
    allow:
      - {name: dns, to: dns, udp: 53}
      - {name: engine, to: engine, tcp: 2575}
      - {name: gateway, to: 'profile:gateway', tcp: 5000}
      - {name: ping, from: servers, icmp: 8}
      - {name: vpn, to: engine, protocol: 50}
      - {name: ping6, to: engine, icmpv6: echo-request}
  gateway:
    allow:
      - {name: pumps, from: 'profile:pump', tcp: 5000}
devices:
  - {name: pump-1, mac: 02:00:00:00:00:01, vlan: 10, ip: [10.1.0.1, 'fd00:1::1'], profile: pump}
  - {name: pump-2, mac: 02:00:00:00:00:02, vlan: 10, profile: pump, mode: audit}
  - {name: pump-3, mac: 02:00:00:00:00:03, vlan: '10.20', ip: 10.1.0.3, profile: pump}
  - {name: gw-1, mac: 02:00:00:00:00:11, vlan: 10, ip: 10.1.0.11, profile: gateway}
  - {name: gw-2, mac: 02:00:00:00:00:12, vlan: 30, ip: 10.3.0.12, profile: gateway}
";

fn ask_of(policy: &str, from: &str, to: &str, service: Asked) -> Result<Explanation, String> {
    let main = File {
        path: "p.yaml".into(),
        text: policy.into(),
    };
    let bundle = Bundle {
        main,
        included: Vec::new(),
    };
    let (model, _) = parse(&bundle).unwrap_or_else(|errors| panic!("{errors}"));
    let compiled = compile(&model).unwrap();
    explain(
        &model,
        &compiled,
        &Question {
            from: from.into(),
            to: to.into(),
            service,
        },
    )
}

/// Asserts fate, reason and rule, and hands back the steps as one text.
#[track_caller]
fn expect(
    from: &str,
    to: &str,
    service: Asked,
    fate: &str,
    reason: &str,
    rule: Option<&str>,
) -> String {
    expect_of(POLICY, from, to, service, fate, reason, rule)
}

#[track_caller]
fn expect_of(
    policy: &str,
    from: &str,
    to: &str,
    service: Asked,
    fate: &str,
    reason: &str,
    rule: Option<&str>,
) -> String {
    let answer = ask_of(policy, from, to, service).unwrap();
    let steps = answer.steps.join("\n");
    assert_eq!(
        (
            answer.fate.as_str(),
            answer.reason.as_str(),
            answer.rule.as_deref()
        ),
        (fate, reason, rule),
        "{steps}"
    );
    steps
}

#[test]
fn a_rule_allows() {
    let steps = expect(
        "pump-1",
        "10.0.0.100",
        Tcp(2575),
        "allow",
        "rule",
        Some("pump/engine"),
    );
    for part in [
        "10.1.0.1 to 10.0.0.100, VLAN 10, comes in on the device side",
        "is the device pump-1 (profile pump, enforce)",
        "No flow is known",
        "Rules that name tcp 2575: pump/engine.",
        "10.0.0.100 lies in engine, servers.",
        "rule engine allows it (to engine: tcp 2575)",
        "The frame passes: rule.",
    ] {
        assert!(steps.contains(part), "{part}\nin\n{steps}");
    }
}

#[test]
fn every_kind_of_packet_reaches_its_rule() {
    expect(
        "pump-1",
        "10.0.0.53",
        Udp(53),
        "allow",
        "rule",
        Some("pump/dns"),
    );
    expect(
        "pump-1",
        "fd00::64",
        Tcp(2575),
        "allow",
        "rule",
        Some("pump/engine"),
    );
    expect(
        "pump-1",
        "10.0.0.100",
        Protocol(50),
        "allow",
        "rule",
        Some("pump/vpn"),
    );
    expect(
        "pump-1",
        "fd00::64",
        Icmp(128),
        "allow",
        "rule",
        Some("pump/ping6"),
    );
    expect(
        "10.0.0.7",
        "pump-1",
        Icmp(8),
        "allow",
        "rule",
        Some("pump/ping"),
    );
    expect(
        "pump-3",
        "10.0.0.100",
        Tcp(2575),
        "allow",
        "rule",
        Some("pump/engine"),
    );
    expect("pump-2", "10.0.0.7", Udp(67), "allow", "dhcp", None);
    expect(
        "10.1.0.1",
        "10.0.0.53",
        Udp(53),
        "allow",
        "rule",
        Some("pump/dns"),
    );
    expect(
        "02-00-00-00-00-01",
        "10.0.0.53",
        Udp(53),
        "allow",
        "rule",
        Some("pump/dns"),
    );
}

#[test]
fn no_rule_denies_or_is_audited() {
    let steps = expect("pump-1", "10.0.0.100", Tcp(23), "deny", "no-rule", None);
    assert!(
        steps.contains("No rule of any profile names tcp 23."),
        "{steps}"
    );
    assert!(steps.contains("none allows it"), "{steps}");
    let steps = expect("pump-1", "192.0.2.9", Tcp(2575), "deny", "no-rule", None);
    assert!(steps.contains("192.0.2.9 lies in no peer"), "{steps}");
    let steps = expect("pump-2", "10.0.0.100", Tcp(23), "audit", "no-rule", None);
    assert!(
        steps.contains("because of audit mode") && steps.contains("198.18.0.1 stands in"),
        "{steps}"
    );
    // Only the device may start.
    expect("10.0.0.100", "pump-1", Tcp(2575), "deny", "no-rule", None);
}

#[test]
fn both_ends_are_judged() {
    let steps = expect(
        "pump-1",
        "gw-1",
        Tcp(5000),
        "allow",
        "rule",
        Some("pump/gateway"),
    );
    assert!(
        steps.contains("For pump-1: allow")
            && steps.contains("For gw-1: allow, rule (gateway/pumps)"),
        "{steps}"
    );
    expect("gw-1", "pump-1", Tcp(5000), "deny", "no-rule", None);
    // By the peer's hardware address, where it has no other.
    let steps = expect(
        "pump-2",
        "gw-1",
        Tcp(5000),
        "allow",
        "rule",
        Some("pump/gateway"),
    );
    assert!(
        steps.contains("by profile:pump: rule pumps allows it"),
        "{steps}"
    );
}

#[test]
fn what_is_routed_crosses_twice() {
    let steps = expect(
        "pump-1",
        "gw-2",
        Tcp(5000),
        "allow",
        "rule",
        Some("pump/gateway"),
    );
    assert!(
        steps.contains("VLAN 10, comes in on the device side"),
        "{steps}"
    );
    assert!(
        steps.contains("VLAN 30, comes in on the core side"),
        "{steps}"
    );
    let one_sided = POLICY.replace("from: 'profile:pump', tcp: 5000", "from: dns, tcp: 5000");
    let answer = ask_of(&one_sided, "pump-1", "gw-2", Tcp(5000)).unwrap();
    assert_eq!(
        (answer.fate.as_str(), answer.device.as_deref()),
        ("deny", Some("gw-2"))
    );
}

#[test]
fn strangers_are_refused_or_fall_under_a_profile() {
    let mac = "02:00:00:00:99:99";
    let steps = expect(mac, "10.0.0.53", Udp(53), "deny", "unknown-device", None);
    assert!(
        steps.contains("is not a declared device: the policy denies those"),
        "{steps}"
    );
    expect(
        "10.0.0.53",
        "10.0.0.100",
        Udp(53),
        "deny",
        "unknown-destination",
        None,
    );
    expect(
        "10.0.0.53",
        mac,
        Udp(53),
        "deny",
        "unknown-destination",
        None,
    );
    let lenient = POLICY.replace("peers:", "defaults: {unknown_devices: pump}\npeers:");
    let steps = expect_of(
        &lenient,
        mac,
        "10.0.0.53",
        Udp(53),
        "allow",
        "rule",
        Some("pump/dns"),
    );
    assert!(steps.contains("falls under the profile pump"), "{steps}");
}

#[test]
fn what_cannot_be_is_told_by_its_own_reason() {
    expect("pump-1", "127.0.0.1", Tcp(80), "deny", "bad-address", None);
    expect("10.0.0.7", "pump-1", Icmp(0), "deny", "no-flow", None);
    expect(
        "10.0.0.7",
        "255.255.255.255",
        Udp(137),
        "deny",
        "no-rule",
        None,
    );
}

#[test]
fn wrong_questions_are_answered_with_help() {
    let error = |from: &str, to: &str, service| ask_of(POLICY, from, to, service).unwrap_err();
    assert_eq!(
        error("pmup-1", "10.0.0.53", Udp(53)),
        "no device is named `pmup-1`; did you mean `pump-1`?"
    );
    assert!(
        error("pump-1", "engine", Tcp(1))
            .contains("is a peer: ask about one of its addresses, such as 10.0.0.100")
    );
    assert!(
        error("gateway", "pump-1", Tcp(1))
            .contains("is a profile: ask about one of its devices, such as gw-1")
    );
    assert!(error("", "pump-1", Tcp(1)).contains("name a device, a MAC address or an IP address"));
    assert!(error("pump-3", "fd00::64", Tcp(1)).contains("no address family in common"));
    assert!(error("pump-1", "10.0.0.53", Protocol(6)).contains("ask with its port"));
}

#[test]
fn an_address_in_two_vlans_needs_a_name() {
    let twice = POLICY.replace(
        "devices:\n",
        "devices:\n  - {name: twin, mac: 02:00:00:00:00:01, vlan: 77, profile: pump}\n",
    );
    let error = ask_of(&twice, "02:00:00:00:00:01", "10.0.0.53", Udp(53)).unwrap_err();
    assert!(
        error.contains("2 devices have") && error.contains("twin (VLAN 77), pump-1 (VLAN 10)"),
        "{error}"
    );
    // The other end tells which is meant.
    let steps = expect_of(
        &twice,
        "02:00:00:00:00:01",
        "gw-1",
        Tcp(5000),
        "allow",
        "rule",
        Some("pump/gateway"),
    );
    assert!(steps.contains("pump-1"), "{steps}");
}
