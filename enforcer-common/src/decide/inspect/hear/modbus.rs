//! Modbus over TCP: the function of each request (Modbus Messaging on TCP/IP
//! Implementation Guide V1.0b, 3.1.3).

use super::{HEARD_ASKS, HEARD_BROKEN, HEARD_PART, move_on};
use crate::decide::inspect::scratch::Inspection;

/// The header up to its length, the unit and the function.
const HEADER: u32 = 8;
/// What the length counts from.
const COUNTED: u32 = 6;
/// A unit and a function at least; 253 bytes and a unit at most.
const SHORTEST: u32 = 2;
const LONGEST: u32 = 254;

#[inline(always)]
pub(super) fn hear(inspection: &mut Inspection, index: u32, available: u32) -> u32 {
    if available < HEADER {
        return HEARD_PART;
    }
    let word = inspection.word_at(index.into());
    let length = (u32::from((word >> 32) as u16)).swap_bytes() >> 16;
    let function = (word >> 56) as u8;
    if (word >> 16) as u16 != 0 || !(SHORTEST..=LONGEST).contains(&length) {
        return HEARD_BROKEN;
    }
    move_on(inspection, COUNTED + length);
    inspection.saying.bit = function.into();
    HEARD_ASKS
}
