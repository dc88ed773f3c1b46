//! The filter of a group: a bit for each gram that a pattern may be known by. A text
//! without any of them bears no pattern.

use enforcer_common::signature::{Profiles, STRIDE, gram_hash};

/// Bits for each gram, so that other traffic seldom meets one: a piece of it has
/// hundreds of grams. They are still fewer than a pattern takes in the automaton.
const SPARSE: usize = 4096;
/// Bits in the smallest filter, a line, and in the largest, 128 KiB.
const SMALLEST: u32 = 9;
const LARGEST: u32 = 20;

/// Grams, and the bits that say which occur.
pub(super) struct Filter {
    pub(super) lines: Vec<Profiles>,
    /// Bytes in a gram.
    pub(super) gram: u32,
    pub(super) shift: u32,
}

impl Filter {
    /// `None` where a pattern is too short, or has nothing but what is everywhere.
    pub(super) fn new<'p>(patterns: impl Iterator<Item = &'p Vec<u8>> + Clone) -> Option<Self> {
        let shortest = patterns.clone().map(Vec::len).min()?;
        let gram = [8, 4]
            .into_iter()
            .find(|gram| gram + STRIDE - 1 <= shortest)?;
        let mut grams = Vec::new();
        for pattern in patterns {
            let window = best_window(pattern, gram)?;
            grams.extend((0..STRIDE).map(|offset| word(&window[offset..offset + gram])));
        }
        let bits = (grams.len() * SPARSE).next_power_of_two().ilog2();
        let bits = bits.clamp(SMALLEST, LARGEST);
        let shift = u64::BITS - bits;
        let mut lines = vec![Profiles::default(); 1 << (bits - SMALLEST)];
        for gram_word in grams {
            let place = gram_hash(gram_word, unused_bits(gram as u32), shift) as usize;
            lines[place >> 9].0[place >> 6 & 7] |= 1 << (place & 63);
        }
        Some(Self {
            lines,
            gram: gram as u32,
            shift,
        })
    }
}

/// Bits of a word that a gram of so many bytes leaves unused.
pub(super) fn unused_bits(gram: u32) -> u32 {
    u64::BITS - 8 * gram
}

/// The stretch of a pattern whose grams are least likely elsewhere.
fn best_window(pattern: &[u8], gram: usize) -> Option<&[u8]> {
    let windows = pattern.windows(gram + STRIDE - 1);
    let worth = |window: &&[u8]| {
        let poorest = (0..STRIDE)
            .map(|offset| distinct(&window[offset..offset + gram]))
            .min();
        poorest.unwrap_or(0)
    };
    // Of equal ones the first.
    let best = windows.rev().max_by_key(worth)?;
    (worth(&best) >= 3).then_some(best)
}

/// Different bytes, as the filter sees them.
fn distinct(gram: &[u8]) -> usize {
    let mut bytes: Vec<u8> = gram.iter().map(|byte| byte | 0x20).collect();
    bytes.sort_unstable();
    bytes.dedup();
    // Blanks and zeros are everywhere.
    bytes.retain(|byte| *byte != 0x20);
    bytes.len()
}

fn word(gram: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..gram.len()].copy_from_slice(gram);
    u64::from_le_bytes(bytes)
}
