//! XDP programs that the bench measures with: one that does no more than read a frame, and
//! one that makes a stream of it.

use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};

use anyhow::Result;

use crate::bare::{CALL, DROP, EXIT, PASS, PSEUDO_MAP, SET, SET_WIDE, instruction, load, map_of};

const BPF_MAP_TYPE_PROG_ARRAY: u32 = 3;
const TAIL_CALL: i32 = 12;
/// Instructions: a copy, sums with a constant and a register, loads and a store, bytes
/// turned around, a jump where the first is greater.
const COPY: u8 = 0xbf;
const ADD: u8 = 0x07;
const ADD_TO: u8 = 0x0f;
const LOAD_32: u8 = 0x61;
const LOAD_64: u8 = 0x79;
const STORE_32: u8 = 0x63;
const TO_BIG_ENDIAN: u8 = 0xdc;
const JUMP_GREATER: u8 = 0x2d;

/// A program that reads all bytes of a frame of up to 2 KiB, word by word, and lets it
/// pass. Without a loop: the verifier takes none over a packet to end.
pub(super) fn touch() -> Result<OwnedFd> {
    /// Words that are read at once, and how often.
    const GOES: [(i16, i16); 2] = [(8, 32), (1, 8)];
    let mut program = vec![
        instruction(SET, 0, 0, 0),
        with_offset(LOAD_32, 2, 1, 0),
        with_offset(LOAD_32, 3, 1, 4),
    ];
    for (words, goes) in GOES {
        let length = 4 + 2 * words;
        for go in 0..goes {
            program.extend([
                instruction(COPY, 4, 2, 0),
                instruction(ADD, 4, 0, 8 * i32::from(words)),
                // To behind the last go.
                with_offset(JUMP_GREATER, 4, 3, (goes - go) * length - 3),
            ]);
            for word in 0..words {
                program.push(with_offset(LOAD_64, 5, 2, 8 * word));
                program.push(instruction(ADD_TO, 0, 5, 0));
            }
            program.push(instruction(COPY, 2, 4, 0));
        }
    }
    program.push(instruction(SET, 0, 0, PASS));
    program.push(instruction(EXIT, 0, 0, 0));
    load(&program)
}

/// A program that hands every frame over to another one, as the TCP segment that follows
/// the one that it was: run again and again, a frame without options is a stream. With it
/// the map that it finds the other in, which is emptied when nobody holds it.
pub(super) fn advance(program: BorrowedFd<'_>, payload: u32) -> Result<[OwnedFd; 2]> {
    /// Behind a header of Ethernet and one of IPv4.
    const SEQUENCE: i16 = 14 + 20 + 4;
    let map = map_of(BPF_MAP_TYPE_PROG_ARRAY, program.as_raw_fd().cast_unsigned())?;
    let advance = load(&[
        with_offset(LOAD_32, 2, 1, 0),
        with_offset(LOAD_32, 3, 1, 4),
        instruction(COPY, 4, 2, 0),
        instruction(ADD, 4, 0, i32::from(SEQUENCE) + 4),
        with_offset(JUMP_GREATER, 4, 3, 9),
        with_offset(LOAD_32, 5, 2, SEQUENCE),
        instruction(TO_BIG_ENDIAN, 5, 0, 32),
        instruction(ADD, 5, 0, payload.cast_signed()),
        instruction(TO_BIG_ENDIAN, 5, 0, 32),
        with_offset(STORE_32, 2, 5, SEQUENCE),
        instruction(SET_WIDE, 2, PSEUDO_MAP, map.as_raw_fd()),
        instruction(0, 0, 0, 0),
        instruction(SET, 3, 0, 0),
        instruction(CALL, 0, 0, TAIL_CALL),
        instruction(SET, 0, 0, DROP),
        instruction(EXIT, 0, 0, 0),
    ])?;
    Ok([advance, map])
}

/// An instruction with a distance in memory, or to jump.
fn with_offset(code: u8, destination: u8, source: u8, offset: i16) -> u64 {
    let [a, b] = offset.to_ne_bytes();
    u64::from_ne_bytes([code, source << 4 | destination, a, b, 0, 0, 0, 0])
}
