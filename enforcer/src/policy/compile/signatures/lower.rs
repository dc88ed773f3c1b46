//! One signature → the lines that the decision compares, and the one pattern of it that
//! the automaton finds.

use std::fmt;

use enforcer_common::signature::{
    COMPARE_ABOVE, COMPARE_ANY, COMPARE_BELOW, COMPARE_EQUAL, COMPARE_JUMP, COMPARE_UNEQUAL,
    JUMPS_FROM_BEGINNING, JUMPS_FROM_PATTERN, JUMPS_NOWHERE, PART_ALIGN, PART_FROM_BEGINNING,
    PART_LITTLE_ENDIAN, PART_NUMBER, PART_RELATIVE, PARTS, PATTERN, PartLine, SPAN,
};

use super::filter::Pattern;
use crate::policy::signature::{Compare, Jump, Number, Part, Signature, What};

/// Bytes of the pattern that is looked for where a jump follows: a single one would be found
/// all over.
const LEAST_BEFORE_JUMP: u8 = 2;

/// A signature as the tables hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lowered {
    pub parts: Vec<PartLine>,
    /// What must not be there.
    pub absent: Vec<PartLine>,
    /// Index of the part that the automaton finds.
    pub fast: usize,
    /// One of `JUMPS_…`.
    pub jumps: u32,
}

impl Lowered {
    /// Bytes from where the first part counts in which the pattern ends; `None` where it
    /// may stand anywhere.
    pub fn reach(&self) -> Option<u32> {
        let [first, ..] = self.parts.as_slice() else {
            return None;
        };
        if first.last == i32::MAX {
            return None;
        }
        let before = self.parts.iter().take(self.fast + 1);
        if before.clone().any(|part| part.compare == COMPARE_JUMP) {
            return None;
        }
        let reach: i64 = before
            .map(|part| i64::from(part.last) + i64::from(part.length))
            .sum();
        u32::try_from(reach.max(1)).ok()
    }

    /// The pattern for the automaton, in lower case.
    pub fn pattern(&self) -> Vec<u8> {
        self.spelled().bytes.to_ascii_lowercase()
    }

    /// The same for the filter, as it is spelled.
    pub(super) fn spelled(&self) -> Pattern<'_> {
        let part = &self.parts[self.fast];
        Pattern {
            bytes: &part.bytes[..usize::from(part.length)],
            nocase: part.mask != 0 || part.value != 0,
        }
    }
}

/// What of a signature the tables cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// A part compares no byte.
    Empty,
    /// It takes so many lines.
    Parts(usize),
    /// It reaches over so many bytes at least.
    Span(i32),
    /// A part stands so many bytes back.
    Back(i32),
    /// So many bytes must not be there, or behind no part.
    Absent(usize),
    /// No part compares bytes.
    NoBytes,
    /// No bytes that are worth looking for stand before a jump.
    Jump,
    /// A part counts from the beginning, and the one before has no place there.
    Unplaced,
    /// The range of a part ends before it begins.
    Reversed,
    /// The first part is before the beginning, or its range ends before it begins.
    Nowhere,
}

