//! The generator: an XDP program that writes the whole head of a frame anew, of the next
//! flow in turn, with valid checksums, and goes on in the program under test; without one
//! the frame passes to the bridge. It costs some 2 to 8 ns.
//!
//! Live frames are pages that come again, as whoever had them last left them. So every
//! byte of the head is written each time, and nothing behind it is looked at.

use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use anyhow::{Context as _, Result, ensure};
use etherparse::PacketBuilder;

use super::assembly::{Alu, Assembly, Size, When};
use super::bare::PASS;
use super::kernel::{MapKind, create_map, delete, load_for, update};
use super::stream::{
    DEVICE_PORT, FIRST_IP, MAC_PREFIX, Order, SERVER, SERVER_MAC, Segment, Stream,
};

/// Bytes that are written: Ethernet, IPv4 and TCP, or UDP and the first of its payload.
pub const HEAD: usize = 54;
const ETHERNET: usize = 14;
const IPV4: usize = 20;
/// Stands in a datagram where a TCP head would go on.
const FILLING: [u8; HEAD - ETHERNET - IPV4 - 8] = *b"abcdefghijkl";
/// Knuth's linear congruential generator (MMIX).
const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
const INCREMENT: u64 = 1_442_695_040_888_963_407;

// Registers that calls keep.
const CONTEXT: u8 = 6;
const FRAME: u8 = 7;
const STATE: u8 = 9;

#[derive(Debug)]
pub struct Generator {
    program: OwnedFd,
    next: OwnedFd,
    state: OwnedFd,
    frame: Vec<u8>,
    streams: usize,
}

impl Generator {
    /// Frames of these streams in turn, 1, 2, 4 or 8 of them, with `body` behind the head.
    pub fn new(streams: &[Stream], body: &[u8]) -> Result<Self> {
        Self::for_frames(streams, body, true)
    }

    /// As [`Generator::new`], to go on in programs for frames of several buffers or for
    /// those of one: the kernel lets only like go on in like.
    pub fn for_frames(streams: &[Stream], body: &[u8], several_buffers: bool) -> Result<Self> {
        ensure!(
            [1, 2, 4, 8].contains(&streams.len()),
            "1, 2, 4 or 8 streams, not {}",
            streams.len()
        );
        let state = create_map(MapKind::Array, 8 + 16 * streams.len() as u32, 1)?;
        let next = create_map(MapKind::ProgramArray, 4, 1)?;
        let assembly = assemble(streams, body, state.as_fd(), next.as_fd())?;
        let mut frame = Template::of(&streams[0], body)?.head.to_vec();
        frame.extend_from_slice(body);
        Ok(Self {
            program: load_for(assembly.instructions(), several_buffers).context("the generator")?,
            next,
            state,
            frame,
            streams: streams.len(),
        })
    }

    /// What comes after the generator: a program, or nothing and so the bridge.
    pub fn aim(&self, program: Option<BorrowedFd<'_>>) -> Result<()> {
        match program {
            Some(program) => update(self.next.as_fd(), 0, &program.as_raw_fd().to_ne_bytes())
                .context("let the generator go on in a program"),
            None => delete(self.next.as_fd(), 0),
        }
    }

    /// Begins with the first flow of each stream again.
    pub fn rewind(&self) -> Result<()> {
        update(self.state.as_fd(), 0, &vec![0; 8 + 16 * self.streams])
    }

    pub fn program(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }

    /// A frame to begin with: its body is that of all frames.
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }
}

fn assemble(
    streams: &[Stream],
    body: &[u8],
    state: BorrowedFd<'_>,
    next: BorrowedFd<'_>,
) -> Result<Assembly> {
    let mut program = Assembly::default();
    program.copy(CONTEXT, 1);
    program.load(Size::Word, FRAME, CONTEXT, 0);
    program.load(Size::Word, 1, CONTEXT, 4);
    program.copy(2, FRAME);
    program.alu(Alu::Add, 2, HEAD as i32);
    let short = program.jump_if_register(When::Above, 2, 1);
    program.map_value(STATE, state);
    program.load(Size::Double, 8, STATE, 0);
    program.copy(1, 8);
    program.alu(Alu::Add, 1, 1);
    program.store(Size::Double, STATE, 0, 1);
    program.alu(Alu::And, 8, streams.len() as i32 - 1);
    let mut written = Vec::new();
    for (number, stream) in (0..).zip(streams) {
        let other = program.jump_if(When::NotEqual, 8, number);
        write_frame(&mut program, stream, 8 + 16 * number as i16, body)?;
        written.push(program.jump());
        program.land(other);
    }
    for jump in written {
        program.land(jump);
    }
    program.copy(1, CONTEXT);
    program.map(2, next);
    program.set(3, 0);
    program.tail_call();
    program.land(short);
    program.set(0, PASS);
    program.exit();
    Ok(program)
}

