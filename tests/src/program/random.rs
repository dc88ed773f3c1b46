//! Random frames about the [`super::ward`]: mostly proper ones among its devices,
//! peers and services, so that flows come to be; some spoilt. The same seed
//! gives the same frames.

mod packet;
mod service;

use enforcer_common::addr::Mac;
use enforcer_common::port::Side;

use self::packet::packet;
use self::service::{arp, control, dhcp, neighbour};
use super::frame::{ACK, FIN, Ip, Link, PSH, RST, SYN, icmp, protocol, tcp, udp};
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

const CLIENT_PORTS: [u16; 4] = [40_000, 40_001, 50_000, 53];

/// Who is `pump.example`?
const QUERY: &[u8] = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x04pump\x07example\0\0\x01\0\x01";
const IDENTIFIERS: [u16; 4] = [1, 8, 13, 512];

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
