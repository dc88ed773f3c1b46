//! Transport stage: TCP, UDP, ICMP and ICMPv6; other protocols are left alone.

use super::{FRAGMENT_FIRST, Packet, REMARK_OTHER, REMARK_TCP, REMARK_UDP, ethertype, icmp};
use crate::flow::protocol;
use crate::tables::Frame;
use crate::verdict::Reason;

/// TCP flags (RFC 9293, 3.1).
pub mod flags {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
    pub const URG: u8 = 0x20;
    /// Echo of congestion, and that the sender has slowed down (RFC 3168, 6.1).
    pub const ECE: u8 = 0x40;
    pub const CWR: u8 = 0x80;
}

pub(crate) const TCP_HEADER: u32 = 20;
pub(crate) const UDP_HEADER: u32 = 8;
/// All the options that most segments have (RFC 7323, appendix A): a timestamp in a header
/// of this length, which begins so.
pub(crate) const STAMPED_HEADER: u32 = 32;
pub(crate) const STAMP: [u8; 4] = [1, 1, 8, 10];

#[inline(always)]
pub fn parse<F: Frame + ?Sized>(frame: &F, packet: &mut Packet) -> Result<(), Reason> {
    packet.source_port = 0;
    packet.destination_port = 0;
    match (packet.protocol, packet.ethertype) {
        (protocol::TCP, _) => parse_tcp(frame, packet),
        (protocol::UDP, _) => parse_udp(frame, packet),
        (protocol::ICMP, ethertype::IPV4) | (protocol::ICMPV6, ethertype::IPV6) => {
            packet.remarks |= REMARK_OTHER;
            icmp::parse(frame, packet)
        }
        _ => {
            packet.remarks |= REMARK_OTHER;
            Ok(())
        }
    }
}

#[inline(always)]
fn parse_tcp<F: Frame + ?Sized>(frame: &F, packet: &mut Packet) -> Result<(), Reason> {
    let bytes: [u8; 14] = read_within(frame, packet)?;
    let [s0, s1, d0, d1, n0, n1, n2, n3, a0, a1, a2, a3, offset, bits] = bytes;
    packet.source_port = u16::from_be_bytes([s0, s1]);
    packet.destination_port = u16::from_be_bytes([d0, d1]);
    packet.tcp_flags = bits;
    packet.sequence = u32::from_be_bytes([n0, n1, n2, n3]);
    packet.acknowledgement = u32::from_be_bytes([a0, a1, a2, a3]);
    let header = u32::from(offset >> 4) * 4;
    if header < TCP_HEADER {
        return Err(Reason::BadTcp);
    }
    if packet.next + header > packet.end {
        return Err(Reason::Truncated);
    }
    check_flags(bits)?;
    if bits & flags::URG != 0 || has_options(frame, packet.next, header) {
        packet.remarks |= REMARK_TCP;
    }
    packet.next += header;
    Ok(())
}

/// Whether a header has options besides one timestamp.
#[inline(always)]
fn has_options<F: Frame + ?Sized>(frame: &F, start: u32, header: u32) -> bool {
    match header {
        TCP_HEADER => false,
        STAMPED_HEADER => frame.read(start + TCP_HEADER) != Some(STAMP),
        _ => true,
    }
}

/// Every segment but the first carries ACK or RST; SYN never comes with FIN or
/// RST (RFC 9293, 3.10.7).
#[inline(always)]
fn check_flags(bits: u8) -> Result<(), Reason> {
    let syn = bits & flags::SYN != 0;
    if syn && bits & (flags::FIN | flags::RST) != 0 {
        return Err(Reason::BadTcpFlags);
    }
    if bits & (flags::SYN | flags::RST | flags::ACK) == 0 {
        return Err(Reason::BadTcpFlags);
    }
    Ok(())
}

#[inline(always)]
fn parse_udp<F: Frame + ?Sized>(frame: &F, packet: &mut Packet) -> Result<(), Reason> {
    let bytes: [u8; UDP_HEADER as usize] = read_within(frame, packet)?;
    let [s0, s1, d0, d1, l0, l1, _, _] = bytes;
    packet.source_port = u16::from_be_bytes([s0, s1]);
    packet.destination_port = u16::from_be_bytes([d0, d1]);
    let length = u32::from(u16::from_be_bytes([l0, l1]));
    // The length is that of the whole datagram, of which a fragment is a part.
    let beyond = packet.next + length > packet.end && packet.fragment & FRAGMENT_FIRST == 0;
    if length < UDP_HEADER || beyond {
        return Err(Reason::BadUdp);
    }
    packet.next += UDP_HEADER;
    if is_remarkable(packet.source_port) || is_remarkable(packet.destination_port) {
        packet.remarks |= REMARK_UDP;
    }
    Ok(())
}

/// Ports of DNS, multicast DNS (RFC 6762) and LLMNR (RFC 4795), DHCP and DHCPv6.
#[inline(always)]
const fn is_remarkable(port: u16) -> bool {
    matches!(port, 53 | 67 | 68 | 546 | 547 | 5353 | 5355)
}

/// Reads at the packet's next byte, but never past the end that IP states.
#[inline(always)]
pub(super) fn read_within<const N: usize, F: Frame + ?Sized>(
    frame: &F,
    packet: &Packet,
) -> Result<[u8; N], Reason> {
    if packet.next + N as u32 > packet.end {
        return Err(Reason::Truncated);
    }
    frame.read(packet.next).ok_or(Reason::Truncated)
}
