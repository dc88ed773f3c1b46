//! Who a frame belongs to, who judges it, and the addresses devices are bound to.

use enforcer_common::addr::Mac;
use enforcer_common::port::Side::{Core, Device};
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::Rig;
use enforcer_tests::program::frame::{Link, SYN};
use enforcer_tests::program::ward::{self, FAMILIES, Family};

#[test]
fn unknown_devices_are_denied_from_both_sides() {
    let mut rig = Rig::new(ward::POLICY);
    let (own, engine) = (ward::elsewhere(Family::V4), ward::engine(Family::V4));
    let out = Link::new(ward::STRANGER, ward::ROUTER);
    rig.denied(
        Device,
        &out.tcp((own, 1), (engine, 2575), SYN),
        Reason::UnknownDevice,
    );
    rig.denied(
        Core,
        &out.back().tcp((engine, 1), (own, 80), SYN),
        Reason::UnknownDestination,
    );
}

#[test]
fn a_device_is_known_by_its_vlan_too() {
    let mut rig = Rig::new(ward::POLICY);
    let (own, engine) = (
        ward::device(Family::V4, ward::TAGGED),
        ward::engine(Family::V4),
    );
    let link = Link::new(ward::mac(ward::TAGGED), ward::ROUTER);
    let wrong = [
        link.clone(),
        link.clone().vlan(11),
        link.clone().vlan(10).vlan(10),
        link.clone().vlan(0).vlan(10),
    ];
    for link in wrong {
        rig.denied(
            Device,
            &link.tcp((own, 1), (engine, 2575), SYN),
            Reason::UnknownDevice,
        );
    }
    // A priority tag is no tag.
    let priority = ward::outward(ward::BOUND).vlan(0);
    let own = ward::device(Family::V4, ward::BOUND);
    rig.allowed(
        Device,
        &priority.tcp((own, 1), (engine, 2575), SYN),
        Reason::Rule,
    );
}

#[test]
fn unknown_devices_may_have_a_profile() {
    let policy = "
version: 1
defaults: {unknown_devices: guest}
profiles:
  guest:
    mode: enforce
    allow: [{name: web, to: any, tcp: 443}, {name: in, from: 10.20.0.10, tcp: 22}]
";
    let mut rig = Rig::new(policy);
    let (own, engine) = (ward::elsewhere(Family::V4), ward::engine(Family::V4));
    let out = Link::new(ward::STRANGER, ward::ROUTER);
    let outcome = rig.allowed(Device, &out.tcp((own, 1), (engine, 443), SYN), Reason::Rule);
    assert_eq!(
        (outcome.rule.as_deref(), outcome.device),
        (Some("web"), None)
    );
    rig.denied(
        Device,
        &out.tcp((own, 1), (engine, 22), SYN),
        Reason::NoRule,
    );
    rig.allowed(
        Core,
        &out.back().tcp((engine, 1), (own, 22), SYN),
        Reason::Rule,
    );
}

#[test]
fn a_bound_device_uses_its_addresses_alone() {
    let mut rig = Rig::new(ward::POLICY);
    for family in FAMILIES {
        let engine = ward::engine(family);
        let other = ward::device(family, ward::FREE);
        for device in [ward::BOUND, ward::TAGGED, ward::DOUBLY] {
            let out = ward::outward(device);
            rig.denied(
                Device,
                &out.tcp((other, 1), (engine, 2575), SYN),
                Reason::SpoofedSource,
            );
            let into = out.back().tcp((ward::station(family), 1), (other, 80), SYN);
            rig.denied(Core, &into, Reason::WrongDestination);
        }
        // A device without addresses uses what it likes.
        let free = ward::outward(ward::FREE);
        rig.allowed(
            Device,
            &free.tcp((ward::elsewhere(family), 1), (engine, 2575), SYN),
            Reason::Rule,
        );
    }
}

#[test]
fn a_spoofed_source_cannot_ride_on_a_flow() {
    let mut rig = Rig::new(ward::POLICY);
    let (own, engine) = (
        ward::device(Family::V4, ward::BOUND),
        ward::engine(Family::V4),
    );
    rig.allowed(
        Device,
        &ward::outward(ward::BOUND).tcp((own, 1), (engine, 2575), SYN),
        Reason::Rule,
    );
    for thief in [ward::WATCHED, ward::GATEWAY] {
        let frame = ward::outward(thief).udp((own, 1), (engine, 2575));
        let outcome = rig.send(Device, &frame);
        assert_eq!(outcome.reason, Reason::SpoofedSource);
    }
    let stranger = Link::new(ward::STRANGER, ward::ROUTER);
    rig.denied(
        Device,
        &stranger.tcp((own, 1), (engine, 2575), 0x10),
        Reason::UnknownDevice,
    );
}

#[test]
fn the_bridge_itself_is_reached_from_the_core_alone() {
    let mut rig = Rig::new(ward::POLICY);
    let bridge = enforcer_tests::program::rig::BRIDGE;
    let (own, engine) = (
        ward::device(Family::V4, ward::BOUND),
        ward::engine(Family::V4),
    );
    let frame = Link::new(ward::ROUTER, bridge).tcp((engine, 1), (own, 22), SYN);
    rig.allowed(Core, &frame, Reason::ToEnforcer);
    let frame = Link::new(ward::mac(ward::BOUND), bridge).tcp((own, 1), (engine, 22), SYN);
    rig.denied(Device, &frame, Reason::NoRule);
}

/// A port that does not know its bridge has the zero address for it.
#[test]
fn nobody_is_reached_at_the_zero_address() {
    let mut rig = Rig::new(ward::POLICY);
    rig.bridge = Mac::ZERO;
    let (own, engine) = (
        ward::device(Family::V4, ward::BOUND),
        ward::engine(Family::V4),
    );
    let frame = Link::new(ward::ROUTER, Mac::ZERO).tcp((engine, 1), (own, 23), SYN);
    rig.denied(Core, &frame, Reason::UnknownDestination);
}

/// What broadcast may carry does not open the way to an undeclared device.
#[test]
fn broadcast_does_not_open_flows_for_unicast() {
    let policy = "
version: 1
defaults: {unknown_devices: guest, core_broadcast: announced}
profiles:
  guest: {mode: enforce}
  announced: {mode: enforce, allow: [{name: announce, from: any, udp: 5000}]}
";
    let mut rig = Rig::new(policy);
    let (own, engine) = (ward::elsewhere(Family::V4), ward::engine(Family::V4));
    let broadcast = Link::new(ward::ROUTER, Mac::BROADCAST).udp((engine, 1), (own, 5000));
    let unicast = Link::new(ward::ROUTER, ward::STRANGER).udp((engine, 1), (own, 5000));
    rig.denied(Core, &unicast, Reason::NoRule);
    rig.allowed(Core, &broadcast, Reason::Rule);
    rig.denied(Core, &unicast, Reason::NoRule);
    let reply = Link::new(ward::STRANGER, ward::ROUTER).udp((own, 5000), (engine, 1));
    rig.denied(Device, &reply, Reason::NoRule);
    assert_eq!(rig.send(Core, &broadcast).fate, Fate::Allow);
}
