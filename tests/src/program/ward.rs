//! The ward that most tests of the program start from: its policy, who is who,
//! and the links between them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use enforcer_common::addr::Mac;

use super::frame::Link;

/// A policy that has one of everything.
pub const POLICY: &str = r#"
version: 1
defaults:
  new_flows_per_second: 0
  control_frames: {stp: true, lldp: true, lacp: false, eapol: false}
peers:
  engine: [10.20.0.10, "fd00:20::10"]
  dns: [10.20.0.53, "fd00:20::53"]
  station: [10.30.0.0/24, "fd00:30::/64"]
profiles:
  pump:
    allow:
      - {name: hl7, to: engine, tcp: 2575}
      - {name: dns, to: dns, udp: 53}
      - {name: ping, to: engine, icmp: echo-request, icmpv6: echo-request}
      - {name: tunnel, to: engine, protocol: esp}
      - {name: poll, from: station, tcp: [80, 8000-8010], udp: 161}
      - {name: ping-in, from: station, icmp: echo-request, icmpv6: echo-request}
      - {name: collect, to: "profile:gateway", tcp: 8443}
  gateway:
    allow:
      - {name: collected, from: "profile:pump", tcp: 8443}
      - {name: outward, to: any, tcp: 443}
  closed:
    network: {arp: false, neighbour_discovery: false, dhcp: false}
devices:
  - {name: bound, mac: "02:00:00:00:00:01", ip: [10.10.0.1, "fd00:10::1"], profile: pump}
  - {name: tagged, mac: "02:00:00:00:00:02", vlan: 10, ip: [10.10.0.2, "fd00:10::2"], profile: pump}
  - {name: doubly, mac: "02:00:00:00:00:03", vlan: "100.10", ip: [10.10.0.3, "fd00:10::3"], profile: pump}
  - {name: free, mac: "02:00:00:00:00:04", profile: pump}
  - {name: watched, mac: "02:00:00:00:00:05", ip: 10.10.0.5, profile: pump, mode: audit}
  - {name: gateway, mac: "02:00:00:00:00:06", ip: [10.10.0.6, "fd00:10::6"], profile: gateway}
  - {name: closed, mac: "02:00:00:00:00:07", ip: [10.10.0.7, "fd00:10::7"], profile: closed}
"#;

/// The core's router: no device of the policy.
pub const ROUTER: Mac = Mac([0x02, 0, 0, 0, 0xc0, 0x01]);
/// A device that nobody declared.
pub const STRANGER: Mac = Mac([0x02, 0, 0, 0, 0xee, 0x01]);

/// Devices by their number in the policy.
pub const BOUND: u8 = 1;
pub const TAGGED: u8 = 2;
pub const DOUBLY: u8 = 3;
pub const FREE: u8 = 4;
pub const WATCHED: u8 = 5;
pub const GATEWAY: u8 = 6;
pub const CLOSED: u8 = 7;

/// Both families, for tests that hold in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

pub const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

pub const fn mac(device: u8) -> Mac {
    Mac([0x02, 0, 0, 0, 0, device])
}

/// Address of a device.
pub fn device(family: Family, number: u8) -> IpAddr {
    address(family, 0x10, number.into())
}

pub fn engine(family: Family) -> IpAddr {
    address(family, 0x20, 0x10)
}

pub fn dns(family: Family) -> IpAddr {
    address(family, 0x20, 0x53)
}

pub fn station(family: Family) -> IpAddr {
    address(family, 0x30, 0x77)
}

/// An address in no peer.
pub fn elsewhere(family: Family) -> IpAddr {
    address(family, 0x99, 1)
}

/// Link from a device to the router, with the device's tags.
pub fn outward(device: u8) -> Link {
    tagged(Link::new(mac(device), ROUTER), device)
}

/// Link from the router to a device, with the device's tags.
pub fn inward(device: u8) -> Link {
    outward(device).back()
}

fn tagged(link: Link, device: u8) -> Link {
    match device {
        TAGGED => link.vlan(10),
        DOUBLY => link.provider_vlan(100).vlan(10),
        _ => link,
    }
}

/// 10.NET.0.HOST or fd00:NET::HOST; the digits of both are read as decimal in
/// the one and as hexadecimal in the other.
fn address(family: Family, net: u16, host: u16) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(10, decimal(net), 0, decimal(host)).into(),
        Family::V6 => Ipv6Addr::new(0xfd00, net, 0, 0, 0, 0, 0, host).into(),
    }
}

fn decimal(digits: u16) -> u8 {
    (digits >> 4) as u8 * 10 + (digits & 15) as u8
}

/// A connection from the bound device to the engine: both directions of it.
pub fn connection(family: Family) -> (impl Fn(u8) -> Vec<u8>, impl Fn(u8) -> Vec<u8>) {
    let own = (device(family, BOUND), 40_000);
    let engine = (engine(family), 2575);
    let out = move |flags| outward(BOUND).tcp(own, engine, flags);
    let back = move |flags| inward(BOUND).tcp(engine, own, flags);
    (out, back)
}
