//! The compiler against a naive reading of the same policy: for random policies
//! every decision of the tables is the one the rules state, the same policy
//! gives the same bytes, and every device is found however many there are.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod plainly;
mod random;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use enforcer::policy::compile::{Compiled, compile};
use enforcer::policy::model::{Device, Direction, Model, Peer};
use enforcer::simulate::HostTables;
use enforcer_common::addr::{Ip, Mac, Vlan};
use enforcer_common::decide::Policy;
use enforcer_common::table::{
    self, SERVICE_ICMP, SERVICE_ICMPV6, SERVICE_PROTOCOL, SERVICE_UDP, group_class,
};
use proptest::prelude::*;

use crate::plainly::allowing;
use crate::random::{PROFILES, device, model, ward};

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
