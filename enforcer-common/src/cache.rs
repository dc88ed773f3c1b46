//! The exact-match cache: how the last packet of a flow's one direction was judged, so that
//! the next ones need not be. An entry is good for packets that are alike in all that the
//! judgement asks, within the same second of the monotonic clock, while nobody changes
//! anything. Each CPU has entries of its own, so none is contended for.

use core::mem::size_of;

use crate::addr::{Ip, Vlan};
use crate::flow::{FlowKey, protocol};
use crate::packet::ethertype;
use crate::packet::transport::{STAMP, STAMPED_HEADER, TCP_HEADER, UDP_HEADER, flags};
use crate::shared::shared;
use crate::tables::Frame;

/// Entries in which a key may stand, side by side.
pub const WAYS: u32 = 2;
const ETHERNET: u32 = 14;
const TAG: u32 = 4;
const IPV4_HEADER: u32 = 20;
/// Version 4 and a header of five words.
const PLAIN_IPV4: u8 = 0x45;
/// More fragments, and a fragment's place.
const FRAGMENT: u16 = 0x3fff;
/// The third word of four bytes, and the EtherType, in the second word of a frame.
const BEFORE_TAG: u64 = u64::from_ne_bytes([255, 255, 255, 255, 255, 255, 0, 0]);

/// One entry: a cache line.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// What packets must be alike in: see [`Plain`].
    pub key: [u64; 4],
    /// Before which tick of the clock it is good.
    pub until: u64,
    /// Rules that are counted, 0 for none.
    pub rules: [u16; 2],
    /// Bytes of the longest frame that may leave by `exit`.
    pub longest: u16,
    /// Place of the port that the frames come in by, with [`FROM_RESPONDER`] and
    /// [`FROM_JUMBO`].
    pub from: u8,
    /// Place of the port that they leave by, plus one; 0: the bridge has them.
    pub exit: u8,
    /// [`crate::control::Control::generation`] while which it is good.
    pub generation: u32,
    /// Group of signatures that are looked for in the packets, 0 for none.
    pub group: u16,
    /// What else there is to be done about what they carry: a sum of `LOOK_…`.
    pub look: u8,
    /// Which flow under its key this was: the lowest bits of its number.
    pub incarnation: u8,
    /// Not yet counted in the flow.
    pub packets: u32,
    pub bytes: u32,
}

const _: () = assert!(size_of::<Entry>() == 64);

/// In [`Entry::look`]: one of the flow's ends says what is looked through.
pub const LOOK_AT: u8 = 1;
/// In [`Entry::look`]: what cannot be followed does not pass.
pub const LOOK_STRICTLY: u8 = 2;

/// In [`Entry::from`]: whoever began the flow is at the other end.
pub const FROM_RESPONDER: u8 = 0x80;
/// In [`Entry::from`]: frames of several buffers may come in there too.
pub const FROM_JUMBO: u8 = 0x40;
/// In [`Entry::from`]: place of the port.
pub const FROM_PORT: u8 = 0x3f;
const _: () = assert!(crate::limits::PORTS <= FROM_PORT as u32 + 1);
/// From here on bytes are handed over before more are counted.
const MANY_BYTES: u32 = 1 << 31;

shared! {
    /// An entry in shared memory: user space reads along.
    LiveEntry of Entry {
        key set_key: [u64; 4];
        until set_until: u64;
        rules set_rules: [u16; 2];
        longest set_longest: u16;
        from set_from: u8;
        exit set_exit: u8;
        generation set_generation: u32;
        group set_group: u16;
        look set_look: u8;
        incarnation set_incarnation: u8;
        packets set_packets: u32;
        bytes set_bytes: u32;
    }
}

