//! Parser: from bytes to [`Packet`], one stage a layer. Every frame that a
//! stage cannot follow has a [`Reason`] of its own. Judges nothing.

pub mod arp;
pub mod ethernet;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
pub mod transport;

use crate::addr::{Ip, Mac, Vlan};
use crate::tables::Frame;
use crate::verdict::Reason;

/// EtherTypes (IEEE 802 registry).
pub mod ethertype {
    pub const IPV4: u16 = 0x0800;
    pub const ARP: u16 = 0x0806;
    pub const REVERSE_ARP: u16 = 0x8035;
    pub const VLAN: u16 = 0x8100;
    pub const IPV6: u16 = 0x86dd;
    pub const PROVIDER_VLAN: u16 = 0x88a8;
    pub const SLOW_PROTOCOLS: u16 = 0x8809;
    pub const EAPOL: u16 = 0x888e;
    pub const LLDP: u16 = 0x88cc;
    /// Below this the field is a length (IEEE 802.3, 3.2.6).
    pub const FIRST: u16 = 0x0600;
}

/// What the parser found. Lives in per-CPU scratch; each stage fills its fields.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    pub source: Ip,
    pub destination: Ip,
    /// Bytes in the frame.
    pub length: u32,
    /// Offset of the first byte after the layer parsed last.
    pub next: u32,
    /// Offset of the first byte after the IP packet; Ethernet padding follows.
    pub end: u32,
    pub vlan: Vlan,
    pub destination_mac: Mac,
    pub source_mac: Mac,
    /// Of TCP: the numbers of the first byte, and of the next one expected.
    pub sequence: u32,
    pub acknowledgement: u32,
    /// EtherType after all tags, or an IEEE 802.3 length.
    pub ethertype: u16,
    /// TCP and UDP ports; for an ICMP query its identifier, twice.
    pub source_port: u16,
    pub destination_port: u16,
    /// IP protocol number, of the last header for IPv6.
    pub protocol: u8,
    pub hop_limit: u8,
    pub tcp_flags: u8,
    pub icmp_type: u8,
    pub icmp_code: u8,
    /// A sum of `FRAGMENT_…`, 0 for a whole packet.
    pub fragment: u8,
    /// Identification of the packet that a fragment belongs to.
    pub fragment_id: u32,
    /// Offset of a fragment's first byte in the frame.
    pub fragment_start: u16,
    /// Place of a fragment in its packet, in units of 8 bytes.
    pub fragment_offset: u16,
    /// VLAN tags, and [`PRIORITY_TAG`].
    pub tags: u8,
    /// What is not in every packet, and predicates look at: a sum of `REMARK_…`.
    pub remarks: u8,
    /// Offset of what follows the header of IP and those that extend it.
    pub transport: u16,
    pub reserved: [u8; 4],
}

/// Part of a packet: the first, or a later one.
pub const FRAGMENT_FIRST: u8 = 1;
pub const FRAGMENT_LATER: u8 = 2;
/// More fragments follow.
pub const FRAGMENT_MORE: u8 = 4;
/// An IPv6 packet that carries a fragment header, be it whole (RFC 6946).
pub const FRAGMENT_HEADER: u8 = 8;
/// In [`Packet::tags`]: a tag with identifier 0.
pub const PRIORITY_TAG: u8 = 0x80;

/// The header of IPv4 has options.
pub const REMARK_OPTIONS: u8 = 1;
/// IPv6 has extension headers.
pub const REMARK_EXTENSIONS: u8 = 2;
/// TCP has urgent data, or options besides one timestamp.
pub const REMARK_TCP: u8 = 4;
/// A datagram from or to a port of DNS or DHCP.
pub const REMARK_UDP: u8 = 8;
/// Something else than TCP and UDP.
pub const REMARK_OTHER: u8 = 16;

impl Packet {
    pub const EMPTY: Self = Self {
        source: Ip::UNSPECIFIED,
        destination: Ip::UNSPECIFIED,
        length: 0,
        next: 0,
        end: 0,
        vlan: Vlan::UNTAGGED,
        destination_mac: Mac::ZERO,
        source_mac: Mac::ZERO,
        sequence: 0,
        acknowledgement: 0,
        ethertype: 0,
        source_port: 0,
        destination_port: 0,
        protocol: 0,
        hop_limit: 0,
        tcp_flags: 0,
        icmp_type: 0,
        icmp_code: 0,
        fragment: 0,
        fragment_id: 0,
        fragment_start: 0,
        fragment_offset: 0,
        tags: 0,
        remarks: 0,
        transport: 0,
        reserved: [0; 4],
    };

    /// Whether this is a part of a packet, and not the whole of it.
    #[inline(always)]
    pub const fn is_fragment(&self) -> bool {
        self.fragment & (FRAGMENT_FIRST | FRAGMENT_LATER) != 0
    }

    /// Offset of what follows the header of Ethernet and its tags.
    #[inline(always)]
    pub const fn network(&self) -> u32 {
        let tags = self.tags & !PRIORITY_TAG;
        14 + 4 * tags as u32
    }

    #[inline(always)]
    pub const fn is_ip(&self) -> bool {
        matches!(self.ethertype, ethertype::IPV4 | ethertype::IPV6)
    }
}

/// Parses an IP packet and its transport header; the Ethernet stage came before.
///
/// # Errors
/// Why a header cannot be followed.
#[inline(always)]
pub fn parse_ip<F: Frame + ?Sized>(frame: &F, packet: &mut Packet) -> Result<(), Reason> {
    parse_network(frame, packet)?;
    parse_transport(frame, packet)
}

/// Parses the header of IP, with extension headers.
///
/// # Errors
/// Why a header cannot be followed.
#[inline(always)]
pub fn parse_network<F: Frame + ?Sized>(frame: &F, packet: &mut Packet) -> Result<(), Reason> {
    if packet.ethertype == ethertype::IPV4 {
        ipv4::parse(frame, packet)?;
    } else {
        ipv6::parse(frame, packet)?;
    }
    packet.transport = packet.next as u16;
    check_addresses(packet)
}

/// Parses the transport header, which a later fragment has not.
///
/// # Errors
/// Why the header cannot be followed.
#[inline(always)]
pub fn parse_transport<F: Frame + ?Sized>(frame: &F, packet: &mut Packet) -> Result<(), Reason> {
    if packet.fragment & FRAGMENT_LATER != 0 {
        return Ok(());
    }
    let parsed = transport::parse(frame, packet);
    if packet.fragment & FRAGMENT_FIRST != 0 && matches!(parsed, Err(Reason::Truncated)) {
        // All headers stand in the first fragment (RFC 1858; RFC 7112).
        return Err(Reason::FragmentTiny);
    }
    parsed
}

/// Addresses that no frame on a wire may carry (RFC 1122, 3.2.1.3; RFC 4291,
/// 2.7), and the pair of equal ones that is known as the LAND attack.
#[inline(always)]
fn check_addresses(packet: &Packet) -> Result<(), Reason> {
    let (source, destination) = (packet.source, packet.destination);
    if source.is_group() || source.is_loopback() || destination.is_loopback() {
        return Err(Reason::BadAddress);
    }
    if destination.is_unspecified() || source == destination {
        return Err(Reason::BadAddress);
    }
    Ok(())
}
