//! XDP programs that the bench measures with: one that does no more than read a frame, and
//! one that makes a stream of it.

use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use anyhow::Result;
use enforcer_tests::live::assembly::{Alu, Assembly, Size, When};
use enforcer_tests::live::bare::{DROP, PASS};
use enforcer_tests::live::kernel::{MapKind, create_map, load, update};

/// A program that reads all bytes of a frame of up to 2 KiB, word by word, and lets it
/// pass. Without a loop: the verifier takes none over a packet to end.
pub(super) fn touch() -> Result<OwnedFd> {
    /// Words that are read at once, and how often.
    const GOES: [(i16, u32); 2] = [(8, 32), (1, 8)];
    let mut assembly = Assembly::default();
    assembly.set(0, 0);
    assembly.load(Size::Word, 2, 1, 0);
    assembly.load(Size::Word, 3, 1, 4);
    for (words, goes) in GOES {
        let mut ends = Vec::new();
        for _ in 0..goes {
            assembly.copy(4, 2);
            assembly.alu(Alu::Add, 4, 8 * i32::from(words));
            ends.push(assembly.jump_if_register(When::Above, 4, 3));
            for word in 0..words {
                assembly.load(Size::Double, 5, 2, 8 * word);
                assembly.alu_register(Alu::Add, 0, 5);
            }
            assembly.copy(2, 4);
        }
        for end in ends {
            assembly.land(end);
        }
    }
    assembly.set(0, PASS);
    assembly.exit();
    load(assembly.instructions())
}

/// A program that hands every frame over to another one, as the TCP segment that follows
/// the one that it was: run again and again, a frame without options is a stream. With it
/// the map that it finds the other in, which is emptied when nobody holds it.
pub(super) fn advance(program: BorrowedFd<'_>, payload: u32) -> Result<[OwnedFd; 2]> {
    /// Behind a header of Ethernet and one of IPv4.
    const SEQUENCE: i16 = 14 + 20 + 4;
    let map = create_map(MapKind::ProgramArray, 4, 1)?;
    update(map.as_fd(), 0, &program.as_raw_fd().to_ne_bytes())?;
    let mut assembly = Assembly::default();
    assembly.load(Size::Word, 2, 1, 0);
    assembly.load(Size::Word, 3, 1, 4);
    assembly.copy(4, 2);
    assembly.alu(Alu::Add, 4, i32::from(SEQUENCE) + 4);
    let short = assembly.jump_if_register(When::Above, 4, 3);
    assembly.load(Size::Word, 5, 2, SEQUENCE);
    assembly.to_big_endian(5, 32);
    assembly.alu(Alu::Add, 5, payload.cast_signed());
    assembly.to_big_endian(5, 32);
    assembly.store(Size::Word, 2, SEQUENCE, 5);
    assembly.map(2, map.as_fd());
    assembly.set(3, 0);
    assembly.tail_call();
    assembly.land(short);
    assembly.set(0, DROP);
    assembly.exit();
    Ok([load(assembly.instructions())?, map])
}
