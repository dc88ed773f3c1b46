//! Every kind of match: hit, miss and wrong protocol, in both families, with no,
//! one and two tags.

use enforcer_common::port::Side::{Core, Device};
use enforcer_common::verdict::Reason;
use enforcer_tests::program::Rig;
use enforcer_tests::program::frame::{Ip, SYN, protocol};
use enforcer_tests::program::ward::{self, FAMILIES};

/// Devices with no, one and two tags.
const TAGGINGS: [u8; 3] = [ward::BOUND, ward::TAGGED, ward::DOUBLY];

#[test]
fn tcp_to_a_named_peer() {
    let mut rig = Rig::new(ward::POLICY);
    for device in TAGGINGS {
        for family in FAMILIES {
            let link = ward::outward(device);
            let own = ward::device(family, device);
            let engine = ward::engine(family);
            let hit = link.tcp((own, 40_000), (engine, 2575), SYN);
            let outcome = rig.allowed(Device, &hit, Reason::Rule);
            assert_eq!(outcome.rule.as_deref(), Some("hl7"));
            assert_eq!(
                outcome.device,
                Some(rig.model.devices[usize::from(device) - 1].name.clone())
            );
            for (to, port) in [
                (engine, 2574),
                (engine, 23),
                (ward::elsewhere(family), 2575),
            ] {
                rig.denied(
                    Device,
                    &link.tcp((own, 40_000), (to, port), SYN),
                    Reason::NoRule,
                );
            }
            rig.denied(
                Device,
                &link.udp((own, 40_000), (engine, 2575)),
                Reason::NoRule,
            );
        }
    }
}

#[test]
fn udp_to_a_named_peer() {
    let mut rig = Rig::new(ward::POLICY);
    for device in TAGGINGS {
        for family in FAMILIES {
            let (link, own) = (ward::outward(device), ward::device(family, device));
            let dns = ward::dns(family);
            let outcome = rig.allowed(Device, &link.udp((own, 40_000), (dns, 53)), Reason::Rule);
            assert_eq!(outcome.rule.as_deref(), Some("dns"));
            rig.denied(Device, &link.udp((own, 40_000), (dns, 54)), Reason::NoRule);
            rig.denied(
                Device,
                &link.tcp((own, 40_000), (dns, 53), SYN),
                Reason::NoRule,
            );
        }
    }
}

#[test]
fn ports_and_ranges_from_a_prefix() {
    let mut rig = Rig::new(ward::POLICY);
    for device in TAGGINGS {
        for family in FAMILIES {
            let (link, own) = (ward::inward(device), ward::device(family, device));
            let station = ward::station(family);
            for port in [80, 8000, 8005, 8010] {
                let outcome = rig.allowed(
                    Core,
                    &link.tcp((station, 40_000), (own, port), SYN),
                    Reason::Rule,
                );
                assert_eq!(outcome.rule.as_deref(), Some("poll"));
            }
            for port in [79, 81, 7999, 8011] {
                rig.denied(
                    Core,
                    &link.tcp((station, 40_000), (own, port), SYN),
                    Reason::NoRule,
                );
            }
            rig.denied(
                Core,
                &link.tcp((ward::engine(family), 40_000), (own, 80), SYN),
                Reason::NoRule,
            );
        }
    }
}

#[test]
fn icmp_types() {
    let mut rig = Rig::new(ward::POLICY);
    for device in TAGGINGS {
        for (family, request, other) in [(FAMILIES[0], 8, 13), (FAMILIES[1], 128, 139)] {
            let (link, own) = (ward::outward(device), ward::device(family, device));
            let engine = ward::engine(family);
            rig.allowed(Device, &link.icmp(own, engine, request, 7), Reason::Rule);
            rig.denied(Device, &link.icmp(own, engine, other, 9), Reason::NoRule);
            rig.denied(
                Device,
                &link.icmp(own, ward::dns(family), request, 7),
                Reason::NoRule,
            );
        }
    }
}

#[test]
fn protocols_by_number() {
    let mut rig = Rig::new(ward::POLICY);
    for device in TAGGINGS {
        for family in FAMILIES {
            let (link, own) = (ward::outward(device), ward::device(family, device));
            let packet = |number| link.ip(&Ip::new(own, ward::engine(family), number, &[0; 16]));
            rig.allowed(Device, &packet(50), Reason::Rule);
            rig.denied(Device, &packet(47), Reason::NoRule);
            // ICMP of the other family is a protocol like any other.
            let strange = if family == FAMILIES[0] {
                protocol::ICMPV6
            } else {
                protocol::ICMP
            };
            rig.denied(Device, &packet(strange), Reason::NoRule);
        }
    }
}

#[test]
fn profiles_as_peers_need_both_sides() {
    let mut rig = Rig::new(ward::POLICY);
    for family in FAMILIES {
        let mut link = ward::outward(ward::BOUND);
        link.destination = ward::mac(ward::GATEWAY);
        let (pump, gateway) = (
            ward::device(family, ward::BOUND),
            ward::device(family, ward::GATEWAY),
        );
        rig.allowed(
            Device,
            &link.tcp((pump, 40_000), (gateway, 8443), SYN),
            Reason::Rule,
        );
        // The gateway may go anywhere on 443, but nobody lets it in there.
        let outcome = rig.denied(
            Device,
            &link.back().tcp((gateway, 40_000), (pump, 443), SYN),
            Reason::NoRule,
        );
        assert_eq!(outcome.device.as_deref(), Some("bound"));
        rig.denied(
            Device,
            &link.back().tcp((gateway, 40_000), (pump, 8443), SYN),
            Reason::NoRule,
        );
    }
}

#[test]
fn any_peer() {
    let mut rig = Rig::new(ward::POLICY);
    for family in FAMILIES {
        let (link, own) = (
            ward::outward(ward::GATEWAY),
            ward::device(family, ward::GATEWAY),
        );
        for to in [ward::elsewhere(family), ward::engine(family)] {
            let outcome = rig.allowed(
                Device,
                &link.tcp((own, 40_000), (to, 443), SYN),
                Reason::Rule,
            );
            assert_eq!(outcome.rule.as_deref(), Some("outward"));
            rig.denied(
                Device,
                &link.tcp((own, 40_000), (to, 444), SYN),
                Reason::NoRule,
            );
        }
    }
}
