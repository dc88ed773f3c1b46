//! Packets in parts: denied unless the profile tracks them; then the first part
//! decides, the others follow in order, and what overlaps closes the packet.

use std::net::IpAddr;

use enforcer_common::port::Side::{Core, Device};
use enforcer_common::verdict::Reason;
use enforcer_tests::program::frame::{Ip, SYN, icmp, part, protocol, tcp, udp};
use enforcer_tests::program::ward::{self, FAMILIES, Family};
use enforcer_tests::program::{Link, Rig};

fn tracking() -> Rig {
    Rig::new(&ward::POLICY.replace("  pump:\n", "  pump:\n    fragments: track\n"))
}

fn link() -> Link {
    ward::outward(ward::BOUND)
}

fn ends(family: Family) -> (IpAddr, IpAddr) {
    (ward::device(family, ward::BOUND), ward::dns(family))
}

/// A datagram to the name server that comes in parts of 64 bytes.
fn datagram(family: Family) -> Ip {
    let (own, dns) = ends(family);
    Ip::new(own, dns, protocol::UDP, &udp(5000, 53, &[7; 192]))
}

#[test]
fn parts_are_denied_unless_the_profile_tracks_them() {
    let mut rig = Rig::new(ward::POLICY);
    for family in FAMILIES {
        let packet = datagram(family);
        let first = link().ip(&part(&packet, 1, 0, 64, true));
        rig.denied(Device, &first, Reason::Fragment);
        let last = link().ip(&part(&packet, 1, 64, 200, false));
        rig.denied(Device, &last, Reason::Fragment);
    }
}

#[test]
fn later_parts_follow_the_first() {
    let mut rig = tracking();
    for family in FAMILIES {
        let packet = datagram(family);
        let pieces = [(0, 64, true), (64, 128, true), (128, 200, false)];
        for (number, (start, end, more)) in pieces.into_iter().enumerate() {
            let reason = if number == 0 {
                Reason::Rule
            } else {
                Reason::Established
            };
            let outcome = rig.allowed(
                Device,
                &link().ip(&part(&packet, 7, start, end, more)),
                reason,
            );
            let flow = outcome.flow.expect("a flow");
            assert_eq!(flow.packets[0], number as u64 + 1, "one flow for all parts");
        }
        // The packet is complete: nothing more belongs to it.
        let more = link().ip(&part(&packet, 7, 64, 128, true));
        rig.denied(Device, &more, Reason::FragmentOverlap);
        // The same identification may come again.
        rig.allowed(
            Device,
            &link().ip(&part(&packet, 8, 0, 64, true)),
            Reason::Established,
        );
        // The answer in parts.
        let (own, dns) = ends(family);
        let answer = Ip::new(dns, own, protocol::UDP, &udp(53, 5000, &[9; 92]));
        for (start, end, more) in [(0, 40, true), (40, 100, false)] {
            rig.allowed(
                Core,
                &link().back().ip(&part(&answer, 9, start, end, more)),
                Reason::Established,
            );
        }
    }
}

#[test]
fn tcp_and_icmp_come_in_parts_too() {
    let mut rig = tracking();
    for family in FAMILIES {
        let own = ward::device(family, ward::BOUND);
        let engine = ward::engine(family);
        let mut segment = tcp(6000, 2575, SYN, &[1; 44]);
        segment.resize(64, 0);
        let packet = Ip::new(own, engine, protocol::TCP, &segment);
        rig.allowed(
            Device,
            &link().ip(&part(&packet, 3, 0, 32, true)),
            Reason::Rule,
        );
        rig.allowed(
            Device,
            &link().ip(&part(&packet, 3, 32, 64, false)),
            Reason::Established,
        );
        let (number, kind) = match family {
            Family::V4 => (protocol::ICMP, 8),
            Family::V6 => (protocol::ICMPV6, 128),
        };
        let packet = Ip::new(own, engine, number, &icmp(kind, 0, 77, &[0; 56]));
        rig.allowed(
            Device,
            &link().ip(&part(&packet, 4, 0, 32, true)),
            Reason::Rule,
        );
        rig.allowed(
            Device,
            &link().ip(&part(&packet, 4, 32, 64, false)),
            Reason::Established,
        );
    }
}

#[test]
fn what_the_first_part_may_not_the_others_may_not() {
    let mut rig = tracking();
    for family in FAMILIES {
        let (own, dns) = ends(family);
        let packet = Ip::new(own, dns, protocol::UDP, &udp(5000, 54, &[7; 56]));
        rig.denied(
            Device,
            &link().ip(&part(&packet, 1, 0, 32, true)),
            Reason::NoRule,
        );
        rig.denied(
            Device,
            &link().ip(&part(&packet, 1, 32, 64, false)),
            Reason::NoRule,
        );
        // No first part, or one of another packet.
        let packet = datagram(family);
        rig.denied(
            Device,
            &link().ip(&part(&packet, 2, 64, 128, true)),
            Reason::FragmentOrphan,
        );
    }
}

