//! Signatures that act only when they are hit often: counts a hit, once a packet, and says
//! whether that is often enough.

use super::scratch::COUNTED;
use crate::decide::{Policy, Work};
use crate::signature::{THRESHOLD_DESTINATION, THRESHOLD_EVERY};
use crate::tables::Tables;
use crate::threshold::HitsKey;

/// What of a threshold is a number of seconds.
const SECONDS: u32 = 0x000f_ffff;

/// Counts a hit of a signature that has a threshold; whether it acts.
#[inline(always)]
pub(in crate::decide) fn count_hit<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    number: u32,
) -> bool {
    let Some(signature) = policy.signature(number) else {
        return false;
    };
    let inspection = &mut work.inspection;
    let count = inspection.counted_hits as usize;
    for place in 0..COUNTED {
        if place < count && inspection.counted[place] == number {
            return false;
        }
    }
    if count >= COUNTED {
        inspection.lost = 1;
        return false;
    }
    inspection.counted[count & (COUNTED - 1)] = number;
    inspection.counted_hits += 1;
    let address = if signature.threshold & THRESHOLD_DESTINATION != 0 {
        work.packet.destination
    } else {
        work.packet.source
    };
    work.inspection.hits_key = HitsKey {
        address,
        vlan: work.packet.vlan,
        signature: signature.id,
    };
    // A table that takes no entry counts no hit before this one.
    let Some(hits) = policy.tables.hits(&work.inspection.hits_key) else {
        return signature.hits <= 1;
    };
    let now = (policy.now() / 1_000_000) as u32;
    let lasts = (signature.threshold & SECONDS) * 1_000;
    let total = hits.count(policy.tables.cpu(), now, lasts);
    if signature.threshold & THRESHOLD_EVERY != 0 {
        return total.is_multiple_of(signature.hits);
    }
    total >= signature.hits
}