/// Lowers a signature.
///
/// # Errors
/// What the tables cannot hold.
pub fn lower(signature: &Signature) -> Result<Lowered, Unfit> {
    let mut parts = Vec::new();
    // Of each part, the line that it ends with.
    let mut last_lines = Vec::new();
    // Where the part before ends, if that is one place.
    let mut fixed_end = Some(0_i32);
    for (index, part) in signature.parts.iter().enumerate() {
        let (first, last) = distances(part, index, fixed_end)?;
        let place = last.filter(|last| *last == first);
        let length = part.what.length() as i32;
        let end = if index == 0 { Some(0) } else { fixed_end };
        let leads = matches!(part.what, What::Jump(_));
        fixed_end = end
            .zip(place)
            .filter(|_| !leads)
            .map(|(end, place)| end + place + length);
        if part.what.length() == 0 {
            return Err(Unfit::Empty);
        }
        parts.extend(lines(&part.what, first, last, index > 0));
        last_lines.push(parts.len() as u8 - 1);
    }
    if parts.len() > PARTS {
        return Err(Unfit::Parts(parts.len()));
    }
    let absent = absent_lines(signature, &last_lines)?;
    let reach = absent.iter().map(|line| line.last + i32::from(line.length));
    limit_span(&mut parts, reach.max().unwrap_or(0).max(0))?;
    let jump = parts.iter().position(|part| part.compare == COMPARE_JUMP);
    let is_fixed = |part: &PartLine| part.first == part.last;
    let from_beginning = jump.is_some_and(|jump| parts.iter().take(jump + 1).all(is_fixed));
    // From behind a jump there is no way back.
    let before = jump.filter(|_| !from_beginning).unwrap_or(parts.len());
    let bytes = parts.iter().take(before).enumerate();
    let bytes = bytes.filter(|(_, part)| part.flags & PART_NUMBER == 0);
    let fast = bytes.max_by_key(|(index, part)| {
        // What comes late is told of by few: many begin alike.
        let order = if from_beginning { 0 } else { PARTS };
        (worth(part), order.abs_diff(*index))
    });
    match (fast, jump) {
        (Some((_, part)), Some(_)) if part.length < LEAST_BEFORE_JUMP => Err(Unfit::Jump),
        (Some((fast, _)), _) => Ok(Lowered {
            jumps: match (jump, from_beginning) {
                (None, _) => JUMPS_NOWHERE,
                (Some(_), false) => JUMPS_FROM_PATTERN,
                (Some(_), true) => JUMPS_FROM_BEGINNING,
            },
            parts,
            absent,
            fast,
        }),
        (None, Some(_)) if signature.has_bytes() => Err(Unfit::Jump),
        (None, _) => Err(Unfit::NoBytes),
    }
}

/// The lines of what must not be there; of bytes each that fits into one.
fn absent_lines(signature: &Signature, last_lines: &[u8]) -> Result<Vec<PartLine>, Unfit> {
    let mut absent = Vec::new();
    for one in &signature.absent {
        let what = What::Bytes {
            bytes: one.bytes.clone(),
            nocase: one.nocase,
        };
        let lines = lines(&what, one.first, Some(one.last), true);
        let ([line], Some(behind)) = (lines.as_slice(), last_lines.get(one.behind)) else {
            return Err(Unfit::Absent(one.bytes.len()));
        };
        if one.bytes.is_empty() || one.last < one.first {
            return Err(Unfit::Reversed);
        }
        absent.push(PartLine {
            behind: *behind,
            ..*line
        });
    }
    if absent.len() > PARTS {
        return Err(Unfit::Parts(absent.len()));
    }
    Ok(absent)
}

/// Distances of a part from the one before, or of the first one from the beginning.
fn distances(
    part: &Part,
    index: usize,
    fixed_end: Option<i32>,
) -> Result<(i32, Option<i32>), Unfit> {
    if index == 0 || part.relative {
        return Ok((part.first, part.last));
    }
    // Counted from the beginning, behind a part at a known place, is a distance too.
    match (fixed_end, part.last) {
        (Some(end), last) => Ok((part.first - end, last.map(|last| last - end))),
        _ => Err(Unfit::Unplaced),
    }
}

/// The lines of a part: longer bytes take several, one behind the other.
fn lines(what: &What, first: i32, last: Option<i32>, relative: bool) -> Vec<PartLine> {
    let place = PartLine {
        first,
        last: last.unwrap_or(i32::MAX),
        flags: if relative { PART_RELATIVE } else { 0 },
        ..PartLine::default()
    };
    match what {
        What::Number(number) => vec![number_line(number, place)],
        What::Jump(jump) => vec![jump_line(jump, place)],
        What::Bytes { bytes, nocase } => {
            // Even ones: one that is short would be mistaken for others like it.
            let count = bytes.len().div_ceil(PATTERN).max(1);
            let chunks = bytes.chunks(bytes.len().div_ceil(count).max(1));
            chunks
                .enumerate()
                .map(|(index, chunk)| {
                    let mut line = place;
                    if index > 0 {
                        (line.first, line.last, line.flags) = (0, 0, PART_RELATIVE);
                    }
                    if *nocase {
                        (line.mask, line.value) = letters(chunk);
                    }
                    line.length = chunk.len() as u8;
                    line.bytes[..chunk.len()].copy_from_slice(chunk);
                    line
                })
                .collect()
        }
    }
}

