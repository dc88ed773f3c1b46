//! The set `ipv6-stack`.

use std::net::IpAddr;

use enforcer_common::port::Side::{Core, Device};
use enforcer_tests::program::frame::{icmp, protocol, udp};

use super::{BOTH, V6, Ward, packet};

/// Extension headers before a datagram. The first two bytes of each are set by the packet.
#[track_caller]
fn extended(ward: &mut Ward, predicate: Option<&str>, extensions: &[(u8, Vec<u8>)]) {
    let datagram = udp(5000, 161, b"data");
    ward.check(&V6, &BOTH, predicate, &|link, from, to| {
        packet(link, from, to, protocol::UDP, &datagram, |packet| {
            packet.extensions = extensions.to_vec();
        })
    });
}

/// An extension header with options, padded to eight bytes by zeros.
fn header(options: &[u8]) -> Vec<u8> {
    let length = (2 + options.len()).next_multiple_of(8);
    let mut bytes = vec![0, (length / 8 - 1) as u8];
    bytes.extend(options);
    bytes.resize(length, 0);
    bytes
}

fn routing(kind: u8, left: u8) -> Vec<u8> {
    let mut bytes = vec![0, 2, kind, left];
    bytes.resize(24, 0);
    bytes
}

#[test]
fn nobody_chooses_the_route() {
    let mut ward = Ward::new();
    for kind in [0, 3] {
        for left in [0, 1] {
            let bad = Some("ipv6-stack/routing-header");
            extended(&mut ward, bad, &[(protocol::ROUTING, routing(kind, left))]);
            let padding = (protocol::DESTINATION_OPTIONS, header(&[1, 4, 0, 0, 0, 0]));
            let later = [padding, (protocol::ROUTING, routing(kind, left))];
            extended(&mut ward, bad, &later);
        }
    }
    // Mobility and segment routing.
    for kind in [2, 4] {
        extended(&mut ward, None, &[(protocol::ROUTING, routing(kind, 1))]);
    }
}

#[test]
fn options_end_within_their_header() {
    let mut ward = Ward::new();
    for number in [protocol::HOP_BY_HOP, protocol::DESTINATION_OPTIONS] {
        let mut check = |predicate: Option<&str>, options: &[u8]| {
            extended(&mut ward, predicate, &[(number, header(options))]);
        };
        let bad = Some("ipv6-stack/option-overrun");
        check(bad, &[5, 5, 0, 0, 0, 0]);
        check(bad, &[5, 255, 0, 0, 0, 0]);
        check(bad, &[1, 0, 0, 0, 0, 30]);
        check(bad, &[1, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        check(None, &[1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        check(bad, &[0; 254]);
        check(None, &[1, 4, 0, 0, 0, 0]);
        check(None, &[0, 0, 0, 0, 0, 0]);
        // The router alert of MLD, and an empty option.
        check(None, &[5, 2, 0, 0, 1, 0]);
        check(None, &[30, 0, 1, 2, 0, 0]);
        check(
            None,
            &[30, 200, 7]
                .iter()
                .copied()
                .chain([0; 199])
                .collect::<Vec<_>>(),
        );
        let jumbo = Some("ipv6-stack/jumbo-payload");
        check(jumbo, &[0xc2, 4, 0, 1, 0, 0]);
        check(jumbo, &[1, 0, 0xc2, 4, 0, 0, 0, 9]);
    }
    let whole = (protocol::FRAGMENT, vec![0; 8]);
    extended(&mut ward, None, &[whole]);
}

/// A message of neighbour discovery, hop limit included.
#[track_caller]
fn neighbour(
    ward: &mut Ward,
    sides: &[enforcer_common::port::Side],
    predicate: Option<&str>,
    kind: u8,
    fixed: usize,
    options: &[u8],
) {
    ward.check(&V6, sides, predicate, &|link, from, to| {
        let mut message = icmp(kind, 0, 0, &[]);
        message.resize(fixed, 0);
        // The target of an advertisement is its sender.
        if kind == 136
            && let IpAddr::V6(from) = from
        {
            message[8..24].copy_from_slice(&from.octets());
        }
        message.extend(options);
        packet(link, from, to, protocol::ICMPV6, &message, |packet| {
            packet.hop_limit = 255;
        })
    });
}

#[test]
fn options_of_neighbour_discovery_have_a_length() {
    let mut ward = Ward::new();
    for (kind, fixed, sides) in [
        (133, 8, &[Device][..]),
        (134, 16, &[Core]),
        (135, 24, &BOTH),
        (136, 24, &BOTH),
    ] {
        let mut check = |predicate: Option<&str>, options: &[u8]| {
            neighbour(&mut ward, sides, predicate, kind, fixed, options);
        };
        let bad = Some("ipv6-stack/neighbour-option");
        check(bad, &[1, 0, 2, 0, 0, 0, 0, 1]);
        check(bad, &[1, 1, 2, 0, 0, 0, 0, 1, 14, 0]);
        check(bad, &[1, 2, 2, 0, 0, 0, 0, 1]);
        check(bad, &[1]);
        check(None, &[]);
        check(None, &[1, 1, 2, 0, 0, 0, 0, 1]);
        check(None, &[14, 1, 0, 0, 0, 0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 1]);
    }
}

#[test]
fn name_servers_are_whole() {
    let mut ward = Ward::new();
    let servers = |length: u8| {
        let mut option = vec![25, length];
        option.resize(usize::from(length) * 8, 0);
        option
    };
    for (length, bad) in [
        (1, true),
        (2, true),
        (3, false),
        (4, true),
        (5, false),
        (6, true),
    ] {
        let told = bad.then_some("ipv6-stack/name-server-option");
        neighbour(&mut ward, &[Core], told, 134, 16, &servers(length));
        // Elsewhere it means nothing.
        neighbour(&mut ward, &[Core], None, 135, 24, &servers(length));
    }
}

#[test]
fn icmpv6_is_as_long_as_its_type_demands() {
    let mut ward = Ward::new();
    let short = Some("ipv6-stack/icmpv6-length");
    for (kind, fixed, sides) in [(134, 16, &[Core][..]), (135, 24, &BOTH)] {
        neighbour(&mut ward, sides, short, kind, fixed - 1, &[]);
    }
    for (kind, length) in [(128, 8), (128, 80)] {
        ward.miss(&V6, &|link, from, to| {
            let mut message = icmp(kind, 0, 7, &[]);
            message.resize(length, 0);
            packet(link, from, to, protocol::ICMPV6, &message, |_| {})
        });
    }
}
