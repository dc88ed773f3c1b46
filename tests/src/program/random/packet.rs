//! Random IP packets: among the ward's devices and peers, in parts, with options and
//! extensions, and what they carry.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{CLIENT_PORTS, IDENTIFIERS, Random};
use crate::program::frame::{
    ACK, FIN, Ip, PSH, RST, SYN, URG, extension, icmp, part, protocol, tcp, udp,
};
use crate::program::odd;
use crate::program::ward::{self, Family};

const PORTS: [u16; 12] = [53, 67, 68, 80, 161, 443, 546, 547, 2575, 8005, 8443, 9999];

const FLAGS: [u8; 12] = [
    SYN,
    SYN,
    SYN | ACK,
    ACK,
    ACK | PSH,
    ACK | FIN,
    RST,
    RST | ACK,
    FIN,
    SYN | FIN,
    0,
    0xff,
];

const ICMP_TYPES: [u8; 14] = [0, 8, 13, 14, 3, 5, 11, 12, 128, 129, 1, 2, 130, 143];

const ADDRESSES: [[u8; 4]; 6] = [
    [0; 4],
    [255; 4],
    [127, 0, 0, 1],
    [224, 0, 0, 1],
    [10, 10, 255, 255],
    [169, 254, 1, 1],
];

fn peer(random: &mut Random, family: Family) -> IpAddr {
    match random.below(10) {
        0 => ward::elsewhere(family),
        1 => ward::device(family, ward::GATEWAY),
        2 => ward::device(family, ward::BOUND),
        3 | 4 => ward::dns(family),
        5 | 6 => ward::station(family),
        _ => ward::engine(family),
    }
}

/// Source and destination of a packet of a device.
pub(super) fn ends(random: &mut Random, family: Family, device: u8, out: bool) -> (IpAddr, IpAddr) {
    let mut own = ward::device(family, device);
    let mut other = peer(random, family);
    match random.below(60) {
        0 => own = ward::device(family, 1 + random.below(8) as u8),
        1 => own = odd_address(random, family),
        2 => other = odd_address(random, family),
        3 => other = own,
        _ => {}
    }
    if out { (own, other) } else { (other, own) }
}

pub(super) fn odd_address(random: &mut Random, family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::from(random.pick(&ADDRESSES)).into(),
        Family::V6 => random
            .pick(&[
                Ipv6Addr::UNSPECIFIED,
                Ipv6Addr::LOCALHOST,
                Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
                Ipv4Addr::new(10, 20, 0, 10).to_ipv6_mapped(),
            ])
            .into(),
    }
}

pub(super) fn packet(random: &mut Random, family: Family, device: u8, out: bool) -> Ip {
    let (source, destination) = ends(random, family, device, out);
    let (number, payload) = transport(random, family, (source, destination));
    let mut packet = Ip::new(source, destination, number, &payload);
    match random.below(40) {
        0 => packet.fragment = random.pick(&[0x2000, 0x0001, 0x4000, 0x8000, 0x1fff]),
        1 => packet.version = Some(random.number() as u8),
        2 => packet.length = Some(random.below(120) as u16),
        3 => packet.options = vec![1; 4 * random.below(11)],
        4 => packet.options = odd::header_options(random),
        5..=9 => packet = a_part(random, &packet),
        10..=13 => {
            for _ in 0..random.below(9) {
                packet.extensions.push(random_extension(random));
            }
        }
        _ => {}
    }
    packet
}

/// A part of the packet, of one of few that come in parts, in its turn or not.
fn a_part(random: &mut Random, packet: &Ip) -> Ip {
    let mut whole = packet.clone();
    whole.payload.resize(64, 0x55);
    let (start, end, more) = random.pick(&[
        (0, 32, true),
        (32, 48, true),
        (32, 64, false),
        (48, 64, false),
        (24, 40, true),
        (0, 8, true),
        (0, 33, true),
    ]);
    part(&whole, random.below(4) as u16, start, end, more)
}

fn random_extension(random: &mut Random) -> (u8, Vec<u8>) {
    let (number, mut bytes) = extension(random.pick(&[0, 43, 44, 51, 60, 60, 60]));
    match random.below(8) {
        6 | 7 => {
            let rest = odd::options(random, 3, false);
            bytes[2..]
                .iter_mut()
                .zip(&rest)
                .for_each(|(byte, of)| *byte = *of);
        }
        0 => bytes[2] = random.number() as u8,
        1 => bytes[3] = random.number() as u8,
        2 => {
            bytes[1] = 1;
            bytes.extend([0; 8]);
        }
        _ => {}
    }
    (number, bytes)
}

fn transport(
    random: &mut Random,
    family: Family,
    (source, destination): (IpAddr, IpAddr),
) -> (u8, Vec<u8>) {
    let icmp_number = if family == Family::V4 {
        protocol::ICMP
    } else {
        protocol::ICMPV6
    };
    let (client, server) = (random.pick(&CLIENT_PORTS), random.pick(&PORTS));
    let (from, to) = if random.chance(50) {
        (client, server)
    } else {
        (server, client)
    };
    match random.below(12) {
        0..=2 => (
            protocol::TCP,
            tcp(from, to, random.pick(&FLAGS), b"payload"),
        ),
        3 | 4 => (protocol::TCP, optioned(random, from, to)),
        5 | 6 => (protocol::UDP, udp(from, to, b"payload")),
        7 => (protocol::UDP, udp(from, to, &odd::dns(random))),
        8 => {
            let kind = random.pick(&[8, 0, 13, 14, 128, 129]);
            (
                icmp_number,
                icmp(kind, 0, random.pick(&IDENTIFIERS), b"ping"),
            )
        }
        9 => {
            let kind = random.pick(&ICMP_TYPES);
            (
                icmp_number,
                icmp(
                    kind,
                    random.below(2) as u8,
                    random.pick(&IDENTIFIERS),
                    &[0; 24],
                ),
            )
        }
        10 => {
            let kind = if family == Family::V4 {
                3
            } else {
                random.pick(&[1, 2])
            };
            let (inner, quoted) = transport(random, family, (destination, source));
            let about = Ip::new(destination, source, inner, &quoted);
            (icmp_number, icmp(kind, 0, 0, &about.bytes()))
        }
        _ => (
            random.pick(&[50, 47, 2, 1, 58, 59, 255, 6, 17]),
            vec![0; random.below(40)],
        ),
    }
}

/// A segment with options and an urgent pointer.
fn optioned(random: &mut Random, from: u16, to: u16) -> Vec<u8> {
    let options = odd::header_options(random);
    let flags = random.pick(&[SYN, SYN | ACK, ACK, ACK | URG, SYN | URG]);
    let mut segment = tcp(from, to, flags, &options);
    segment[12] = (((20 + options.len()) / 4) << 4) as u8;
    segment[19] = random.below(12) as u8;
    segment.extend(b"payload");
    segment
}
