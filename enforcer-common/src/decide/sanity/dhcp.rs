//! Predicates of DHCP (RFC 2131, 2132) and DHCPv6 (RFC 8415): the lists of options.

use super::super::Work;
use super::options::family;
use super::walk::{END, goes_on, met};
use crate::packet::ethertype;
use crate::sanity::Predicate;
use crate::tables::{Frame, Tables};

/// Where the options begin, behind what marks them as such (RFC 2131, 3).
const COOKIE: u32 = 236;
const OPTIONS: u32 = 240;
const MAGIC: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
const V6_OPTIONS: u32 = 4;
/// Messages between relays and servers have addresses before them (RFC 8415, 9).
const RELAY_FORWARD: u8 = 12;
const RELAY_REPLY: u8 = 13;
const RELAY_OPTIONS: u32 = 34;

/// Looks at a message; [`END`], or the predicate that is met.
#[inline(always)]
pub(super) fn check<F: Frame + ?Sized, T: Tables>(frame: &F, tables: &T, work: &mut Work) -> u32 {
    let packet = &work.packet;
    let (start, length) = (packet.next, packet.end.wrapping_sub(packet.next));
    let (head, family) = if packet.ethertype == ethertype::IPV6 {
        let head = match frame.read(start) {
            Some([RELAY_FORWARD | RELAY_REPLY, _]) => RELAY_OPTIONS,
            _ => V6_OPTIONS,
        };
        (head, family::DHCPV6)
    } else {
        (OPTIONS, family::DHCP)
    };
    if length < head {
        // The rest may come in another fragment, which nobody sends for so little.
        return met(Predicate::DhcpOptionOverrun);
    }
    // BOOTP, before there was DHCP, has no options that were to be understood.
    if family == family::DHCP && frame.read(start + COOKIE) != Some(MAGIC) {
        return END;
    }
    if length == head {
        return if family == family::DHCP {
            met(Predicate::DhcpOptionOverrun)
        } else {
            END
        };
    }
    if tables.load_text(frame, work, start + head, length - head) {
        goes_on(work);
        return tables.walk_options(work, family);
    }
    END
}
