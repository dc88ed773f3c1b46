//! The hash by which bytes of a stream that come again are known: keyed, piece by piece.

use super::in_frame::word_near;
use super::scratch::{Inspection, PIECE, START, load};
use crate::tables::Frame;

/// Half words of a piece, each of which has a key.
pub(super) const KEYS: usize = PIECE / 4;
/// Keys that are made at once, and how often that is done.
const MADE: usize = 16;
pub(super) const GROUPS: u32 = (KEYS / MADE) as u32;
/// Words that are hashed without a question between them.
const TOGETHER: usize = 4;

/// Hashes the piece on: sums of half words and keys, multiplied in pairs (Lemire and Kaser,
/// Strongly universal string hashing is fast, 2014: Multilinear-HM), each piece multiplied
/// with an odd number of its own, so that they cannot change places. Who does not know the
/// key that all others come of cannot find other bytes of the same hash but by chance.
#[inline(always)]
pub(super) fn hash_piece(inspection: &mut Inspection) {
    let length = u64::from(inspection.piece);
    let mut hash = 0_u64;
    let mut index = 0;
    for _ in 0..KEYS / 2 / TOGETHER {
        if index + 8 * TOGETHER as u64 > length {
            break;
        }
        for place in 0..TOGETHER {
            let half = |half: usize| inspection.word::<u32>(START as u64 + index, 8 * place + half);
            let word = [half(0), half(4)].map(u32::from_le);
            hash = hash.wrapping_add(inspection.hashed(index as usize / 8 + place, word));
        }
        index += 8 * TOGETHER as u64;
    }
    // Not the number that the loop counted to: that would be another one for the verifier
    // wherever the loop may end.
    index = length & !(8 * TOGETHER as u64 - 1);
    for _ in 0..TOGETHER {
        if index >= length {
            break;
        }
        let left = length - index;
        let mut word = inspection.word_at(START as u64 + index);
        if left < 8 {
            word &= (1 << (8 * left)) - 1;
        }
        let halves = [word as u32, (word >> 32) as u32];
        hash = hash.wrapping_add(inspection.hashed(index as usize / 8, halves));
        index += 8;
    }
    finish(inspection, hash);
}

/// The same of a whole segment, where its bytes lie in the frame; false where these cannot be
/// had.
#[inline(always)]
pub(in crate::decide) fn hash_frame<F: Frame + ?Sized>(
    frame: &F,
    inspection: &mut Inspection,
    frame_length: u32,
) -> bool {
    let (offset, length) = (inspection.offset, u64::from(inspection.piece));
    let mut hash = 0_u64;
    let mut index = 0;
    for _ in 0..KEYS / 2 / TOGETHER {
        if index + 8 * TOGETHER as u64 > length {
            break;
        }
        let Some(window) = frame.window::<{ 8 * TOGETHER }>(place_at(u64::from(offset) + index))
        else {
            return false;
        };
        for place in 0..TOGETHER {
            // SAFETY: the window is as many words long.
            let half = |half: usize| unsafe { load::<u32>(window.as_ptr().add(8 * place + half)) };
            let word = [half(0), half(4)].map(u32::from_le);
            hash = hash.wrapping_add(inspection.hashed(index as usize / 8 + place, word));
        }
        index += 8 * TOGETHER as u64;
    }
    // As above.
    index = length & !(8 * TOGETHER as u64 - 1);
    for _ in 0..TOGETHER {
        if index >= length {
            break;
        }
        let left = length - index;
        let Some(mut word) = word_near(frame, frame_length, offset.wrapping_add(index as u32))
        else {
            return false;
        };
        if left < 8 {
            word &= (1 << (8 * left)) - 1;
        }
        let halves = [word as u32, (word >> 32) as u32];
        hash = hash.wrapping_add(inspection.hashed(index as usize / 8, halves));
        index += 8;
    }
    finish(inspection, hash);
    true
}

/// A place in what is hashed, none of which is farther: the compiler learns of it, so that
/// nothing must be asked.
#[inline(always)]
const fn place_at(place: u64) -> u32 {
    const { assert!(PIECE.is_power_of_two()) };
    place as u32 & (PIECE as u32 - 1)
}

#[inline(always)]
const fn finish(inspection: &mut Inspection, hash: u64) {
    let multiplier = inspection.key | 1;
    inspection.hash = inspection.hash.wrapping_add(hash.wrapping_mul(multiplier));
    inspection.key = derived(inspection.key, KEYS as u64);
}

