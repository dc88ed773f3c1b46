//! What a device needs to live on its network, apart from its rules: ARP, IPv6
//! neighbour discovery with MLD, DHCP as a client ([`super::dhcp`]). Without state.

use super::identify::Party;
use super::{Finding, Policy, Work, dhcp, guard};
use crate::addr::Ip;
use crate::flow::protocol;
use crate::packet::{Packet, arp, ethertype, icmp};
use crate::table::{PROFILE_ARP, PROFILE_NEIGHBOUR_DISCOVERY, PROFILE_ROUTERS, SERVICE_ROUTER};
use crate::tables::{Frame, Tables};
use crate::verdict::Reason;

/// ICMPv6 types (RFC 4861, RFC 2710, RFC 3810).
const MLD_QUERY: u8 = 130;
const MLD_REPORT: u8 = 131;
const MLD_DONE: u8 = 132;
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;
const MLD2_REPORT: u8 = 143;

/// Judges what the services know; true when that leaves nothing to ask the rules.
#[inline(always)]
pub(super) fn serve<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) -> bool {
    if work.packet.ethertype == ethertype::ARP {
        judge_arp(frame, policy, work);
        return true;
    }
    if is_neighbour(&work.packet) {
        judge_neighbour(frame, policy, work);
    } else {
        dhcp::judge(frame, policy, work);
    }
    settle(work)
}

/// Whether the services know anything of an IP packet.
#[inline(always)]
pub(super) const fn concern(packet: &Packet) -> bool {
    is_neighbour(packet) || dhcp::concerns(packet) && !packet.is_fragment()
}

/// An end that the services allow needs no rule; what is forged or malformed, no
/// rule may allow.
#[inline(always)]
fn settle(work: &mut Work) -> bool {
    let mut settled = true;
    for (party, finding) in work.parties.iter_mut().zip(&work.findings) {
        party.served = finding.reason.allows();
        settled &= party.served || !party.judged;
    }
    let [source, destination] = work.findings;
    settled
        || matches!(
            source.reason,
            Reason::SpoofedSource | Reason::Truncated | Reason::BadDhcp
        )
        || matches!(
            destination.reason,
            Reason::RogueDhcpServer | Reason::BadDhcp | Reason::RogueRouter
        )
        || (is_neighbour(&work.packet) && !is_well_formed(&work.packet))
}

#[inline(always)]
pub(super) fn has<T: Tables>(policy: &Policy<'_, T>, party: &Party, flag: u32) -> bool {
    policy
        .profile(party.profile)
        .is_some_and(|profile| profile.flags & flag != 0)
}

#[inline(always)]
fn judge_arp<F: Frame + ?Sized, T: Tables>(frame: &F, policy: &Policy<'_, T>, work: &mut Work) {
    let claimed = match arp::parse(frame, &mut work.packet) {
        Ok(claimed) => claimed,
        Err(reason) => {
            work.findings = [Finding::of(reason); 2];
            return;
        }
    };
    let [source, destination] = work.parties;
    let sender = work.packet.source;
    // A probe carries no sender address (RFC 5227, 2.1.1).
    let honest = !source.bound
        || sender.is_unspecified()
        || guard::owns(policy, &source, &work.packet, claimed, sender);
    // Clusters and redundant gateways in the core answer with a hardware address
    // that they do not send from; a device has no business to.
    let for_source = if !has(policy, &source, PROFILE_ARP) || claimed != work.packet.source_mac {
        Reason::ArpDenied
    } else if honest {
        Reason::Arp
    } else {
        Reason::SpoofedSource
    };
    let for_destination = if has(policy, &destination, PROFILE_ARP) {
        Reason::Arp
    } else {
        Reason::ArpDenied
    };
    work.findings = [Finding::of(for_source), Finding::of(for_destination)];
}

#[inline(always)]
pub(super) const fn is_neighbour(packet: &Packet) -> bool {
    packet.protocol == protocol::ICMPV6
        && packet.ethertype == ethertype::IPV6
        && matches!(icmp::kind_of(packet), icmp::Kind::Neighbour)
}

#[inline(always)]
fn judge_neighbour<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) {
    let [source, destination] = work.parties;
    let is_rogue = work.packet.icmp_type == ROUTER_ADVERTISEMENT
        && has(policy, &destination, PROFILE_ROUTERS)
        && !policy.tables.is_entitled(policy, work, SERVICE_ROUTER);
    let packet = &work.packet;
    let for_source = if has(policy, &source, PROFILE_NEIGHBOUR_DISCOVERY) {
        judge_neighbour_source(frame, policy, &source, packet)
    } else {
        Reason::NeighbourDiscoveryDenied
    };
    let served = has(policy, &destination, PROFILE_NEIGHBOUR_DISCOVERY);
    let for_destination = if !served || !is_well_formed(packet) || packet.icmp_type == REDIRECT {
        Reason::NeighbourDiscoveryDenied
    } else if is_rogue {
        Reason::RogueRouter
    } else {
        Reason::NeighbourDiscovery
    };
    work.findings = [Finding::of(for_source), Finding::of(for_destination)];
}

/// Neighbour discovery that neither the services nor a rule allow.
#[inline(always)]
pub(super) fn explain_neighbour(work: &mut Work) {
    for finding in &mut work.findings {
        if matches!(finding.reason, Reason::NoRule) {
            finding.reason = Reason::NeighbourDiscoveryDenied;
        }
    }
}

/// A device may solicit, advertise itself and report groups; it is no router.
#[inline(always)]
fn judge_neighbour_source<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    party: &Party,
    packet: &Packet,
) -> Reason {
    let may_send = matches!(
        packet.icmp_type,
        ROUTER_SOLICITATION
            | NEIGHBOUR_SOLICITATION
            | NEIGHBOUR_ADVERTISEMENT
            | MLD_REPORT
            | MLD_DONE
            | MLD2_REPORT
    );
    if !may_send || !is_well_formed(packet) {
        return Reason::NeighbourDiscoveryDenied;
    }
    if !party.bound {
        return Reason::NeighbourDiscovery;
    }
    // Duplicate address detection solicits from the unspecified address.
    if !packet.source.is_unspecified()
        && !guard::owns(policy, party, packet, packet.source_mac, packet.source)
    {
        return Reason::SpoofedSource;
    }
    if packet.icmp_type == NEIGHBOUR_ADVERTISEMENT {
        return match frame.read(packet.next) {
            Some(target)
                if guard::owns(policy, party, packet, packet.source_mac, Ip::v6(target)) =>
            {
                Reason::NeighbourDiscovery
            }
            Some(_) => Reason::SpoofedSource,
            None => Reason::Truncated,
        };
    }
    Reason::NeighbourDiscovery
}

/// Hop limits that show the sender to be on the link: 255 for neighbour
/// discovery (RFC 4861, 6.1 and 7.1), 1 for MLD (RFC 3810, 5). Neither comes in
/// fragments (RFC 6980, 5).
#[inline(always)]
const fn is_well_formed(packet: &Packet) -> bool {
    if packet.fragment != 0 {
        return false;
    }
    match packet.icmp_type {
        MLD_QUERY | MLD_REPORT | MLD_DONE | MLD2_REPORT => packet.hop_limit == 1,
        ROUTER_SOLICITATION..=REDIRECT => packet.hop_limit == 255 && packet.icmp_code == 0,
        _ => false,
    }
}
