//! Frames built by hand, for what no socket would send: tags and addresses of
//! others. For IP and above, etherparse's builder does the work.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

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

/// A TCP segment in the middle of a session that nobody has opened.
pub fn tcp_ack(link: Link<'_>, source: SocketAddr, destination: SocketAddr) -> Result<Vec<u8>> {
    let (SocketAddr::V4(source), SocketAddr::V4(destination)) = (source, destination) else {
        bail!("{source} and {destination} are not both IPv4")
    };
    let mut bytes = Vec::new();
    PacketBuilder::ipv4(source.ip().octets(), destination.ip().octets(), 64)
        .tcp(source.port(), destination.port(), 1000, 1024)
        .ack(2000)
        .write(&mut bytes, b"go on")
        .context("build a TCP segment")?;
    Ok(ethernet(link, EtherType::IPV4, &bytes))
}

/// A claim, sent unasked, that `target` is at the sender's MAC address (RFC 4861, 4.4).
pub fn neighbour_advertisement(
    link: Link<'_>,
    sender: Ipv6Addr,
    receiver: Ipv6Addr,
    target: Ipv6Addr,
) -> Result<Vec<u8>> {
    let override_flag = 0x2000_0000_u32.to_be_bytes();
    // Option: target link-layer address, one unit of eight bytes.
    let body = [&target.octets()[..], &[2, 1], &link.source.0].concat();
    let mut bytes = Vec::new();
    PacketBuilder::ipv6(sender.octets(), receiver.octets(), 255)
        .icmpv6_raw(136, 0, override_flag)
        .write(&mut bytes, &body)
        .context("build a neighbour advertisement")?;
    Ok(ethernet(link, EtherType::IPV6, &bytes))
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
