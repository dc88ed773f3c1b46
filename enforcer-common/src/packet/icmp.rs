//! ICMP (RFC 792) and ICMPv6 (RFC 4443) stage: type, code, the identifier of a
//! query, and the packet that an error is about.

use super::transport::read_within;
use super::{Packet, ethertype};
use crate::addr::Ip;
use crate::flow::{FlowKey, protocol};
use crate::tables::Frame;
use crate::verdict::Reason;

const HEADER: u32 = 8;

/// What an ICMP message is, whatever its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Echo or timestamp request: starts a flow.
    Request,
    /// The answer to it.
    Reply,
    /// About another packet: destination unreachable, packet too big, time exceeded, parameter problem.
    Error,
    /// Neighbour discovery or MLD.
    Neighbour,
    /// Stands alone.
    Other,
}

#[inline(always)]
pub(super) fn parse<F: Frame + ?Sized>(frame: &F, packet: &mut Packet) -> Result<(), Reason> {
    let bytes: [u8; HEADER as usize] = read_within(frame, packet)?;
    let [kind, code, _, _, i0, i1, _, _] = bytes;
    packet.icmp_type = kind;
    packet.icmp_code = code;
    if matches!(kind_of(packet), Kind::Request | Kind::Reply) {
        packet.source_port = u16::from_be_bytes([i0, i1]);
        packet.destination_port = packet.source_port;
    }
    packet.next += HEADER;
    Ok(())
}

#[inline(always)]
pub const fn kind_of(packet: &Packet) -> Kind {
    if packet.protocol == protocol::ICMP {
        match packet.icmp_type {
            8 | 13 => Kind::Request,
            0 | 14 => Kind::Reply,
            3 | 11 | 12 => Kind::Error,
            _ => Kind::Other,
        }
    } else {
        match packet.icmp_type {
            128 => Kind::Request,
            129 => Kind::Reply,
            1..=4 => Kind::Error,
            130..=137 | 143 => Kind::Neighbour,
            _ => Kind::Other,
        }
    }
}

/// Queries, in the key of a flow.
const ECHO: u8 = 1;
const TIMESTAMP: u8 = 2;

/// What tells the flow of an ICMP query from another under the same identifier:
/// the query (times two), and 1 when the high end of the key asks; 0 for what is
/// neither a request nor a reply. An answer passes to the end that asked alone.
#[inline(always)]
pub const fn query_of(ethertype: u16, number: u8, kind: u8, source_is_high: bool) -> u8 {
    let (query, source_asks) = match (ethertype, number, kind) {
        (ethertype::IPV4, protocol::ICMP, 8) | (ethertype::IPV6, protocol::ICMPV6, 128) => {
            (ECHO, true)
        }
        (ethertype::IPV4, protocol::ICMP, 0) | (ethertype::IPV6, protocol::ICMPV6, 129) => {
            (ECHO, false)
        }
        (ethertype::IPV4, protocol::ICMP, 13) => (TIMESTAMP, true),
        (ethertype::IPV4, protocol::ICMP, 14) => (TIMESTAMP, false),
        _ => return 0,
    };
    query << 1 | (source_asks == source_is_high) as u8
}

/// The type of the request that a reply answers; any other type as it is.
#[inline(always)]
pub const fn request_of(kind: u8) -> u8 {
    match kind {
        0 => 8,
        14 => 13,
        129 => 128,
        _ => kind,
    }
}

/// The key of the flow that an ICMP error is about, and whether the quoted
/// packet was sent by the high end of it. The receiver of the error must be the
/// sender of the quoted packet.
#[inline(always)]
pub fn quoted_flow<F: Frame + ?Sized>(
    frame: &F,
    packet: &Packet,
    key: &mut FlowKey,
) -> Result<(), Reason> {
    let (source, destination, number, transport) = if packet.ethertype == ethertype::IPV4 {
        quoted_ipv4(frame, packet)?
    } else {
        quoted_ipv6(frame, packet)?
    };
    if source != packet.destination {
        return Err(Reason::NoFlow);
    }
    let ports: [u8; 8] = frame.read(transport).ok_or(Reason::Truncated)?;
    let [a0, a1, b0, b1, i0, i1, _, _] = ports;
    let (source_port, destination_port) = match number {
        protocol::TCP | protocol::UDP => {
            (u16::from_be_bytes([a0, a1]), u16::from_be_bytes([b0, b1]))
        }
        protocol::ICMP | protocol::ICMPV6 => {
            (u16::from_be_bytes([i0, i1]), u16::from_be_bytes([i0, i1]))
        }
        _ => (0, 0),
    };
    let source_is_high = key.set(
        packet.vlan,
        number,
        (source, source_port),
        (destination, destination_port),
    );
    key.query = query_of(packet.ethertype, number, a0, source_is_high);
    Ok(())
}

type Quoted = (Ip, Ip, u8, u32);

#[inline(always)]
fn quoted_ipv4<F: Frame + ?Sized>(frame: &F, packet: &Packet) -> Result<Quoted, Reason> {
    let first: [u8; 12] = frame.read(packet.next).ok_or(Reason::Truncated)?;
    let [version, _, _, _, _, _, _, _, _, number, _, _] = first;
    let source: [u8; 4] = frame.read(packet.next + 12).ok_or(Reason::Truncated)?;
    let destination: [u8; 4] = frame.read(packet.next + 16).ok_or(Reason::Truncated)?;
    let header = u32::from(version & 0x0f) * 4;
    if version >> 4 != 4 || header < 20 {
        return Err(Reason::BadIpv4);
    }
    Ok((
        Ip::v4(source),
        Ip::v4(destination),
        number,
        packet.next + header,
    ))
}

/// Extension headers in the quoted packet are not followed.
#[inline(always)]
fn quoted_ipv6<F: Frame + ?Sized>(frame: &F, packet: &Packet) -> Result<Quoted, Reason> {
    let first: [u8; 8] = frame.read(packet.next).ok_or(Reason::Truncated)?;
    let [version, _, _, _, _, _, number, _] = first;
    let source: [u8; 16] = frame.read(packet.next + 8).ok_or(Reason::Truncated)?;
    let destination: [u8; 16] = frame.read(packet.next + 24).ok_or(Reason::Truncated)?;
    if version >> 4 != 6 {
        return Err(Reason::BadIpv6);
    }
    Ok((
        Ip::v6(source),
        Ip::v6(destination),
        number,
        packet.next + 40,
    ))
}
