//! Random frames about the [`super::ward`]: mostly proper ones among its devices,
//! peers and services, so that flows come to be; some spoilt. The same seed
//! gives the same frames.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use enforcer_common::addr::Mac;
use enforcer_common::port::Side;

use super::frame::{
    ACK, FIN, Ip, Link, PSH, RST, SYN, URG, dhcp as message, extension, icmp, part, protocol, tcp,
    udp,
};
use super::odd;
use super::rig::BRIDGE;
use super::ward::{self, Family};

/// Numbers by SplitMix64 (Steele, Lea and Flood 2014; public domain).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit as u64) as usize
    }

    /// True `percent` times in a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

const PORTS: [u16; 12] = [53, 67, 68, 80, 161, 443, 546, 547, 2575, 8005, 8443, 9999];
const CLIENT_PORTS: [u16; 4] = [40_000, 40_001, 50_000, 53];
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
/// Who is `pump.example`?
const QUERY: &[u8] = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x04pump\x07example\0\0\x01\0\x01";
const IDENTIFIERS: [u16; 4] = [1, 8, 13, 512];
const ICMP_TYPES: [u8; 14] = [0, 8, 13, 14, 3, 5, 11, 12, 128, 129, 1, 2, 130, 143];
const NEIGHBOUR_TYPES: [u8; 9] = [130, 131, 132, 133, 134, 135, 136, 137, 143];
const ADDRESSES: [[u8; 4]; 6] = [
    [0; 4],
    [255; 4],
    [127, 0, 0, 1],
    [224, 0, 0, 1],
    [10, 10, 255, 255],
    [169, 254, 1, 1],
];

/// One frame and the side it comes from.
pub fn frame(random: &mut Random) -> (Side, Vec<u8>) {
    if random.chance(50) {
        let (side, frame) = conversation(random);
        return (
            side,
            if random.chance(90) {
                frame
            } else {
                spoil(random, frame)
            },
        );
    }
    let device = 1 + random.below(8) as u8;
    let family = random.pick(&ward::FAMILIES);
    let out = random.chance(50);
    let mut link = if out {
        ward::outward(device)
    } else {
        ward::inward(device)
    };
    disturb_link(random, &mut link, device);
    let frame = match random.below(21) {
        20 => link.carry(random.pick(&[0x88b8, 0x8035, 0x88b9, 0x0600]), &[1; 46]),
        0 => arp(random, &link, device),
        1 => neighbour(random, &link, device),
        2 => dhcp(random, &link, family, device, out),
        3 => control(random, &link),
        _ => {
            let packet = packet(random, family, device, out);
            link.ip(&packet)
        }
    };
    let expected = if out { Side::Device } else { Side::Core };
    let other = if out { Side::Core } else { Side::Device };
    (
        if random.chance(95) { expected } else { other },
        spoil(random, frame),
    )
}

/// A frame of one of the few conversations that the policy allows, from either end.
fn conversation(random: &mut Random) -> (Side, Vec<u8>) {
    let device = 1 + random.below(5) as u8;
    let family = random.pick(&ward::FAMILIES);
    let own = ward::device(family, device);
    let client = random.pick(&CLIENT_PORTS);
    let (request, reply, icmp_number) = match family {
        Family::V4 => (8, 0, protocol::ICMP),
        Family::V6 => (128, 129, protocol::ICMPV6),
    };
    let flags = random.pick(&[SYN, SYN | ACK, ACK, ACK, ACK | PSH, ACK | FIN, RST | ACK]);
    let (peer, number, ports) = match random.below(5) {
        0 => (ward::engine(family), protocol::TCP, (client, 2575)),
        1 => (ward::dns(family), protocol::UDP, (client, 53)),
        2 => (ward::station(family), protocol::TCP, (80, client)),
        3 => (ward::station(family), protocol::UDP, (161, client)),
        _ => (ward::engine(family), icmp_number, (request, reply)),
    };
    let out = random.chance(50);
    let (from, to) = if out { (own, peer) } else { (peer, own) };
    let (sport, dport) = if out { ports } else { (ports.1, ports.0) };
    let payload = match number {
        protocol::TCP => tcp(sport, dport, flags, b"payload"),
        protocol::UDP if sport == 53 || dport == 53 => udp(sport, dport, QUERY),
        protocol::UDP => udp(sport, dport, b"payload"),
        _ => icmp(sport as u8, 0, random.pick(&IDENTIFIERS), b"ping"),
    };
    let link = if out {
        ward::outward(device)
    } else {
        ward::inward(device)
    };
    let side = if out { Side::Device } else { Side::Core };
    let packet = Ip::new(from, to, number, &payload);
    if random.chance(8) {
        let about = Ip::new(to, from, number, &turned(&payload, number));
        return (side, link.icmp_error(from, to, &about));
    }
    (side, link.ip(&packet))
}

