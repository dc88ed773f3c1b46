//! The compiler against a naive reading of the same policy: for random policies
//! every decision of the tables is the one the rules state, the same policy
//! gives the same bytes, and every device is found however many there are.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use enforcer::policy::compile::{Compiled, compile};
use enforcer::policy::model::{
    ControlFrames, Defaults, Device, Direction, Fragments, Guards, Limit, Model, Network, OnError,
    Peer, Profile, Rule, Service, Timeouts,
};
use enforcer::policy::sanity::Sanity;
use enforcer::simulate::HostTables;
use enforcer_common::addr::{Ip, Mac, Vlan};
use enforcer_common::decide::Policy;
use enforcer_common::table::{
    self, SERVICE_ICMP, SERVICE_ICMPV6, SERVICE_PROTOCOL, SERVICE_UDP, group_class,
};
use enforcer_common::verdict::Mode;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::collection::vec;
use proptest::prelude::*;

const NAMES: [&str; 3] = ["dns", "engine", "station"];
const PROFILES: usize = 3;
/// The first is carried by the devices of even number, the second by the others.
const TAGS: [&str; 2] = ["even", "odd"];

fn defaults() -> Defaults {
    let second = Duration::from_secs(1);
    Defaults {
        mode: Mode::Enforce,
        unknown_devices: None,
        core_broadcast: None,
        network: Network {
            arp: true,
            neighbour_discovery: true,
            dhcp: true,
        },
        guards: Guards::default(),
        fragments: Fragments::Deny,
        on_error: OnError::default(),
        inspect_first: 0,
        sanity: Sanity::default(),
        control_frames: ControlFrames {
            stp: true,
            lldp: true,
            lacp: false,
            eapol: false,
        },
        timeouts: Timeouts {
            tcp_opening: second,
            tcp_established: second,
            tcp_closing: second,
            udp: second,
            icmp: second,
            other: second,
        },
        adopt_sessions: second,
        new_flows_per_second: 0,
        events_per_second: 0,
    }
}

/// Prefixes that overlap often: few bits differ.
fn prefix() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<u16>(), 0..=32u8).prop_map(|(bits, length)| {
        let address = Ipv4Addr::from_bits(0x0a00_0000 | u32::from(bits & 0x8181));
        IpNet::from(Ipv4Net::new_assert(address, length)).trunc()
    });
    let v6 = (any::<u16>(), 0..=128u8).prop_map(|(bits, length)| {
        let address = Ipv6Addr::from_bits(0xfd00 << 112 | u128::from(bits & 0x8181));
        IpNet::from(Ipv6Net::new_assert(address, length)).trunc()
    });
    prop_oneof![v4, v6]
}

fn peer() -> impl Strategy<Value = Peer> {
    prop_oneof![
        1 => Just(Peer::Any),
        3 => prop::sample::select(&NAMES[..]).prop_map(|name| Peer::Named(name.to_owned())),
        3 => prefix().prop_map(Peer::Prefix),
        2 => (0..PROFILES).prop_map(Peer::Profile),
        1 => (0..PROFILES).prop_map(Peer::Device),
        1 => prop::sample::select(&TAGS[..]).prop_map(|tag| Peer::Tag(tag.to_owned())),
    ]
}

