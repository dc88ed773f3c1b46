//! Frames built by hand, for what no socket would send: tags and addresses of
//! others. For IP and above, etherparse's builder does the work.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail};
use etherparse::{EtherType, PacketBuilder};

use crate::mac::Mac;

/// The two MAC addresses and the VLAN ids of a frame, the outermost first.
#[derive(Debug, Clone, Copy)]
pub struct Link<'tags> {
    pub source: Mac,
    pub destination: Mac,
    pub vlans: &'tags [u16],
}

/// An Ethernet frame. The innermost tag is 802.1Q, those around it 802.1ad.
pub fn ethernet(link: Link<'_>, ether_type: EtherType, payload: &[u8]) -> Vec<u8> {
    let mut frame = [link.destination.0, link.source.0].concat();
    for (position, vlan) in link.vlans.iter().enumerate() {
        let innermost = position + 1 == link.vlans.len();
        let tag = if innermost {
            EtherType::VLAN_TAGGED_FRAME
        } else {
            EtherType::PROVIDER_BRIDGING
        };
        frame.extend(tag.0.to_be_bytes());
        frame.extend(vlan.to_be_bytes());
    }
    frame.extend(ether_type.0.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// A UDP datagram over IPv4 or IPv6, with good checksums.
pub fn udp(
    link: Link<'_>,
    source: SocketAddr,
    destination: SocketAddr,
    payload: &[u8],
) -> Result<Vec<u8>> {
    let (ether_type, packet) = match (source, destination) {
        (SocketAddr::V4(source), SocketAddr::V4(destination)) => (
            EtherType::IPV4,
            PacketBuilder::ipv4(source.ip().octets(), destination.ip().octets(), 64),
        ),
        (SocketAddr::V6(source), SocketAddr::V6(destination)) => (
            EtherType::IPV6,
            PacketBuilder::ipv6(source.ip().octets(), destination.ip().octets(), 64),
        ),
        _ => bail!("{source} and {destination} are of two families"),
    };
    let mut bytes = Vec::new();
    packet
        .udp(source.port(), destination.port())
        .write(&mut bytes, payload)
        .context("build a UDP packet")?;
    Ok(ethernet(link, ether_type, &bytes))
}

/// A question of the sender for the MAC address of `wanted` (RFC 826).
pub fn arp_request(link: Link<'_>, sender: Ipv4Addr, wanted: Ipv4Addr) -> Vec<u8> {
    // Ethernet, IPv4, their lengths, request.
    let start = [0, 1, 8, 0, 6, 4, 0, 1];
    let packet = [
        &start[..],
        &link.source.0,
        &sender.octets(),
        &[0; 6],
        &wanted.octets(),
    ]
    .concat();
    ethernet(link, EtherType::ARP, &packet)
}
