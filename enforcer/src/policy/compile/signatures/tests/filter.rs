//! The filter lets no pattern through, and most of other traffic.

use enforcer_common::decide::PIECE;
use enforcer_common::signature::{
    SHORT_GRAM, gram_bit, gram_hash, gram_index, window_hash, window_length,
};

use super::super::filter::{Filter, Form, Pattern};
use super::*;

/// Of patterns in any case, or as they are spelled.
fn filter(patterns: &[Vec<u8>], nocase: bool) -> Option<Filter> {
    let patterns = patterns.iter().map(|bytes| Pattern { bytes, nocase });
    Filter::new(&patterns.collect())
}

/// Whether a piece is clean, as the decision asks. Before and behind it there is something.
fn is_clean(filter: &Filter, piece: &[u8]) -> bool {
    let Form { gram, stride } = filter.form;
    let text = [&[0xaa; 8], piece, &[0xaa; 8]].concat();
    let behind = 8 + piece.len();
    let word = |start: usize| u64::from_le_bytes(text[start..start + 8].try_into().unwrap());
    let has = |table: usize, hash: u64| {
        filter.tables[table][gram_index(hash, filter.shift) as usize] & gram_bit(hash) != 0
    };
    // The shortest are looked up as they are.
    let is_met = |start: usize| match gram as u32 {
        SHORT_GRAM => filter.tables[0][word(start) as usize & 0xffff] != 0,
        _ => true,
    };
    let length = window_length(gram as u32, stride as u32);
    let mut starts = (8..behind).step_by(stride);
    !starts.any(|start| {
        is_met(start)
            && has(0, gram_hash(word(start), gram as u32))
            && (start + 1 - stride..=start)
                .filter(|start| start + length as usize <= behind)
                .any(|start| has(1, window_hash(word(start), length)))
    })
}

proptest! {
    #[test]
    fn a_piece_with_a_pattern_is_never_clean(
        patterns in patterns(4..41, 12),
        before in vec(any::<u8>(), 0..40),
        after in vec(any::<u8>(), 0..20),
        seed in any::<u64>(),
    ) {
        for nocase in [true, false] {
            let Some(filter) = filter(&patterns, nocase) else {
                return Ok(());
            };
            for pattern in &patterns {
                let there = if nocase { mixed(pattern, seed) } else { pattern.clone() };
                for skipped in 0..before.len().min(filter.form.stride) {
                    let piece = [&before[skipped..], &there, &after].concat();
                    prop_assert!(!is_clean(&filter, &piece), "{:?}", piece.escape_ascii().to_string());
                }
                prop_assert!(!is_clean(&filter, &there));
            }
        }
    }
}

#[test]
fn patterns_too_short_or_too_common_have_none() {
    let filter = |patterns: &[&str]| {
        let patterns: Vec<Vec<u8>> = patterns.iter().map(|text| text.as_bytes().into()).collect();
        filter(&patterns, false).map(|filter| (filter.form.gram, filter.form.stride))
    };
    assert_eq!(filter(&[]), None);
    assert_eq!(filter(&["abc"]), None);
    assert_eq!(filter(&["abcd"]), Some((2, 3)));
    assert_eq!(filter(&["abcde"]), Some((3, 4)));
    assert_eq!(filter(&["abcdef"]), Some((3, 4)));
    assert_eq!(filter(&["abcdefg"]), Some((4, 4)));
    assert_eq!(filter(&["abcdefghij"]), Some((4, 4)));
    assert_eq!(filter(&["abcdefghijk"]), Some((4, 8)));
    assert_eq!(filter(&["abcdefghijklmn"]), Some((4, 8)));
    assert_eq!(filter(&["abcdefghijklmno"]), Some((8, 8)));
    assert_eq!(filter(&["abcdefghijk", "abcdefg"]), Some((4, 4)));
    assert_eq!(filter(&["abcdefghijk", "abc"]), None);
    assert_eq!(filter(&["\0\0\0\0\0\0"]), None);
    // Of longer grams some are too common.
    assert_eq!(filter(&["aaaaaaaaaaaaaa"]), Some((3, 4)));
    assert_eq!(filter(&["\0\0\0\0ab\0\0\0\0cd\0\0\0"]), Some((3, 4)));
    assert_eq!(
        filter(&["\0\0\0\0\0\0\0\0\0\0\0\0abcdefghijk"]),
        Some((8, 8))
    );
}

#[test]
fn most_pieces_of_other_traffic_are_clean() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 32) as u8
    };
    for (count, bearable) in [(1, 4), (10, 4), (100, 4), (1000, 8), (3000, 40)] {
        let mut draw = |length: usize| -> Vec<u8> { (0..length).map(|_| byte()).collect() };
        let patterns: Vec<Vec<u8>> = (0..count).map(|_| draw(16).to_ascii_lowercase()).collect();
        let filter = filter(&patterns, true).unwrap();
        let pieces = 400;
        let dirty = (0..pieces).filter(|_| !is_clean(&filter, &draw(PIECE)));
        let dirty = dirty.count();
        println!(
            "{count} patterns, {} KiB: {dirty} of {pieces} pieces are not clean",
            filter.tables[0].len() / 1024
        );
        assert!(dirty < bearable);
    }
}
