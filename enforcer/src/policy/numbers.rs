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

/// EtherTypes of the IEEE registry that a profile may name: IEC 61850-8-1 (goose)
/// and 9-2 (sv), IEEE 1588 annex E (ptp), RFC 2516 (pppoe), IEC 61158 (profinet,
/// ethercat), HomePlug AV (homeplug).
pub(super) const ETHERTYPES: [(&str, u16); 8] = [
    ("pppoe-discovery", 0x8863),
    ("pppoe-session", 0x8864),
    ("profinet", 0x8892),
    ("ethercat", 0x88a4),
    ("goose", 0x88b8),
    ("sv", 0x88ba),
    ("homeplug", 0x88e1),
    ("ptp", 0x88f7),
];

/// Groups of receivers that a peer may name, each with its addresses.
pub(super) const GROUPS: [(&str, &[&str]); 8] = [
    // RFC 6762, 3.
    ("mdns", &["224.0.0.251", "ff02::fb"]),
    // UPnP device architecture 2.0, 1.2 and A.3: link-local and site-local.
    ("ssdp", &["239.255.255.250", "ff02::c", "ff05::c"]),
    // OASIS WS-Discovery 1.1, 2.4.
    ("ws-discovery", &["239.255.255.250", "ff02::c"]),
    // RFC 4795, 2.
    ("llmnr", &["224.0.0.252", "ff02::1:3"]),
    // RFC 3376, 4.2.14 (reports) and 4.1.12 (general queries).
    ("igmp", &["224.0.0.22", "224.0.0.1"]),
    // RFC 5798, 5.1.1.2 and 5.1.2.2.
    ("vrrp", &["224.0.0.18", "ff02::12"]),
    // IEEE 1588-2019, annexes C and D: all messages but those of peer delay, and those.
    ("ptp", &["224.0.1.129", "224.0.0.107", "ff0e::181"]),
    // RFC 919, 7.
    ("broadcast", &["255.255.255.255"]),
];