/// The transport header of the other direction.
fn turned(payload: &[u8], number: u8) -> Vec<u8> {
    let mut turned = payload.to_vec();
    if matches!(number, protocol::TCP | protocol::UDP) {
        turned[..4].rotate_left(2);
    }
    turned
}

fn disturb_link(random: &mut Random, link: &mut Link, device: u8) {
    match random.below(40) {
        0 => link.destination = random.pick(&[Mac::BROADCAST, Mac([1, 0, 0x5e, 0, 0, 1]), BRIDGE]),
        1 => link.source = random.pick(&[ward::STRANGER, Mac::ZERO, Mac::BROADCAST]),
        2 => link.destination = ward::STRANGER,
        3 => link.tags.push((0x8100, random.pick(&[0, 10, 4095, 100]))),
        4 => link.tags.push((0x88a8, 10)),
        5 => link.tags.clear(),
        6 => link.destination = Mac::ZERO,
        7..=9 => {
            let peer = if device == ward::GATEWAY {
                ward::BOUND
            } else {
                ward::GATEWAY
            };
            link.destination = ward::mac(peer);
        }
        _ => {}
    }
}

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
fn ends(random: &mut Random, family: Family, device: u8, out: bool) -> (IpAddr, IpAddr) {
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

fn odd_address(random: &mut Random, family: Family) -> IpAddr {
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

fn packet(random: &mut Random, family: Family, device: u8, out: bool) -> Ip {
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

fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

fn arp(random: &mut Random, link: &Link, device: u8) -> Vec<u8> {
    let (sender, target) = ends(random, Family::V4, device, random.clone().chance(50));
    link.arp(random.pick(&[1, 2, 1, 2, 3]), v4(sender), v4(target))
}

fn neighbour(random: &mut Random, link: &Link, device: u8) -> Vec<u8> {
    let out = random.chance(50);
    let (source, destination) = ends(random, Family::V6, device, out);
    let target = match random.pick(&[source, destination]) {
        IpAddr::V6(v6) => v6.octets(),
        IpAddr::V4(_) => [0; 16],
    };
    let kind = random.pick(&NEIGHBOUR_TYPES);
    // A router advertises times in place of an address.
    let mut body = if kind == 134 {
        vec![0; 8]
    } else {
        target.to_vec()
    };
    if random.chance(50) {
        body.extend(odd::neighbour_options(random));
    }
    link.neighbour(source, destination, kind, &body)
}

fn dhcp(random: &mut Random, link: &Link, family: Family, device: u8, out: bool) -> Vec<u8> {
    let (source, destination) = ends(random, family, device, out);
    if family == Family::V4 && random.chance(70) {
        let offered = match random.below(4) {
            0 => v4(odd_address(random, family)),
            _ => v4(ward::device(family, 1 + random.below(8) as u8)),
        };
        if random.chance(40) {
            let mut message = message(2, offered, link.destination);
            message.pop();
            message.extend(odd::options(random, 5, false));
            message.push(255);
            return link.datagram((source, 67), (destination, 68), &message);
        }
        return if random.chance(50) {
            link.dhcp_request(source, destination)
        } else {
            link.dhcp_reply(source, destination, offered)
        };
    }
    let (client, server) = random.pick(&[(68, 67), (546, 547)]);
    let (from, to) = if random.chance(50) {
        (client, server)
    } else {
        (server, client)
    };
    link.udp((source, from), (destination, to))
}

fn control(random: &mut Random, link: &Link) -> Vec<u8> {
    let mut link = link.clone();
    link.destination = Mac([0x01, 0x80, 0xc2, 0, 0, random.below(20) as u8]);
    let kind = random.pick(&[0x0026, 0x88cc, 0x8809, 0x888e, 0x88f7, 0x0600]);
    link.carry(kind, &[random.pick(&[0x42, 0xaa]), 0x42, 3, 0, 0, 0])
}

/// Leaves most frames as they are; flips, cuts, lengthens or stirs the others.
fn spoil(random: &mut Random, mut frame: Vec<u8>) -> Vec<u8> {
    match random.below(24) {
        0 => {
            let place = random.below(frame.len());
            frame[place] ^= 1 << random.below(8);
        }
        1 => {
            let place = random.below(frame.len());
            frame[place] = random.number() as u8;
        }
        2 => frame.truncate(14 + random.below(frame.len() - 13)),
        3 => frame.extend(vec![0; random.below(64)]),
        4 => {
            let (one, other) = (random.below(frame.len()), random.below(frame.len()));
            frame.swap(one, other);
        }
        _ => {}
    }
    frame
}
