//! A policy's parts as text, in the words of the policy language: for the
//! control API, differences and explanations. Pure; judges nothing.

mod condition;
mod expectation;
mod signature;

use std::fmt::Display;
use std::time::Duration;

use enforcer_common::addr::Vlan;
use enforcer_common::table::{
    SERVICE_ICMP, SERVICE_ICMPV6, SERVICE_PROTOCOL, SERVICE_TCP, SERVICE_UDP,
};
use enforcer_common::verdict::Mode;
use ipnet::IpNet;

use super::model::{Device, Direction, Model, Network, Peer, Profile, Rule, Service};
use super::numbers::{ICMP, ICMPV6};

pub use condition::{fragments, limit, moment, port, trusted, window};
pub use expectation::{asked, test};
pub use signature::{
    action, distances, parts, per, quarantine, sender, severity, sign, signature,
    signature_services,
};

/// `to` or `from`.
pub fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::To => "to",
        Direction::From => "from",
    }
}

/// The peers of a rule: `hl7-engine`, `any`, `10.0.0.0/8`, `profile:gateway`.
pub fn peers(model: &Model, rule: &Rule) -> Vec<String> {
    rule.peers.iter().map(|of| peer(model, of)).collect()
}

/// One peer, as the policy writes it.
pub fn peer(model: &Model, peer: &Peer) -> String {
    match peer {
        Peer::Any => "any".to_owned(),
        Peer::Named(name) => name.clone(),
        Peer::Prefix(of) => prefix(*of),
        Peer::Profile(index) => format!("profile:{}", profile_name(model, *index)),
        Peer::Device(index) => format!("device:{}", device_name(model, *index)),
        Peer::Tag(tag) => format!("tag:{tag}"),
        Peer::Name(name) => format!("dns:{name}"),
    }
}

/// The services of a rule: `tcp 2575`, `udp 8000-8010`, `icmp echo-request`.
pub fn services(rule: &Rule) -> Vec<String> {
    rule.services.iter().copied().map(service).collect()
}

/// One service, as the policy writes it.
pub fn service(service: Service) -> String {
    match service {
        Service::Tcp(0, u16::MAX) => "tcp any".to_owned(),
        Service::Udp(0, u16::MAX) => "udp any".to_owned(),
        Service::Tcp(first, last) => format!("tcp {}", range(first, last)),
        Service::Udp(first, last) => format!("udp {}", range(first, last)),
        Service::Icmp(first, last) => format!("icmp {}", types(&ICMP, first, last)),
        Service::Icmpv6(first, last) => format!("icmpv6 {}", types(&ICMPV6, first, last)),
        Service::Protocol(number) => format!("protocol {number}"),
    }
}

/// The service at a place of the compiled service table.
pub fn service_at(index: u32) -> Service {
    let port = |base: u32| (index - base) as u16;
    let number = |base: u32| (index - base) as u8;
    match index {
        SERVICE_PROTOCOL.. => Service::Protocol(number(SERVICE_PROTOCOL)),
        SERVICE_ICMPV6.. => Service::Icmpv6(number(SERVICE_ICMPV6), number(SERVICE_ICMPV6)),
        SERVICE_ICMP.. => Service::Icmp(number(SERVICE_ICMP), number(SERVICE_ICMP)),
        SERVICE_UDP.. => Service::Udp(port(SERVICE_UDP), port(SERVICE_UDP)),
        SERVICE_TCP.. => Service::Tcp(port(SERVICE_TCP), port(SERVICE_TCP)),
    }
}

/// A rule in one line: `to dns: udp 53, tcp 53; expires 2027-03-01T00:00:00Z`.
pub fn rule(model: &Model, rule: &Rule) -> String {
    let peers = peers(model, rule).join(", ");
    format!(
        "{} {peers}: {}{}",
        direction(rule.direction),
        services(rule).join(", "),
        condition::of_rule(rule)
    )
}

/// A device in one line, without its name.
pub fn device(model: &Model, device: &Device) -> String {
    let mut text = format!("{}, {}", device.mac, vlan(device.vlan));
    for address in device.addresses() {
        text += &format!(", {address}");
    }
    if device.dhcp_address {
        text += ", dhcp";
    }
    if let Some(port) = &device.port {
        text += &format!(", port {port}");
    }
    let profile = profile_name(model, device.profile);
    text += &format!(", profile {profile}, {}", mode(device.mode));
    if !device.tags.is_empty() {
        text += &format!(", tags {}", device.tags.join(" "));
    }
    text
}

/// A profile in one line, without its name and rules.
pub fn profile(model: &Model, profile: &Profile) -> String {
    let mut text = format!(
        "{}, network {}{}",
        mode(profile.mode),
        network(profile.network),
        condition::of_profile(model, profile)
    );
    if !profile.description.is_empty() {
        text += &format!(", \"{}\"", profile.description);
    }
    text
}

/// The prefixes of a named peer in one line.
pub fn prefixes(prefixes: &[IpNet]) -> String {
    prefixes
        .iter()
        .copied()
        .map(prefix)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The name of a profile, by index.
pub fn profile_name(model: &Model, index: usize) -> &str {
    model
        .profiles
        .get(index)
        .map_or("(none)", |profile| &profile.name)
}

/// The name of a device, by index.
pub fn device_name(model: &Model, index: usize) -> &str {
    model
        .devices
        .get(index)
        .map_or("(none)", |device| &device.name)
}

/// `audit` or `enforce`.
pub fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Audit => "audit",
        Mode::Enforce => "enforce",
    }
}

/// `untagged`, `VLAN 10`.
pub fn vlan(vlan: Vlan) -> String {
    if vlan == Vlan::UNTAGGED {
        vlan.to_string()
    } else {
        format!("VLAN {vlan}")
    }
}

