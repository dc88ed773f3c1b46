//! The hash by which bytes of a stream that come again are known: keyed, piece by piece.

use super::scratch::{Inspection, PIECE, START, load};
use crate::tables::Frame;

/// Words that are hashed without a question between them.
const TOGETHER: usize = 8;
/// Bytes of these.
const BLOCK: usize = 8 * TOGETHER;
/// Keys of the words of a block.
pub(super) type Keys = [u64; TOGETHER];
/// Those of the last block stand behind those of all blocks of a piece.
const LAST: usize = PIECE / BLOCK;
/// Blocks whose keys are made at once, and how often that is done.
const MADE: usize = 2;
pub(super) const GROUPS: u32 = (LAST + 1).div_ceil(MADE) as u32;
/// Blocks that have keys, a few more than need them.
pub(super) const KEYED: usize = GROUPS as usize * MADE;

/// Hashes the piece on: sums of words and keys, each multiplied with its upper half, and each
/// piece with an odd number of its own, so that they cannot change places. The last bytes, as
/// many as are in a block, are hashed once more by keys of their own, wherever they begin; so
/// no block need be cut. Of a piece that is shorter than one each word is hashed, the last one
/// filled with zeros.
///
/// That is NH (Black et al., UMAC: Fast and Secure Message Authentication, 1999) but for what
/// the upper half of a product has more. As there, whatever differs in a word, a given
/// difference of its product comes of at most 2 in 2^32 keys; and upper halves of products
/// with an odd number are the same for 2 more (Dietzfelbinger et al., A Reliable Randomized
/// Algorithm for the Closest-Pair Problem, 1997). So who does not know the key that all others
/// come of finds other bytes of the same hash by chance, once in 2^30.
#[inline(always)]
pub(super) fn hash_piece(inspection: &mut Inspection) {
    let length = inspection.piece as usize;
    if length < BLOCK {
        return hash_short(inspection, length);
    }
    let mut hash = 0_u64;
    for block in 0..LAST {
        let end = (block + 1) * BLOCK;
        if end > length {
            break;
        }
        let text = inspection.text_from((START + end - BLOCK) as u64);
        // SAFETY: behind each index there is room for a tail, which is longer.
        hash = hash.wrapping_add(unsafe { hashed_block(text, &inspection.keys[block]) });
    }
    let text = inspection.text_from((START + length - BLOCK) as u64);
    // SAFETY: likewise.
    hash = hash.wrapping_add(unsafe { hashed_block(text, &inspection.keys[LAST]) });
    finish(inspection, hash);
}

/// The same of a whole segment, where its bytes lie in the frame; false where these cannot be
/// had. It is not shorter than a block.
#[inline(always)]
pub(in crate::decide) fn hash_frame<F: Frame + ?Sized>(
    frame: &F,
    inspection: &mut Inspection,
) -> bool {
    let (offset, length) = (inspection.offset as usize, inspection.piece as usize);
    let mut hash = 0_u64;
    for block in 0..LAST {
        let end = (block + 1) * BLOCK;
        if end > length {
            break;
        }
        let Some(window) = frame.window::<BLOCK>(place_at(offset + end - BLOCK)) else {
            return false;
        };
        // SAFETY: the window is a block.
        hash = hash.wrapping_add(unsafe { hashed_block(window.as_ptr(), &inspection.keys[block]) });
    }
    let last = place_at((offset + length).wrapping_sub(BLOCK));
    let Some(window) = frame.window::<BLOCK>(last) else {
        return false;
    };
    // SAFETY: likewise.
    hash = hash.wrapping_add(unsafe { hashed_block(window.as_ptr(), &inspection.keys[LAST]) });
    finish(inspection, hash);
    true
}

/// Hashes a piece that is shorter than a block.
#[inline(always)]
fn hash_short(inspection: &mut Inspection, length: usize) {
    let mut hash = 0_u64;
    for (place, key) in inspection.keys[LAST].into_iter().enumerate() {
        let index = 8 * place;
        if index >= length {
            break;
        }
        let left = length - index;
        let mut word = inspection.word_at((START + index) as u64);
        if left < 8 {
            word &= (1 << (8 * left)) - 1;
        }
        hash = hash.wrapping_add(product(word.wrapping_add(key)));
    }
    finish(inspection, hash);
}

/// A place in what is hashed, none of which is farther: the compiler learns of it, so that
/// nothing must be asked.
#[inline(always)]
const fn place_at(place: usize) -> u32 {
    const { assert!(PIECE.is_power_of_two()) };
    (place & (PIECE - 1)) as u32
}

#[inline(always)]
const fn finish(inspection: &mut Inspection, hash: u64) {
    let multiplier = inspection.key | 1;
    inspection.hash = inspection.hash.wrapping_add(hash.wrapping_mul(multiplier));
    inspection.key = derived(inspection.key, (KEYED * TOGETHER) as u64);
}

/// Of a sum. Its upper half is multiplied with all of it, not with the lower half alone: to
/// clear the rest would take as long as the product.
#[inline(always)]
const fn product(sum: u64) -> u64 {
    sum.wrapping_mul(sum >> 32)
}

/// What a block adds to the hash.
///
/// # Safety
/// It can be read.
#[inline(always)]
unsafe fn hashed_block(text: *const u8, keys: &Keys) -> u64 {
    let mut hash = 0_u64;
    for place in 0..TOGETHER {
        // SAFETY: as promised by the caller; a key is loaded here and nowhere before, so that no
        // other word must leave its register.
        let (word, key) = unsafe {
            (
                load::<u64>(text.add(8 * place)),
                load::<u64>(keys.as_ptr().add(place).cast()),
            )
        };
        hash = hash.wrapping_add(product(u64::from_le(word).wrapping_add(key)));
    }
    hash
}

/// Makes a group of the keys of words, of the one that is named.
#[inline(always)]
pub(in crate::decide) fn make_keys(inspection: &mut Inspection, group: u32) {
    for block in 0..MADE {
        let block = MADE * group as usize + block;
        let Some(keys) = inspection.keys.get_mut(block) else {
            return;
        };
        for (place, key) in keys.iter_mut().enumerate() {
            *key = derived(inspection.keys_of, (TOGETHER * block + place) as u64);
        }
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
        let hashed = |bytes: &[u8], first: usize| {
            let products = (first as u64..).zip(bytes.chunks(8)).map(|(place, chunk)| {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                let sum = u64::from_le_bytes(word).wrapping_add(derived(key, place));
                sum.wrapping_mul(sum / (1 << 32))
            });
            products.fold(0, u64::wrapping_add)
        };
        let whole = bytes.len() - bytes.len() % 64;
        let last = bytes.len().saturating_sub(64);
        hashed(&bytes[..whole], 0).wrapping_add(hashed(&bytes[last..], PIECE / 8))
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
    fn blocks_are_hashed_as_word_by_word() {
        for length in (0..300).chain([PIECE - 65, PIECE - 1, PIECE]) {
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
        for (place, key) in first.as_flattened().iter().enumerate() {
            let same = first.as_flattened().iter().position(|other| other == key);
            assert_eq!(same, Some(place));
        }
        dressed(&mut inspection, KEY + 1);
        assert_ne!(first, inspection.keys);
        dressed(&mut inspection, KEY);
        assert_eq!(first, inspection.keys);
    }
}
