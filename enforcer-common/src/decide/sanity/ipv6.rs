//! Predicates of IPv6: extension headers, ICMPv6, neighbour discovery.

use super::super::Work;
use super::options::family;
use super::walk::{END, GO_ON, met};
use crate::flow::protocol;
use crate::sanity::Predicate;
use crate::tables::{Frame, Tables};

const HEADER: u32 = 40;
/// Where the number of the next header stands.
const NEXT_HEADER: u32 = 6;
/// As many as the parser follows, and the end.
const EXTENSIONS: u32 = 8;
/// Types of routing headers: source routes (deprecated by RFC 5095), and those of the
/// routing protocol for lossy networks, which do not leave it (RFC 6554, 4.2).
const SOURCE_ROUTE: u8 = 0;
const RPL_ROUTE: u8 = 3;

/// Looks at the extension headers; [`END`], or the predicate that is met.
#[inline(always)]
pub(super) fn check_extensions<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    work: &mut Work,
) -> u32 {
    let start = work.packet.network();
    let Some([first, _]) = frame.read(start + NEXT_HEADER) else {
        return END;
    };
    work.walk.header = first.into();
    work.walk.offset = start + HEADER;
    for _ in 0..EXTENSIONS {
        let found = tables.look_at_extension(frame, work);
        if found != GO_ON {
            return found;
        }
    }
    END
}

/// Looks at one extension header and moves on behind it.
#[inline(always)]
pub(in crate::decide) fn extension<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    work: &mut Work,
) -> u32 {
    let start = work.walk.offset;
    if start >= u32::from(work.packet.transport) {
        return END;
    }
    let Some([next, length, kind, _]) = frame.read(start) else {
        return END;
    };
    let header = work.walk.header as u8;
    let length = match header {
        protocol::AUTHENTICATION => (u32::from(length) + 2) * 4,
        protocol::FRAGMENT => 8,
        _ => (u32::from(length) + 1) * 8,
    };
    work.walk.header = next.into();
    work.walk.offset = start + length;
    match header {
        protocol::ROUTING if matches!(kind, SOURCE_ROUTE | RPL_ROUTE) => {
            met(Predicate::RoutingHeader)
        }
        protocol::HOP_BY_HOP | protocol::DESTINATION_OPTIONS => {
            if !tables.load_text(frame, work, start + 2, length - 2) {
                return END;
            }
            match tables.walk_options(work, family::IPV6) {
                END => GO_ON,
                found => found,
            }
        }
        _ => GO_ON,
    }
}

/// Looks at an ICMPv6 message, and at the options of neighbour discovery in it.
#[inline(always)]
pub(super) fn check_icmp<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    work: &mut Work,
) -> u32 {
    let packet = &work.packet;
    if packet.is_fragment() {
        return END;
    }
    let (start, length) = (u32::from(packet.transport), super::length(packet));
    // Messages and their fixed parts (RFC 4443, RFC 2710, RFC 3810, RFC 4861).
    let (fixed, family) = match packet.icmp_type {
        1..=4 => (48, NONE),
        130..=132 => (24, NONE),
        133 => (8, family::NEIGHBOUR),
        134 => (16, family::ROUTER),
        135 | 136 => (24, family::NEIGHBOUR),
        137 => (40, family::NEIGHBOUR),
        _ => (8, NONE),
    };
    if length < fixed {
        return met(Predicate::Icmpv6Length);
    }
    if family != NONE && tables.load_text(frame, work, start + fixed, length - fixed) {
        return tables.walk_options(work, family);
    }
    END
}

/// No options.
const NONE: u32 = u32::MAX;
