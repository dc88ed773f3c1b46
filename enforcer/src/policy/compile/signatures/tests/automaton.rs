//! The automaton tells of exactly what ends at each place, and where bytes share columns of
//! nothing less.

use std::collections::{BTreeMap, BTreeSet};

use enforcer_common::signature::TELLS;

use super::super::automaton::{Automaton, size};
use super::*;

/// Which also takes what is said beforehand.
fn automaton(patterns: &[Vec<u8>]) -> Automaton {
    let mut numbered: BTreeMap<Vec<u8>, Vec<u16>> = BTreeMap::new();
    for (number, pattern) in (1..).zip(patterns) {
        numbered.entry(pattern.clone()).or_default().push(number);
    }
    let automaton = Automaton::new(&numbered).unwrap();
    assert_eq!(size(&numbered), automaton.rows.len() * 4);
    automaton
}

/// Where its rows are put.
const PLACE: u32 = 640;

/// Numbers that are told of behind each byte, as the decision walks.
fn told(automaton: &Automaton, text: &[u8]) -> Vec<BTreeSet<u16>> {
    let rows = automaton.rows_at(PLACE);
    let row = |place: u32| &rows[((place - PLACE) / 4) as usize..];
    let mut state = PLACE;
    let told = text.iter().map(|byte| {
        let column = automaton.columns[usize::from(*byte)];
        let entry = row(state)[usize::from(column) / 4];
        state = entry & !TELLS;
        if entry & TELLS == 0 {
            return BTreeSet::new();
        }
        let list = row(state)[automaton.output_column as usize / 4] as usize;
        let list = automaton.outputs[list..].iter();
        list.copied().take_while(|number| *number != 0).collect()
    });
    told.collect()
}

/// As [`told`], by comparing everywhere.
fn searched(patterns: &[Vec<u8>], text: &[u8]) -> Vec<BTreeSet<u16>> {
    let text = text.to_ascii_lowercase();
    let ends = (1..=text.len()).map(|end| {
        let here = (1..).zip(patterns);
        here.filter(|(_, pattern)| text[..end].ends_with(pattern))
            .map(|(number, _)| number)
            .collect()
    });
    ends.collect()
}

/// Of what is told that which is found when its bytes are compared.
fn found(automaton: &Automaton, patterns: &[Vec<u8>], text: &[u8]) -> Vec<BTreeSet<u16>> {
    let mut told = told(automaton, text);
    for (here, standing) in told.iter_mut().zip(searched(patterns, text)) {
        here.retain(|number| standing.contains(number));
    }
    told
}

/// Columns that are of several bytes, but for those of no pattern.
fn shared(automaton: &Automaton, patterns: &[Vec<u8>]) -> BTreeSet<u8> {
    let used: BTreeSet<u8> = patterns.iter().flatten().copied().collect();
    let mut columns: Vec<u8> = used
        .iter()
        .map(|byte| automaton.columns[usize::from(*byte)])
        .collect();
    columns.sort_unstable();
    let twice = columns.windows(2).filter(|pair| pair[0] == pair[1]);
    twice.map(|pair| pair[0]).collect()
}

proptest! {
    #[test]
    fn it_tells_of_what_a_plain_search_finds(
        patterns in patterns(1..41, 12),
        pieces in vec((pattern(0..30), any::<prop::sample::Index>(), any::<u64>()), 1..12),
    ) {
        let mut text = Vec::new();
        for (filler, which, seed) in pieces {
            let pattern: &Vec<u8> = which.get(&patterns);
            text.extend(mixed(pattern, seed));
            text.extend(mixed(&filler, seed));
        }
        let automaton = automaton(&patterns);
        let searched = searched(&patterns, &text);
        prop_assert_eq!(&found(&automaton, &patterns, &text), &searched);
        let told = told(&automaton, &text);
        if shared(&automaton, &patterns).is_empty() {
            prop_assert_eq!(&told, &searched);
        }
        let most = told.iter().map(BTreeSet::len).max();
        prop_assert!(most <= Some(automaton.most_told.len()));
        prop_assert_eq!(Some(automaton.longest), patterns.iter().map(Vec::len).max());
    }
}