fn service() -> impl Strategy<Value = Service> {
    let range = (0..40u16, 0..10u16).prop_map(|(first, more)| (first, first + more));
    prop_oneof![
        range
            .clone()
            .prop_map(|(first, last)| Service::Tcp(first, last)),
        range.prop_map(|(first, last)| Service::Udp(first, last)),
        Just(Service::Tcp(0, u16::MAX)),
        Just(Service::Udp(65_530, u16::MAX)),
        (0..10u8).prop_map(|kind| Service::Icmp(kind, kind)),
        Just(Service::Icmpv6(0, 255)),
        any::<u8>().prop_map(Service::Protocol),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let direction = prop_oneof![Just(Direction::To), Just(Direction::From)];
    (direction, vec(peer(), 1..4), vec(service(), 1..4)).prop_map(|(direction, peers, services)| {
        Rule {
            name: "rule".to_owned(),
            comment: String::new(),
            source: String::new(),
            direction,
            peers,
            services,
            expires: 0,
            schedule: Vec::new(),
            limit: Limit::default(),
            application: None,
            origin: (0, 0),
        }
    })
}

fn model() -> impl Strategy<Value = Model> {
    let peers = vec(vec(prefix(), 1..4), NAMES.len());
    let profiles = vec(vec(rule(), 0..6), PROFILES);
    (peers, profiles).prop_map(|(peers, profiles)| Model {
        defaults: defaults(),
        ports: BTreeMap::new(),
        signatures: Vec::new(),
        tests: Vec::new(),
        peers: NAMES
            .iter()
            .map(|name| (*name).to_owned())
            .zip(peers)
            .collect(),
        profiles: profiles.into_iter().enumerate().map(profile).collect(),
        devices: (0..PROFILES)
            .map(|index| device(index as u32, index))
            .collect(),
    })
}

fn profile((index, rules): (usize, Vec<Rule>)) -> Profile {
    Profile {
        name: format!("profile-{index}"),
        description: String::new(),
        mode: Mode::Enforce,
        extends: Vec::new(),
        network: defaults().network,
        guards: Guards::default(),
        fragments: Fragments::Deny,
        on_error: OnError::default(),
        inspect_first: 0,
        sanity: Sanity::default(),
        limit: Limit::default(),
        ethertypes: Vec::new(),
        rules,
    }
}

fn device(number: u32, profile: usize) -> Device {
    let [a, b, c, d] = number.to_be_bytes();
    Device {
        name: format!("device-{number}"),
        mac: Mac([2, 0, a, b, c, d]),
        vlan: Vlan::UNTAGGED,
        ipv4: vec![Ipv4Addr::new(10, b, c, d)],
        ipv6: Vec::new(),
        dhcp_address: false,
        port: None,
        tags: vec![TAGS[number as usize % 2].to_owned()],
        profile,
        mode: Mode::Enforce,
    }
}

/// Whether a peer of a rule is at this address, or is this declared device's profile.
fn is_at(model: &Model, peer: &Peer, address: IpAddr, known: Option<usize>) -> bool {
    match peer {
        Peer::Any => true,
        Peer::Named(name) => model.peers[name]
            .iter()
            .any(|prefix| prefix.contains(&address)),
        Peer::Prefix(prefix) => prefix.contains(&address),
        Peer::Profile(profile) => {
            let mut devices = model.devices.iter();
            devices.any(|device| device.profile == *profile && is_device(device, address, known))
        }
        Peer::Tag(tag) => {
            let mut devices = model.devices.iter();
            devices.any(|device| device.tags.contains(tag) && is_device(device, address, known))
        }
        Peer::Device(index) => is_device(&model.devices[*index], address, known),
        Peer::Name(_) => false,
    }
}

/// Whether a device has this address, or is the declared one, of which each has a
/// profile of its own here.
fn is_device(device: &Device, address: IpAddr, known: Option<usize>) -> bool {
    known == Some(device.profile) || device.addresses().any(|own| own == address)
}

/// Whether a service of a rule holds this place of the service table.
fn holds(service: Service, place: u32) -> bool {
    let (base, first, last) = match service {
        Service::Tcp(first, last) => (0, u32::from(first), u32::from(last)),
        Service::Udp(first, last) => (SERVICE_UDP, u32::from(first), u32::from(last)),
        Service::Icmp(first, last) => (SERVICE_ICMP, u32::from(first), u32::from(last)),
        Service::Icmpv6(first, last) => (SERVICE_ICMPV6, u32::from(first), u32::from(last)),
        Service::Protocol(number) => (SERVICE_PROTOCOL, u32::from(number), u32::from(number)),
    };
    (base + first..=base + last).contains(&place)
}

/// Numbers of the rules of a profile that allow a flow.
fn allowing(
    model: &Model,
    profile: usize,
    direction: Direction,
    (address, known): (IpAddr, Option<usize>),
    place: u32,
) -> Vec<u16> {
    let before: usize = model.profiles[..profile]
        .iter()
        .map(|profile| profile.rules.len())
        .sum();
    let rules = model.profiles[profile]
        .rules
        .iter()
        .zip(before as u16 + 1..);
    let matching = rules.filter(|(rule, _)| {
        rule.direction == direction
            && rule
                .peers
                .iter()
                .any(|peer| is_at(model, peer, address, known))
            && rule.services.iter().any(|service| holds(*service, place))
    });
    matching.map(|(_, number)| number).collect()
}

fn tables(compiled: &Compiled) -> HostTables {
    let mut tables = HostTables::default();
    tables.install(compiled);
    tables
}

fn addresses(model: &Model) -> Vec<IpAddr> {
    let rules = model.profiles.iter().flat_map(|profile| &profile.rules);
    let written = rules
        .flat_map(|rule| &rule.peers)
        .filter_map(|peer| match peer {
            Peer::Prefix(prefix) => Some(*prefix),
            _ => None,
        });
    let named = model.peers.values().flatten().copied();
    let mut addresses: Vec<IpAddr> = named
        .chain(written)
        .flat_map(|prefix| [prefix.network(), prefix.broadcast()])
        .collect();
    addresses.extend([IpAddr::from([192, 0, 2, 1]), IpAddr::from([10, 0, 0, 1])]);
    addresses.push(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into());
    // In the tables such an address is IPv4; the parser refuses it on the wire.
    addresses.retain(|address| !matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()));
    addresses
}

