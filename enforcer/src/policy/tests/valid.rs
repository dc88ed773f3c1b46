//! What right policies mean.

use std::time::Duration;

use enforcer_common::addr::{Mac, Vlan};
use enforcer_common::verdict::Mode;

use super::super::model::{Direction, Peer, Service};
use super::*;

const WHOLE: &str = r#"version: 1
defaults:
  mode: audit
  unknown_devices: guest
  core_broadcast: guest
  network: {dhcp: false}
  control_frames: {eapol: true}
  timeouts: {udp: 3m, tcp_established: 2h5m}
  adopt_sessions: 0s
  new_flows_per_second: 0
peers:
  engine: 10.20.0.10
  dns: [10.20.0.53, "fd00:20::/64"]
profiles:
  pump:
    description: a pump
    mode: enforce
    network: {dhcp: true, arp: false}
    allow:
      - {to: engine, tcp: [2575, "8000-8010"], udp: any}
      - {name: ping, from: [dns, "profile:guest", 192.0.2.0/24, any], icmp: echo-request, icmpv6: [128, echo-reply]}
      - {to: 10.1.2.3, protocol: [gre, 89]}
  guest:
devices:
  - {name: P-1, mac: "00-1D-9C-12-34-56", vlan: 10, ip: [10.0.0.5, "fd00::5"], profile: pump}
  - {name: 4711, mac: 00:1d:9c:12:34:57, vlan: "100.10", profile: guest, mode: enforce}
  - {name: p-2, mac: 00:1d:9c:12:34:57, profile: guest, ip: 10.0.0.6}
"#;

#[test]
fn every_part_reaches_the_model() {
    let (model, warnings) = model(WHOLE);
    assert_eq!(warnings, Vec::<String>::new());
    let defaults = &model.defaults;
    assert_eq!(
        (
            defaults.mode,
            defaults.unknown_devices,
            defaults.core_broadcast
        ),
        (Mode::Audit, Some(1), Some(1))
    );
    assert!(defaults.network.arp && !defaults.network.dhcp && defaults.control_frames.eapol);
    assert_eq!(defaults.timeouts.udp, Duration::from_secs(180));
    assert_eq!(defaults.timeouts.icmp, Duration::from_secs(60));
    assert_eq!(
        (defaults.adopt_sessions, defaults.new_flows_per_second),
        (Duration::ZERO, 0)
    );

    let pump = &model.profiles[0];
    assert_eq!(
        (pump.mode, pump.network.dhcp, pump.network.arp),
        (Mode::Enforce, true, false)
    );
    assert_eq!(pump.description, "a pump");
    let names: Vec<_> = pump.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "to-engine-tcp-2575-tcp-8000-8010-udp-any",
            "ping",
            "to-10.1.2.3-protocol-gre-protocol-89"
        ]
    );
    let expected = [
        Service::Tcp(2575, 2575),
        Service::Tcp(8000, 8010),
        Service::Udp(0, 65535),
    ];
    assert_eq!(pump.rules[0].services, expected);
    assert_eq!(pump.rules[1].direction, Direction::From);
    let prefix = "192.0.2.0/24".parse().unwrap();
    assert_eq!(
        pump.rules[1].peers,
        [
            Peer::Named("dns".into()),
            Peer::Profile(1),
            Peer::Prefix(prefix),
            Peer::Any
        ]
    );
    assert_eq!(
        pump.rules[1].services,
        [
            Service::Icmp(8, 8),
            Service::Icmpv6(128, 128),
            Service::Icmpv6(129, 129)
        ]
    );
    assert_eq!(
        pump.rules[2].services,
        [Service::Protocol(47), Service::Protocol(89)]
    );

    let [first, second, third] = model.devices.as_slice() else {
        panic!("three devices")
    };
    assert_eq!(first.mac, Mac([0x00, 0x1d, 0x9c, 0x12, 0x34, 0x56]));
    assert_eq!(
        (first.vlan, first.mode, first.profile),
        (Vlan::single(10), Mode::Enforce, 0)
    );
    assert_eq!(first.addresses().count(), 2);
    assert_eq!(
        (second.name.as_str(), second.vlan),
        (
            "4711",
            Vlan {
                outer: 100,
                inner: 10
            }
        )
    );
    assert_eq!(
        (second.mode, third.mode, third.vlan),
        (Mode::Enforce, Mode::Audit, Vlan::UNTAGGED)
    );
}

