//! The generator: an XDP program that writes the whole head of a frame anew, of the next
//! flow in turn, with valid checksums, and goes on in the program under test; without one
//! the frame passes to the bridge. What it costs the bench tells beside all else.
//!
//! Live frames are pages that come again, as whoever had them last left them. So every
//! byte of the head is written each time, and nothing behind it is looked at.

use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use anyhow::{Context as _, Result, ensure};

use super::assembly::{Alu, Assembly, Size, When};
use super::bare::PASS;
use super::kernel::{MapKind, create_map, delete, load_for, update};
use super::stream::{FIRST_IP, Order, Segment, Stream};
use super::template::Template;

/// Bytes that are written: Ethernet, IPv4 and TCP, or UDP and the first of its payload.
pub const HEAD: usize = 54;
/// Knuth's linear congruential generator (MMIX).
const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
const INCREMENT: u64 = 1_442_695_040_888_963_407;

// Registers that calls keep.
const CONTEXT: u8 = 6;
pub(super) const FRAME: u8 = 7;
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
