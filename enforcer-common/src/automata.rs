//! The automata of a policy's signatures as the scan reads them: bytes in one large value
//! of map memory, where a place is a distance from the beginning. A look-up there is one
//! load without a branch, where that of a line asks twice whether it is there.

use core::marker::PhantomData;

use crate::limits::SIGNATURE_BYTES;

/// Bytes of the map's value. Behind what may be filled is room for any row and any table
/// that begins at the last place.
pub const AUTOMATA_BYTES: usize = SIGNATURE_BYTES + TABLE;
/// Bytes of the longest table.
pub const TABLE: usize = 1 << LARGEST_TABLE;
/// Its length as a power of two.
pub const LARGEST_TABLE: u32 = 18;

/// Keeps the place of a word inside.
const PLACES: u64 = SIGNATURE_BYTES as u64 - 4;

const _: () = assert!(SIGNATURE_BYTES.is_power_of_two() && TABLE >= 256);

/// All automata of one policy.
#[derive(Clone, Copy, Debug)]
pub struct Automata<'m> {
    start: *const u8,
    length: usize,
    memory: PhantomData<&'m [u8]>,
}

/// A table of bytes among them.
#[derive(Clone, Copy, Debug)]
pub struct Table<'m>(Automata<'m>);

impl<'m> Automata<'m> {
    /// Those that lie in lines of memory; what is behind them reads as zero.
    pub const fn of_lines(lines: &'m [[u64; 8]]) -> Self {
        Self {
            start: lines.as_ptr().cast(),
            length: size_of_val(lines),
            memory: PhantomData,
        }
    }

    /// Those in a value of map memory.
    #[inline(always)]
    pub const fn of_value(value: &'m [u8; AUTOMATA_BYTES]) -> Self {
        Self {
            start: value.as_ptr(),
            length: AUTOMATA_BYTES,
            memory: PhantomData,
        }
    }

    /// A word in the row that begins at a place, by its distance from there. As 64 bits,
    /// because the BPF target has no others.
    #[inline(always)]
    pub fn word(&self, row: u64, column: u8) -> u64 {
        let inner = usize::from(column);
        let place = (row & PLACES) as usize;
        #[cfg(not(target_arch = "bpf"))]
        if inner + place + 4 > self.length {
            return 0;
        }
        // What is known of both early is added early: the state comes last.
        let place = self.start.wrapping_add(inner).wrapping_add(place);
        // SAFETY: it was compared with the length above; on the BPF target the value is as
        // long as the last place and a row may be together, which the verifier finds too.
        // Both are multiples of four, and memory is aligned to eight.
        unsafe { place.cast::<u32>().read() }.into()
    }

    /// The table that begins at a place.
    #[inline(always)]
    pub fn table(self, place: u32) -> Table<'m> {
        let place = (u64::from(place) & PLACES) as usize;
        Table(Self {
            start: self.start.wrapping_add(place),
            length: self.length.saturating_sub(place),
            memory: PhantomData,
        })
    }
}

impl Table<'_> {
    /// A byte, by its index.
    #[inline(always)]
    pub fn byte(&self, index: u64) -> u8 {
        let index = index as usize & (TABLE - 1);
        #[cfg(not(target_arch = "bpf"))]
        if index >= self.0.length {
            return 0;
        }
        // The index first: it is not needed any more, and need not be copied for the sum.
        let place = core::ptr::with_exposed_provenance::<u8>(
            index.wrapping_add(self.0.start.expose_provenance()),
        );
        // SAFETY: as for a word: no place is nearer to the end than a table is long.
        unsafe { place.read() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_reads_as_zero() {
        let lines = [[u64::MAX; 8]; 5];
        let automata = Automata::of_lines(&lines);
        assert_eq!(automata.word(0, 0), u64::from(u32::MAX));
        assert_eq!(automata.word(256, 60), u64::from(u32::MAX));
        assert_eq!(automata.word(256, 64), 0);
        assert_eq!(automata.word(320, 0), 0);
        assert_eq!(automata.word(u64::MAX, 255), 0);
        let table = automata.table(256);
        assert_eq!(table.byte(63), u8::MAX);
        assert_eq!(table.byte(64), 0);
        assert_eq!(automata.table(320).byte(0), 0);
        assert_eq!(automata.table(u32::MAX).byte(u64::MAX), 0);
    }

    #[test]
    fn a_bit_of_a_pattern_end_is_no_part_of_the_place() {
        let mut lines = [[0; 8]; 5];
        lines[4][0] = 7;
        let automata = Automata::of_lines(&lines);
        let tells = u64::from(crate::signature::TELLS);
        assert_eq!(automata.word(256 | tells, 0), 7);
    }
}
