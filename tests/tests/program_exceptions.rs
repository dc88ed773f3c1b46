//! What changes without a new policy: quarantine, break-glass, adoption, a trial
//! that ends, flows that drain. All of it by the clock, with no daemon at hand.

use enforcer::datapath::marks;
use enforcer_common::port::Side::{Core, Device};
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::Rig;
use enforcer_tests::program::conditions::installed;
use enforcer_tests::program::frame::{ACK, SYN};
use enforcer_tests::program::ward::{self, Family};

const TIME: u32 = 1_796_126_400;

fn rig() -> Rig {
    let mut rig = Rig::without_policy(true);
    rig.set_time(1_000, TIME);
    rig.apply(ward::POLICY);
    rig
}

fn hl7(device: u8, flags: u8) -> Vec<u8> {
    ward::outward(device).tcp(
        (ward::device(Family::V4, device), 5000),
        (ward::engine(Family::V4), 2575),
        flags,
    )
}

fn quarantine(rig: &mut Rig, device: u8, until: u32) {
    rig.mark(|memory, model| {
        let declared = &model.devices[usize::from(device) - 1];
        marks::quarantine(&mut installed(memory), declared, device.into(), until);
    });
}

#[test]
fn nothing_passes_to_or_from_a_quarantined_device() {
    let mut rig = rig();
    rig.allowed(Device, &hl7(ward::BOUND, SYN), Reason::Rule);
    quarantine(&mut rig, ward::BOUND, TIME + 60);
    rig.denied(Device, &hl7(ward::BOUND, ACK), Reason::Quarantined);
    let arp = ward::outward(ward::BOUND).arp(1, [10, 10, 0, 1].into(), [10, 10, 0, 9].into());
    rig.denied(Device, &arp, Reason::Quarantined);
    rig.denied(
        Core,
        &ward::inward(ward::BOUND).carry(0x0806, &[0; 28]),
        Reason::Quarantined,
    );
    // Others are not concerned, but cannot reach it.
    rig.allowed(Device, &hl7(ward::FREE, SYN), Reason::Rule);
    let between =
        enforcer_tests::program::Link::new(ward::mac(ward::GATEWAY), ward::mac(ward::BOUND));
    rig.denied(
        Device,
        &between.carry(0x0806, &[0; 28]),
        Reason::Quarantined,
    );
    // Neither can another that is quarantined.
    quarantine(&mut rig, ward::GATEWAY, u32::MAX);
    rig.denied(
        Device,
        &between.carry(0x0806, &[0; 28]),
        Reason::Quarantined,
    );
    // It ends by itself; the other one's does not.
    rig.set_time(1_060, TIME + 60);
    rig.allowed(Device, &hl7(ward::BOUND, ACK), Reason::Established);
    rig.denied(
        Device,
        &between.carry(0x0806, &[0; 28]),
        Reason::Quarantined,
    );
    quarantine(&mut rig, ward::GATEWAY, 0);
    rig.denied(Device, &between.carry(0x0806, &[0; 28]), Reason::ArpDenied);
}

#[test]
fn audit_does_not_soften_quarantine() {
    let mut rig = rig();
    let frame = hl7(ward::WATCHED, SYN | ACK);
    rig.check(Device, &frame, Fate::Audit, Reason::NoFlow);
    quarantine(&mut rig, ward::WATCHED, TIME + 60);
    rig.denied(Device, &frame, Reason::Quarantined);
}

#[test]
fn break_glass_lets_pass_and_closes_by_itself() {
    let mut rig = rig();
    let other = ward::outward(ward::BOUND).tcp(
        (ward::device(Family::V4, ward::BOUND), 5000),
        (ward::elsewhere(Family::V4), 9999),
        SYN,
    );
    rig.denied(Device, &other, Reason::NoRule);
    rig.mark(|memory, _| marks::open(&mut installed(memory), 1, TIME + 30));
    rig.check(Device, &other, Fate::Audit, Reason::NoRule);
    // Another profile stays closed.
    let gateway = ward::outward(ward::GATEWAY).tcp(
        (ward::device(Family::V4, ward::GATEWAY), 5000),
        (ward::elsewhere(Family::V4), 9999),
        SYN,
    );
    rig.denied(Device, &gateway, Reason::NoRule);
    // And so does a device that is quarantined.
    quarantine(&mut rig, ward::FREE, TIME + 60);
    rig.denied(Device, &hl7(ward::FREE, SYN), Reason::Quarantined);
    rig.set_time(1_030, TIME + 30);
    let mut follows = other.clone();
    follows[47] = ACK;
    rig.denied(Device, &follows, Reason::NoRule);
    rig.denied(Device, &other, Reason::NoRule);
}

