//! Properties that hold for any text and any policy.

use enforcer_common::addr::{Mac, Vlan};
use enforcer_common::verdict::Mode;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::super::model::{Direction, Limit, Peer, Rule, Service, Window};
use super::*;

/// Fragments that policies are made of, so that random texts get somewhere.
fn fragment() -> impl Strategy<Value = String> {
    const WORDS: [&str; 53] = [
        "version",
        "defaults",
        "peers",
        "profiles",
        "devices",
        "include",
        "allow",
        "to",
        "from",
        "tcp",
        "udp",
        "icmp",
        "name",
        "mac",
        "vlan",
        "ip",
        "profile",
        "mode",
        "timeouts",
        "extends",
        "expires",
        "schedule",
        "zone",
        "limit",
        "bytes",
        "ports",
        "vlans",
        "tags",
        "tests",
        "guards",
        "ethertypes",
        "device:a",
        "dns:*.a.b",
        "group:mdns",
        "10.0.0.1-10.0.0.9",
        "2027-03-01T00:00[UTC]",
        "24:00",
        "0x88b8",
        "1",
        "any",
        "10.0.0.1/8",
        "fe80::1",
        "0x1f",
        "1.5",
        "~",
        "&a",
        "*a",
        "!t",
        "\"",
        "'",
        "|",
        "---",
        "\u{1b}é",
    ];
    const GLUE: [&str; 12] = [
        ": ", "\n", "\n  ", "\n    ", "- ", "[", "]", "{", "}", ", ", " ", "#",
    ];
    prop_oneof![
        proptest::sample::select(WORDS.as_slice()).prop_map(str::to_owned),
        proptest::sample::select(GLUE.as_slice()).prop_map(str::to_owned),
        proptest::sample::select(GLUE.as_slice()).prop_map(str::to_owned),
    ]
}

fn never_panics(text: &str) {
    let _ = parse(&bundle(text));
    for path in ["d.csv", "d.yaml"] {
        let _ = parse(&with_devices(HEAD, path, text));
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        never_panics(&text);
    }

    #[test]
    fn no_likely_text_makes_it_panic(parts in vec(fragment(), 0..60)) {
        never_panics(&format!("{HEAD}{}", parts.concat()));
        never_panics(&parts.concat());
    }

    #[test]
    fn every_finding_has_a_place(parts in vec(fragment(), 0..60)) {
        if let Err(told) = parse(&bundle(&format!("{HEAD}{}", parts.concat()))) {
            prop_assert!(told.has_errors());
            for finding in &told {
                prop_assert!(finding.line > 0 || finding.path.is_empty(), "{finding}");
            }
        }
    }

    #[test]
    fn a_policy_means_what_it_says(policy in policy()) {
        let text = policy.to_yaml();
        let (model, _) = model(&text);
        let peers: Vec<_> = model.peers.iter().collect();
        prop_assert_eq!(peers, policy.peers.iter().collect::<Vec<_>>());
        let rules: Vec<_> = model.profiles.into_iter().map(|profile| profile.rules).collect();
        prop_assert_eq!(rules, policy.rules);
        let devices: Vec<_> = model.devices.iter().map(|device| (device.mac, device.vlan, device.mode)).collect();
        prop_assert_eq!(devices, policy.devices);
    }
}

/// A policy as its author thinks of it.
#[derive(Clone, Debug)]
struct Policy {
    peers: std::collections::BTreeMap<String, Vec<IpNet>>,
    /// By profile.
    rules: Vec<Vec<Rule>>,
    devices: Vec<(Mac, Vlan, Mode)>,
}

impl Policy {
    fn to_yaml(&self) -> String {
        let mut text = String::from("version: 1\npeers:\n");
        for (name, prefixes) in &self.peers {
            text += &format!("  {name}: {}\n", list(prefixes));
        }
        text += "profiles:\n";
        for (index, rules) in self.rules.iter().enumerate() {
            text += &format!("  p{index}:\n    allow:\n");
            for rule in rules {
                text += &format!("      - {}\n", rule_text(rule));
            }
        }
        text += "devices:\n";
        for (index, (mac, vlan, mode)) in self.devices.iter().enumerate() {
            let mode = if *mode == Mode::Audit {
                "audit"
            } else {
                "enforce"
            };
            text += &format!(
                "  - {{name: d{index}, mac: \"{mac}\", vlan: \"{vlan}\", mode: {mode}, profile: p0, tags: [ward, t{index}]}}\n"
            );
        }
        text
    }
}

