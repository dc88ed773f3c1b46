//! Lists of options, each with its kind, its length and what it carries: of TCP, IPv4,
//! IPv6's extension headers, neighbour discovery, DHCP and DHCPv6. All are walked alike.

use super::super::Work;
use super::walk::{END, GO_ON, byte, left, met, short};
use crate::sanity::Predicate;
use crate::tables::Tables;

/// Whose options are walked over.
pub(super) mod family {
    pub(in crate::decide) const TCP: u32 = 0;
    pub(in crate::decide) const IPV4: u32 = 1;
    pub(in crate::decide) const IPV6: u32 = 2;
    pub(in crate::decide) const NEIGHBOUR: u32 = 3;
    /// Of a router advertisement.
    pub(in crate::decide) const ROUTER: u32 = 4;
    pub(in crate::decide) const DHCP: u32 = 5;
    pub(in crate::decide) const DHCPV6: u32 = 6;
}

/// Options in one list, padding included. Headers of IPv4 and TCP have forty bytes of
/// them; no message has nearly as many of the others.
const OPTIONS: u32 = 128;

/// Walks over a list; [`END`], or the predicate that is met.
#[inline(always)]
pub(in crate::decide) fn walk<T: Tables>(tables: &T, work: &mut Work, family: u32) -> u32 {
    for _ in 0..OPTIONS {
        let found = tables.look_at_option(work, family);
        if found != GO_ON {
            return found;
        }
    }
    overrun(family)
}

/// Looks at one option and moves on behind it.
#[inline(always)]
pub(in crate::decide) fn step(work: &mut Work, family: u32) -> u32 {
    let left = left(work);
    if left == 0 {
        return end(work, family);
    }
    let kind = byte(work, 0);
    match (family, kind) {
        (family::TCP | family::IPV4, 0) | (family::DHCP, 255) => return END,
        (family::TCP | family::IPV4, 1) | (family::IPV6 | family::DHCP, 0) => {
            work.walk.at += 1;
            return GO_ON;
        }
        _ => {}
    }
    // Shorter than its own head, or longer than what is left of the list.
    let head = if family == family::DHCPV6 { 4 } else { 2 };
    if left < head {
        return cut(work, family);
    }
    let length = match family {
        family::TCP | family::IPV4 => byte(work, 1),
        family::NEIGHBOUR | family::ROUTER => byte(work, 1) * 8,
        family::DHCPV6 => short(work, 2) + 4,
        _ => byte(work, 1) + 2,
    };
    if length < 2 {
        return overrun(family);
    }
    if length > left {
        return cut(work, family);
    }
    let found = match family {
        family::TCP => tcp(kind, length),
        family::IPV4 => ipv4(kind, length),
        family::IPV6 if kind == JUMBO => met(Predicate::JumboPayload),
        family::ROUTER => router(kind, length),
        family::DHCP => dhcp(kind, length - 2),
        _ => GO_ON,
    };
    work.walk.at += length;
    found
}

const fn overrun(family: u32) -> u32 {
    met(match family {
        family::TCP => Predicate::TcpOptionOverrun,
        family::IPV4 => Predicate::IpOptionOverrun,
        family::IPV6 => Predicate::Ipv6OptionOverrun,
        family::NEIGHBOUR | family::ROUTER => Predicate::NeighbourOption,
        _ => Predicate::DhcpOptionOverrun,
    })
}

/// An option that leads out of what is at hand; of what is not, nothing is said.
#[inline(always)]
const fn cut(work: &Work, family: u32) -> u32 {
    if work.walk.cut == 0 {
        overrun(family)
    } else {
        END
    }
}

/// The list ends. That of DHCP does so with an option that says it (RFC 2131, 4.1).
#[inline(always)]
const fn end(work: &Work, family: u32) -> u32 {
    if family == family::DHCP {
        cut(work, family)
    } else {
        END
    }
}

/// Lengths of TCP options by kind: maximum segment size and window scale (RFC 9293, 3.1;
/// RFC 7323), selective acknowledgements (RFC 2018), timestamps, MD5 (RFC 2385) and
/// authentication (RFC 5925).
#[inline(always)]
const fn tcp(kind: u32, length: u32) -> u32 {
    let proper = match kind {
        2 => length == 4,
        3 => length == 3,
        4 => length == 2,
        5 => length >= 10 && length % 8 == 2,
        8 => length == 10,
        19 => length == 18,
        29 => length >= 4,
        _ => true,
    };
    if proper {
        GO_ON
    } else {
        met(Predicate::TcpOptionLength)
    }
}

/// Source routes, and routes and timestamps without their pointer (RFC 791, 3.1).
#[inline(always)]
const fn ipv4(kind: u32, length: u32) -> u32 {
    match kind {
        131 | 137 => met(Predicate::SourceRoute),
        7 if length < 3 => met(Predicate::IpOptionOverrun),
        68 if length < 4 => met(Predicate::IpOptionOverrun),
        _ => GO_ON,
    }
}

/// RFC 2675, 2.
const JUMBO: u32 = 0xc2;

/// Name servers have sixteen bytes each behind the first eight (RFC 8106, 5.1).
#[inline(always)]
const fn router(kind: u32, length: u32) -> u32 {
    if kind == 25 && (length < 24 || length % 16 != 8) {
        met(Predicate::NameServerOption)
    } else {
        GO_ON
    }
}

/// Options that a client takes as numbers and addresses (RFC 2132).
#[inline(always)]
const fn dhcp(kind: u32, length: u32) -> u32 {
    let proper = match kind {
        // Type of the message.
        53 => length == 1,
        // MTU, longest message.
        26 | 57 => length == 2,
        // Mask, broadcast, requested address, times, server.
        1 | 28 | 50 | 51 | 54 | 58 | 59 => length == 4,
        // Lists: routers, name servers, time servers.
        3 | 6 | 42 => length >= 4 && length.is_multiple_of(4),
        _ => true,
    };
    if proper {
        GO_ON
    } else {
        met(Predicate::DhcpOptionLength)
    }
}