impl Inspection {
    /// What a word adds to the hash, by its place.
    #[inline(always)]
    fn hashed(&self, place: usize, [first, second]: [u32; 2]) -> u64 {
        let place = place & (KEYS / 2 - 1);
        // Loaded here and nowhere before, so that no other word must leave its register.
        // SAFETY: the mask keeps the place inside.
        let key = |half: usize| unsafe { load::<u64>(self.keys[place].as_ptr().add(half).cast()) };
        let one = key(0).wrapping_add(first.into());
        one.wrapping_mul(key(1).wrapping_add(second.into()))
    }
}

/// Makes a group of the keys of half words, of the one that is named.
#[inline(always)]
pub(in crate::decide) fn make_keys(inspection: &mut Inspection, group: u32) {
    let first = group as usize * (MADE / 2);
    for place in 0..MADE / 2 {
        let place = first.wrapping_add(place) & (KEYS / 2 - 1);
        let number = 2 * place as u64;
        inspection.keys[place] = [
            derived(inspection.keys_of, number),
            derived(inspection.keys_of, number + 1),
        ];
    }
}

/// The number at a place behind a key (SplitMix64, Steele, Lea and Flood, 2014).
#[inline(always)]
const fn derived(key: u64, place: u64) -> u64 {
    let mut number = key.wrapping_add((place + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The hash of a segment, as a checkpoint keeps it: its upper half, which all keys decide.
#[inline(always)]
pub(super) const fn hash_of(inspection: &Inspection) -> u32 {
    (inspection.hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: u64 = 0x1234_5678_9abc_def1;

    /// Half word by half word, as the hash is defined.
    fn by_definition(bytes: &[u8], key: u64) -> u64 {
        let mut keys = (0..).map(|place| derived(key, place));
        let mut sums = bytes.chunks(4).map(|chunk| {
            let mut half = [0; 4];
            half[..chunk.len()].copy_from_slice(chunk);
            u64::from(u32::from_le_bytes(half)).wrapping_add(keys.next().unwrap())
        });
        let mut hash = 0_u64;
        while let Some(first) = sums.next() {
            let second = sums.next();
            let place = bytes.len().div_ceil(4) as u64;
            let second = second.unwrap_or_else(|| derived(key, place));
            hash = hash.wrapping_add(first.wrapping_mul(second));
        }
        hash
    }

    fn dressed(inspection: &mut Inspection, key: u64) {
        inspection.keys_of = key;
        for group in 0..GROUPS {
            make_keys(inspection, group);
        }
    }

    fn inspection() -> Inspection {
        let mut inspection = Inspection::EMPTY;
        for (place, byte) in inspection.text.iter_mut().enumerate() {
            *byte = (place * 31 + place / 7) as u8;
        }
        inspection.key = KEY;
        dressed(&mut inspection, KEY);
        inspection
    }

    #[test]
    fn words_side_by_side_are_hashed_as_one_by_one() {
        for length in (0..200).chain([PIECE - 33, PIECE - 1, PIECE]) {
            let mut inspection = inspection();
            inspection.piece = length as u32;
            let text = inspection.text;
            hash_piece(&mut inspection);
            let expected = by_definition(&text[START..START + length], KEY);
            assert_eq!(inspection.hash, expected.wrapping_mul(KEY | 1), "{length}");
        }
    }

    #[test]
    fn a_changed_bit_changes_the_hash() {
        let hash = |changed: usize| {
            let mut inspection = inspection();
            inspection.piece = PIECE as u32;
            inspection.text[START + changed / 8] ^= 1 << (changed % 8);
            hash_piece(&mut inspection);
            hash_of(&inspection)
        };
        let unchanged = {
            let mut inspection = inspection();
            inspection.piece = PIECE as u32;
            hash_piece(&mut inspection);
            hash_of(&inspection)
        };
        for changed in (0..8 * PIECE).step_by(7) {
            assert_ne!(hash(changed), unchanged, "{changed}");
        }
    }

    #[test]
    fn pieces_do_not_change_places() {
        let hashes = [[1, 2], [2, 1]].map(|order| {
            let mut inspection = inspection();
            inspection.piece = PIECE as u32;
            for byte in order {
                inspection.text.fill(byte);
                hash_piece(&mut inspection);
            }
            hash_of(&inspection)
        });
        assert_ne!(hashes[0], hashes[1]);
    }

    #[test]
    fn all_keys_follow_from_one() {
        let mut inspection = inspection();
        let first = inspection.keys;
        let keys = || first.iter().flatten();
        for (place, key) in keys().enumerate() {
            assert_eq!(keys().position(|other| other == key), Some(place));
        }
        dressed(&mut inspection, KEY + 1);
        assert_ne!(first, inspection.keys);
        dressed(&mut inspection, KEY);
        assert_eq!(first, inspection.keys);
    }
}
