//! Admit stage: what is decided by where a frame came in and by whom it concerns,
//! before its contents are looked at: the port's tags, quarantine, the port that a
//! device is bound to or held by.

use super::{Finding, Policy, Work};
use crate::counter::seconds;
use crate::packet::{PRIORITY_TAG, Packet};
use crate::port::Port;
use crate::table::{PORT_DOUBLE_TAGS, PORT_PRIORITY_TAGS, PORT_VLANS};
use crate::tables::Tables;
use crate::verdict::Reason;

/// Whether the port may carry the frame's tags. A policy that says nothing of the
/// port lets it carry any.
#[inline(always)]
pub(super) fn check_tags<T: Tables>(
    policy: &Policy<'_, T>,
    port: &Port,
    packet: &Packet,
) -> Result<(), Reason> {
    if policy.layout.ports == 0 {
        return Ok(());
    }
    let number = policy.port_number(port.index);
    let flags = match policy.port(number) {
        Some(line) if number != 0 => line.flags,
        _ => return Ok(()),
    };
    if flags & PORT_VLANS == 0 {
        return Ok(());
    }
    if !policy.port_carries(number, packet.vlan.outer) {
        return Err(Reason::VlanNotCarried);
    }
    let double = packet.tags & !PRIORITY_TAG > 1 && flags & PORT_DOUBLE_TAGS == 0;
    let priority = packet.tags & PRIORITY_TAG != 0 && flags & PORT_PRIORITY_TAGS == 0;
    if double || priority {
        return Err(Reason::TagNotCarried);
    }
    Ok(())
}

/// Judges the ends as such; true when nothing is left to ask.
#[inline(always)]
pub(super) fn settles<T: Tables>(policy: &Policy<'_, T>, port: &Port, work: &mut Work) -> bool {
    let [source, destination] = work.parties;
    if source.quarantined || destination.quarantined {
        // The healthy end is not to blame, but its peer is out of reach.
        work.findings = [Finding::of(Reason::Quarantined); 2];
        return true;
    }
    // Both ends: that the source is only audited must not open the other one, which
    // is asked nothing more.
    if source.port != 0 && source.port != policy.port_number(port.index) {
        work.findings = [Finding::of(Reason::WrongPort); 2];
        return true;
    }
    if source.is_held() && is_held_elsewhere(policy, port, source.number, source.profile) {
        work.findings = [Finding::of(Reason::HeldElsewhere); 2];
        return true;
    }
    false
}

/// Whether another port has shown the device within the time that it is held;
/// else notes that this one has.
#[inline(always)]
fn is_held_elsewhere<T: Tables>(
    policy: &Policy<'_, T>,
    port: &Port,
    device: u32,
    profile: u32,
) -> bool {
    let (Some(seen), Some(profile)) = (policy.tables.seen(device), policy.profile(profile)) else {
        return false;
    };
    let here = u64::from(port.index) + 1;
    let second = seconds(policy.now());
    let last = seen.load();
    let age = second.wrapping_sub(last as u32) as i32;
    if last != 0 && last >> 32 != here && age < profile.hold_port as i32 {
        return true;
    }
    let now = here << 32 | u64::from(second);
    if last != now {
        seen.store(now);
    }
    false
}