/// A bit for each byte that is a letter, the first 32 and the others.
fn letters(bytes: &[u8]) -> (u32, u32) {
    let letters = bytes
        .iter()
        .zip(0..)
        .filter(|(byte, _)| byte.is_ascii_alphabetic());
    let bits: u64 = letters.map(|(_, place)| 1_u64 << place).sum();
    (bits as u32, (bits >> 32) as u32)
}

fn jump_line(jump: &Jump, mut line: PartLine) -> PartLine {
    line.flags |= PART_NUMBER;
    for (is_set, flag) in [
        (jump.little_endian, PART_LITTLE_ENDIAN),
        (jump.align, PART_ALIGN),
        (jump.from_beginning, PART_FROM_BEGINNING),
    ] {
        if is_set {
            line.flags |= flag;
        }
    }
    line.length = jump.width;
    line.mask = jump.multiply.into();
    line.value = jump.add.cast_unsigned();
    line.compare = COMPARE_JUMP;
    line
}

fn number_line(number: &Number, mut line: PartLine) -> PartLine {
    line.flags |= PART_NUMBER;
    if number.little_endian {
        line.flags |= PART_LITTLE_ENDIAN;
    }
    line.length = number.width;
    line.mask = number.mask;
    line.value = number.value;
    line.compare = match number.compare {
        Compare::Equal => COMPARE_EQUAL,
        Compare::Unequal => COMPARE_UNEQUAL,
        Compare::Below => COMPARE_BELOW,
        Compare::Above => COMPARE_ABOVE,
        Compare::Any => COMPARE_ANY,
    };
    line
}

/// Lets parts be as far apart as the span of a signature allows, of which so much is
/// needed for what must not be there.
fn limit_span(parts: &mut [PartLine], reach: i32) -> Result<(), Unfit> {
    let lengths: i32 = parts.iter().map(|part| i32::from(part.length)).sum();
    let gaps: i32 = parts.iter().skip(1).map(|part| part.first.max(0)).sum();
    let covered = lengths.saturating_add(gaps).saturating_add(reach);
    let spare = SPAN as i32 - covered;
    if spare < 0 {
        return Err(Unfit::Span(covered));
    }
    for part in parts.iter_mut().skip(1) {
        if part.first < -(SPAN as i32) {
            return Err(Unfit::Back(-part.first));
        }
        part.last = part.last.min(part.first.max(0).saturating_add(spare));
        if part.last < part.first {
            return Err(Unfit::Reversed);
        }
    }
    if let Some(first) = parts.first()
        && (first.first < 0 || first.last < first.first)
    {
        return Err(Unfit::Nowhere);
    }
    Ok(())
}

/// How well bytes tell a signature from other traffic: runs of one byte do not.
fn worth(part: &PartLine) -> usize {
    let bytes = &part.bytes[..usize::from(part.length)];
    let changes = bytes.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let distinct: std::collections::BTreeSet<_> = bytes.to_ascii_lowercase().into_iter().collect();
    changes.min(distinct.len() * 4) + 1
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a part compares no byte"),
            Self::Parts(parts) => write!(
                f,
                "{parts} parts, each of {PATTERN} bytes at most; a signature has {PARTS}"
            ),
            Self::Span(bytes) => {
                write!(f, "it reaches over {bytes} bytes at least; {SPAN} are possible")
            }
            Self::Back(bytes) => write!(f, "a part stands {bytes} bytes back"),
            Self::Absent(bytes) => write!(
                f,
                "{bytes} bytes that must not be there, behind a part; {PATTERN} are possible"
            ),
            Self::NoBytes => {
                f.write_str("no part compares bytes: numbers alone are found everywhere")
            }
            Self::Jump => write!(
                f,
                "no {LEAST_BEFORE_JUMP} bytes stand before the first jump, and what is before it has no fixed place: what is behind it is not looked for by itself"
            ),
            Self::Unplaced => f.write_str(
                "a part counts from the beginning of the text, and the one before it has no fixed place there",
            ),
            Self::Reversed => f.write_str("a part ends its range before it begins"),
            Self::Nowhere => f.write_str("the first part has no place in a text"),
        }
    }
}

impl std::error::Error for Unfit {}