#[test]
fn every_protocol_is_all_but_counted_once() {
    let (model, _) = model("version: 1\nprofiles: {p: {allow: [{to: any, protocol: any}]}}\n");
    let services = &model.profiles[0].rules[0].services;
    assert_eq!(services.len(), 4 + 252);
    assert!(!services.contains(&Service::Protocol(6)) && services.contains(&Service::Protocol(50)));
}

#[test]
fn generated_names_are_unique_and_names() {
    let rules = "{to: any, tcp: 80}, {name: to-any-tcp-80-2, to: any, tcp: 80}, {to: any, tcp: 80}";
    let (model, _) = model(&format!(
        "version: 1\nprofiles: {{p: {{allow: [{rules}]}}}}\n"
    ));
    let names: Vec<_> = model.profiles[0]
        .rules
        .iter()
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["to-any-tcp-80", "to-any-tcp-80-2", "to-any-tcp-80-3"]
    );
}

#[test]
fn empty_sections_are_no_mistake() {
    let (model, warnings) = model(
        "version: 1\ndefaults:\npeers:\nprofiles:\n  p:\n    network:\n    allow:\ndevices:\ninclude:\n",
    );
    assert_eq!(model.profiles.len(), 1);
    assert_eq!(
        warnings,
        ["p.yaml:5:3: warning: profiles.p: no device and no default uses this profile"]
    );
}

#[test]
fn warns_of_what_is_not_used_or_said_twice() {
    let (_, warnings) = model(
        "version: 1\npeers: {a: 10.1.0.0/16, b: [10.2.0.0/16, 10.2.0.0/16]}\nprofiles:\n  p:\n    allow:\n\
        \x20     - {name: wide, to: a, tcp: 1-100}\n\
        \x20     - {name: narrow, to: 10.1.1.0/24, tcp: [80, 80]}\n\
        \x20     - {name: same, to: 10.1.0.0/16, tcp: 1-100}\n\
        \x20     - {name: partly, to: any, tcp: 90-110}\n\
        \x20     - {name: wider, to: any, tcp: 1-999}\n\
        \x20     - {name: other, from: any, tcp: 1-999}\n\
        devices: [{name: d, mac: 00:00:00:00:00:01, profile: p, ip: [\"fe80::1\", 10.0.0.1]}]\n",
    );
    let expected = [
        "p.yaml:2:25: warning: peers.b: no rule uses this peer",
        "p.yaml:2:28: warning: peers.b: lists an address or prefix more than once",
        "p.yaml:7:9: warning: profiles.p.allow[1]: rule \"narrow\" is shadowed by rule \"wide\", which allows all of it, at p.yaml:6 [shadowed]",
        "p.yaml:7:51: warning: profiles.p.allow[1].tcp[1]: listed before in the same rule",
        "p.yaml:8:9: warning: profiles.p.allow[2]: rule \"same\" allows the same as rule \"wide\" at p.yaml:6 [duplicate]",
        "p.yaml:9:9: warning: profiles.p.allow[3]: rule \"partly\" overlaps rule \"wide\" at p.yaml:6 [overlap]",
        "p.yaml:10:9: warning: profiles.p.allow[4]: rule \"wider\" allows all that rule \"wide\" allows at p.yaml:6 [shadowed]",
        "p.yaml:12:62: warning: devices[0].ip[0]: fe80::1 is ignored: link-local addresses are always allowed",
    ];
    assert_eq!(warnings, expected);
}