fn list(items: &[impl ToString]) -> String {
    let items: Vec<_> = items
        .iter()
        .map(|item| format!("\"{}\"", item.to_string()))
        .collect();
    format!("[{}]", items.join(", "))
}

fn rule_text(rule: &Rule) -> String {
    let direction = if rule.direction == Direction::To {
        "to"
    } else {
        "from"
    };
    let peers = rule.peers.iter().map(|peer| match peer {
        Peer::Any => "any".to_owned(),
        Peer::Named(name) => name.clone(),
        Peer::Prefix(prefix) => prefix.to_string(),
        Peer::Profile(index) => format!("profile:p{index}"),
        Peer::Device(index) => format!("device:d{index}"),
        Peer::Tag(tag) => format!("tag:{tag}"),
        Peer::Name(name) => format!("dns:{name}"),
    });
    let mut text = format!(
        "{{name: {}, {direction}: {}",
        rule.name,
        list(&peers.collect::<Vec<_>>())
    );
    for service in &rule.services {
        text += &match service {
            Service::Tcp(first, last) => format!(", tcp: {first}-{last}"),
            Service::Udp(first, last) => format!(", udp: [\"{first}-{last}\"]"),
            Service::Icmp(kind, _) => format!(", icmp: {kind}"),
            Service::Icmpv6(kind, _) => format!(", icmpv6: [{kind}]"),
            Service::Protocol(number) => format!(", protocol: {number}"),
        };
    }
    let Limit {
        packets,
        bytes,
        flows,
    } = rule.limit;
    text += &format!(", limit: {{packets: {packets}, bytes: {bytes}, flows: {flows}}}");
    if rule.expires > 0 {
        let end = jiff::Timestamp::from_second(rule.expires.into()).unwrap();
        text += &format!(", expires: \"{end}\"");
    }
    let windows: Vec<_> = rule.schedule.iter().map(window_text).collect();
    if !windows.is_empty() {
        text += &format!(", schedule: [{}]", windows.join(", "));
    }
    text + &format!(
        ", comment: \"{}\", source: \"{}\"}}",
        rule.comment, rule.source
    )
}

fn window_text(window: &Window) -> String {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let days = (0..7).filter(|day| window.days >> day & 1 != 0);
    let days: Vec<_> = days.map(|day| DAYS[day]).collect();
    let time = |minute: u16| format!("\"{:02}:{:02}\"", minute / 60, minute % 60);
    format!(
        "{{days: [{}], from: {}, until: {}, zone: {}}}",
        days.join(", "),
        time(window.from),
        time(window.until),
        window.zone
    )
}

fn prefix() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<[u8; 4]>(), 0..=32u8)
        .prop_map(|(octets, length)| Ipv4Net::new(octets.into(), length).unwrap().trunc().into());
    // Mapped addresses are refused, so keep away from their corner.
    let v6 = (any::<[u8; 15]>(), 8..=128u8).prop_map(|(rest, length)| {
        let mut octets = [0x20; 16];
        octets[1..].copy_from_slice(&rest);
        Ipv6Net::new(octets.into(), length).unwrap().trunc().into()
    });
    prop_oneof![v4, v6]
}

fn ports() -> impl Strategy<Value = (u16, u16)> {
    (1..=u16::MAX, 1..=u16::MAX).prop_map(|(a, b)| (a.min(b), a.max(b)))
}

/// At most one service a key, in the order of the keys.
fn services() -> impl Strategy<Value = Vec<Service>> {
    let protocol = any::<u8>().prop_filter("has a key", |number| ![1, 6, 17, 58].contains(number));
    let ports = || proptest::option::of(ports());
    let kind = || proptest::option::of(any::<u8>());
    (ports(), ports(), kind(), kind(), protocol).prop_map(|(tcp, udp, icmp, icmpv6, protocol)| {
        let tcp = tcp.map(|(first, last)| Service::Tcp(first, last));
        let udp = udp.map(|(first, last)| Service::Udp(first, last));
        let icmp = icmp.map(|kind| Service::Icmp(kind, kind));
        let icmpv6 = icmpv6.map(|kind| Service::Icmpv6(kind, kind));
        [tcp, udp, icmp, icmpv6, Some(Service::Protocol(protocol))]
            .into_iter()
            .flatten()
            .collect()
    })
}

