//! Frames put together from layers, proper ones and improper ones. Checksums
//! are left zero: the enforcer looks at none.

use std::net::{IpAddr, Ipv4Addr};

use enforcer_common::addr::Mac;
use enforcer_common::packet::ethertype;

pub use enforcer_common::flow::protocol;
pub use enforcer_common::packet::transport::flags::{ACK, FIN, RST, SYN};

/// PSH and URG, which the enforcer has no use for.
pub const PSH: u8 = 0x08;
pub const URG: u8 = 0x20;

/// Everybody; and all nodes of IPv6 (RFC 2464, 7).
pub const BROADCAST: Mac = Mac([0xff; 6]);
pub const ALL_NODES: Mac = Mac([0x33, 0x33, 0, 0, 0, 1]);

/// Ethernet addresses and tags.
#[derive(Clone, Debug)]
pub struct Link {
    pub source: Mac,
    pub destination: Mac,
    /// EtherType and identifier of each tag, the outer one first.
    pub tags: Vec<(u16, u16)>,
}

impl Link {
    pub fn new(source: Mac, destination: Mac) -> Self {
        Self {
            source,
            destination,
            tags: Vec::new(),
        }
    }

    /// Adds an 802.1Q tag behind those there are.
    #[must_use]
    pub fn vlan(mut self, identifier: u16) -> Self {
        self.tags.push((ethertype::VLAN, identifier));
        self
    }

    /// Adds an 802.1ad tag behind those there are.
    #[must_use]
    pub fn provider_vlan(mut self, identifier: u16) -> Self {
        self.tags.push((ethertype::PROVIDER_VLAN, identifier));
        self
    }

    /// The same link in the other direction.
    #[must_use]
    pub fn back(&self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            tags: self.tags.clone(),
        }
    }

    /// A frame with this EtherType or length, and these bytes behind it.
    pub fn carry(&self, ethertype: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = [self.destination.0, self.source.0].concat();
        for (kind, identifier) in &self.tags {
            frame.extend(kind.to_be_bytes());
            frame.extend(identifier.to_be_bytes());
        }
        frame.extend(ethertype.to_be_bytes());
        frame.extend(payload);
        frame
    }

    /// A frame that carries an IP packet.
    pub fn ip(&self, packet: &Ip) -> Vec<u8> {
        self.carry(packet.ethertype(), &packet.bytes())
    }

    /// A frame with a TCP segment.
    pub fn tcp(&self, from: (IpAddr, u16), to: (IpAddr, u16), flags: u8) -> Vec<u8> {
        self.ip(&Ip::new(
            from.0,
            to.0,
            protocol::TCP,
            &tcp(from.1, to.1, flags, b"data"),
        ))
    }

    /// A frame with a TCP segment at a place of its stream.
    pub fn segment(
        &self,
        from: (IpAddr, u16),
        to: (IpAddr, u16),
        flags: u8,
        numbers: (u32, u32),
        payload: &[u8],
    ) -> Vec<u8> {
        let mut segment = tcp(from.1, to.1, flags, payload);
        segment[4..8].copy_from_slice(&numbers.0.to_be_bytes());
        segment[8..12].copy_from_slice(&numbers.1.to_be_bytes());
        self.ip(&Ip::new(from.0, to.0, protocol::TCP, &segment))
    }

    /// A frame with a UDP datagram.
    pub fn udp(&self, from: (IpAddr, u16), to: (IpAddr, u16)) -> Vec<u8> {
        self.ip(&Ip::new(
            from.0,
            to.0,
            protocol::UDP,
            &udp(from.1, to.1, b"data"),
        ))
    }

    /// A frame with a UDP datagram that carries these bytes.
    pub fn datagram(&self, from: (IpAddr, u16), to: (IpAddr, u16), payload: &[u8]) -> Vec<u8> {
        let datagram = udp(from.1, to.1, payload);
        self.ip(&Ip::new(from.0, to.0, protocol::UDP, &datagram))
    }

    /// A DHCP message from a client, in its own name.
    pub fn dhcp_request(&self, from: IpAddr, to: IpAddr) -> Vec<u8> {
        let message = dhcp(1, Ipv4Addr::UNSPECIFIED, self.source);
        self.datagram((from, 68), (to, 67), &message)
    }

    /// A DHCP message from a server, that offers an address to the link's destination.
    pub fn dhcp_reply(&self, from: IpAddr, to: IpAddr, offered: Ipv4Addr) -> Vec<u8> {
        let message = dhcp(2, offered, self.destination);
        self.datagram((from, 67), (to, 68), &message)
    }

    /// A frame with an ICMP or ICMPv6 message, by the family of the addresses.
    pub fn icmp(&self, from: IpAddr, to: IpAddr, kind: u8, identifier: u16) -> Vec<u8> {
        self.ip(&Ip::new(
            from,
            to,
            icmp_of(from),
            &icmp(kind, 0, identifier, b"data"),
        ))
    }

    /// A frame with an ICMP error of the family about another IP packet.
    pub fn icmp_error(&self, from: IpAddr, to: IpAddr, about: &Ip) -> Vec<u8> {
        let kind = if from.is_ipv4() { 3 } else { 1 };
        self.ip(&Ip::new(
            from,
            to,
            icmp_of(from),
            &icmp(kind, 0, 0, &about.bytes()),
        ))
    }

    /// A frame with neighbour discovery or MLD, hop limit included.
    pub fn neighbour(&self, from: IpAddr, to: IpAddr, kind: u8, body: &[u8]) -> Vec<u8> {
        let mut packet = Ip::new(from, to, protocol::ICMPV6, &icmp(kind, 0, 0, body));
        packet.hop_limit = if matches!(kind, 130..=132 | 143) {
            1
        } else {
            255
        };
        self.ip(&packet)
    }

    /// An ARP frame whose sender is the source of the link.
    pub fn arp(&self, operation: u16, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
        self.carry(ethertype::ARP, &arp(operation, self.source, sender, target))
    }
}

