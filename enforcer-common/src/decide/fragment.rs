//! Fragment stage: a packet in parts passes in order, each part judged as the
//! first one was. Nothing is reassembled: a part that overlaps another, or comes
//! before its turn, closes the packet (RFC 5722; RFC 1858).

use super::identify::Party;
use super::{Policy, Work};
use crate::counter::seconds;
use crate::flow::protocol;
use crate::fragment::{COMPLETE, Fragment, FragmentKey, POISONED, TIMEOUT};
use crate::packet::transport::flags;
use crate::packet::{FRAGMENT_FIRST, FRAGMENT_MORE, ethertype};
use crate::table::PROFILE_TRACK_FRAGMENTS;
use crate::tables::Tables;
use crate::verdict::Reason;

/// The longest IP packet, in units of 8 bytes (RFC 791, 3.1).
const LONGEST: u32 = 65_535 / 8;

/// Whether a fragment is in its turn; a later one gets the ports of the first.
#[inline(always)]
pub(super) fn admit<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) -> Result<(), Reason> {
    if !tracks(policy, &work.parties[0]) || !tracks(policy, &work.parties[1]) {
        return Err(Reason::Fragment);
    }
    let packet = &work.packet;
    let more = packet.fragment & FRAGMENT_MORE != 0;
    let bytes = packet.end.wrapping_sub(u32::from(packet.fragment_start));
    // Every part but the last is a multiple of 8 bytes (RFC 791, 3.2).
    if bytes == 0 || more && bytes % 8 != 0 {
        return Err(Reason::FragmentTiny);
    }
    work.fragment_key = FragmentKey {
        source: packet.source,
        destination: packet.destination,
        vlan: packet.vlan,
        id: packet.fragment_id,
        protocol: if packet.ethertype == ethertype::IPV4 {
            u32::from(packet.protocol)
        } else {
            0
        },
        reserved: 0,
    };
    if packet.fragment & FRAGMENT_FIRST != 0 {
        begin(policy, work, bytes / 8)
    } else {
        follow(policy, work, bytes, more)
    }
}

#[inline(always)]
fn tracks<T: Tables>(policy: &Policy<'_, T>, party: &Party) -> bool {
    !party.judged
        || policy
            .profile(party.profile)
            .is_some_and(|line| line.flags & PROFILE_TRACK_FRAGMENTS != 0)
}

#[inline(always)]
fn begin<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, next: u32) -> Result<(), Reason> {
    let second = seconds(policy.now());
    if let Some(fragment) = policy.tables.fragment(&work.fragment_key)
        && second.wrapping_sub(fragment.begun()) < TIMEOUT
        && fragment.next() != COMPLETE
    {
        fragment.set_next(POISONED);
        return Err(Reason::FragmentOverlap);
    }
    let packet = &work.packet;
    work.fragment = Fragment {
        begun: second,
        next,
        source_port: packet.source_port,
        destination_port: packet.destination_port,
        protocol: packet.protocol,
        icmp_type: packet.icmp_type,
        reserved: [0; 2],
    };
    if policy
        .tables
        .remember_fragment(&work.fragment_key, &work.fragment)
    {
        Ok(())
    } else {
        Err(Reason::FragmentOrphan)
    }
}

#[inline(always)]
fn follow<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    bytes: u32,
    more: bool,
) -> Result<(), Reason> {
    let Some(fragment) = policy.tables.fragment(&work.fragment_key) else {
        return Err(Reason::FragmentOrphan);
    };
    if seconds(policy.now()).wrapping_sub(fragment.begun()) >= TIMEOUT {
        return Err(Reason::FragmentOrphan);
    }
    let offset = u32::from(work.packet.fragment_offset);
    let end = offset + bytes / 8;
    if fragment.next() != offset || end > LONGEST {
        fragment.set_next(POISONED);
        return Err(Reason::FragmentOverlap);
    }
    fragment.set_next(if more { end } else { COMPLETE });
    let packet = &mut work.packet;
    packet.source_port = fragment.source_port();
    packet.destination_port = fragment.destination_port();
    packet.icmp_type = fragment.icmp_type();
    packet.protocol = fragment.protocol();
    if packet.protocol == protocol::TCP {
        packet.tcp_flags = flags::ACK;
    }
    Ok(())
}
