//! Tells that a connection is encrypted, by what its client says first: so what signatures
//! cannot see is counted. It is looked through all the same: whoever only seems to encrypt
//! hides nothing.

use super::scratch::{Inspection, START};
use crate::decide::Work;
use crate::flow::protocol;
use crate::stream::Head;
use crate::verdict::Reason;

/// Bytes that tell.
const TELLING: u32 = 4;
/// A TLS record that holds a handshake, of whichever version 3 (RFC 8446, 5.1).
const TLS: u32 = 0x1603_0000;
const TLS_MASK: u32 = 0xffff_0000;
/// The beginning of SSH's first line (RFC 4253, 4.2).
const SSH: u32 = u32::from_be_bytes(*b"SSH-");

/// Whether the piece completes the bytes that tell of encryption.
#[inline(always)]
pub(super) fn begins(work: &Work) -> bool {
    let inspection = &work.inspection;
    let head = &inspection.head;
    let is_clients = inspection.sender == 0 && work.packet.protocol == protocol::TCP;
    let completes = head.length < TELLING && head.length + inspection.piece >= TELLING;
    if !is_clients || head.from_start == 0 || !completes {
        return false;
    }
    let first = first_bytes(inspection, (START as u32).wrapping_sub(head.length));
    first & TLS_MASK == TLS || first == SSH
}

/// Whether bytes that tell may be yet to come.
#[inline(always)]
pub(super) const fn may_begin(head: &Head) -> bool {
    head.from_start != 0 && head.length < TELLING
}

#[inline(always)]
fn first_bytes(inspection: &Inspection, index: u32) -> u32 {
    (inspection.word_at(index.into()) as u32).swap_bytes()
}

/// Says so in place of what allows the packet.
#[inline(always)]
pub(super) fn tell(work: &mut Work) {
    if work.findings[0].reason.allows() {
        work.findings[0].reason = Reason::Encrypted;
    }
    if work.findings[1].reason.allows() {
        work.findings[1].reason = Reason::Encrypted;
    }
}