/// An IP packet. Lengths are right unless set otherwise.
#[derive(Clone, Debug)]
pub struct Ip {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub protocol: u8,
    pub hop_limit: u8,
    /// IPv4 options, a multiple of 4 bytes; IPv6 extension headers in [`Self::extensions`].
    pub options: Vec<u8>,
    /// IPv6 extension headers: number and bytes, the first two of which are set here.
    pub extensions: Vec<(u8, Vec<u8>)>,
    /// The IPv4 identification, and the field of flags and fragment offset.
    pub identification: u16,
    pub fragment: u16,
    /// What to write instead of the version, and of the length field.
    pub version: Option<u8>,
    pub length: Option<u16>,
    pub payload: Vec<u8>,
}

impl Ip {
    pub fn new(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Self {
        Self {
            source,
            destination,
            protocol,
            hop_limit: 64,
            options: Vec::new(),
            extensions: Vec::new(),
            identification: 1,
            fragment: 0,
            version: None,
            length: None,
            payload: payload.to_vec(),
        }
    }

    pub fn ethertype(&self) -> u16 {
        if self.source.is_ipv4() {
            ethertype::IPV4
        } else {
            ethertype::IPV6
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.ipv4(source.octets(), destination.octets())
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                self.ipv6(source.octets(), destination.octets())
            }
            _ => panic!("both ends of a packet are of one family"),
        }
    }

    fn ipv4(&self, source: [u8; 4], destination: [u8; 4]) -> Vec<u8> {
        let header = 20 + self.options.len();
        let length = self.length.unwrap_or((header + self.payload.len()) as u16);
        let mut bytes = vec![self.version.unwrap_or(0x40 | (header / 4) as u8), 0];
        bytes.extend(length.to_be_bytes());
        bytes.extend(self.identification.to_be_bytes());
        bytes.extend(self.fragment.to_be_bytes());
        bytes.extend([self.hop_limit, self.protocol, 0, 0]);
        bytes.extend(source);
        bytes.extend(destination);
        bytes.extend(&self.options);
        bytes.extend(&self.payload);
        bytes
    }

    fn ipv6(&self, source: [u8; 16], destination: [u8; 16]) -> Vec<u8> {
        let mut numbers: Vec<u8> = self.extensions.iter().map(|(number, _)| *number).collect();
        numbers.push(self.protocol);
        let mut body = Vec::new();
        for ((_, extension), next) in self.extensions.iter().zip(&numbers[1..]) {
            body.push(*next);
            body.extend(&extension[1..]);
        }
        body.extend(&self.payload);
        let length = self.length.unwrap_or(body.len() as u16);
        let mut bytes = vec![self.version.unwrap_or(0x60), 0, 0, 0];
        bytes.extend(length.to_be_bytes());
        bytes.extend([numbers[0], self.hop_limit]);
        bytes.extend(source);
        bytes.extend(destination);
        bytes.extend(body);
        bytes
    }
}

/// One of the parts of a packet: its payload from `start` to before `end`, in
/// bytes, and whether more come.
pub fn part(packet: &Ip, identification: u16, start: usize, end: usize, more: bool) -> Ip {
    let mut part = packet.clone();
    part.payload = packet.payload[start..end].to_vec();
    let offset = (start / 8) as u16;
    if packet.source.is_ipv4() {
        part.identification = identification;
        part.fragment = offset | u16::from(more) << 13;
    } else {
        let [high, low] = (offset << 3 | u16::from(more)).to_be_bytes();
        let [first, second] = identification.to_be_bytes();
        let header = vec![0, 0, high, low, 0, 0, first, second];
        part.extensions.push((protocol::FRAGMENT, header));
    }
    part
}

/// An empty extension header of eight bytes.
pub fn extension(number: u8) -> (u8, Vec<u8>) {
    (number, vec![0; 8])
}

pub fn tcp(source: u16, destination: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0x20, 0, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    let mut bytes = [
        source.to_be_bytes(),
        destination.to_be_bytes(),
        length.to_be_bytes(),
        [0, 0],
    ]
    .concat();
    bytes.extend(payload);
    bytes
}

pub fn icmp(kind: u8, code: u8, identifier: u16, payload: &[u8]) -> Vec<u8> {
    let [high, low] = identifier.to_be_bytes();
    let mut bytes = vec![kind, code, 0, 0, high, low, 0, 1];
    bytes.extend(payload);
    bytes
}

/// A DHCP message without options (RFC 2131, 2).
pub fn dhcp(operation: u8, offered: Ipv4Addr, client: Mac) -> Vec<u8> {
    let mut bytes = vec![0; 236];
    bytes[..3].copy_from_slice(&[operation, 1, 6]);
    bytes[16..20].copy_from_slice(&offered.octets());
    bytes[28..34].copy_from_slice(&client.0);
    bytes.extend([0x63, 0x82, 0x53, 0x63, 0xff]);
    bytes
}

pub fn arp(operation: u16, mac: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut bytes = vec![0, 1, 8, 0, 6, 4];
    bytes.extend(operation.to_be_bytes());
    bytes.extend(mac.0);
    bytes.extend(sender.octets());
    bytes.extend([0; 6]);
    bytes.extend(target.octets());
    bytes
}

fn icmp_of(ip: IpAddr) -> u8 {
    if ip.is_ipv4() {
        protocol::ICMP
    } else {
        protocol::ICMPV6
    }
}