#[test]
fn adoption_is_each_devices_own() {
    let mut rig = rig();
    rig.denied(Device, &hl7(ward::BOUND, ACK), Reason::NoFlow);
    rig.mark(|memory, model| {
        marks::adopt(&mut installed(memory), &model.devices[0], 1, TIME + 60);
    });
    rig.allowed(Device, &hl7(ward::BOUND, ACK), Reason::Adopted);
    rig.denied(Device, &hl7(ward::FREE, ACK), Reason::NoFlow);
    // A rule is needed all the same.
    let other = ward::outward(ward::BOUND).tcp(
        (ward::device(Family::V4, ward::BOUND), 5000),
        (ward::elsewhere(Family::V4), 9999),
        ACK,
    );
    rig.denied(Device, &other, Reason::NoRule);
    rig.set_time(1_060, TIME + 60);
    let later = ward::outward(ward::BOUND).tcp(
        (ward::device(Family::V4, ward::BOUND), 5001),
        (ward::engine(Family::V4), 2575),
        ACK,
    );
    rig.denied(Device, &later, Reason::NoFlow);
}

/// `ward::POLICY` without HL7.
fn stricter() -> String {
    let rule = "      - {name: hl7, to: engine, tcp: 2575}\n";
    assert!(ward::POLICY.contains(rule));
    ward::POLICY.replace(rule, "")
}

#[test]
fn a_trial_ends_at_its_deadline() {
    let mut rig = rig();
    rig.allowed(Device, &hl7(ward::BOUND, SYN), Reason::Rule);
    rig.try_out(&stricter(), 1_060_000_000_000);
    rig.denied(Device, &hl7(ward::BOUND, ACK), Reason::NoRule);
    rig.set_time(1_059, TIME + 59);
    rig.denied(Device, &hl7(ward::FREE, SYN), Reason::NoRule);
    // The policy before judges again, and so does what it had allowed.
    rig.set_time(1_060, TIME + 60);
    assert_eq!(rig.send(Device, &hl7(ward::BOUND, ACK)).fate, Fate::Allow);
    assert_eq!(rig.send(Device, &hl7(ward::FREE, SYN)).fate, Fate::Allow);
}

/// In the kernel's memory: what is on trial, what came before, and epochs that are
/// never used twice.
#[test]
fn a_trial_is_confirmed_or_withdrawn() {
    let rig = rig();
    let memory = &rig.datapath.memory;
    let (_, compiled) = enforcer_tests::program::rig::compiled(&stricter());
    let first = memory.epoch();
    assert!(memory.confirm().is_err(), "nothing to confirm");
    assert_eq!(memory.withdraw(), None);
    let far = u64::MAX;
    let second = memory.install_on_trial(&compiled, far).unwrap();
    assert_eq!(memory.epoch(), second);
    let trial = memory.trial().unwrap();
    assert_eq!(trial.before.unwrap().epoch, first);
    assert_eq!(trial.on_trial.unwrap().epoch, second);
    assert!(memory.install(&compiled).is_err(), "one at a time");
    assert!(memory.install_on_trial(&compiled, far).is_err());
    assert_eq!(memory.withdraw(), Some(first));
    assert_eq!((memory.epoch(), memory.trial()), (first, None));
    // The half and the epoch of what was withdrawn are not taken for it again.
    let third = memory.install_on_trial(&compiled, far).unwrap();
    assert!(
        third > second && third & 1 == second & 1,
        "{first} {second} {third}"
    );
    memory.confirm().unwrap();
    assert_eq!((memory.epoch(), memory.trial()), (third, None));
    let fourth = memory.install(&rig.compiled).unwrap();
    assert!(fourth > third && fourth & 1 != third & 1);
    // A deadline that has passed is as good as a withdrawal.
    memory.install_on_trial(&compiled, 1).unwrap();
    assert_eq!(memory.epoch(), fourth);
    assert!(memory.trial().unwrap().fell_back);
    assert!(memory.confirm().is_err());
    assert_eq!(memory.withdraw(), Some(fourth));
}

#[test]
fn a_change_may_drain() {
    let mut rig = rig();
    rig.allowed(Device, &hl7(ward::BOUND, SYN), Reason::Rule);
    let epoch = rig.datapath.memory.epoch();
    // Another device first: numbers move.
    let moved = stricter().replace(
        "devices:\n",
        "devices:\n  - {name: new, mac: \"02:00:00:00:00:99\", profile: pump}\n",
    );
    rig.drain(epoch, 1_060_000_000_000);
    rig.apply(&moved);
    let outcome = rig.allowed(Device, &hl7(ward::BOUND, ACK), Reason::Established);
    assert_eq!(
        outcome.rule, None,
        "rules of the old policy have no name in the new one"
    );
    rig.denied(Device, &hl7(ward::FREE, SYN), Reason::NoRule);
    rig.set_time(1_060, TIME + 60);
    rig.denied(Device, &hl7(ward::BOUND, ACK), Reason::NoRule);
    // Flows of a policy before the one that drains do not.
    let mut rig = self::rig();
    rig.allowed(Device, &hl7(ward::BOUND, SYN), Reason::Rule);
    rig.drain(rig.datapath.memory.epoch() + 1, 1_060_000_000_000);
    rig.apply(&stricter());
    rig.denied(Device, &hl7(ward::BOUND, ACK), Reason::NoRule);
}