/// A packet of a kind that entries are made for: UDP or TCP over IPv4, without options of
/// IPv4 and in one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Both hardware addresses with the tag or the EtherType behind them, both IP
    /// addresses, both ports, and the interface with the protocol, as they lie in the frame.
    pub key: [u64; 4],
    /// Bytes in the frame.
    pub length: u32,
    /// Offset of the header of TCP or UDP, and those of what it carries.
    pub transport: u32,
    pub payload: u32,
    pub end: u32,
    pub tagged: bool,
    /// Whether it is like all others amid a connection: TCP neither begins nor ends, and
    /// has no option but a timestamp.
    pub settled: bool,
}

/// In the key's last word: TCP, not UDP. Numbers of interfaces are positive.
const TCP: u32 = 1 << 31;

impl Plain {
    /// What is plain to see of a frame; `None` where a closer look is needed.
    #[inline(always)]
    pub fn see<F: Frame + ?Sized>(frame: &F, interface: u32) -> Option<Self> {
        let length = frame.length();
        let mut ethernet = word(frame, 8)?;
        let [_, _, _, _, t0, t1, _, _] = ethernet.to_ne_bytes();
        let network = match u16::from_be_bytes([t0, t1]) {
            ethertype::IPV4 => {
                // What follows is not of this header.
                ethernet &= BEFORE_TAG;
                ETHERNET
            }
            ethertype::VLAN if half(frame, ETHERNET + 2)? == ethertype::IPV4 => ETHERNET + TAG,
            _ => return None,
        };
        let transport = network + IPV4_HEADER;
        let end = network + u32::from(half(frame, network + 2)?);
        let [version, _] = frame.read(network)?;
        let [_, number] = frame.read(network + 8)?;
        if version != PLAIN_IPV4 || half(frame, network + 6)? & FRAGMENT != 0 || end > length {
            return None;
        }
        let room = end.wrapping_sub(transport);
        let (kind, header, settled) = match number {
            protocol::TCP => {
                let (header, settled) = is_settled(frame, transport, room)?;
                (TCP, header, settled)
            }
            protocol::UDP => (0, UDP_HEADER, is_whole(frame, transport, room)?),
            _ => return None,
        };
        let ports = u32::from_ne_bytes(frame.read(transport)?);
        Some(Self {
            key: [
                word(frame, 0)?,
                ethernet,
                word(frame, network + 12)?,
                u64::from(ports) | u64::from(interface | kind) << 32,
            ],
            length,
            transport,
            payload: transport + header,
            end,
            tagged: network != ETHERNET,
            settled,
        })
    }

    /// Whether it is of TCP, and not of UDP.
    #[inline(always)]
    pub const fn is_tcp(&self) -> bool {
        let [_, _, _, transport] = self.key;
        (transport >> 32) as u32 & TCP != 0
    }

    /// Where the first of its [`WAYS`] stands among `mask` and one entries.
    #[inline(always)]
    pub const fn place(&self, mask: u32) -> u32 {
        let [_, _, addresses, transport] = self.key;
        place(addresses, transport, mask)
    }
}

