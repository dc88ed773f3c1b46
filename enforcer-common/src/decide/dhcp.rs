//! DHCP, part of the network services: a device is a client, asks for itself, and
//! is answered by servers that the policy names, with addresses that it can use.

use super::identify::Party;
use super::services::has;
use super::{Finding, Policy, Work, guard};
use crate::addr::{Ip, Mac};
use crate::flow::protocol;
use crate::packet::{Packet, ethertype};
use crate::table::{
    DEVICE_BOUND, DEVICE_DHCP_ADDRESS, PROFILE_DHCP, PROFILE_DHCP_SERVERS, SERVICE_DHCP_SERVER,
};
use crate::tables::{Frame, Tables};
use crate::verdict::Reason;

/// UDP ports of DHCP (RFC 2131, 4.1) and DHCPv6 (RFC 8415, 7.2).
const SERVER: u16 = 67;
const CLIENT: u16 = 68;
const V6_CLIENT: u16 = 546;
const V6_SERVER: u16 = 547;

/// First byte of a message: who sends (RFC 2131, 2).
const BOOTREQUEST: u8 = 1;
const BOOTREPLY: u8 = 2;
/// Offsets of the offered address and of the client's hardware address.
const YIADDR: u32 = 16;
const CHADDR: u32 = 28;

#[inline(always)]
pub(super) const fn concerns(packet: &Packet) -> bool {
    packet.protocol == protocol::UDP && (is_from_client(packet) || is_from_server(packet))
}

#[inline(always)]
const fn is_from_client(packet: &Packet) -> bool {
    matches!(
        (
            packet.ethertype,
            packet.source_port,
            packet.destination_port
        ),
        (ethertype::IPV4, CLIENT, SERVER) | (ethertype::IPV6, V6_CLIENT, V6_SERVER)
    )
}

#[inline(always)]
const fn is_from_server(packet: &Packet) -> bool {
    matches!(
        (
            packet.ethertype,
            packet.source_port,
            packet.destination_port
        ),
        (ethertype::IPV4, SERVER, CLIENT) | (ethertype::IPV6, V6_SERVER, V6_CLIENT)
    )
}

#[inline(always)]
pub(super) fn judge<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) {
    // A client that asks for its first address has none to be held to.
    if is_from_client(&work.packet) && work.packet.source.is_unspecified() {
        work.parties[0].bound = false;
    }
    let [source, destination] = work.parties;
    let is_rogue = is_from_server(&work.packet)
        && has(policy, &destination, PROFILE_DHCP_SERVERS)
        && !policy.tables.is_entitled(policy, work, SERVICE_DHCP_SERVER);
    let for_source = judge_client(frame, policy, &source, &work.packet);
    let for_destination = judge_server(frame, policy, &destination, &work.packet, is_rogue);
    work.findings = [Finding::of(for_source), Finding::of(for_destination)];
}

#[inline(always)]
fn judge_client<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    party: &Party,
    packet: &Packet,
) -> Reason {
    if !is_from_client(packet) || !has(policy, party, PROFILE_DHCP) {
        return Reason::NoRule;
    }
    if guard::check_source(policy, party, packet).is_err() {
        return Reason::SpoofedSource;
    }
    if packet.ethertype == ethertype::IPV6 {
        return Reason::Dhcp;
    }
    // A device that asks in the name of others empties the server's pool. Where
    // nobody guards DHCP it may be a wireless bridge, which rewrites addresses.
    let own = !has(policy, party, PROFILE_DHCP_SERVERS)
        || hardware_address(frame, packet) == Some(packet.source_mac);
    match kind_of(frame, packet) {
        Some(BOOTREQUEST) if own => Reason::Dhcp,
        _ => Reason::BadDhcp,
    }
}

#[inline(always)]
fn judge_server<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    party: &Party,
    packet: &Packet,
    is_rogue: bool,
) -> Reason {
    if !is_from_server(packet) || !has(policy, party, PROFILE_DHCP) {
        return Reason::NoRule;
    }
    if is_rogue {
        return Reason::RogueDhcpServer;
    }
    if packet.ethertype == ethertype::IPV6 {
        return Reason::Dhcp;
    }
    let Some(offered) = frame.read(packet.next + YIADDR) else {
        return Reason::BadDhcp;
    };
    let offered = Ip::v4(offered);
    let usable = !offered.is_group() && !offered.is_loopback();
    // The answer to an inform offers nothing (RFC 2131, 4.3.5).
    let own = party.flags & (DEVICE_BOUND | DEVICE_DHCP_ADDRESS) != DEVICE_BOUND
        || offered.is_unspecified()
        || guard::owns(policy, party, packet, packet.destination_mac, offered);
    match kind_of(frame, packet) {
        Some(BOOTREPLY) if usable && own => Reason::Dhcp,
        _ => Reason::BadDhcp,
    }
}

#[inline(always)]
fn kind_of<F: Frame + ?Sized>(frame: &F, packet: &Packet) -> Option<u8> {
    let [kind, _]: [u8; 2] = frame.read(packet.next)?;
    Some(kind)
}

#[inline(always)]
fn hardware_address<F: Frame + ?Sized>(frame: &F, packet: &Packet) -> Option<Mac> {
    frame.read(packet.next + CHADDR).map(Mac)
}
