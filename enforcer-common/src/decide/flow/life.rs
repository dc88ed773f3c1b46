//! A flow's life, packet by packet: TCP's states, the time last seen, the counts.

use crate::flow::{FLAG_FIN_INITIATOR, FLAG_FIN_RESPONDER, LiveFlow, protocol, state};
use crate::packet::Packet;
use crate::packet::transport::flags;

/// Moves the flow on by one packet. True where it now stands otherwise, or is seen in
/// another second.
#[inline(always)]
pub(super) fn advance(flow: &LiveFlow, packet: &Packet, from_initiator: bool, second: u32) -> bool {
    let mut differs = !from_initiator && !flow.is_answered();
    if packet.protocol == protocol::TCP {
        let (before, marks) = (flow.state(), flow.flags());
        let (after, new_marks) = next_state(before, marks, packet.tcp_flags, from_initiator);
        if after != before {
            flow.set_state(after);
            differs = true;
        }
        if new_marks != marks {
            flow.set_flags(new_marks);
        }
    }
    if flow.last_seen() != second {
        flow.set_last_seen(second);
        differs = true;
    }
    flow.count(usize::from(!from_initiator), 1, packet.length.into());
    differs
}

/// TCP's life (RFC 9293, 3.3.2) as far as a middle box can see it.
#[inline(always)]
const fn next_state(before: u8, marks: u8, bits: u8, from_initiator: bool) -> (u8, u8) {
    const BOTH: u8 = FLAG_FIN_INITIATOR | FLAG_FIN_RESPONDER;
    if bits & flags::RST != 0 {
        return (state::CLOSED, marks);
    }
    if bits & flags::FIN != 0 {
        let marks = marks
            | if from_initiator {
                FLAG_FIN_INITIATOR
            } else {
                FLAG_FIN_RESPONDER
            };
        return (
            if marks & BOTH == BOTH {
                state::CLOSED
            } else {
                state::CLOSING
            },
            marks,
        );
    }
    let after = match (before, from_initiator) {
        (state::OPENING, false) if bits & flags::SYN != 0 => state::ANSWERED,
        (state::ANSWERED, true) if bits & flags::SYN == 0 => state::ESTABLISHED,
        _ => before,
    };
    (after, marks)
}