/// As [`Plain::place`], by the last two words of the key.
#[inline(always)]
pub const fn place(addresses: u64, transport: u64, mask: u32) -> u32 {
    // Multiply and fold, as in `table::bucket_pair`. Who makes keys fall together
    // gets no more than the way without a cache.
    let mut hash = (addresses ^ transport.rotate_left(23)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (hash >> 32) as u32 & mask & !(WAYS - 1)
}

/// Eight bytes as they lie in the frame.
#[inline(always)]
fn word<F: Frame + ?Sized>(frame: &F, offset: u32) -> Option<u64> {
    Some(u64::from_ne_bytes(frame.read(offset)?))
}

/// A number of two bytes.
#[inline(always)]
fn half<F: Frame + ?Sized>(frame: &F, offset: u32) -> Option<u16> {
    Some(u16::from_be_bytes(frame.read(offset)?))
}

/// Bytes of a TCP segment's header, and whether it is one amid a connection.
#[inline(always)]
fn is_settled<F: Frame + ?Sized>(frame: &F, start: u32, room: u32) -> Option<(u32, bool)> {
    const CHANGES: u8 = flags::FIN | flags::SYN | flags::RST | flags::URG;
    let [offset, bits]: [u8; 2] = frame.read(start + 12)?;
    let header = u32::from(offset >> 4) * 4;
    let plain = match header {
        TCP_HEADER => true,
        STAMPED_HEADER => frame.read(start + TCP_HEADER) == Some(STAMP),
        _ => false,
    };
    let amid = bits & (CHANGES | flags::ACK) == flags::ACK;
    let whole = header as i32 <= room as i32;
    Some((header, plain && amid && whole))
}

/// Whether a UDP datagram is as long as it says.
#[inline(always)]
fn is_whole<F: Frame + ?Sized>(frame: &F, start: u32, room: u32) -> Option<bool> {
    let length = u32::from(half(frame, start + 4)?);
    Some(length >= UDP_HEADER && length as i32 <= room as i32)
}

/// The last two words of the [`Entry::key`] of packets of a flow, if entries are made for
/// them: sent by its lower end, or by the higher one.
pub fn words_of_flow(key: &FlowKey, interface: u32, low_sends: bool) -> Option<[u64; 2]> {
    let kind = match key.protocol {
        protocol::TCP => TCP,
        protocol::UDP => 0,
        _ => return None,
    };
    let (low, high) = ((key.low, key.low_port), (key.high, key.high_port));
    let (source, destination) = if low_sends { (low, high) } else { (high, low) };
    if !source.0.is_v4() {
        return None;
    }
    let [s0, s1, s2, s3] = source.0.to_v4_bits().to_be_bytes();
    let [d0, d1, d2, d3] = destination.0.to_v4_bits().to_be_bytes();
    let ([p0, p1], [q0, q1]) = (source.1.to_be_bytes(), destination.1.to_be_bytes());
    Some([
        u64::from_ne_bytes([s0, s1, s2, s3, d0, d1, d2, d3]),
        u64::from(u32::from_ne_bytes([p0, p1, q0, q1])) | u64::from(interface | kind) << 32,
    ])
}

/// Key of the flow that packets with this [`Entry::key`] belong to.
#[inline(always)]
pub fn set_flow_key([_, ethernet, addresses, transport]: [u64; 4], key: &mut FlowKey) {
    let [_, _, _, _, t0, t1, c0, c1] = ethernet.to_ne_bytes();
    let mut vlan = Vlan::UNTAGGED;
    if u16::from_be_bytes([t0, t1]) == ethertype::VLAN {
        vlan.outer = u16::from_be_bytes([c0, c1]) & 0x0fff;
    }
    let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses.to_ne_bytes();
    let [p0, p1, q0, q1] = (transport as u32).to_ne_bytes();
    let number = if (transport >> 32) as u32 & TCP != 0 {
        protocol::TCP
    } else {
        protocol::UDP
    };
    let source = (Ip::v4([s0, s1, s2, s3]), u16::from_be_bytes([p0, p1]));
    let destination = (Ip::v4([d0, d1, d2, d3]), u16::from_be_bytes([q0, q1]));
    key.set(vlan, number, source, destination);
}

impl LiveEntry {
    /// Whether it is of packets like this one, be it still good or not.
    #[inline(always)]
    pub fn is_of(&self, plain: &Plain) -> bool {
        let [a, b, c, d] = self.key();
        let [e, f, g, h] = plain.key;
        (a ^ e) | (b ^ f) | (c ^ g) | (d ^ h) == 0
    }

    /// Whether it is good at a tick.
    #[inline(always)]
    pub fn is_good(&self, ticks: u64, generation: u32) -> bool {
        self.generation() == generation && ticks < self.until() && self.bytes() < MANY_BYTES
    }

    /// Counts a packet, which its flow learns of later.
    #[inline(always)]
    pub fn count(&self, length: u32) {
        self.set_packets(self.packets().wrapping_add(1));
        self.set_bytes(self.bytes().wrapping_add(length));
    }
}
