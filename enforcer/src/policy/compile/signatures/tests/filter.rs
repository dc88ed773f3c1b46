//! The filter lets no pattern through, and most of other traffic.

use enforcer_common::decide::PIECE;
use enforcer_common::signature::{STRIDE, gram_hash};

use super::super::filter::{Filter, unused_bits};
use super::*;

/// Whether a piece is clean, as the decision asks.
fn is_clean(filter: &Filter, piece: &[u8]) -> bool {
    let gram = filter.gram as usize;
    let starts = (0..piece.len()).step_by(STRIDE);
    let mut words = starts
        .filter(|start| start + gram <= piece.len())
        .map(|start| {
            let mut word = [0xaa; 8];
            let end = piece.len().min(start + 8);
            word[..end - start].copy_from_slice(&piece[start..end]);
            u64::from_le_bytes(word)
        });
    !words.any(|word| {
        let place = gram_hash(word, unused_bits(filter.gram), filter.shift) as usize;
        filter.lines[place >> 9].0[place >> 6 & 7] >> (place & 63) & 1 != 0
    })
}

proptest! {
    #[test]
    fn a_piece_with_a_pattern_is_never_clean(
        patterns in patterns(7..41, 12),
        before in vec(any::<u8>(), 0..40),
        after in vec(any::<u8>(), 0..20),
        seed in any::<u64>(),
    ) {
        let Some(filter) = Filter::new(patterns.iter()) else {
            return Ok(());
        };
        for pattern in &patterns {
            for skipped in 0..before.len().min(STRIDE) {
                let piece = [&before[skipped..], &mixed(pattern, seed), &after].concat();
                prop_assert!(!is_clean(&filter, &piece), "{:?}", piece.escape_ascii().to_string());
            }
            prop_assert!(!is_clean(&filter, pattern));
        }
    }
}

#[test]
fn patterns_too_short_or_too_common_have_none() {
    let filter = |patterns: &[&str]| {
        let patterns: Vec<Vec<u8>> = patterns.iter().map(|text| text.as_bytes().into()).collect();
        Filter::new(patterns.iter()).map(|filter| filter.gram)
    };
    assert_eq!(filter(&[]), None);
    assert_eq!(filter(&["abcdef"]), None);
    assert_eq!(filter(&["abcdefg"]), Some(4));
    assert_eq!(filter(&["abcdefghij"]), Some(4));
    assert_eq!(filter(&["abcdefghijk"]), Some(8));
    assert_eq!(filter(&["abcdefghijk", "abcdefg"]), Some(4));
    assert_eq!(filter(&["abcdefghijk", "abc"]), None);
    assert_eq!(filter(&["aaaaaaaaaaaaaa"]), None);
    assert_eq!(filter(&["\0\0\0\0ab\0\0\0\0cd\0\0\0"]), None);
    assert_eq!(filter(&["\0\0\0\0\0\0\0\0\0\0\0\0abcdefghijk"]), Some(8));
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
    for (count, bearable) in [(1, 40), (10, 60), (100, 100), (1000, 300)] {
        let mut draw = |length: usize| -> Vec<u8> { (0..length).map(|_| byte()).collect() };
        let patterns: Vec<Vec<u8>> = (0..count).map(|_| draw(16).to_ascii_lowercase()).collect();
        let filter = Filter::new(patterns.iter()).unwrap();
        let pieces = 400;
        let dirty = (0..pieces).filter(|_| !is_clean(&filter, &draw(PIECE)));
        let dirty = dirty.count();
        println!(
            "{count} patterns, {} KiB: {dirty} of {pieces} pieces are not clean",
            filter.lines.len() / 16
        );
        assert!(dirty < bearable);
    }
}
