//! The automaton tells of exactly what ends at each place.

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
        let class = automaton.classes[usize::from(*byte)];
        let entry = row(state)[usize::from(class)];
        state = entry & !TELLS;
        if entry & TELLS == 0 {
            return BTreeSet::new();
        }
        let list = row(state)[automaton.output_column as usize] as usize;
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
        let told = told(&automaton, &text);
        prop_assert_eq!(&told, &searched(&patterns, &text));
        let most = told.iter().map(BTreeSet::len).max();
        prop_assert!(most <= Some(automaton.most_told.len()));
        prop_assert_eq!(Some(automaton.longest), patterns.iter().map(Vec::len).max());
    }
}

#[test]
fn every_byte_may_occur() {
    let patterns: Vec<Vec<u8>> = (0..=u8::MAX)
        .filter(|byte| !byte.is_ascii_uppercase())
        .map(|byte| vec![byte])
        .collect();
    let text: Vec<u8> = (0..=u8::MAX).collect();
    let automaton = automaton(&patterns);
    assert_eq!(told(&automaton, &text), searched(&patterns, &text));
}

#[test]
fn all_that_end_together_are_told_of() {
    let patterns: Vec<Vec<u8>> = (1..=40).map(|length| vec![b'a'; length]).collect();
    let automaton = automaton(&patterns);
    let text = [b'A'; 50];
    assert_eq!(told(&automaton, &text), searched(&patterns, &text));
    assert_eq!(automaton.most_told.len(), 40);
}
