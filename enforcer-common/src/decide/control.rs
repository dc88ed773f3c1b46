//! Link-local control frames, which belong to the bridges and not to a device.

use crate::addr::Mac;
use crate::packet::{Packet, ethertype};
use crate::table::{CONTROL_EAPOL, CONTROL_LACP, CONTROL_LLDP, CONTROL_STP};
use crate::tables::Frame;
use crate::verdict::Reason;

/// DSAP and SSAP of the spanning tree protocol (IEEE 802.1D, table 7-8).
const STP_SAP: [u8; 2] = [0x42, 0x42];

/// 01:80:C2:00:00:00 to :0F, never forwarded by a bridge (IEEE 802.1Q, table 8-1).
#[inline(always)]
pub const fn is_link_local(mac: Mac) -> bool {
    let [a, b, c, d, e, f] = mac.0;
    matches!([a, b, c, d, e], [0x01, 0x80, 0xc2, 0, 0]) && f < 0x10
}

#[inline(always)]
pub(super) fn judge<F: Frame + ?Sized>(frame: &F, packet: &Packet, allowed: u32) -> Reason {
    let needed = match packet.ethertype {
        ethertype::LLDP => CONTROL_LLDP,
        ethertype::SLOW_PROTOCOLS => CONTROL_LACP,
        ethertype::EAPOL => CONTROL_EAPOL,
        length if length < ethertype::FIRST && frame.read(packet.next) == Some(STP_SAP) => {
            CONTROL_STP
        }
        _ => 0,
    };
    if allowed & needed != 0 {
        Reason::ControlFrame
    } else {
        Reason::ControlFrameDenied
    }
}
