//! Audit and enforce, frames before any policy, events with their budget, and
//! counters that add up.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use aya::maps::RingBuf;
use enforcer_common::event::Event;
use enforcer_common::port::Side::{Core, Device};
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::Rig;
use enforcer_tests::program::frame::{Link, SYN};
use enforcer_tests::program::random::{self, Random};
use enforcer_tests::program::ward::{self, Family};

fn telnet(device: u8) -> Vec<u8> {
    let own = ward::device(Family::V4, device);
    ward::outward(device).tcp((own, 40_000), (ward::engine(Family::V4), 23), SYN)
}

fn stranger() -> Vec<u8> {
    let own = ward::elsewhere(Family::V4);
    Link::new(ward::STRANGER, ward::ROUTER).udp((own, 1), (ward::dns(Family::V4), 53))
}

#[test]
fn a_devices_own_mode_wins() {
    let mut rig = Rig::new(ward::POLICY);
    rig.denied(Device, &telnet(ward::BOUND), Reason::NoRule);
    let outcome = rig.check(Device, &telnet(ward::WATCHED), Fate::Audit, Reason::NoRule);
    assert_eq!(outcome.device.as_deref(), Some("watched"));
    // What follows is told as the same denial, not as established.
    rig.check(Device, &telnet(ward::WATCHED), Fate::Audit, Reason::NoRule);
}

#[test]
fn modes_of_profile_and_policy() {
    let policy = r#"
version: 1
defaults: {mode: audit}
profiles:
  pump: {mode: enforce}
  printer: {}
devices:
  - {name: pump, mac: "02:00:00:00:00:01", profile: pump}
  - {name: printer, mac: "02:00:00:00:00:02", profile: printer}
"#;
    let mut rig = Rig::new(policy);
    rig.denied(Device, &telnet(1), Reason::NoRule);
    let printer = Link::new(ward::mac(2), ward::ROUTER);
    let own = ward::device(Family::V4, 2);
    let frame = printer.tcp((own, 1), (ward::engine(Family::V4), 23), SYN);
    rig.check(Device, &frame, Fate::Audit, Reason::NoRule);
    rig.check(Device, &stranger(), Fate::Audit, Reason::UnknownDevice);
    // Between both, the one that enforces decides.
    let between = Link::new(ward::mac(2), ward::mac(1));
    let frame = between.tcp((own, 1), (ward::device(Family::V4, 1), 23), SYN);
    let outcome = rig.denied(Device, &frame, Reason::NoRule);
    assert_eq!(outcome.device.as_deref(), Some("pump"));
}

#[test]
fn without_a_policy_the_port_decides() {
    let mut rig = Rig::without_policy(true);
    rig.check(Device, &stranger(), Fate::Audit, Reason::NoPolicy);
    rig.check(Core, &[0; 60], Fate::Audit, Reason::NoPolicy);
    let mut rig = Rig::without_policy(false);
    rig.denied(Device, &stranger(), Reason::NoPolicy);
    rig.denied(Core, &[0; 60], Reason::NoPolicy);
}

#[test]
fn an_event_tells_what_was_denied() {
    let mut rig = Rig::new(ward::POLICY);
    let mut events = events(&mut rig);
    let frame = telnet(ward::TAGGED);
    rig.denied(Device, &frame, Reason::NoRule);
    let event = next(&mut events).expect("an event");
    assert!(next(&mut events).is_none());
    let expected = Event {
        time: event.time,
        source: ward::device(Family::V4, ward::TAGGED).into(),
        destination: ward::engine(Family::V4).into(),
        epoch: 1,
        device: ward::TAGGED.into(),
        length: frame.len() as u32,
        port: 0,
        vlan: enforcer_common::addr::Vlan::single(10),
        source_port: 40_000,
        destination_port: 23,
        ethertype: 0x0800,
        rule: 0,
        source_mac: ward::mac(ward::TAGGED),
        destination_mac: ward::ROUTER,
        protocol: 6,
        reason: Reason::NoRule as u8,
        fate: Fate::Deny as u8,
        icmp_type: 0,
        signature: 0,
        shown: 0,
    };
    assert_eq!(event, expected);
    // What is allowed is no event.
    let own = ward::device(Family::V4, ward::BOUND);
    let engine = (ward::engine(Family::V4), 2575);
    let frame = ward::outward(ward::BOUND).tcp((own, 40_000), engine, SYN);
    rig.allowed(Device, &frame, Reason::Rule);
    assert!(next(&mut events).is_none());
}

