//! Random frames of what a network needs besides: ARP, neighbour discovery, DHCP, control
//! frames of bridges.

use std::net::{IpAddr, Ipv4Addr};

use enforcer_common::addr::Mac;

use super::Random;
use super::packet::{ends, odd_address};
use crate::program::frame::{Link, dhcp as message};
use crate::program::odd;
use crate::program::ward::{self, Family};

const NEIGHBOUR_TYPES: [u8; 9] = [130, 131, 132, 133, 134, 135, 136, 137, 143];

fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

pub(super) fn arp(random: &mut Random, link: &Link, device: u8) -> Vec<u8> {
    let (sender, target) = ends(random, Family::V4, device, random.clone().chance(50));
    link.arp(random.pick(&[1, 2, 1, 2, 3]), v4(sender), v4(target))
}

pub(super) fn neighbour(random: &mut Random, link: &Link, device: u8) -> Vec<u8> {
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

pub(super) fn dhcp(
    random: &mut Random,
    link: &Link,
    family: Family,
    device: u8,
    out: bool,
) -> Vec<u8> {
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

pub(super) fn control(random: &mut Random, link: &Link) -> Vec<u8> {
    let mut link = link.clone();
    link.destination = Mac([0x01, 0x80, 0xc2, 0, 0, random.below(20) as u8]);
    let kind = random.pick(&[0x0026, 0x88cc, 0x8809, 0x888e, 0x88f7, 0x0600]);
    link.carry(kind, &[random.pick(&[0x42, 0xaa]), 0x42, 3, 0, 0, 0])
}