fn window() -> impl Strategy<Value = Window> {
    let zone = proptest::sample::select(["Europe/Berlin", "UTC", "America/St_Johns"].as_slice());
    (1..128u8, 0..1440u16, 1..=1440u16, zone).prop_map(|(days, from, until, zone)| Window {
        days,
        from,
        until,
        zone: zone.to_owned(),
    })
}

/// What restricts a rule besides peers and services: its end, calendar and rates.
fn conditions() -> impl Strategy<Value = (u32, Vec<Window>, Limit)> {
    let end = prop_oneof![Just(0), 1_577_836_800..=4_291_747_199u32];
    let limit = any::<(u32, u32, u32)>().prop_map(|(packets, bytes, flows)| Limit {
        packets,
        bytes,
        flows,
    });
    (end, vec(window(), 0..3), limit)
}

type Written = (
    bool,
    std::collections::BTreeSet<Peer>,
    Vec<Service>,
    (u32, Vec<Window>, Limit),
    [String; 2],
);

fn policy() -> impl Strategy<Value = Policy> {
    let peers = btree_map("[a-z][a-z0-9-]{0,8}x", vec(prefix(), 1..4), 1..4);
    let rule = |names: Vec<String>, devices: usize| {
        let peer = prop_oneof![
            Just(Peer::Any),
            proptest::sample::select(names).prop_map(Peer::Named),
            prefix().prop_map(Peer::Prefix),
            (0..2usize).prop_map(Peer::Profile),
            (0..devices).prop_map(Peer::Device),
            (0..devices).prop_map(|number| Peer::Tag(format!("t{number}"))),
            "(\\*\\.)?[a-z_][a-z0-9]{0,5}\\.[a-z]{2,3}".prop_map(Peer::Name),
        ];
        (
            any::<bool>(),
            proptest::collection::btree_set(peer, 1..4),
            services(),
            conditions(),
            ["[a-z ]{0,20}", "[A-Z0-9 -]{0,20}"],
        )
    };
    let devices =
        proptest::collection::btree_map((any::<[u8; 6]>(), 0..=4094u16), any::<bool>(), 1..5);
    peers
        .prop_flat_map(move |mut peers| {
            peers.values_mut().for_each(|prefixes| {
                prefixes.sort();
                prefixes.dedup();
            });
            let names: Vec<_> = peers.keys().cloned().collect();
            // The first device is always there.
            let rules = vec(vec(rule(names, 1), 0..4), 2..=2);
            (Just(peers), rules, devices.clone())
        })
        .prop_map(|(peers, profiles, devices)| {
            let to_rule = |profile: usize, index: usize, written: Written| {
                let (to, peers, services, (expires, schedule, limit), [comment, source]) = written;
                let named = peers.iter().any(|peer| matches!(peer, Peer::Name(_)));
                Rule {
                    name: format!("r{index}"),
                    comment,
                    source,
                    direction: if to || named {
                        Direction::To
                    } else {
                        Direction::From
                    },
                    peers: peers.into_iter().collect(),
                    services,
                    expires,
                    schedule,
                    limit,
                    application: None,
                    origin: (profile, index),
                }
            };
            let rules = profiles.into_iter().enumerate().map(|(profile, rules)| {
                let rules = rules.into_iter().enumerate();
                rules
                    .map(|(index, written)| to_rule(profile, index, written))
                    .collect()
            });
            let devices = devices.into_iter().map(|((mut octets, vlan), audit)| {
                // Neither zero nor a group address.
                octets[0] = octets[0] & 0xfe | 2;
                let mode = if audit { Mode::Audit } else { Mode::Enforce };
                (Mac(octets), Vlan::single(vlan), mode)
            });
            let mut devices: Vec<_> = devices.collect();
            devices.sort();
            devices.dedup_by_key(|(mac, vlan, _)| (*mac, *vlan));
            Policy {
                peers,
                rules: rules.collect(),
                devices,
            }
        })
}