#[test]
fn every_denial_is_sent_suppressed_or_lost() {
    let mut rig =
        Rig::new(&ward::POLICY.replace("  new_flows", "  events_per_second: 1000000\n  new_flows"));
    // More events than the ring buffer holds, then a budget that suppresses.
    for _ in 0..15_000 {
        rig.send(Device, &telnet(ward::BOUND));
    }
    let full = rig.datapath.statistics().expect("statistics");
    assert!(
        full.events_lost > 0 && full.events_suppressed == 0,
        "{full:?}"
    );
    assert_eq!(full.events_sent + full.events_lost, 15_000);
    let mut events = events(&mut rig);
    let mut received = 0;
    while next(&mut events).is_some() {
        received += 1;
    }
    assert_eq!(received, full.events_sent);
    rig.apply(ward::POLICY);
    for _ in 0..1_000 {
        rig.send(Device, &telnet(ward::BOUND));
    }
    let after = rig.datapath.statistics().expect("statistics");
    assert!(after.events_suppressed > 0, "{after:?}");
    assert_eq!(
        after.events_sent + after.events_lost + after.events_suppressed,
        16_000
    );
}

#[test]
fn counters_add_up() {
    let mut rig = Rig::new(ward::POLICY);
    let mut random = Random(7);
    let mut expected: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for _ in 0..5_000 {
        let (side, frame) = random::frame(&mut random);
        let outcome = rig.send(side, &frame);
        let total = expected
            .entry((side as u32, outcome.fate, outcome.reason))
            .or_default();
        total.0 += 1;
        total.1 += frame.len() as u64;
    }
    let counted = rig
        .datapath
        .verdicts(2)
        .expect("counters")
        .into_iter()
        .map(|count| {
            let traffic = count.traffic;
            (
                (count.port, count.fate, count.reason),
                (traffic.packets, traffic.bytes),
            )
        });
    assert_eq!(counted.collect::<BTreeMap<_, _>>(), expected);
}

#[test]
fn rules_are_counted_by_epoch() {
    let mut rig = Rig::new(ward::POLICY);
    let own = ward::device(Family::V4, ward::BOUND);
    let frame = ward::outward(ward::BOUND).udp((own, 1), (ward::dns(Family::V4), 53));
    for _ in 0..3 {
        rig.send(Device, &frame);
    }
    let hits = |rig: &Rig, epoch| {
        let hits = rig
            .datapath
            .rule_hits(epoch, rig.compiled.rules.len())
            .expect("counters");
        hits.iter()
            .map(|traffic| traffic.packets)
            .collect::<Vec<_>>()
    };
    assert_eq!(hits(&rig, 1)[1], 3);
    assert_eq!(hits(&rig, 1).iter().sum::<u64>(), 3);
    rig.apply(ward::POLICY);
    rig.send(Device, &frame);
    assert_eq!((hits(&rig, 1)[1], hits(&rig, 2)[1]), (3, 1));
}

fn events(rig: &mut Rig) -> RingBuf<aya::maps::MapData> {
    rig.datapath.take_events().expect("the ring buffer")
}

fn next(events: &mut RingBuf<aya::maps::MapData>) -> Option<Event> {
    let item = events.next()?;
    assert_eq!(item.len(), size_of::<Event>());
    // SAFETY: the record is as long as an event, which is plain integers.
    Some(unsafe { item.as_ptr().cast::<Event>().read_unaligned() })
}
