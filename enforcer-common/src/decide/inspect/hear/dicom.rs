//! DICOM: the titles by which an association is asked for (PS3.8, 9.3.2). It comes first
//! in a connection; what follows is not looked at.

use super::{BEGUN, HEARD_ASKS, HEARD_BROKEN, HEARD_PART};
use crate::application::{HASH, hash_on, some};
use crate::decide::{Policy, Work};
use crate::tables::Tables;

/// Type of the request for an association.
const ASSOCIATE: u8 = 1;
const CALLED: u32 = 10;
const CALLING: u32 = 26;
const TITLE: u32 = 16;

#[inline(always)]
pub(super) fn hear<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    index: u32,
    available: u32,
) -> u32 {
    let inspection = &mut work.inspection;
    if inspection.head.spoken & BEGUN == 0 {
        if inspection.byte(index) != ASSOCIATE {
            return HEARD_BROKEN;
        }
        if available < CALLING + TITLE {
            return HEARD_PART;
        }
        let (called, calling) = (index.wrapping_add(CALLED), index.wrapping_add(CALLING));
        policy.tables.hear_title(policy, work, called);
        work.inspection.head.said[0] = work.inspection.name;
        policy.tables.hear_title(policy, work, calling);
        work.inspection.head.said[1] = work.inspection.name;
    }
    let inspection = &mut work.inspection;
    // What was said stands, also when it is another policy that asks.
    inspection.head.message = inspection.head.next.wrapping_add(inspection.piece);
    let [called, calling] = inspection.head.said;
    inspection.saying.names = [called, calling, 0, 0];
    HEARD_ASKS
}

/// Hashes a title without the blanks around it, which do not count (PS3.5, 6.2). Some
/// fill with zeros.
#[inline(always)]
pub(in crate::decide) fn hear_title<T: Tables>(
    _policy: &Policy<'_, T>,
    work: &mut Work,
    index: u32,
) {
    let inspection = &mut work.inspection;
    let (mut hash, mut kept) = (HASH, HASH);
    for step in 0..TITLE {
        let byte = inspection.byte(index.wrapping_add(step));
        let fills = byte == b' ' || byte == 0;
        if fills && hash == HASH {
            continue;
        }
        hash = hash_on(hash, if byte == 0 { b' ' } else { byte });
        if !fills {
            kept = hash;
        }
    }
    inspection.name = some(kept);
}
