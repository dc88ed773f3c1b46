//! BACnet/IP: the service that a datagram asks for (ANSI/ASHRAE 135, annex J, and
//! clauses 6 and 20). Answers pass with what was asked.

use super::{HEARD_ASKS, HEARD_BROKEN, HEARD_PASSES};
use crate::decide::inspect::scratch::Inspection;

/// Type of the virtual link over IPv4, and its functions that carry a message.
const LINK: u8 = 0x81;
const FORWARDED: u8 = 0x04;
const DISTRIBUTE: u8 = 0x09;
const UNICAST: u8 = 0x0a;
const BROADCAST: u8 = 0x0b;
/// What answers to one.
const RESULT: u8 = 0x00;
const TABLE: u8 = 0x03;
const FOREIGN_TABLE: u8 = 0x07;
/// The address that a forwarded message came from.
const ORIGIN: u32 = 6;

const NETWORK_VERSION: u8 = 1;
/// In the control byte of the network layer.
const NETWORK_MESSAGE: u8 = 0x80;
const TO_NETWORK: u8 = 0x20;
const FROM_NETWORK: u8 = 0x08;
/// In the first byte of a confirmed request.
const SEGMENTED: u8 = 0x08;

/// Where the bits of each kind begin.
const UNCONFIRMED: u8 = 64;
const FUNCTIONS: u8 = 128;
const NETWORK: u8 = 192;

const ANSWER: u32 = 256;
const BROKEN: u32 = 257;

#[inline(always)]
pub(super) fn hear(inspection: &mut Inspection, index: u32, available: u32) -> u32 {
    match asked(inspection, index, available) {
        ANSWER => HEARD_PASSES,
        BROKEN => HEARD_BROKEN,
        bit => {
            inspection.saying.bit = bit;
            HEARD_ASKS
        }
    }
}

/// The bit of what a datagram asks for.
#[inline(always)]
fn asked(inspection: &Inspection, index: u32, available: u32) -> u32 {
    let byte = |place: u32| inspection.byte(index.wrapping_add(place));
    // What comes behind the length is nobody's, and does not change what is asked for.
    let length = u32::from(byte(2)) << 8 | u32::from(byte(3));
    if available < 4 || byte(0) != LINK || length > inspection.left {
        return BROKEN;
    }
    let mut at = match byte(1) {
        FORWARDED => 4 + ORIGIN,
        DISTRIBUTE | UNICAST | BROADCAST => 4,
        RESULT | TABLE | FOREIGN_TABLE => return ANSWER,
        function => return bit(FUNCTIONS, function),
    };
    let control = byte(at + 1);
    if byte(at) != NETWORK_VERSION {
        return BROKEN;
    }
    at += 2;
    if control & TO_NETWORK != 0 {
        at += 3 + u32::from(byte(at + 2));
    }
    if control & FROM_NETWORK != 0 {
        at += 3 + u32::from(byte(at + 2));
    }
    if control & TO_NETWORK != 0 {
        at += 1;
    }
    if at >= available {
        return BROKEN;
    }
    if control & NETWORK_MESSAGE != 0 {
        return NETWORK.into();
    }
    let first = byte(at);
    let (service, kind) = match first >> 4 {
        0 if first & SEGMENTED != 0 => (at + 5, 0),
        0 => (at + 3, 0),
        1 => (at + 1, UNCONFIRMED),
        2..=7 => return ANSWER,
        _ => return BROKEN,
    };
    if service >= available {
        return BROKEN;
    }
    bit(kind, byte(service))
}

/// What has no bit has one that no rule sets.
#[inline(always)]
const fn bit(kind: u8, number: u8) -> u32 {
    if number < 64 {
        (kind | number) as u32
    } else {
        u8::MAX as u32
    }
}
