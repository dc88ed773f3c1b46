//! The parts of a signature, in the order of the text and within the bytes that a
//! signature may cover.

use std::iter::once;

use crate::policy::signature::{Absent, Part, SPAN, What};

use super::extent::{Extent, extent, spread};
use super::options::Condition;
use super::refusal::{Refusal, refuse};
use super::runs::{Run, runs};

/// What a signature looks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) parts: Vec<Part>,
    /// What must not be there.
    pub(super) absent: Vec<Absent>,
    /// Whether the last part ends the payload.
    pub(super) ends: bool,
    /// Whether it counts from the beginning.
    pub(super) placed: bool,
    /// Whether [`SPAN`] keeps it from hits that the rule would have.
    pub(super) narrowed: bool,
}

/// # Errors
/// As [`runs`], and `content (unordered)`, `byte_test (unordered)`, `span`.
pub(super) fn parts(conditions: Vec<Condition>) -> Result<Found, Refusal> {
    let span = SPAN as i64;
    let runs = ordered(runs(conditions)?)?;
    let Extent { least, most } = extent(&runs);
    if least > span {
        let why = format!("it covers {least} bytes at least, a signature {span} at most");
        return Err(refuse("span", why));
    }
    let placed = runs
        .iter()
        .any(|run| (run.head.first, run.head.last) != (0, None) || run.counts_from_beginning());
    let (mut absent, mut before, mut ends) = (Vec::new(), 0, None);
    for run in &runs {
        absent.extend(run.absent.iter().map(|one| Absent {
            behind: before + one.behind,
            ..one.clone()
        }));
        ends = run.ends.map(|place| before + place).or(ends);
        before += 1 + run.others.len();
    }
    if ends.is_some_and(|place| place + 1 != before) {
        return Err(refuse("endswith", "something is looked for behind it"));
    }
    let parts = runs
        .into_iter()
        .flat_map(|run| once(run.head).chain(run.others));
    Ok(Found {
        parts: parts.map(reachable).collect(),
        absent,
        ends: ends.is_some(),
        placed,
        narrowed: most.is_none_or(|most| most > span),
    })
}

impl Run {
    /// Whether it leads to a place that is counted from there.
    fn counts_from_beginning(&self) -> bool {
        once(&self.head)
            .chain(&self.others)
            .any(|part| matches!(&part.what, What::Jump(jump) if jump.from_beginning))
    }
}

/// Runs as they follow one another in the text.
///
/// A rule does not say in which order contents stand that do not hang on one another. A
/// signature does: it can be made of them only where their places leave no choice.
fn ordered(mut runs: Vec<Run>) -> Result<Vec<Run>, Refusal> {
    let unordered = |keyword| {
        let why = "it may stand before or behind another";
        Err(refuse(format!("{keyword} (unordered)"), why))
    };
    let contents = || runs.iter().filter(|run| is_bytes(run));
    let is_anywhere = |run: &Run| (run.head.first, run.head.last) == (0, None);
    if contents().count() > 1 && contents().any(is_anywhere) {
        return unordered("content");
    }
    runs.sort_by_key(|run| (run.head.first, run.head.last.unwrap_or(i32::MAX)));
    for (run, next) in runs.iter().zip(runs.iter().skip(1)) {
        let latest = spread(run).last_begin;
        if latest.is_none_or(|latest| latest > spread(next).first_begin) {
            let both_bytes = is_bytes(run) && is_bytes(next);
            return unordered(if both_bytes { "content" } else { "byte_test" });
        }
    }
    Ok(runs)
}

const fn is_bytes(run: &Run) -> bool {
    matches!(run.head.what, What::Bytes { .. })
}

/// A part without bounds that lie beyond all that [`SPAN`] lets it reach: the part before
/// covers a byte at least.
fn reachable(part: Part) -> Part {
    if !part.relative {
        return part;
    }
    let span = SPAN as i32;
    let reach = span.saturating_sub_unsigned(part.what.length() as u32);
    Part {
        first: part.first.max(-span),
        last: part.last.filter(|&last| last < reach),
        ..part
    }
}
