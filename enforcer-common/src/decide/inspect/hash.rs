//! The hash by which bytes of a stream that come again are known: keyed, piece by piece.

use super::in_frame::word_near;
use super::scratch::{Inspection, PIECE, START, load};
use crate::tables::Frame;

/// Words of a piece, each of which has a key.
pub(super) const KEYS: usize = PIECE / 8;
/// Keys that are made at once, and how often that is done.
const MADE: usize = 16;
pub(super) const GROUPS: u32 = (KEYS / MADE) as u32;
/// Words that are hashed without a question between them.
const TOGETHER: usize = 4;

/// Hashes the piece on: sums of words and keys, each multiplied with its upper half, and each
/// piece with an odd number of its own, so that they cannot change places.
///
/// That is NH (Black et al., UMAC: Fast and Secure Message Authentication, 1999) but for what
/// the upper half of a product has more. As there, whatever differs in a word, a given
/// difference of its product comes of at most 2 in 2^32 keys; and upper halves of products
/// with an odd number are the same for 2 more (Dietzfelbinger et al., A Reliable Randomized
/// Algorithm for the Closest-Pair Problem, 1997). So who does not know the key that all others
/// come of finds other bytes of the same hash by chance, once in 2^30.
#[inline(always)]
pub(super) fn hash_piece(inspection: &mut Inspection) {
    let length = u64::from(inspection.piece);
    let mut hash = 0_u64;
    let mut index = 0;
    for _ in 0..KEYS / TOGETHER {
        if index + 8 * TOGETHER as u64 > length {
            break;
        }
        for place in 0..TOGETHER {
            let word = u64::from_le(inspection.word(START as u64 + index, 8 * place));
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
        hash = hash.wrapping_add(inspection.hashed(index as usize / 8, word));
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
    for _ in 0..KEYS / TOGETHER {
        if index + 8 * TOGETHER as u64 > length {
            break;
        }
        let Some(window) = frame.window::<{ 8 * TOGETHER }>(place_at(u64::from(offset) + index))
        else {
            return false;
        };
        for place in 0..TOGETHER {
            // SAFETY: the window is as many words long.
            let word = u64::from_le(unsafe { load(window.as_ptr().add(8 * place)) });
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
        hash = hash.wrapping_add(inspection.hashed(index as usize / 8, word));
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

/// Of a sum. Its upper half is multiplied with all of it, not with the lower half alone: to
/// clear the rest would take as long as the product.
#[inline(always)]
const fn product(sum: u64) -> u64 {
    sum.wrapping_mul(sum >> 32)
}

impl Inspection {
    /// What a word adds to the hash, by its place.
    #[inline(always)]
    fn hashed(&self, place: usize, word: u64) -> u64 {
        // Loaded here and nowhere before, so that no other word must leave its register.
        // SAFETY: the mask keeps the place inside.
        let key: u64 = unsafe { load(self.keys.as_ptr().add(place & (KEYS - 1)).cast()) };
        product(word.wrapping_add(key))
    }
}

/// Makes a group of the keys of words, of the one that is named.
#[inline(always)]
pub(in crate::decide) fn make_keys(inspection: &mut Inspection, group: u32) {
    let first = group as usize * MADE;
    for place in 0..MADE {
        let place = first.wrapping_add(place) & (KEYS - 1);
        inspection.keys[place] = derived(inspection.keys_of, place as u64);
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

    /// Word by word, as the hash is defined.
    fn by_definition(bytes: &[u8], key: u64) -> u64 {
        let products = (0..).zip(bytes.chunks(8)).map(|(place, chunk)| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let sum = u64::from_le_bytes(word).wrapping_add(derived(key, place));
            sum.wrapping_mul(sum / (1 << 32))
        });
        products.fold(0, u64::wrapping_add)
    }

    /// All there are of words of eight bits, which stand for those of 64.
    #[test]
    fn few_keys_make_any_one_difference() {
        let product = |sum: u8| sum.wrapping_mul(sum >> 4);
        for differing in 1..=u8::MAX {
            let mut keys = [0; 256];
            for key in 0..=u8::MAX {
                let other = key.wrapping_add(differing);
                let difference = product(key).wrapping_sub(product(other));
                keys[usize::from(difference)] += 1;
            }
            let most = keys.into_iter().max();
            assert!(most <= Some(2 << 4), "{most:?} for {differing}");
        }
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
        for (place, key) in first.iter().enumerate() {
            let same = first.iter().position(|other| other == key);
            assert_eq!(same, Some(place));
        }
        dressed(&mut inspection, KEY + 1);
        assert_ne!(first, inspection.keys);
        dressed(&mut inspection, KEY);
        assert_eq!(first, inspection.keys);
    }
}
