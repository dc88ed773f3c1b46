//! Predicates of IPv4 and of what stands beside TCP and UDP: options, tunnels, ICMP, IGMP.

use super::super::Work;
use super::options::family;
use super::walk::{END, met};
use crate::sanity::Predicate;
use crate::tables::{Frame, Tables};

const HEADER: u32 = 20;
/// ICMP: a mask is asked for, or given (RFC 950; deprecated by RFC 6918).
const MASK_REQUEST: u8 = 17;
const MASK_REPLY: u8 = 18;
/// IGMP (RFC 9776): a query, of version 3 if longer than eight bytes.
const QUERY: u8 = 0x11;
const QUERY_HEADER: u32 = 12;

/// Looks at the options of a header; [`END`], or the predicate that is met.
#[inline(always)]
pub(super) fn check_options<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    work: &mut Work,
) -> u32 {
    let start = work.packet.network() + HEADER;
    let length = u32::from(work.packet.transport).wrapping_sub(start);
    if tables.load_text(frame, work, start, length) {
        tables.walk_options(work, family::IPV4)
    } else {
        END
    }
}

/// Looks at an ICMP message.
#[inline(always)]
pub(super) const fn check_icmp(work: &Work) -> u32 {
    let packet = &work.packet;
    let least = match packet.icmp_type {
        // Errors, with a header of IP and eight bytes behind it (RFC 792).
        3 | 4 | 5 | 11 | 12 => 36,
        // Timestamps.
        13 | 14 => 20,
        MASK_REQUEST | MASK_REPLY => return met(Predicate::AddressMask),
        _ => 8,
    };
    if super::length(packet) < least && !packet.is_fragment() {
        met(Predicate::IcmpLength)
    } else {
        END
    }
}

/// Looks at an IGMP message.
#[inline(always)]
pub(super) fn check_igmp<F: Frame + ?Sized>(frame: &F, work: &Work) -> u32 {
    let packet = &work.packet;
    let length = super::length(packet);
    let start = u32::from(packet.transport);
    if packet.is_fragment() || length < 8 {
        return met(Predicate::IgmpLength);
    }
    let Some([kind, _]) = frame.read(start) else {
        return END;
    };
    if kind != QUERY || length == 8 {
        return END;
    }
    match frame.read(start + QUERY_HEADER - 2) {
        Some(sources) if length >= QUERY_HEADER => {
            let sources = u32::from(u16::from_be_bytes(sources));
            if QUERY_HEADER + 4 * sources > length {
                met(Predicate::IgmpLength)
            } else {
                END
            }
        }
        _ => met(Predicate::IgmpLength),
    }
}
