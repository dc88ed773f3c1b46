//! Random policies of a few profiles, and wards of as many devices as you like.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use enforcer::policy::model::{
    ControlFrames, Defaults, Device, Direction, Fragments, Guards, Limit, Model, Network, OnError,
    Peer, Profile, Rule, Service, Timeouts,
};
use enforcer::policy::sanity::Sanity;
use enforcer_common::addr::{Mac, Vlan};
use enforcer_common::verdict::Mode;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::collection::vec;
use proptest::prelude::*;

const NAMES: [&str; 3] = ["dns", "engine", "station"];

pub(crate) const PROFILES: usize = 3;

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

pub(crate) fn model() -> impl Strategy<Value = Model> {
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

pub(crate) fn device(number: u32, profile: usize) -> Device {
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

pub(crate) fn ward(devices: Vec<Device>) -> Model {
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
