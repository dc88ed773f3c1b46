//! Sanity stage: conditions on the headers of a packet that passes so far, which no proper
//! sender meets and attacks on protocol stacks depend on. Each is told like a signature.
//! What a header must not be at all has been refused before, with a reason of its own.

mod dhcp;
pub(super) mod dns;
mod ip;
pub(super) mod ipv6;
pub(super) mod options;
mod tcp;
pub(super) mod walk;

pub use self::walk::{END, Walk};

use self::walk::{MET, met};
use super::trace::Step;
use super::{Finding, Policy, Work};
use crate::flow::protocol;
use crate::packet::{
    FRAGMENT_LATER, Packet, REMARK_EXTENSIONS, REMARK_OPTIONS, REMARK_OTHER, REMARK_TCP,
    REMARK_UDP, ethertype,
};
use crate::sanity::{FIRST_PREDICATE, LEVEL_DROP, Predicate, level_of};
use crate::tables::{Frame, Tables};
use crate::verdict::Reason;

/// Whether there may be something to look at: most packets have nothing.
#[inline(always)]
pub(super) const fn concerns(packet: &Packet) -> bool {
    packet.remarks != 0 || matches!(packet.ethertype, ethertype::ARP | ethertype::REVERSE_ARP)
}

/// Looks at the headers of a packet.
#[inline(always)]
pub(super) fn check<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) {
    let remarks = work.packet.remarks;
    let found = check_network(frame, policy, work, remarks);
    tell(policy, work, found);
    if work.packet.fragment & FRAGMENT_LATER == 0 {
        let found = check_transport(frame, policy, work, remarks);
        tell(policy, work, found);
    }
}

#[inline(always)]
fn check_network<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
    remarks: u8,
) -> u32 {
    match work.packet.ethertype {
        ethertype::IPV4 if remarks & REMARK_OPTIONS != 0 => {
            ip::check_options(frame, policy.tables, work)
        }
        ethertype::IPV6 if remarks & REMARK_EXTENSIONS != 0 => {
            ipv6::check_extensions(frame, policy.tables, work)
        }
        ethertype::REVERSE_ARP => met(Predicate::ReverseArp),
        ethertype::ARP if is_impossible(&work.packet) => met(Predicate::ImpossibleSender),
        _ => END,
    }
}

#[inline(always)]
fn check_transport<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
    remarks: u8,
) -> u32 {
    let tables = policy.tables;
    if remarks & REMARK_TCP != 0 {
        return tcp::check(frame, tables, work);
    }
    if remarks & REMARK_UDP != 0 {
        let (source, destination) = (work.packet.source_port, work.packet.destination_port);
        if is_dhcp(source) && is_dhcp(destination) {
            return dhcp::check(frame, tables, work);
        }
        if is_dns(source) || is_dns(destination) {
            return tables.check_dns(frame, work);
        }
        return END;
    }
    if remarks & REMARK_OTHER == 0 {
        return END;
    }
    match (work.packet.protocol, work.packet.ethertype) {
        (protocol::ICMP, ethertype::IPV4) => ip::check_icmp(work),
        (protocol::IGMP, ethertype::IPV4) => ip::check_igmp(frame, work),
        (protocol::ICMPV6, ethertype::IPV6) => ipv6::check_icmp(frame, tables, work),
        (protocol::IPV4 | protocol::IPV6, _) => met(Predicate::Tunnel),
        _ => END,
    }
}

/// An ARP sender that is a group or loopback; what cannot be read has no address here.
#[inline(always)]
const fn is_impossible(packet: &Packet) -> bool {
    packet.source.is_group() || packet.source.is_loopback()
}

/// DHCP and DHCPv6.
#[inline(always)]
const fn is_dhcp(port: u16) -> bool {
    matches!(port, 67 | 68 | 546 | 547)
}

/// DNS, multicast DNS (RFC 6762) and LLMNR (RFC 4795).
#[inline(always)]
const fn is_dns(port: u16) -> bool {
    matches!(port, 53 | 5353 | 5355)
}

/// Bytes from the transport header to the packet's end.
#[inline(always)]
const fn length(packet: &Packet) -> u32 {
    packet.end.wrapping_sub(packet.transport as u32)
}

#[inline(always)]
fn tell<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, found: u32) {
    if found >= MET {
        policy.tables.meet(policy, work, found - MET);
    }
}

/// A predicate is met: what the profile of each end says follows for it.
#[inline(always)]
pub(super) fn meet<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, code: u32) {
    let mut most = 0;
    for end in 0..2 {
        let party = work.party(end);
        let level = match policy.profile(party.profile) {
            Some(line) if party.judged => level_of(line.sanity, code),
            _ => 0,
        };
        if level > most {
            most = level;
        }
        // What is let through by audit alone keeps the reason that it had.
        if level >= LEVEL_DROP && work.finding(end).reason.allows() {
            work.find(end, Finding::of(Reason::Signature));
        }
    }
    if most == 0 {
        return;
    }
    let number = FIRST_PREDICATE + code;
    policy.tables.note(Step::Signature { number });
    if most > work.inspection.action {
        work.inspection.action = most;
        work.inspection.signature = number;
    }
}
