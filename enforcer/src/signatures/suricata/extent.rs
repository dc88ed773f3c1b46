//! How far runs of parts stretch over the text.

use std::iter::once;

use crate::policy::signature::{Part, What};

use super::runs::Run;

/// Bytes from the first to the last one that is spoken of.
pub(super) struct Extent {
    pub(super) least: i64,
    /// `None`: there is no bound. Never too small; where runs could stand closer in one
    /// way and farther in another, too large.
    pub(super) most: Option<i64>,
}

/// Where the parts of a run can be, counted from the beginning of the text.
pub(super) struct Spread {
    /// Where the first of them begins at the earliest.
    pub(super) first_begin: i64,
    /// Where the last of them begins at the latest; `None`: there is no bound.
    pub(super) last_begin: Option<i64>,
    /// And where the last of them ends.
    last_end: Option<i64>,
}

pub(super) fn spread(run: &Run) -> Spread {
    let mut place = i64::from(run.head.first);
    let mut latest = run.head.last.map(i64::from);
    let mut spread = Spread {
        first_begin: place,
        last_begin: latest,
        last_end: latest.map(|latest| latest + length(&run.head)),
    };
    let mut before = length(&run.head);
    if run.jumps() {
        (latest, spread.last_begin, spread.last_end) = (None, None, None);
    }
    for part in run.fixed_others() {
        place += before + i64::from(part.first);
        latest = both(latest, part.last.map(i64::from), |latest, last| {
            latest + before + last
        });
        before = length(part);
        spread.first_begin = spread.first_begin.min(place);
        spread.last_begin = both(spread.last_begin, latest, i64::max);
        let end = latest.map(|latest| latest + before);
        spread.last_end = both(spread.last_end, end, i64::max);
    }
    spread
}

/// Of runs in the order of the text.
pub(super) fn extent(runs: &[Run]) -> Extent {
    Extent {
        least: least(runs),
        most: match runs {
            // Wherever it is, it stretches as far.
            [only] => most(&[only.at_beginning()]),
            _ => most(runs),
        },
    }
}

/// With the first run as late as may be, and the others as early.
fn least(runs: &[Run]) -> i64 {
    let (mut begin, mut end) = (i64::MAX, i64::MIN);
    for (index, run) in runs.iter().enumerate() {
        let head = match run.head.last {
            Some(last) if index == 0 => last,
            _ => run.head.first,
        };
        let mut place = i64::from(head);
        for (index, part) in once(&run.head).chain(run.fixed_others()).enumerate() {
            if index > 0 {
                place += nearest(part);
            }
            begin = begin.min(place);
            place += length(part);
            end = end.max(place);
        }
    }
    end - begin
}

/// The place, from the end of the part before, that adds least to what is covered: over
/// that part.
fn nearest(part: &Part) -> i64 {
    let place = i64::from(part.first).max(-length(part));
    part.last.map_or(place, |last| place.min(last.into()))
}

fn most(runs: &[Run]) -> Option<i64> {
    let spreads = || runs.iter().map(spread);
    let begin = spreads().map(|spread| spread.first_begin).min()?;
    let ends: Option<Vec<i64>> = spreads().map(|spread| spread.last_end).collect();
    Some(ends?.into_iter().max()? - begin)
}

impl Run {
    /// Whether it leads to a place that its numbers say.
    fn jumps(&self) -> bool {
        once(&self.head)
            .chain(&self.others)
            .any(|part| matches!(part.what, What::Jump(_)))
    }

    /// The parts behind its head up to the first jump, behind which they may be anywhere.
    fn fixed_others(&self) -> &[Part] {
        let jump = once(&self.head)
            .chain(&self.others)
            .position(|part| matches!(part.what, What::Jump(_)));
        let count = jump.unwrap_or(self.others.len());
        self.others.get(..count).unwrap_or_default()
    }

    fn at_beginning(&self) -> Self {
        let mut run = self.clone();
        (run.head.first, run.head.last) = (0, Some(0));
        run
    }
}

fn length(part: &Part) -> i64 {
    part.what.length() as i64
}

fn both(a: Option<i64>, b: Option<i64>, join: impl Fn(i64, i64) -> i64) -> Option<i64> {
    a.zip(b).map(|(a, b)| join(a, b))
}
