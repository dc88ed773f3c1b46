//! The bytes of a first packet, and the packet in words.

use std::net::IpAddr;

use enforcer_common::addr::Vlan;
use enforcer_common::flow::protocol;
use enforcer_common::port::Side;
use etherparse::{
    DoubleVlanHeader, EtherType, IpHeaders, IpNumber, Ipv4Header, Ipv6Header, PacketBuilder,
    PacketBuilderStep, SingleVlanHeader, VlanHeader, VlanId,
};

use super::Crossing;
use crate::control::api::Asked;
use crate::policy::describe;

/// First port for short-lived use (RFC 6335, 6).
const EPHEMERAL: u16 = 49_152;
/// Ports of DHCP and DHCPv6, whose clients do not use short-lived ones.
const FIXED_PORTS: [(u16, u16); 4] = [(67, 68), (68, 67), (547, 546), (546, 547)];
const WINDOW: u16 = 64_240;
/// Neighbour discovery and MLD demand these hop limits (RFC 4861, 7.1; RFC 3810, 5).
const ON_LINK: u8 = 255;
const MLD: u8 = 1;
const HOPS: u8 = 64;

/// Builds the frame.
pub(super) fn build(crossing: &Crossing, service: Asked) -> Result<Vec<u8>, String> {
    let (source, destination) = (crossing.source.ip, crossing.destination.ip);
    let ip = ip_header(source, destination, service)?;
    let ethernet = PacketBuilder::ethernet2(crossing.source.mac.0, crossing.destination.mac.0);
    let packet = match tags(crossing.vlan)? {
        Some(tags) => ethernet.vlan(tags).ip(ip),
        None => ethernet.ip(ip),
    };
    let mut bytes = Vec::new();
    let body = body(crossing, service);
    write(packet, service, source.is_ipv4(), &body, &mut bytes)?;
    Ok(bytes)
}

/// The frame in a sentence.
pub(super) fn describe(crossing: &Crossing, service: Asked) -> String {
    let (source, destination) = (crossing.source.ip, crossing.destination.ip);
    let what = match service {
        Asked::Tcp(port) => format!("TCP SYN from port {} to {port}", source_port(port)),
        Asked::Udp(port) => {
            format!("UDP datagram from port {} to {port}", source_port(port))
        }
        Asked::Icmp(kind) if source.is_ipv4() => format!("ICMP message of type {kind}"),
        Asked::Icmp(kind) => format!("ICMPv6 message of type {kind}"),
        Asked::Protocol(number) => format!("packet of IP protocol {number}"),
    };
    let side = match crossing.side {
        Side::Device => "device",
        Side::Core => "core",
    };
    let vlan = describe::vlan(crossing.vlan);
    format!("A {what}, {source} to {destination}, {vlan}, comes in on the {side} side.")
}

fn source_port(port: u16) -> u16 {
    FIXED_PORTS
        .iter()
        .find(|(to, _)| *to == port)
        .map_or(EPHEMERAL, |(_, from)| *from)
}

fn tags(vlan: Vlan) -> Result<Option<VlanHeader>, String> {
    let id = |identifier| VlanId::try_new(identifier).map_err(|error| error.to_string());
    let single = |identifier, ether_type| -> Result<SingleVlanHeader, String> {
        Ok(SingleVlanHeader {
            vlan_id: id(identifier)?,
            ether_type,
            ..SingleVlanHeader::default()
        })
    };
    Ok(match (vlan.outer, vlan.inner) {
        (0, 0) => None,
        // The builder fills the EtherType of what follows.
        (outer, 0) => Some(VlanHeader::Single(single(outer, EtherType::IPV4)?)),
        (outer, inner) => Some(VlanHeader::Double(DoubleVlanHeader {
            outer: single(outer, EtherType::VLAN_TAGGED_FRAME)?,
            inner: single(inner, EtherType::IPV4)?,
        })),
    })
}

fn ip_header(source: IpAddr, destination: IpAddr, service: Asked) -> Result<IpHeaders, String> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let header =
                Ipv4Header::new(0, HOPS, IpNumber(0), source.octets(), destination.octets());
            let header = header.map_err(|error| error.to_string())?;
            Ok(IpHeaders::Ipv4(
                header,
                etherparse::Ipv4Extensions::default(),
            ))
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let hop_limit = match service {
                Asked::Icmp(130..=132 | 143) => MLD,
                Asked::Icmp(133..=137) => ON_LINK,
                _ => HOPS,
            };
            let header = Ipv6Header {
                hop_limit,
                source: source.octets(),
                destination: destination.octets(),
                ..Ipv6Header::default()
            };
            Ok(IpHeaders::Ipv6(
                header,
                etherparse::Ipv6Extensions::default(),
            ))
        }
        _ => Err(format!(
            "{source} and {destination} are of different families"
        )),
    }
}

/// What a message of any type or protocol must at least hold; of DHCP, a message
/// about the device itself (RFC 2131, 2).
fn body(crossing: &Crossing, service: Asked) -> Vec<u8> {
    const REQUEST: u8 = 1;
    const REPLY: u8 = 2;
    let (operation, client) = match service {
        Asked::Udp(67) => (REQUEST, &crossing.source),
        Asked::Udp(68) => (REPLY, &crossing.destination),
        _ => return vec![0; 32],
    };
    let IpAddr::V4(address) = client.ip else {
        return vec![0; 32];
    };
    let mut body = vec![0; 240];
    let hardware = [operation, 1, 6];
    body[..3].copy_from_slice(&hardware);
    if operation == REPLY && !address.is_broadcast() {
        body[16..20].copy_from_slice(&address.octets());
    }
    body[28..34].copy_from_slice(&client.mac.0);
    body
}

fn write(
    packet: PacketBuilderStep<IpHeaders>,
    service: Asked,
    v4: bool,
    body: &[u8],
    bytes: &mut Vec<u8>,
) -> Result<(), String> {
    let written = match service {
        Asked::Tcp(port) => packet
            .tcp(source_port(port), port, 1, WINDOW)
            .syn()
            .write(bytes, &[]),
        Asked::Udp(port) => packet.udp(source_port(port), port).write(bytes, body),
        Asked::Icmp(kind) if v4 => packet.icmpv4_raw(kind, 0, [0, 1, 0, 1]).write(bytes, body),
        Asked::Icmp(kind) => packet.icmpv6_raw(kind, 0, [0, 1, 0, 1]).write(bytes, body),
        Asked::Protocol(number) => {
            let family = match number {
                protocol::TCP => "TCP: ask with its port",
                protocol::UDP => "UDP: ask with its port",
                protocol::ICMP | protocol::ICMPV6 => "ICMP: ask with its type",
                number => {
                    return packet
                        .write(bytes, IpNumber(number), body)
                        .map_err(|error| error.to_string());
                }
            };
            return Err(format!("IP protocol {number} is {family}"));
        }
    };
    written.map_err(|error| error.to_string())
}