const PLACES: [u32; 16] = [
    0,
    1,
    5,
    20,
    48,
    65_535,
    SERVICE_UDP,
    SERVICE_UDP + 7,
    SERVICE_UDP + 65_535,
    SERVICE_ICMP,
    SERVICE_ICMP + 8,
    SERVICE_ICMPV6,
    SERVICE_ICMPV6 + 255,
    SERVICE_PROTOCOL,
    SERVICE_PROTOCOL + 50,
    SERVICE_PROTOCOL + 255,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn tables_say_what_the_rules_say(model in model()) {
        let compiled = compile(&model).expect("a policy that compiles");
        let tables = tables(&compiled);
        let policy = Policy::open(&tables).expect("a policy in force");
        let directions =
            [(Direction::To, table::Direction::To), (Direction::From, table::Direction::From)];
        for address in addresses(&model) {
            let class = policy.class(Ip::from(address));
            for (profile, (direction, of_table)) in
                (0..PROFILES).flat_map(|profile| directions.map(|direction| (profile, direction)))
            {
                for place in PLACES {
                    let service = policy.service(place);
                    let number = profile as u32 + 1;
                    let told = policy.cell(number, of_table, class, service);
                    let expected = allowing(&model, profile, direction, (address, None), place);
                    prop_assert_eq!(told, expected.first().copied().unwrap_or(0));
                    for known in 0..PROFILES {
                        // As the decision does: by address, else by the group of the
                        // device that is of this profile.
                        let group = policy.device_line(known as u32 + 1).expect("a line").group;
                        let by_group = policy.cell(number, of_table, group_class(group), service);
                        let told = if told == 0 && group != 0 { by_group } else { told };
                        let expected =
                            allowing(&model, profile, direction, (address, Some(known)), place);
                        prop_assert_eq!(told == 0, expected.is_empty());
                        prop_assert!(told == 0 || expected.contains(&told));
                    }
                }
            }
        }
    }

    #[test]
    fn the_same_policy_gives_the_same_bytes(model in model()) {
        let mut again = model.clone();
        again.peers = model.peers.iter().rev().map(|(name, of)| (name.clone(), of.clone())).collect::<BTreeMap<_, _>>();
        prop_assert_eq!(compile(&model).expect("compiles"), compile(&again).expect("compiles"));
    }
}

fn ward(devices: Vec<Device>) -> Model {
    let profiles = (0..PROFILES)
        .map(|index| profile((index, Vec::new())))
        .collect();
    Model {
        defaults: defaults(),
        ports: BTreeMap::new(),
        signatures: Vec::new(),
        tests: Vec::new(),
        peers: BTreeMap::new(),
        profiles,
        devices,
    }
}

/// Every device is found, and no other.
fn all_found(model: &Model) {
    let compiled = compile(model).expect("compiles");
    let tables = tables(&compiled);
    let policy = Policy::open(&tables).expect("in force");
    for (device, number) in model.devices.iter().zip(1..) {
        let entry = policy.device(device.mac, device.vlan).expect("a device");
        assert_eq!(
            (entry.number(), entry.profile()),
            (number, device.profile as u32 + 1)
        );
        assert_eq!(entry.inner_vlan(), device.vlan.inner);
        if let Some(address) = device.ipv4.first() {
            let line = policy.device_line(number).expect("a line");
            assert_eq!(line.ipv4[0], address.to_bits());
        }
        assert!(policy.device(device.mac, Vlan::single(77)).is_none());
    }
    assert!(
        policy
            .device(Mac([2, 9, 9, 9, 9, 9]), Vlan::UNTAGGED)
            .is_none()
    );
    assert!(
        policy.device(Mac::ZERO, Vlan::UNTAGGED).is_none(),
        "an empty slot is no device"
    );
}

#[test]
fn every_device_is_found() {
    for count in [0, 1, 2, 9, 1_000, 100_000] {
        all_found(&ward(
            (0..count)
                .map(|number| device(number, number as usize % PROFILES))
                .collect(),
        ));
    }
}

/// One router in very many inner VLANs of one provider VLAN: one hardware address
/// and outer tag, told apart by the inner tag alone.
#[test]
fn one_address_may_stand_in_many_inner_vlans() {
    let devices = (1..=1_000).map(|inner| Device {
        vlan: Vlan { outer: 100, inner },
        ipv4: Vec::new(),
        ..device(1, 0)
    });
    all_found(&ward(devices.collect()));
}
