//! The filter of a group: bits for each gram that a pattern may be known by. A text
//! without any of them bears no pattern.

use std::borrow::Cow;
use std::collections::BTreeSet;

use enforcer_common::automata::LARGEST_TABLE;
use enforcer_common::signature::{
    FOLDED, SHORT_GRAM, SHORT_GRAMS, gram_bit, gram_folded, gram_hash, gram_index, window_hash,
    window_length,
};

/// Bytes for each gram. The first table is asked whether there is anything in a byte, and
/// seldom there is: a piece of other traffic has hundreds of grams. Those of two bytes have
/// a byte each, also by case: two letters are somewhere in any text.
const SPARSE: usize = 256;
/// Length of the smallest table, as a power of two.
const SMALLEST: u32 = 9;

/// Bytes in a gram and between grams, by what they need of the shortest pattern. Fewer
/// bytes meet other traffic more often, a shorter stride takes longer.
const FORMS: [Form; 5] = [
    Form { gram: 8, stride: 8 },
    Form { gram: 4, stride: 8 },
    Form { gram: 4, stride: 4 },
    Form { gram: 3, stride: 4 },
    Form { gram: 2, stride: 3 },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) gram: usize,
    pub(super) stride: usize,
}

impl Form {
    /// Bytes of the shortest pattern that is known by it.
    const fn shortest(self) -> usize {
        match self.gram {
            3 => self.window() - 1,
            _ => self.window(),
        }
    }

    /// Bytes that hold a gram which is looked at, wherever they begin.
    const fn window(self) -> usize {
        self.gram + self.stride - 1
    }
}

/// What a filter is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern<'p> {
    pub(super) bytes: &'p [u8],
    /// Whether letters of the other case are as good.
    pub(super) nocase: bool,
}

/// Grams, and the bits that say which occur.
pub(super) struct Filter {
    /// Of grams, and of the windows that they are taken from.
    pub(super) tables: [Vec<u8>; 2],
    pub(super) form: Form,
    pub(super) shift: u32,
}

impl Filter {
    /// By the first form that does for all of them; `None` where a pattern is too short, or has
    /// nothing but what is everywhere.
    pub(super) fn new(patterns: &BTreeSet<Pattern<'_>>) -> Option<Self> {
        patterns.first()?;
        let mut forms = FORMS.into_iter();
        let (form, windows) = forms.find_map(|form| {
            let windows = patterns.iter().map(|pattern| windows_of(pattern, form));
            let windows: Option<Vec<_>> = windows.collect();
            Some((form, windows?.concat()))
        })?;
        let gram = form.gram as u32;
        let spelled = windows.iter().flat_map(|(window, nocase)| {
            let grams = window.windows(form.gram);
            grams.flat_map(|bytes| spellings(word(bytes), gram, *nocase))
        });
        let grams: BTreeSet<u64> = spelled.collect();
        let length = if gram == SHORT_GRAM {
            SHORT_GRAMS
        } else {
            let length = (grams.len() * SPARSE).next_power_of_two().ilog2();
            length.clamp(SMALLEST, LARGEST_TABLE)
        };
        let shift = u64::BITS - length;
        let [mut of_grams, mut of_windows] = [vec![0; 1 << length], vec![0; 1 << length]];
        for word in grams {
            let hash = gram_hash(word, gram);
            of_grams[gram_index(hash, shift) as usize] |= gram_bit(hash);
        }
        let compared = window_length(gram, form.stride as u32);
        for (window, _) in &windows {
            let hash = window_hash(word(window), compared);
            of_windows[gram_index(hash, shift) as usize] |= gram_bit(hash);
        }
        let tables = [of_grams, of_windows];
        Some(Self {
            tables,
            form,
            shift,
        })
    }
}

/// A stretch of a pattern, and whether letters of the other case are as good.
type Window<'p> = (Cow<'p, [u8]>, bool);

/// The stretch of a pattern whose grams are least likely elsewhere; `None` where there is none, or
/// all of them are everywhere. What is a byte too short for one is looked for behind any byte.
fn windows_of<'p>(pattern: &Pattern<'p>, form: Form) -> Option<Vec<Window<'p>>> {
    let Pattern { bytes, nocase } = *pattern;
    let worth = |window: &&[u8]| {
        let poorest = window.windows(form.gram).map(distinct).min().unwrap_or(0);
        // Texts are of letters and digits.
        let rare = window.iter().filter(|byte| !byte.is_ascii_alphanumeric());
        (poorest, rare.count())
    };
    if bytes.len() < form.shortest() {
        return None;
    }
    // Of equal ones the first.
    let length = form.window().min(bytes.len());
    let best = bytes.windows(length).rev().max_by_key(worth)?;
    let least = if form.gram > 3 { 3 } else { 1 };
    if worth(&best).0 < least {
        return None;
    }
    if length == form.window() {
        return Some(vec![(best.into(), nocase)]);
    }
    let folded = (0..=u8::MAX).filter(|byte| byte & FOLDED as u8 != 0);
    let windows = folded.map(|byte| ([&[byte], best].concat().into(), nocase));
    Some(windows.collect())
}

/// All ways to spell a gram, but for what the filter folds into one.
fn spellings(word: u64, gram: u32, nocase: bool) -> Vec<u64> {
    let folded = gram_folded(gram);
    if folded != 0 || !nocase {
        return vec![word | folded];
    }
    let mut words = vec![word];
    for place in 0..gram {
        if ((word >> (8 * place)) as u8).is_ascii_alphabetic() {
            let other = words.iter().map(|word| word ^ 0x20 << (8 * place));
            words.extend(other.collect::<Vec<_>>());
        }
    }
    words
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
