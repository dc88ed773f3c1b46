//! IPv4 stage (RFC 791): header with options, lengths, fragments.

use super::{FRAGMENT_FIRST, FRAGMENT_LATER, FRAGMENT_MORE, Packet, REMARK_OPTIONS};
use crate::addr::Ip;
use crate::tables::Frame;
use crate::verdict::Reason;

const HEADER: u32 = 20;
const MORE: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;

#[inline(always)]
pub fn parse<F: Frame + ?Sized>(frame: &F, packet: &mut Packet) -> Result<(), Reason> {
    let first: [u8; 12] = frame.read(packet.next).ok_or(Reason::Truncated)?;
    let [version, _, l0, l1, i0, i1, f0, f1, ttl, protocol, _, _] = first;
    let header = u32::from(version & 0x0f) * 4;
    let total = u32::from(u16::from_be_bytes([l0, l1]));
    if version >> 4 != 4 || header < HEADER || total < header {
        return Err(Reason::BadIpv4);
    }
    let addresses: [u8; 8] = frame.read(packet.next + 12).ok_or(Reason::Truncated)?;
    let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
    packet.source = Ip::v4([s0, s1, s2, s3]);
    packet.destination = Ip::v4([d0, d1, d2, d3]);
    packet.protocol = protocol;
    packet.hop_limit = ttl;
    packet.end = packet.next + total;
    if packet.end > packet.length {
        return Err(Reason::Truncated);
    }
    packet.next += header;
    if header > HEADER {
        packet.remarks |= REMARK_OPTIONS;
    }
    let place = u16::from_be_bytes([f0, f1]);
    if place & (MORE | OFFSET) != 0 {
        packet.fragment_id = u32::from(u16::from_be_bytes([i0, i1]));
        packet.fragment_start = packet.next as u16;
        packet.fragment_offset = place & OFFSET;
        packet.fragment = if place & OFFSET == 0 {
            FRAGMENT_FIRST
        } else {
            FRAGMENT_LATER
        };
        if place & MORE != 0 {
            packet.fragment |= FRAGMENT_MORE;
        }
    }
    Ok(())
}
