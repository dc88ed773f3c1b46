//! What all frames of a stream have in common, and where they differ: the head that the
//! generator writes, and what it adds to the checksums.

use anyhow::{Result, ensure};
use etherparse::PacketBuilder;

use super::assembly::{Assembly, Size};
use super::generator::{FRAME, HEAD};
use super::stream::{DEVICE_PORT, MAC_PREFIX, Order, SERVER, SERVER_MAC, Segment, Stream};

const ETHERNET: usize = 14;
const IPV4: usize = 20;
/// Stands in a datagram where a TCP head would go on.
const FILLING: [u8; HEAD - ETHERNET - IPV4 - 8] = *b"abcdefghijkl";

/// The head of a stream's frames: what they have in common, and what that adds to their
/// checksums.
pub(super) struct Template {
    pub(super) head: [u8; HEAD],
    pub(super) ip_sum: u32,
    pub(super) transport_sum: u32,
    /// Where the device's addresses and port are, and the server's address.
    pub(super) mac_offset: i16,
    pub(super) ip_offset: i16,
    pub(super) other_ip_offset: i16,
    pub(super) port_offset: i16,
}

impl Template {
    pub(super) fn of(stream: &Stream, body: &[u8]) -> Result<Self> {
        ensure!(
            !(stream.fresh && stream.order == Order::Random),
            "new flows come in turn"
        );
        let device_mac = [MAC_PREFIX[0], MAC_PREFIX[1], 0, 0, 0, 0];
        let device_port = if stream.fresh { 0 } else { DEVICE_PORT };
        let mut macs = [device_mac, SERVER_MAC.0];
        let mut ips = [[0; 4], SERVER.octets()];
        let mut ports = [device_port, stream.port];
        if stream.answers {
            macs.reverse();
            ips.reverse();
            ports.reverse();
        }
        let builder = PacketBuilder::ethernet2(macs[0], macs[1]).ipv4(ips[0], ips[1], 64);
        let mut frame = Vec::new();
        if stream.segment == Segment::Datagram {
            let payload = [&FILLING, body].concat();
            builder
                .udp(ports[0], ports[1])
                .write(&mut frame, &payload)?;
        } else {
            let builder = builder.tcp(ports[0], ports[1], 1, 1024);
            match stream.segment {
                Segment::SynAck => builder.syn().ack(2),
                Segment::Data => builder.ack(2),
                Segment::Syn | Segment::Datagram => builder.syn(),
            }
            .write(&mut frame, body)?;
        }
        frame[15] = stream.class;
        let transport = ETHERNET + IPV4;
        let checksum_at = if stream.segment == Segment::Datagram {
            40
        } else {
            50
        };
        frame[24..26].fill(0);
        frame[checksum_at..checksum_at + 2].fill(0);
        let ip_sum = sum(&frame[ETHERNET..transport]);
        // RFC 768 and 9293: addresses, protocol and length count too.
        let pseudo = sum(&frame[26..34]) + u32::from(frame[23]) + (frame.len() - transport) as u32;
        let transport_sum = fold(u64::from(sum(&frame[transport..])) + u64::from(pseudo));
        let mut head = [0; HEAD];
        head.copy_from_slice(&frame[..HEAD]);
        let (mac_offset, ip_offset, other_ip_offset, port_offset) = if stream.answers {
            (0, 30, 26, 36)
        } else {
            (6, 26, 30, 34)
        };
        Ok(Self {
            head,
            ip_sum,
            transport_sum,
            mac_offset,
            ip_offset,
            other_ip_offset,
            port_offset,
        })
    }

    /// Writes all of it, in the fewest stores.
    pub(super) fn write(&self, program: &mut Assembly) {
        let mut words = self.head.chunks_exact(8);
        for (place, word) in (0..).zip(&mut words) {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(word);
            program.set_wide(1, u64::from_ne_bytes(bytes));
            program.store(Size::Double, FRAME, 8 * place, 1);
        }
        let rest = words.remainder();
        let offset = (HEAD - rest.len()) as i16;
        for (place, half) in (0..).zip(rest.chunks_exact(2)) {
            let half = u16::from_ne_bytes([half[0], half[1]]);
            program.store_constant(Size::Half, FRAME, offset + 2 * place, half.into());
        }
    }
}

/// The sum of 16-bit words; an odd byte counts as the high one of the last.
fn sum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2).map(|pair| {
        let low = pair.get(1).copied().unwrap_or_default();
        u64::from(u16::from_be_bytes([pair[0], low]))
    });
    fold(words.sum())
}

fn fold(sum: u64) -> u32 {
    let mut sum = sum;
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u32
}
