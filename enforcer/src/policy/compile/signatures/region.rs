//! The automata of all groups and their tables, one behind the other.

use enforcer_common::limits;

/// Bytes of a cache line: where tables begin.
const LINE: usize = 64;

/// Bytes that have places.
pub(super) struct Region(Vec<u8>);

impl Region {
    /// The first line is nobody's: place 0 is none.
    pub(super) fn new() -> Self {
        Self(vec![0; LINE])
    }

    /// Where the next table will stand.
    pub(super) const fn next(&self) -> u32 {
        self.0.len() as u32
    }

    pub(super) const fn length(&self) -> usize {
        self.0.len()
    }

    pub(super) const fn fits(&self) -> bool {
        self.0.len() <= limits::SIGNATURE_BYTES
    }

    /// Appends a table and returns its place.
    pub(super) fn place(&mut self, bytes: &[u8]) -> u32 {
        let place = self.next();
        self.0.extend(bytes);
        self.0.resize(self.0.len().next_multiple_of(LINE), 0);
        place
    }

    pub(super) fn place_words(&mut self, words: &[u32]) -> u32 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        self.place(&bytes)
    }

    /// What of it there is, as lines of memory.
    pub(super) fn lines(self) -> Vec<[u64; 8]> {
        let words = self
            .0
            .as_chunks()
            .0
            .iter()
            .map(|word| u64::from_ne_bytes(*word));
        let words: Vec<u64> = words.collect();
        words.as_chunks().0.to_vec()
    }
}
