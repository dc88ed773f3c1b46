//! The filter of a group whose patterns are too short or too common for one of grams: eight
//! bytes of which all of its signatures know some, be it by patterns or by numbers. They are
//! looked for by three in a row that are the same, or at the beginning of the text.

use std::collections::{BTreeMap, BTreeSet};

use enforcer_common::signature::{
    COMPARE_BELOW, COMPARE_EQUAL, COMPARE_JUMP, HEAD_GRAM, PART_LITTLE_ENDIAN, PART_NUMBER,
    PartLine, RUN_GRAM, RUN_REACH, gram_bit, gram_index, masked_hash,
};

use super::lower::Lowered;

/// Length of the table, as a power of two.
const LENGTH: u32 = 9;
/// Bytes that are compared.
const WINDOW: i32 = 8;
/// How often a byte must follow itself.
const RUN: i32 = 3;

/// What all signatures of a group know.
pub(super) struct Known {
    /// A bit for each that one of them asks for.
    pub(super) table: Vec<u8>,
    pub(super) shift: u32,
    /// Which of the bytes are known, from the first one on, as a word has them.
    pub(super) mask: u64,
    /// Bytes up to the last one.
    pub(super) length: u32,
    /// [`RUN_GRAM`] or [`HEAD_GRAM`].
    pub(super) gram: u32,
    pub(super) run: u8,
    /// Bytes from the first one to the end of a pattern, at most.
    pub(super) reach: u32,
}

/// Eight bytes of one signature as far as they are known, by their place among them.
type Window = BTreeMap<i32, u8>;

impl Known {
    /// `None` where they have too little in common. If all patterns end near the beginning of
    /// the text, they are known by what that begins with.
    pub(super) fn new<'l>(
        signatures: impl Iterator<Item = &'l Lowered>,
        near_beginning: bool,
    ) -> Option<Self> {
        let all: Vec<Bytes> = signatures.map(Bytes::of).collect();
        if near_beginning {
            let windows = all.iter().map(|one| Some(one.window(-one.place?)));
            return Self::of(&windows.collect::<Option<Vec<_>>>()?, HEAD_GRAM);
        }
        let runs = all.first()?.runs();
        let bytes: BTreeSet<u8> = runs.map(|(_, byte)| byte).collect();
        bytes.into_iter().find_map(|byte| Self::by_run(&all, byte))
    }

    fn by_run(all: &[Bytes], byte: u8) -> Option<Self> {
        let mut reach = 0;
        let windows = all.iter().map(|one| {
            let starts = one.runs().filter(|(_, other)| *other == byte);
            // Where most is known behind it.
            let best = starts.max_by_key(|(start, _)| one.window(*start).len());
            let (start, _) = best?;
            reach = reach.max(one.end - start);
            Some(one.window(start))
        });
        let windows: Vec<Window> = windows.collect::<Option<_>>()?;
        let known = Self {
            run: byte,
            reach: reach as u32,
            ..Self::of(&windows, RUN_GRAM)?
        };
        // Runs alone are all over.
        let tells = |window: &Window| known.of_window(window).any(|(_, one)| one != byte);
        windows.iter().all(tells).then_some(known)
    }

    fn of(windows: &[Window], gram: u32) -> Option<Self> {
        let is_common = |place: &i32| windows.iter().all(|one| one.contains_key(place));
        let places: Vec<i32> = (0..WINDOW).filter(is_common).collect();
        let mut known = Self {
            table: vec![0; 1 << LENGTH],
            shift: u64::BITS - LENGTH,
            mask: places.iter().map(|place| 0xff << (8 * place)).sum(),
            length: *places.last()? as u32 + 1,
            gram,
            run: 0,
            reach: 0,
        };
        for window in windows {
            let bytes = known.of_window(window);
            let word = bytes
                .map(|(place, byte)| u64::from(byte) << (8 * place))
                .sum();
            let hash = masked_hash(word, known.mask);
            known.table[gram_index(hash, known.shift) as usize] |= gram_bit(hash);
        }
        Some(known)
    }

    /// Those bytes of a window that all have.
    fn of_window(&self, window: &Window) -> impl Iterator<Item = (i32, u8)> {
        let bytes = window.iter().map(|(place, byte)| (*place, *byte));
        bytes.filter(|(place, _)| self.mask >> (8 * place) & 1 != 0)
    }
}

/// The bytes that a signature knows, by their distance from one of its parts.
struct Bytes {
    at: BTreeMap<i32, u8>,
    /// Where the pattern ends.
    end: i32,
    /// Where distances count from in the text, if that is one place.
    place: Option<i32>,
}

impl Bytes {
    /// Of the pattern, and of parts at one distance from it.
    fn of(lowered: &Lowered) -> Self {
        let parts = &lowered.parts;
        let follows = |index: usize| {
            let part = &parts[index];
            // Behind a jump what follows may be anywhere.
            part.first == part.last && parts[index - 1].compare != COMPARE_JUMP
        };
        let mut begin = lowered.fast;
        while begin > 0 && follows(begin) {
            begin -= 1;
        }
        let mut bytes = Self {
            at: BTreeMap::new(),
            end: 0,
            place: None,
        };
        if begin == 0 && parts[0].first == parts[0].last {
            bytes.place = Some(parts[0].first);
        }
        let mut place = 0;
        for (index, part) in parts.iter().enumerate().skip(begin) {
            if index > begin {
                if !follows(index) {
                    break;
                }
                place += part.first;
            }
            for (byte, distance) in known_bytes(part).into_iter().zip(place..) {
                if let Some(byte) = byte {
                    bytes.at.insert(distance, byte);
                }
            }
            place += i32::from(part.length);
            if index == lowered.fast {
                bytes.end = place;
            }
        }
        bytes
    }

    fn window(&self, start: i32) -> Window {
        let bytes = self.at.range(start..start + WINDOW);
        bytes.map(|(place, byte)| (place - start, *byte)).collect()
    }

    /// Where a byte stands three times in a row, and which, near enough to the pattern's end
    /// and not behind it: what is looked for must be there when the pattern is.
    fn runs(&self) -> impl Iterator<Item = (i32, u8)> {
        let starts = self.end - RUN_REACH as i32..=self.end - RUN;
        starts.filter_map(|start| {
            let byte = *self.at.get(&start)?;
            let follows = |distance| self.at.get(&(start + distance)) == Some(&byte);
            (1..RUN).all(follows).then_some((start, byte))
        })
    }
}

/// The bytes of a part, those that are one and no other.
fn known_bytes(part: &PartLine) -> Vec<Option<u8>> {
    let length = usize::from(part.length);
    if part.flags & PART_NUMBER == 0 {
        let letters = u64::from(part.value) << 32 | u64::from(part.mask);
        let bytes = part.bytes[..length].iter().enumerate();
        let known = bytes.map(|(place, byte)| (letters >> place & 1 == 0).then_some(*byte));
        return known.collect();
    }
    let (mask, value) = (part.mask, part.value);
    let known = |place: usize| {
        let shift = 8 * place as u32;
        let counts = mask >> shift & 0xff == 0xff;
        match part.compare {
            COMPARE_EQUAL if counts => Some((value >> shift) as u8),
            // Anything there would be as much.
            COMPARE_BELOW if counts && 1 << shift >= u64::from(value) => Some(0),
            _ => None,
        }
    };
    let mut bytes: Vec<Option<u8>> = (0..length).map(known).collect();
    if part.flags & PART_LITTLE_ENDIAN == 0 {
        bytes.reverse();
    }
    bytes
}
