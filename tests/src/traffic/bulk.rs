//! Much data through one connection, compared byte by byte: one block again and again,
//! each time with its number in front.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
};

use anyhow::{Context, Result, anyhow, ensure};

/// Of no size that segments or pages have.
const BLOCK: usize = 1_000_003;
const NUMBER: usize = 8;

/// Bytes in which nothing repeats itself soon; the same for the same seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // Xorshift (Marsaglia, 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Sends so many bytes, or a few more, from one end of a connection to the other, written
/// in pieces of so many; how many arrived as they were sent.
pub fn pour(mut from: TcpStream, mut to: TcpStream, length: usize, piece: usize) -> Result<usize> {
    let blocks = length.div_ceil(BLOCK) as u64;
    let sender = thread::spawn(move || {
        let mut block = noise(1, BLOCK);
        (0..blocks).try_for_each(|number| {
            block[..NUMBER].copy_from_slice(&number.to_be_bytes());
            let mut pieces = block.chunks(piece);
            pieces.try_for_each(|piece| from.write_all(piece))
        })
    });
    let mut expected = noise(1, BLOCK);
    let mut got = vec![0; BLOCK];
    for number in 0..blocks {
        expected[..NUMBER].copy_from_slice(&number.to_be_bytes());
        to.read_exact(&mut got)
            .with_context(|| format!("read block {number} of {blocks}"))?;
        ensure!(
            got == expected,
            "block {number} of {blocks} arrived changed"
        );
    }
    let sent = sender
        .join()
        .map_err(|_| anyhow!("the sender of a transfer panicked"))?;
    sent.context("send a transfer")?;
    Ok(got.len() * blocks as usize)
}