#[test]
fn overlaps_and_disorder_close_the_packet() {
    let mut rig = tracking();
    for family in FAMILIES {
        let packet = datagram(family);
        let piece = |id, start, end, more| link().ip(&part(&packet, id, start, end, more));
        for (id, start) in [(10, 56), (11, 72), (12, 0)] {
            rig.send(Device, &piece(id, 0, 64, true));
            rig.denied(
                Device,
                &piece(id, start, start + 64, true),
                Reason::FragmentOverlap,
            );
            // What would have been in its turn comes too late.
            rig.denied(Device, &piece(id, 64, 128, true), Reason::FragmentOverlap);
        }
    }
}

#[test]
fn a_first_part_holds_all_headers_and_a_whole_number_of_units() {
    let mut rig = tracking();
    for family in FAMILIES {
        let (own, engine) = (ward::device(family, ward::BOUND), ward::engine(family));
        let segment = tcp(6000, 2575, SYN, &[1; 44]);
        let packet = Ip::new(own, engine, protocol::TCP, &segment);
        let tiny = link().ip(&part(&packet, 1, 0, 8, true));
        rig.denied(Device, &tiny, Reason::FragmentTiny);
        let odd = link().ip(&part(&packet, 2, 0, 33, true));
        rig.denied(Device, &odd, Reason::FragmentTiny);
    }
    // IPv6: a chain of headers that goes on in the second part (RFC 7112).
    let (own, dns) = ends(Family::V6);
    let mut packet = Ip::new(own, dns, protocol::UDP, &udp(5000, 53, &[7; 56]));
    packet
        .extensions
        .push((protocol::FRAGMENT, vec![0, 0, 0, 1, 0, 0, 0, 9]));
    packet.extensions.push((60, vec![0, 200, 0, 0, 0, 0, 0, 0]));
    rig.denied(Device, &link().ip(&packet), Reason::FragmentTiny);
    // And a fragment of a fragment.
    let mut packet = datagram(Family::V6);
    packet.extensions.push((protocol::FRAGMENT, vec![0; 8]));
    packet.extensions.push((protocol::FRAGMENT, vec![0; 8]));
    rig.denied(Device, &link().ip(&packet), Reason::BadIpv6);
}

#[test]
fn a_packet_has_an_end() {
    let mut rig = tracking();
    let packet = datagram(Family::V4);
    rig.allowed(
        Device,
        &link().ip(&part(&packet, 1, 0, 64, true)),
        Reason::Rule,
    );
    // In its turn by the offset that is expected, but beyond 65,535 bytes.
    let mut beyond = part(&packet, 1, 64, 128, false);
    beyond.fragment = 8191;
    rig.denied(Device, &link().ip(&beyond), Reason::FragmentOverlap);
}

#[test]
fn an_unfinished_packet_is_forgotten() {
    let mut rig = tracking();
    rig.set_time(1_000, 1_800_000_000);
    let packet = datagram(Family::V4);
    rig.allowed(
        Device,
        &link().ip(&part(&packet, 1, 0, 64, true)),
        Reason::Rule,
    );
    rig.set_time(1_030, 1_800_000_030);
    let second = link().ip(&part(&packet, 1, 64, 128, true));
    rig.denied(Device, &second, Reason::FragmentOrphan);
    rig.allowed(
        Device,
        &link().ip(&part(&packet, 1, 0, 64, true)),
        Reason::Established,
    );
}

#[test]
fn neighbour_discovery_comes_whole_or_not_at_all() {
    let mut rig = tracking();
    let own = ward::device(Family::V6, ward::BOUND);
    let all: IpAddr = "ff02::1".parse().unwrap();
    let mut solicitation = Ip::new(own, all, protocol::ICMPV6, &icmp(135, 0, 0, &[0; 16]));
    solicitation.hop_limit = 255;
    rig.allowed(
        Device,
        &link().ip(&solicitation),
        Reason::NeighbourDiscovery,
    );
    // An atomic fragment is a whole packet, but not for this (RFC 6980).
    solicitation
        .extensions
        .push((protocol::FRAGMENT, vec![0; 8]));
    rig.denied(
        Device,
        &link().ip(&solicitation),
        Reason::NeighbourDiscoveryDenied,
    );
}