/// All bytes but capital letters.
fn all_bytes() -> impl Iterator<Item = u8> {
    (0..=u8::MAX).filter(|byte| !byte.is_ascii_uppercase())
}

#[test]
fn every_byte_may_occur() {
    let patterns: Vec<Vec<u8>> = all_bytes().map(|byte| vec![byte]).collect();
    let text: Vec<u8> = (0..=u8::MAX).collect();
    let automaton = automaton(&patterns);
    let searched = searched(&patterns, &text);
    assert_eq!(found(&automaton, &patterns, &text), searched);
    assert!(automaton.most_told.len() <= 16);
}

#[test]
fn as_many_bytes_as_there_are_columns_share_none() {
    for (bytes, share) in [(62, false), (63, true)] {
        let patterns: Vec<Vec<u8>> = all_bytes().take(bytes).map(|byte| vec![byte]).collect();
        let automaton = automaton(&patterns);
        let shared = shared(&automaton, &patterns);
        assert_eq!(!shared.is_empty(), share, "{bytes}: {shared:?}");
    }
}

/// Most bytes in long patterns, so many in patterns of two.
fn mostly_long(short: usize) -> Vec<Vec<u8>> {
    let bytes: Vec<u8> = all_bytes().collect();
    let (long, short) = bytes.split_at(bytes.len() - short);
    let long = long.chunks(20).map(<[u8]>::to_vec);
    long.chain(short.iter().map(|byte| vec![*byte, b'0']))
        .collect()
}

#[test]
fn bytes_of_short_patterns_share_no_column() {
    for short in [20, 30, 40] {
        let patterns = mostly_long(short);
        let automaton = automaton(&patterns);
        let shared = shared(&automaton, &patterns);
        assert!(!shared.is_empty());
        for byte in patterns.iter().filter(|one| one.len() == 2).flatten() {
            let column = automaton.columns[usize::from(*byte)];
            assert!(!shared.contains(&column), "{byte:#04x}: {shared:?}");
        }
        let text: Vec<u8> = all_bytes().collect();
        let text = text.repeat(3);
        let searched = searched(&patterns, &text);
        assert_eq!(found(&automaton, &patterns, &text), searched);
    }
}

#[test]
fn how_much_is_met_in_vain_is_known_beforehand() {
    // All of two bytes, and most of them.
    let pairs: Vec<Vec<u8>> = all_bytes()
        .collect::<Vec<_>>()
        .chunks(2)
        .map(<[u8]>::to_vec)
        .collect();
    for patterns in [pairs.clone(), pairs[..40].to_vec(), mostly_long(60)] {
        let automaton = automaton(&patterns);
        let mut seed = 1_u64;
        let text: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8
        })
        .take(400_000)
        .collect();
        let told = told(&automaton, &text).into_iter();
        let there = found(&automaton, &patterns, &text).into_iter();
        let in_vain: usize = told
            .zip(there)
            .map(|(told, there)| told.len() - there.len())
            .sum();
        let likely = automaton.in_vain * text.len() as f64;
        assert!(
            (in_vain as f64 - likely).abs() < likely / 10.0 + 20.0,
            "{in_vain} in {}, {likely} expected",
            text.len()
        );
    }
}

#[test]
fn all_that_end_together_are_told_of() {
    let patterns: Vec<Vec<u8>> = (1..=40).map(|length| vec![b'a'; length]).collect();
    let automaton = automaton(&patterns);
    let text = [b'A'; 50];
    assert_eq!(told(&automaton, &text), searched(&patterns, &text));
    assert_eq!(automaton.most_told.len(), 40);
}
