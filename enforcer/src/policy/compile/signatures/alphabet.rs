//! Bytes → classes, each of which has a column in the rows of an automaton.

use std::collections::BTreeMap;

/// Classes of bytes: of those that occur in patterns each has one, and all others share one.
/// Where there are more than a row has columns for, some share one, too; so a pattern is met
/// where another text of the same classes stands, which is told apart when all parts of a
/// signature are compared.
pub(super) struct Alphabet {
    pub(super) class_of: [usize; 256],
    /// A byte of each class.
    pub(super) bytes: Vec<u8>,
}

/// Classes that a row may have: the distance of a column is a byte, and the last column is not
/// a class.
const CLASSES: usize = 256 / size_of::<u32>() - 1;
/// Steps in which is tried how many of them are not shared.
const STEP: usize = 6;

impl Alphabet {
    /// Of patterns in lower case.
    pub(super) fn new<'p>(patterns: impl Iterator<Item = &'p Vec<u8>> + Clone) -> Self {
        // Of each byte the length of the shortest pattern that it is in.
        let mut shortest = [usize::MAX; 256];
        for pattern in patterns.clone() {
            for byte in pattern {
                let length = &mut shortest[usize::from(*byte)];
                *length = pattern.len().min(*length);
            }
        }
        let mut used: Vec<u8> = (0..=u8::MAX)
            .filter(|byte| shortest[usize::from(*byte)] != usize::MAX)
            .collect();
        used.sort_by_key(|byte| shortest[usize::from(*byte)]);
        let whole = Self::sharing(&used, CLASSES);
        if whole.bytes.len() <= CLASSES {
            return whole;
        }
        let tried = (0..CLASSES - 1).step_by(STEP);
        let tried = tried.map(|own| Self::sharing(&used, own));
        let rated = tried.map(|one| (one.in_vain(patterns.clone()), one));
        // Of equal ones the first.
        let best = rated.min_by(|(one, _), (other, _)| one.total_cmp(other));
        best.map_or(whole, |(_, best)| best)
    }

    /// So many of the bytes that are used have a class of their own.
    fn sharing(used: &[u8], own: usize) -> Self {
        let other = (0..=u8::MAX).find(|byte| !used.contains(&byte.to_ascii_lowercase()));
        let mut bytes: Vec<u8> = other.into_iter().collect();
        let first = bytes.len() + own;
        let mut class_of = [0; 256];
        for (place, byte) in used.iter().enumerate() {
            let class = match place.checked_sub(own) {
                Some(place) if first < CLASSES => first + place % (CLASSES - first),
                _ => bytes.len(),
            };
            if class == bytes.len() {
                bytes.push(*byte);
            }
            class_of[usize::from(*byte)] = class;
        }
        let class_of = std::array::from_fn(|byte| {
            let lower = (byte as u8).to_ascii_lowercase();
            class_of[usize::from(lower)]
        });
        Self { class_of, bytes }
    }

    /// How likely, behind a random byte, a text ends that is of the classes of a pattern and
    /// is none: a sum over patterns, which is a little too high.
    pub(super) fn in_vain<'p>(&self, patterns: impl Iterator<Item = &'p Vec<u8>>) -> f64 {
        let mut sizes = [0_u32; 256];
        for class in self.class_of {
            sizes[class] += 1;
        }
        let patterns = patterns.map(|pattern| {
            let (mut met, mut there) = (1.0, 1.0);
            for byte in pattern {
                let cases = if byte.is_ascii_alphabetic() { 2 } else { 1 };
                met *= f64::from(sizes[self.class_of[usize::from(*byte)]]) / 256.0;
                there *= f64::from(cases) / 256.0;
            }
            met - there
        });
        patterns.sum()
    }

    /// Patterns of which those with the same classes are one.
    pub(super) fn shared(
        &self,
        patterns: &BTreeMap<Vec<u8>, Vec<u16>>,
    ) -> BTreeMap<Vec<u8>, Vec<u16>> {
        let mut shared: BTreeMap<Vec<u8>, Vec<u16>> = BTreeMap::new();
        for (pattern, numbers) in patterns {
            let bytes = pattern.iter();
            let bytes = bytes.map(|byte| self.bytes[self.class_of[usize::from(*byte)]]);
            shared.entry(bytes.collect()).or_default().extend(numbers);
        }
        shared
    }

    /// Columns of a row: the last one tells of patterns.
    pub(super) fn columns(&self) -> usize {
        self.bytes.len() + 1
    }
}
