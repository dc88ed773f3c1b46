//! Conditions of a rule besides peers and services: its calendar, and names that
//! the device must have been given the peer's address for. Each says until which
//! second of the monotonic clock it holds, 0 for not now, the highest for ever.

use super::{Policy, Work};
use crate::counter::seconds;
use crate::learned::LearnedKey;
use crate::table::{Names, RuleLine, Windows, device_key};
use crate::tables::Tables;

/// How long a rule that holds now will.
#[inline(always)]
pub(super) fn awake_until<T: Tables>(policy: &Policy<'_, T>, rule: &RuleLine) -> u32 {
    if rule.windows == 0 {
        return u32::MAX;
    }
    let Some(windows) = policy.line::<Windows>(rule.windows) else {
        return 0;
    };
    let now = policy.time();
    for [from, until] in &windows.0 {
        let (from, until) = (*from, *until);
        if from <= now && now < until {
            return if until == u32::MAX {
                u32::MAX
            } else {
                policy.monotonic(until)
            };
        }
    }
    0
}

/// How long the peer's address stands for one of the rule's names, to the device
/// at this end.
#[inline(always)]
pub(super) fn named_until<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    rule: &RuleLine,
    end: u8,
) -> u32 {
    let Some(names) = policy.line::<Names>(rule.names) else {
        return 0;
    };
    let (packet, key) = (&work.packet, &mut work.learned_key);
    let (mac, peer) = if end == 0 {
        (packet.source_mac, packet.destination)
    } else {
        (packet.destination_mac, packet.source)
    };
    *key = LearnedKey {
        address: peer,
        name: 0,
        device: device_key(mac, packet.vlan),
        inner_vlan: u32::from(packet.vlan.inner),
        reserved: 0,
    };
    for name in &names.0 {
        let name = *name;
        if name == 0 {
            break;
        }
        key.name = name;
        let until = policy.tables.learned(key);
        if until > seconds(policy.now()) {
            return until;
        }
    }
    0
}
