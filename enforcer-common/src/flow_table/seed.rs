//! Where a flow belongs: the hash of its key, by numbers that the daemon draws, so that
//! nobody outside can choose flows that fall together.

use super::key::{WORDS, words_of};
use crate::flow::FlowKey;

/// What a table is looked up by, drawn once in its life.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seed {
    /// One for the sum, and two for each word of a key.
    pub numbers: [u64; 1 + 2 * WORDS],
    /// Sets in the table.
    pub sets: u64,
    pub reserved: [u64; 2],
}

const _: () = assert!(size_of::<Seed>() == 128);

/// Where a key belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) set: u32,
    /// What tells keys of a set apart at first sight.
    pub(super) tag: u32,
}

impl Seed {
    /// As it lies in memory.
    pub fn words(&self) -> [u64; 16] {
        let mut words = [0; 16];
        let (numbers, rest) = words.split_at_mut(self.numbers.len());
        numbers.copy_from_slice(&self.numbers);
        rest[0] = self.sets;
        words
    }

    /// Multilinear-HM (Lemire and Kaser, Strongly universal string hashing is fast): of any
    /// two keys the upper halves of the sums are as independent as the numbers are. Keys in a
    /// row, as ports are, would still have sums in a row: hence they are mixed, one to one.
    #[inline(always)]
    pub(super) fn home(&self, key: &FlowKey) -> Home {
        let numbers = &self.numbers;
        let mut sum = numbers[0];
        let words = words_of(key);
        let mut index = 0;
        while index < WORDS {
            let word = words[index];
            let low = numbers[1 + 2 * index].wrapping_add(u64::from(word as u32));
            let high = numbers[2 + 2 * index].wrapping_add(word >> 32);
            sum = sum.wrapping_add(low.wrapping_mul(high));
            index += 1;
        }
        let mixed = mix(sum);
        Home {
            set: ((mixed >> 32).wrapping_mul(self.sets) >> 32) as u32,
            tag: mixed as u32,
        }
    }
}

/// MurmurHash3's last step (Appleby): each bit of the number changes each of the result in
/// half of all cases.
#[inline(always)]
const fn mix(number: u64) -> u64 {
    let mixed = (number ^ (number >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}
