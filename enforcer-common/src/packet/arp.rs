//! ARP stage (RFC 826), for Ethernet and IPv4 alone.

use super::Packet;
use crate::addr::{Ip, Mac};
use crate::tables::Frame;
use crate::verdict::Reason;

/// Hardware type Ethernet, protocol type IPv4, and their address lengths.
const ETHERNET_IPV4: [u8; 6] = [0, 1, 0x08, 0x00, 6, 4];
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

/// Fills source and destination with the sender's and the target's address, and
/// returns the hardware address that the sender claims.
#[inline(always)]
pub fn parse<F: Frame + ?Sized>(frame: &F, packet: &mut Packet) -> Result<Mac, Reason> {
    let fixed: [u8; 8] = frame.read(packet.next).ok_or(Reason::Truncated)?;
    let [h0, h1, p0, p1, hlen, plen, o0, o1] = fixed;
    if [h0, h1, p0, p1, hlen, plen] != ETHERNET_IPV4 {
        return Err(Reason::ArpDenied);
    }
    if !matches!(u16::from_be_bytes([o0, o1]), REQUEST | REPLY) {
        return Err(Reason::ArpDenied);
    }
    let sender: [u8; 10] = frame.read(packet.next + 8).ok_or(Reason::Truncated)?;
    let [m0, m1, m2, m3, m4, m5, a0, a1, a2, a3] = sender;
    let target: [u8; 4] = frame.read(packet.next + 24).ok_or(Reason::Truncated)?;
    packet.source = Ip::v4([a0, a1, a2, a3]);
    packet.destination = Ip::v4(target);
    Ok(Mac([m0, m1, m2, m3, m4, m5]))
}
