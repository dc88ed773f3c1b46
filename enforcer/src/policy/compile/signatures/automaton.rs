//! The patterns of a group → an automaton that finds all of them at once (Aho and
//! Corasick, 1975), flattened into rows of transitions.

use std::collections::BTreeMap;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::noncontiguous::NFA;
use enforcer_common::signature::TELLS;

use super::alphabet::Alphabet;

/// An automaton for patterns in lower case, which finds them in any.
pub(super) struct Automaton {
    /// Column of each byte in a row, in bytes.
    pub(super) columns: [u8; 256],
    /// The rows of all states, the root's first; places are counted from there.
    pub(super) rows: Vec<u32>,
    /// Lists of what states tell of, each ended by 0; the first is empty.
    pub(super) outputs: Vec<u16>,
    /// And the column in which a row tells of patterns.
    pub(super) output_column: u32,
    pub(super) states: usize,
    /// Bytes in the longest pattern.
    pub(super) longest: usize,
    /// The most that one state tells of: numbers.
    pub(super) most_told: Vec<u16>,
    /// How likely it tells of a pattern behind a random byte where none ends, for bytes that
    /// share a column are not told apart.
    pub(super) in_vain: f64,
}

/// Bytes that the rows of all states take: a state is a beginning of a pattern.
pub(super) fn size(patterns: &BTreeMap<Vec<u8>, Vec<u16>>) -> usize {
    let alphabet = Alphabet::new(patterns.keys());
    let patterns = alphabet.shared(patterns);
    let mut states = 1;
    let mut before: &[u8] = &[];
    for pattern in patterns.keys() {
        let pairs = pattern.iter().zip(before);
        states += pattern.len() - pairs.take_while(|(byte, other)| byte == other).count();
        before = pattern;
    }
    states * alphabet.columns() * size_of::<u32>()
}

impl Automaton {
    /// The rows as they are at a place: all but lists count from the beginning.
    pub(super) fn rows_at(&self, place: u32) -> Vec<u32> {
        let columns = self.output_column as usize / size_of::<u32>() + 1;
        let mut rows = self.rows.clone();
        for row in rows.chunks_exact_mut(columns) {
            let (_list, following) = row.split_last_mut().unwrap_or((&mut 0, &mut []));
            for next in following {
                *next += place;
            }
        }
        rows
    }

    /// Builds it from patterns, and the numbers that each of them tells of.
    pub(super) fn new(patterns: &BTreeMap<Vec<u8>, Vec<u16>>) -> Result<Self, String> {
        let alphabet = Alphabet::new(patterns.keys());
        let in_vain = alphabet.in_vain(patterns.keys());
        let patterns = alphabet.shared(patterns);
        let built = NFA::new(patterns.keys())
            .map_err(|error| format!("the patterns make no automaton: {error}"))?;
        let numbers: Vec<&Vec<u16>> = patterns.values().collect();
        let root = built
            .start_state(Anchored::No)
            .map_err(|error| format!("the automaton has no root: {error}"))?;

        // States in the order in which they are met from the root.
        let mut order = vec![root];
        let mut places: BTreeMap<StateID, usize> = BTreeMap::from([(root, 0)]);
        let mut following: Vec<Vec<usize>> = Vec::new();
        let mut at = 0;
        while let Some(&state) = order.get(at) {
            let mut row = Vec::with_capacity(alphabet.bytes.len());
            for &byte in &alphabet.bytes {
                let next = built.next_state(Anchored::No, state, byte);
                let place = *places.entry(next).or_insert_with(|| {
                    order.push(next);
                    order.len() - 1
                });
                row.push(place);
            }
            following.push(row);
            at += 1;
        }

        let columns = alphabet.columns();
        let row_bytes = columns * size_of::<u32>();
        let mut outputs = vec![0];
        let mut lists: BTreeMap<Vec<u16>, u32> = BTreeMap::from([(Vec::new(), 0)]);
        let mut list_of = Vec::with_capacity(order.len());
        let mut most_told = Vec::new();
        for &state in &order {
            let mut told = Vec::new();
            if built.is_match(state) {
                for index in 0..built.match_len(state) {
                    let pattern = built.match_pattern(state, index);
                    told.extend(numbers[pattern.as_usize()].iter().copied());
                }
            }
            told.sort_unstable();
            if told.len() > most_told.len() {
                most_told.clone_from(&told);
            }
            let list = *lists.entry(told).or_insert_with_key(|told| {
                let list = outputs.len() as u32;
                outputs.extend(told);
                outputs.push(0);
                list
            });
            list_of.push(list);
        }

        let mut rows = Vec::with_capacity(order.len() * columns);
        for (row, list) in following.iter().zip(&list_of) {
            rows.extend(row.iter().map(|next| {
                let tells = if list_of[*next] == 0 { 0 } else { TELLS };
                (next * row_bytes) as u32 | tells
            }));
            rows.push(*list);
        }
        Ok(Self {
            columns: alphabet
                .class_of
                .map(|class| (class * size_of::<u32>()) as u8),
            rows,
            outputs,
            output_column: ((columns - 1) * size_of::<u32>()) as u32,
            states: order.len(),
            longest: patterns.keys().map(Vec::len).max().unwrap_or(0),
            most_told,
            in_vain,
        })
    }
}