/// Writes the head of a stream's next frame; its state lies at `place`.
fn write_frame(program: &mut Assembly, stream: &Stream, place: i16, body: &[u8]) -> Result<()> {
    let template = Template::of(stream, body)?;
    template.write(program);
    next_device(program, stream, place);
    // Register 2: the device's number.
    program.alu(Alu::Add, 2, i32::try_from(stream.first)?);
    program.copy(3, 2);
    program.to_big_endian(3, 32);
    program.store(Size::Word, FRAME, template.mac_offset + 2, 3);
    program.alu(Alu::Add, 2, FIRST_IP as i32);
    program.copy(3, 2);
    program.to_big_endian(3, 32);
    program.store(Size::Word, FRAME, template.ip_offset, 3);
    // Register 5: what the varied words add to a checksum.
    program.copy(5, 2);
    program.alu(Alu::ShiftRight, 5, 16);
    program.alu(Alu::And, 2, 0xffff);
    program.alu_register(Alu::Add, 5, 2);
    // Register 4: the same for the transport, which has a port besides.
    program.copy(4, 5);
    if stream.fresh {
        program.load(Size::Double, 1, STATE, place + 8);
        program.copy(2, 1);
        program.alu(Alu::ShiftRight, 2, 16);
        program.alu(Alu::And, 2, 0xffff);
        program.alu_register(Alu::Add, 5, 2);
        program.alu_register(Alu::Add, 4, 2);
        program.to_big_endian(2, 16);
        program.store(Size::Half, FRAME, template.other_ip_offset + 2, 2);
        program.alu(Alu::And, 1, 0xffff);
        program.alu_register(Alu::Add, 4, 1);
        program.to_big_endian(1, 16);
        program.store(Size::Half, FRAME, template.port_offset, 1);
    }
    checksum(program, 5, template.ip_sum, 24, false);
    let datagram = stream.segment == Segment::Datagram;
    let offset = if datagram { 40 } else { 50 };
    checksum(program, 4, template.transport_sum, offset, datagram);
    Ok(())
}

/// Leaves the number of the next device, counted from the first, in register 2.
fn next_device(program: &mut Assembly, stream: &Stream, place: i16) {
    program.load(Size::Double, 2, STATE, place);
    if stream.order == Order::Random {
        program.set_wide(3, MULTIPLIER);
        program.alu_register(Alu::Multiply, 2, 3);
        program.set_wide(3, INCREMENT);
        program.alu_register(Alu::Add, 2, 3);
        program.store(Size::Double, STATE, place, 2);
        // The high bits of such a generator are the good ones.
        program.alu(Alu::ShiftRight, 2, 33);
        program.alu(Alu::Multiply, 2, stream.devices as i32);
        program.alu(Alu::ShiftRight, 2, 31);
        return;
    }
    program.copy(3, 2);
    program.alu(Alu::Add, 3, 1);
    let more = program.jump_if(When::Below, 3, stream.devices as i32);
    program.set(3, 0);
    if stream.fresh {
        // All devices have had their turn: the next flow of each.
        program.load(Size::Double, 4, STATE, place + 8);
        program.alu(Alu::Add, 4, 1);
        program.store(Size::Double, STATE, place + 8, 4);
    }
    program.land(more);
    program.store(Size::Double, STATE, place, 3);
}

/// RFC 1071, of a sum in a register and a constant part, into the frame.
fn checksum(program: &mut Assembly, register: u8, constant: u32, offset: i16, never_zero: bool) {
    program.alu(Alu::Add, register, constant as i32);
    for _ in 0..2 {
        program.copy(1, register);
        program.alu(Alu::ShiftRight, 1, 16);
        program.alu(Alu::And, register, 0xffff);
        program.alu_register(Alu::Add, register, 1);
    }
    if never_zero {
        // RFC 768: zero would say that there is none; 0xffff is the same sum.
        let other = program.jump_if(When::Equal, register, 0xffff);
        program.alu(Alu::Xor, register, 0xffff);
        program.land(other);
    } else {
        program.alu(Alu::Xor, register, 0xffff);
    }
    program.to_big_endian(register, 16);
    program.store(Size::Half, FRAME, offset, register);
}

/// The head of a stream's frames: what they have in common, and what that adds to their
/// checksums.
struct Template {
    head: [u8; HEAD],
    ip_sum: u32,
    transport_sum: u32,
    /// Where the device's addresses and port are, and the server's address.
    mac_offset: i16,
    ip_offset: i16,
    other_ip_offset: i16,
    port_offset: i16,
}

impl Template {
    fn of(stream: &Stream, body: &[u8]) -> Result<Self> {
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
    fn write(&self, program: &mut Assembly) {
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
