//! IPv6 stage (RFC 8200): header, lengths, and a bounded walk of extension headers.

use super::{
    FRAGMENT_FIRST, FRAGMENT_HEADER, FRAGMENT_LATER, FRAGMENT_MORE, Packet, REMARK_EXTENSIONS,
};
use crate::addr::Ip;
use crate::flow::protocol;
use crate::tables::Frame;
use crate::verdict::Reason;

const HEADER: u32 = 40;
/// RFC 8200, 4.1, recommends each header once: destination options twice, the
/// other five once each, is seven.
const EXTENSIONS: u32 = 7;

#[inline(always)]
pub fn parse<F: Frame + ?Sized>(frame: &F, packet: &mut Packet) -> Result<(), Reason> {
    let first: [u8; 8] = frame.read(packet.next).ok_or(Reason::Truncated)?;
    let [version, _, _, _, l0, l1, next_header, hop_limit] = first;
    if version >> 4 != 6 {
        return Err(Reason::BadIpv6);
    }
    packet.source = Ip::v6(frame.read(packet.next + 8).ok_or(Reason::Truncated)?);
    packet.destination = Ip::v6(frame.read(packet.next + 24).ok_or(Reason::Truncated)?);
    // An IPv4-mapped address never appears on the wire (RFC 4942, 2.2); here
    // it would be mistaken for IPv4.
    if packet.source.is_v4() || packet.destination.is_v4() {
        return Err(Reason::BadAddress);
    }
    packet.protocol = next_header;
    packet.hop_limit = hop_limit;
    packet.next += HEADER;
    packet.end = packet.next + u32::from(u16::from_be_bytes([l0, l1]));
    if packet.end > packet.length {
        return Err(Reason::Truncated);
    }
    if is_extension(next_header) {
        packet.remarks |= REMARK_EXTENSIONS;
    }
    walk_extensions(frame, packet)
}

/// Moves on to the header behind the last extension header.
#[inline(always)]
fn walk_extensions<F: Frame + ?Sized>(frame: &F, packet: &mut Packet) -> Result<(), Reason> {
    for place in 0..=EXTENSIONS {
        if !is_extension(packet.protocol) {
            return Ok(());
        }
        if place == EXTENSIONS {
            break;
        }
        // Hop-by-hop options stand first or not at all (RFC 8200, 4.1).
        if packet.protocol == protocol::HOP_BY_HOP && place != 0 {
            return Err(Reason::BadIpv6);
        }
        let [next_header, length, f0, f1] = frame.read(packet.next).ok_or(Reason::Truncated)?;
        let bytes = match packet.protocol {
            // Counted in 4-byte words, less two (RFC 4302, 2.2).
            protocol::AUTHENTICATION => (u32::from(length) + 2) * 4,
            protocol::FRAGMENT => {
                // A fragment is not fragmented again (RFC 8200, 4.5).
                if packet.fragment != 0 {
                    return Err(Reason::BadIpv6);
                }
                note_fragment(frame, packet, u16::from_be_bytes([f0, f1]))?;
                8
            }
            _ => (u32::from(length) + 1) * 8,
        };
        packet.next += bytes;
        packet.protocol = next_header;
        if packet.next > packet.end {
            // All headers stand in the first fragment (RFC 7112, 5).
            return Err(if packet.fragment & FRAGMENT_FIRST != 0 {
                Reason::FragmentTiny
            } else {
                Reason::Truncated
            });
        }
        if packet.fragment & FRAGMENT_LATER != 0 {
            return Ok(());
        }
    }
    Err(Reason::TooManyExtensions)
}

/// A fragment without more and without an offset is a whole packet (RFC 6946).
#[inline(always)]
fn note_fragment<F: Frame + ?Sized>(
    frame: &F,
    packet: &mut Packet,
    place: u16,
) -> Result<(), Reason> {
    let (offset, more) = (place >> 3, place & 1 != 0);
    packet.fragment = FRAGMENT_HEADER;
    if offset == 0 && !more {
        return Ok(());
    }
    let identification: [u8; 4] = frame.read(packet.next + 4).ok_or(Reason::Truncated)?;
    packet.fragment_id = u32::from_be_bytes(identification);
    packet.fragment_start = packet.next as u16 + 8;
    packet.fragment_offset = offset;
    packet.fragment |= if offset == 0 {
        FRAGMENT_FIRST
    } else {
        FRAGMENT_LATER
    };
    if more {
        packet.fragment |= FRAGMENT_MORE;
    }
    Ok(())
}

#[inline(always)]
const fn is_extension(number: u8) -> bool {
    matches!(
        number,
        protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::FRAGMENT
            | protocol::AUTHENTICATION
            | protocol::DESTINATION_OPTIONS
    )
}