/// Seconds, or minutes, hours and days where these come out even.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [("d", 86_400), ("h", 3_600), ("m", 60)];
    match units
        .iter()
        .find(|(_, size)| seconds > 0 && seconds.is_multiple_of(*size))
    {
        Some((unit, size)) => format!("{}{unit}", seconds / size),
        None => format!("{seconds}s"),
    }
}

/// The network services that are on: `arp, dhcp`.
fn network(network: Network) -> String {
    let all = [
        (network.arp, "arp"),
        (network.neighbour_discovery, "neighbour_discovery"),
        (network.dhcp, "dhcp"),
    ];
    let on: Vec<_> = all
        .iter()
        .filter(|(on, _)| *on)
        .map(|(_, name)| *name)
        .collect();
    if on.is_empty() {
        "nothing".to_owned()
    } else {
        on.join(" ")
    }
}

/// A host's address alone, any other prefix with its length.
fn prefix(prefix: IpNet) -> String {
    if prefix.prefix_len() == prefix.max_prefix_len() {
        prefix.addr().to_string()
    } else {
        prefix.to_string()
    }
}

fn types(names: &[(&str, u8)], first: u8, last: u8) -> String {
    if (first, last) == (0, u8::MAX) {
        return "any".to_owned();
    }
    let named = names
        .iter()
        .find(|(_, number)| *number == first && first == last);
    named.map_or_else(|| range(first, last), |(name, _)| (*name).to_owned())
}

fn range<N: Display + PartialEq>(first: N, last: N) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::parse;
    use crate::policy::source::{Bundle, File};

    fn model(text: &str) -> Model {
        let main = File {
            path: "p.yaml".into(),
            text: text.into(),
        };
        parse(&Bundle {
            main,
            included: Vec::new(),
        })
        .unwrap_or_else(|errors| panic!("{errors}"))
        .0
    }

    fn with_rule(rule: &str) -> Model {
        model(&format!(
            "version: 1\npeers: {{dns: 10.0.0.53}}\nprofiles:\n  p:\n    allow:\n      - {rule}\n  gateway:\n"
        ))
    }

    #[test]
    fn rules_read_as_they_are_written() {
        let model = with_rule(
            "{to: [dns, any, 10.0.0.0/8, 10.9.9.9, 'profile:gateway'], tcp: [2575, 8000-8010], udp: any, icmp: echo-request, protocol: 50}",
        );
        let rule = &model.profiles[0].rules[0];
        assert_eq!(
            peers(&model, rule),
            ["dns", "any", "10.0.0.0/8", "10.9.9.9", "profile:gateway"]
        );
        let expected = [
            "tcp 2575",
            "tcp 8000-8010",
            "udp any",
            "icmp echo-request",
            "protocol 50",
        ];
        assert_eq!(services(rule), expected);
        let text = super::rule(
            &with_rule("{from: dns, udp: 53}"),
            &with_rule("{from: dns, udp: 53}").profiles[0].rules[0],
        );
        assert_eq!(text, "from dns: udp 53");
    }

    #[test]
    fn every_service_reads_back_as_itself() {
        let icmp =
            (0..=u8::MAX).flat_map(|kind| [Service::Icmp(kind, kind), Service::Icmpv6(kind, kind)]);
        let ports = [
            Service::Tcp(104, 104),
            Service::Udp(8000, 8010),
            Service::Tcp(0, u16::MAX),
        ];
        for service in icmp.chain(ports) {
            let text = super::service(service);
            let (key, value) = text.split_once(' ').unwrap();
            let model = with_rule(&format!("{{to: any, {key}: {value}}}"));
            assert_eq!(model.profiles[0].rules[0].services, [service], "{text}");
        }
    }

    #[test]
    fn conditions_of_rules_read_as_they_are_written() {
        let text = |rule: &str| {
            let model = model(&format!(
                "version: 1\nprofiles: {{p: {{allow: [{{udp: 1, {rule}}}]}}}}\ndevices: [{{name: d, mac: 02:00:00:00:00:01, profile: p, tags: x}}]\n"
            ));
            super::rule(&model, &model.profiles[0].rules[0])
        };
        assert_eq!(
            text("to: ['dns:A.example', 'tag:x', 'device:d']"),
            "to dns:a.example, tag:x, device:d: udp 1"
        );
        assert_eq!(
            text("to: any, limit: {packets: 9, bytes: 1536KiB, flows: 2}"),
            "to any: udp 1; limit 9 packets 1536KiB 2 flows a second"
        );
        assert_eq!(
            text(
                "to: any, schedule: [{days: [mon, wed], from: 22:00, until: 6:00, zone: UTC}, {days: weekend, from: 00:00, until: 24:00, zone: Asia/Tokyo}]"
            ),
            "to any: udp 1; mon wed 22:00-06:00 UTC and weekend 00:00-24:00 Asia/Tokyo"
        );
    }

    #[test]
    fn places_of_the_service_table_name_their_service() {
        assert_eq!(service_at(SERVICE_TCP + 23), Service::Tcp(23, 23));
        assert_eq!(
            service_at(SERVICE_UDP + 65_535),
            Service::Udp(65_535, 65_535)
        );
        assert_eq!(service_at(SERVICE_ICMP + 8), Service::Icmp(8, 8));
        assert_eq!(service_at(SERVICE_ICMPV6 + 128), Service::Icmpv6(128, 128));
        assert_eq!(service_at(SERVICE_PROTOCOL + 50), Service::Protocol(50));
    }

    #[test]
    fn durations_are_read_at_a_glance() {
        let of = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(
            [of(0), of(45), of(180), of(7_500), of(7_200)],
            ["0s", "45s", "3m", "125m", "2h"]
        );
    }
}
