//! The filter of a group: bits for each gram that a pattern may be known by. A text
//! without any of them bears no pattern.

use enforcer_common::automata::LARGEST_TABLE;
use enforcer_common::signature::{
    SHORT_GRAM, SHORT_GRAMS, gram_bit, gram_hash, gram_index, window_hash, window_length,
};

/// Bytes for each gram. The first table is asked whether there is anything in a byte, and
/// seldom there is: a piece of other traffic has hundreds of grams. Those of two bytes have
/// a byte each.
const SPARSE: usize = 256;
/// Length of the smallest table, as a power of two.
const SMALLEST: u32 = 9;

/// Bytes in a gram and between grams, by what they need of the shortest pattern. Fewer
/// bytes meet other traffic more often, a shorter stride takes longer.
const FORMS: [Form; 5] = [
    Form { gram: 8, stride: 4 },
    Form { gram: 4, stride: 4 },
    Form { gram: 3, stride: 4 },
    Form { gram: 3, stride: 3 },
    Form { gram: 2, stride: 3 },
];

/// What differs in a gram of two bytes whose letters are of another case. They are looked
/// up as they are.
const UNFOLDED: [usize; 3] = [0x20, 0x2000, 0x2020];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) gram: usize,
    pub(super) stride: usize,
}

impl Form {
    /// Bytes that hold a gram which is looked at, wherever they begin.
    const fn window(self) -> usize {
        self.gram + self.stride - 1
    }
}

/// Grams, and the bits that say which occur.
pub(super) struct Filter {
    /// Of grams, and of the windows that they are taken from.
    pub(super) tables: [Vec<u8>; 2],
    pub(super) form: Form,
    pub(super) shift: u32,
}

impl Filter {
    /// `None` where a pattern is too short, or has nothing but what is everywhere.
    pub(super) fn new<'p>(patterns: impl Iterator<Item = &'p Vec<u8>> + Clone) -> Option<Self> {
        let shortest = patterns.clone().map(Vec::len).min()?;
        let mut forms = FORMS.into_iter();
        let form = forms.find(|form| form.window() <= shortest)?;
        let windows: Option<Vec<&[u8]>> = patterns.map(|one| best_window(one, form)).collect();
        let windows = windows?;
        let gram = form.gram as u32;
        let length = if gram == SHORT_GRAM {
            SHORT_GRAMS
        } else {
            let length = windows.len() * form.stride * SPARSE;
            let length = length.next_power_of_two().ilog2();
            length.clamp(SMALLEST, LARGEST_TABLE)
        };
        let shift = u64::BITS - length;
        let mut tables = [vec![0; 1 << length], vec![0; 1 << length]];
        let compared = window_length(gram, form.stride as u32);
        for window in windows {
            let [of_grams, of_windows] = &mut tables;
            for bytes in window.windows(form.gram) {
                let hash = gram_hash(word(bytes), gram);
                let index = gram_index(hash, shift) as usize;
                of_grams[index] |= gram_bit(hash);
                if gram == SHORT_GRAM {
                    for case in UNFOLDED {
                        of_grams[index & !case] |= gram_bit(hash);
                    }
                }
            }
            let hash = window_hash(word(window), compared);
            of_windows[gram_index(hash, shift) as usize] |= gram_bit(hash);
        }
        Some(Self {
            tables,
            form,
            shift,
        })
    }
}

/// The stretch of a pattern whose grams are least likely elsewhere.
fn best_window(pattern: &[u8], form: Form) -> Option<&[u8]> {
    let worth = |window: &&[u8]| {
        let poorest = window.windows(form.gram).map(distinct).min().unwrap_or(0);
        // Texts are of letters and digits.
        let rare = window.iter().filter(|byte| !byte.is_ascii_alphanumeric());
        (poorest, rare.count())
    };
    // Of equal ones the first.
    let best = pattern.windows(form.window()).rev().max_by_key(worth)?;
    let least = if form.gram > 3 { 3 } else { 1 };
    (worth(&best).0 >= least).then_some(best)
}

/// Different bytes, as the filter sees them.
fn distinct(gram: &[u8]) -> usize {
    let mut bytes: Vec<u8> = gram.iter().map(|byte| byte | 0x20).collect();
    bytes.sort_unstable();
    bytes.dedup();
    // Blanks and zeros are everywhere.
    bytes.retain(|byte| *byte != 0x20);
    bytes.len()
}

/// The word that begins with bytes, of which no more than eight count.
fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    let length = bytes.len().min(8);
    word[..length].copy_from_slice(&bytes[..length]);
    u64::from_le_bytes(word)
}
