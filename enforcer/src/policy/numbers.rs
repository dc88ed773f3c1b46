//! Names of assigned numbers in the policy language, read by validation and
//! written by descriptions.

/// ICMP types of RFC 792, 950 and 1256 that are still in use.
pub(super) const ICMP: [(&str, u8); 11] = [
    ("echo-reply", 0),
    ("destination-unreachable", 3),
    ("redirect", 5),
    ("echo-request", 8),
    ("router-advertisement", 9),
    ("router-solicitation", 10),
    ("time-exceeded", 11),
    ("parameter-problem", 12),
    ("timestamp-request", 13),
    ("timestamp-reply", 14),
    ("address-mask-request", 17),
];

/// ICMPv6 types of RFC 4443, 2710, 3810 and 4861.
pub(super) const ICMPV6: [(&str, u8); 15] = [
    ("destination-unreachable", 1),
    ("packet-too-big", 2),
    ("time-exceeded", 3),
    ("parameter-problem", 4),
    ("echo-request", 128),
    ("echo-reply", 129),
    ("listener-query", 130),
    ("listener-report", 131),
    ("listener-done", 132),
    ("router-solicitation", 133),
    ("router-advertisement", 134),
    ("neighbour-solicitation", 135),
    ("neighbour-advertisement", 136),
    ("redirect", 137),
    ("listener-report-v2", 143),
];

/// IANA protocol numbers that a rule may name.
pub(super) const PROTOCOLS: [(&str, u8); 11] = [
    ("igmp", 2),
    ("ipip", 4),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("eigrp", 88),
    ("ospf", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("sctp", 132),
];
