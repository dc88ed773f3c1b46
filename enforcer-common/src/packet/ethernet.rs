//! Ethernet stage: addresses, up to two VLAN tags (802.1Q, 802.1ad), EtherType.

use super::{PRIORITY_TAG, Packet, ethertype};
use crate::addr::{Mac, Vlan};
use crate::tables::Frame;
use crate::verdict::Reason;

const HEADER: u32 = 14;
const TAG: u32 = 4;
/// IEEE 802.1Q, table 9-2: reserved.
const RESERVED_VLAN: u16 = 4095;

#[inline(never)]
pub fn parse<F: Frame + ?Sized>(frame: &F, packet: &mut Packet) -> Result<(), Reason> {
    packet.length = frame.length();
    packet.end = packet.length;
    let bytes: [u8; HEADER as usize] = frame.read(0).ok_or(Reason::Truncated)?;
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = bytes;
    packet.destination_mac = Mac([d0, d1, d2, d3, d4, d5]);
    packet.source_mac = Mac([s0, s1, s2, s3, s4, s5]);
    packet.ethertype = u16::from_be_bytes([t0, t1]);
    packet.next = HEADER;
    packet.vlan = Vlan::UNTAGGED;
    if is_tag(packet.ethertype) {
        packet.vlan.outer = read_tag(frame, packet)?;
        if is_tag(packet.ethertype) {
            packet.vlan.inner = read_tag(frame, packet)?;
            if is_tag(packet.ethertype) {
                return Err(Reason::TooManyTags);
            }
        }
    }
    if packet.source_mac.is_group() || packet.source_mac == Mac::ZERO {
        return Err(Reason::BadSourceMac);
    }
    Ok(())
}

/// Reads one tag's identifier and moves on to the EtherType behind it.
#[inline(always)]
fn read_tag<F: Frame + ?Sized>(frame: &F, packet: &mut Packet) -> Result<u16, Reason> {
    let [c0, c1, t0, t1] = frame.read(packet.next).ok_or(Reason::Truncated)?;
    packet.ethertype = u16::from_be_bytes([t0, t1]);
    packet.next += TAG;
    let identifier = u16::from_be_bytes([c0, c1]) & 0x0fff;
    packet.tags += 1;
    if identifier == 0 {
        packet.tags |= PRIORITY_TAG;
    }
    if identifier == RESERVED_VLAN {
        Err(Reason::BadVlan)
    } else {
        Ok(identifier)
    }
}

#[inline(always)]
const fn is_tag(ethertype: u16) -> bool {
    matches!(ethertype, ethertype::VLAN | ethertype::PROVIDER_VLAN)
}
