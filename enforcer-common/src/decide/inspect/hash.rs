//! The hash by which bytes of a stream that come again are known: keyed, piece by piece.

use super::scratch::{Inspection, PIECE, START};

/// Hashes the piece on (NH, from UMAC, RFC 4418, 5.2.1; its keys follow from each other as
/// in Knuth's linear congruential generator MMIX). Who does not know the first key cannot
/// find other bytes of the same hash but by chance.
#[inline(always)]
pub(super) fn hash_piece(inspection: &mut Inspection) {
    let length = u64::from(inspection.piece);
    let mut hash = inspection.hash;
    // Keys are found four at a time, each from the one four before it: else every word would
    // wait for the key of the one before.
    let mut keys = [inspection.key; TOGETHER];
    for place in 1..TOGETHER {
        keys[place] = next_key(keys[place - 1]);
    }
    let mut index = 0;
    for _ in 0..PIECE / 8 / TOGETHER {
        if index + 8 * TOGETHER as u64 > length {
            break;
        }
        for (place, key) in keys.iter_mut().enumerate() {
            let word = inspection.word::<u64>(START as u64 + index, 8 * place);
            hash = hash.wrapping_add(hashed(u64::from_le(word), *key));
            *key = key.wrapping_mul(FAR.0).wrapping_add(FAR.1);
        }
        index += 8 * TOGETHER as u64;
    }
    // Not the number that the loop counted to: that would be another one for the verifier
    // wherever the loop may end.
    index = length & !(8 * TOGETHER as u64 - 1);
    let mut key = keys[0];
    for _ in 1..TOGETHER {
        if index + 8 > length {
            break;
        }
        hash = hash.wrapping_add(hashed(inspection.word_at(START as u64 + index), key));
        key = next_key(key);
        index += 8;
    }
    let rest = 8 * (length & 7);
    if rest != 0 {
        let word = inspection.word_at(START as u64 + index) & ((1 << rest) - 1);
        hash = hash.wrapping_add(hashed(word, key));
        key = next_key(key);
    }
    inspection.hash = hash;
    inspection.key = key;
}

/// Words that are hashed side by side.
const TOGETHER: usize = 4;

#[inline(always)]
const fn hashed(word: u64, key: u64) -> u64 {
    const HALF: u64 = 0xffff_ffff;
    let low = word.wrapping_add(key) & HALF;
    let high = ((word >> 32) + (key >> 32)) & HALF;
    low.wrapping_mul(high)
}

/// Multiplier and increment of the generator.
const NEXT: (u64, u64) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);
/// Those of as many steps as there are words side by side.
const FAR: (u64, u64) = {
    let (mut multiplier, mut increment, mut step) = (1_u64, 0_u64, 0);
    while step < TOGETHER {
        multiplier = multiplier.wrapping_mul(NEXT.0);
        increment = increment.wrapping_mul(NEXT.0).wrapping_add(NEXT.1);
        step += 1;
    }
    (multiplier, increment)
};

#[inline(always)]
const fn next_key(key: u64) -> u64 {
    key.wrapping_mul(NEXT.0).wrapping_add(NEXT.1)
}

/// The hash of a segment, as a checkpoint keeps it.
#[inline(always)]
pub(super) const fn hash_of(inspection: &Inspection) -> u32 {
    (inspection.hash >> 32) as u32 ^ inspection.hash as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Word by word, as the hash is defined.
    fn by_definition(bytes: &[u8], mut key: u64) -> u64 {
        let hashes = bytes.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let hash = hashed(u64::from_le_bytes(word), key);
            key = next_key(key);
            hash
        });
        hashes.fold(0, u64::wrapping_add)
    }

    #[test]
    fn words_side_by_side_are_hashed_as_one_by_one() {
        let mut inspection = Inspection::EMPTY;
        for (place, byte) in inspection.text.iter_mut().enumerate() {
            *byte = (place * 31 + place / 7) as u8;
        }
        let text = inspection.text;
        for length in (0..200).chain([PIECE - 33, PIECE - 1, PIECE]) {
            (inspection.hash, inspection.key) = (0, 0x1234_5678_9abc_def1);
            inspection.piece = length as u32;
            hash_piece(&mut inspection);
            let expected = by_definition(&text[START..START + length], 0x1234_5678_9abc_def1);
            assert_eq!(inspection.hash, expected, "{length}");
            // What follows has the keys that follow.
            let words = length.div_ceil(8);
            let key = (0..words).fold(0x1234_5678_9abc_def1, |key, _| next_key(key));
            assert_eq!(inspection.key, key, "{length}");
        }
    }
}
