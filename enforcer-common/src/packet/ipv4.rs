//! IPv4 stage (RFC 791): header with options, lengths, fragments.

use super::Packet;
use crate::addr::Ip;
use crate::tables::Frame;
use crate::verdict::Reason;

const HEADER: u32 = 20;
/// More fragments, or an offset other than 0.
const FRAGMENT: u16 = 0x3fff;

#[inline(always)]
pub fn parse<F: Frame + ?Sized>(frame: &F, packet: &mut Packet) -> Result<(), Reason> {
    let first: [u8; 12] = frame.read(packet.next).ok_or(Reason::Truncated)?;
    let [version, _, l0, l1, _, _, f0, f1, ttl, protocol, _, _] = first;
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
    if u16::from_be_bytes([f0, f1]) & FRAGMENT != 0 {
        return Err(Reason::Fragment);
    }
    packet.next += header;
    Ok(())
}
