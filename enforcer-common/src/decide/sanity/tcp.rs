//! Predicates of TCP: urgent data, options.

use super::super::Work;
use super::options::family;
use super::walk::{END, met};
use crate::packet::transport::flags;
use crate::sanity::Predicate;
use crate::tables::{Frame, Tables};

const HEADER: u32 = 20;
const URGENT_POINTER: u32 = 18;

/// Looks at the header of a segment; [`END`], or the predicate that is met.
#[inline(always)]
pub(super) fn check<F: Frame + ?Sized, T: Tables>(frame: &F, tables: &T, work: &mut Work) -> u32 {
    let packet = &work.packet;
    let start = u32::from(packet.transport);
    if packet.tcp_flags & flags::URG != 0 {
        let Some(pointer) = frame.read(start + URGENT_POINTER) else {
            return END;
        };
        let found = urgent(work, u16::from_be_bytes(pointer).into());
        if found != END {
            return found;
        }
    }
    let length = work.packet.next.wrapping_sub(start + HEADER);
    if length != 0 && tables.load_text(frame, work, start + HEADER, length) {
        return tables.walk_options(work, family::TCP);
    }
    END
}

/// The pointer leads to the last urgent byte or behind it (RFC 6093, 2).
#[inline(always)]
const fn urgent(work: &Work, pointer: u32) -> u32 {
    let packet = &work.packet;
    let payload = packet.end.saturating_sub(packet.next);
    if packet.tcp_flags & flags::SYN != 0 {
        met(Predicate::UrgentInSyn)
    } else if pointer == 0 {
        met(Predicate::UrgentPointerZero)
    } else if pointer > payload && !packet.is_fragment() {
        met(Predicate::UrgentPointerBeyond)
    } else {
        END
    }
}
