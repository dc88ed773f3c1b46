//! What a signature means, read plainly: wherever its fast part stands, every other
//! part is looked for at its nearest place from its neighbour, outward.

use std::ops::ControlFlow;

use enforcer::policy::compile::signatures::lower;
use enforcer::policy::signature::{Compare, Number, Part, SPAN, Signature, What};
use enforcer_common::signature::JUMPS_FROM_BEGINNING;

/// What can be said of a signature by the text so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// It is not there, whatever follows aside.
    No,
    /// It is there, but reaches further than is promised.
    Perhaps,
    Yes,
}

pub(crate) struct Reference {
    /// Bytes that the tables hold in several pieces are a part each.
    parts: Vec<Part>,
    /// Index of the part that is found first.
    fast: usize,
    /// Whether all are looked for from the beginning on, once the fast part is there.
    from_beginning: bool,
    /// Distances from the part before, or from the beginning of the text.
    distances: Vec<(i64, i64)>,
}

impl Reference {
    pub(crate) fn new(signature: &Signature) -> Self {
        let lowered = lower(signature).unwrap();
        let mut lengths = lowered.parts.iter().map(|line| usize::from(line.length));
        let parts = signature.parts.iter().flat_map(|part| {
            let mut pieces = Vec::new();
            let mut rest = part.what.length();
            while rest > 0 {
                let length = lengths.next().unwrap();
                pieces.push(piece(part, part.what.length() - rest, length));
                rest -= length;
            }
            pieces
        });
        let parts: Vec<Part> = parts.collect();
        let mut end = 0;
        let distances = parts.iter().enumerate().map(|(index, part)| {
            let (first, last) = (i64::from(part.first), part.last.map(i64::from));
            let before = if index == 0 || part.relative { 0 } else { end };
            let start = if part.relative { end } else { 0 };
            end = start + first + part.what.length() as i64;
            (first - before, last.map_or(i64::MAX, |last| last - before))
        });
        Self {
            distances: distances.collect(),
            parts,
            fast: lowered.fast,
            from_beginning: lowered.jumps == JUMPS_FROM_BEGINNING,
        }
    }

    /// By nearest places.
    pub(crate) fn answer(&self, text: &[u8]) -> Answer {
        let places = 0..text.len() as i64;
        let answers = places
            .filter(|place| self.stands(self.fast, *place, text))
            .map(|place| self.around(place, text));
        answers.max().unwrap_or(Answer::No)
    }

    /// By any places within the span.
    pub(crate) fn anywhere(&self, text: &[u8]) -> bool {
        let (first, last) = self.distances[0];
        let last = last.min(text.len() as i64);
        (first..=last).any(|place| {
            self.stands(0, place, text)
                && self
                    .end(0, place, text)
                    .is_some_and(|end| self.rest(1, end, (place, place), text))
        })
    }

    fn rest(&self, index: usize, end: i64, reach: (i64, i64), text: &[u8]) -> bool {
        let reach = (reach.0, reach.1.max(end));
        if index == self.distances.len() {
            return reach.1 - reach.0 <= SPAN as i64;
        }
        let (first, last) = self.distances[index];
        let last = last.min(SPAN as i64);
        (first..=last).any(|distance| {
            let place = end + distance;
            let reach = (reach.0.min(place), reach.1.max(place + self.length(index)));
            self.stands(index, place, text)
                && self
                    .end(index, place, text)
                    .is_some_and(|end| self.rest(index + 1, end, reach, text))
        })
    }

    fn around(&self, place: i64, text: &[u8]) -> Answer {
        let (mut begin, mut end) = (place, place + self.length(self.fast));
        let mut reach = (begin, end);
        let mut next = self.fast + 1;
        if self.from_beginning {
            (begin, end, next) = (self.distances[0].0, 0, 0);
        }
        for index in next..self.distances.len() {
            let (first, last) = self.distances[index];
            let Some(place) = self.nearest(index, end + first, last.saturating_sub(first), 1, text)
            else {
                return Answer::No;
            };
            reach = (reach.0.min(place), reach.1.max(place + self.length(index)));
            let Some(next) = self.end(index, place, text) else {
                return Answer::No;
            };
            end = next;
            if self.is_jump(index) {
                reach = (reach.0.min(end), reach.1.max(end + 1));
            }
        }
        let before = if self.from_beginning { 0 } else { self.fast };
        for index in (0..before).rev() {
            let (first, last) = self.distances[index + 1];
            let from = begin - first - self.length(index);
            let Some(place) = self.nearest(index, from, last.saturating_sub(first), -1, text)
            else {
                return Answer::No;
            };
            begin = place;
            reach = (reach.0.min(begin), reach.1.max(begin + self.length(index)));
        }
        let (first, last) = self.distances[0];
        match (first..=last).contains(&begin) {
            false => Answer::No,
            true if reach.1 - reach.0 > SPAN as i64 => match self.jumps() {
                true => Answer::No,
                false => Answer::Perhaps,
            },
            true => Answer::Yes,
        }
    }

    /// Nothing where the text must go on before that can be said.
    fn nearest(
        &self,
        index: usize,
        from: i64,
        choices: i64,
        step: i64,
        text: &[u8],
    ) -> Option<i64> {
        let found = (0..=choices.min(SPAN as i64)).try_for_each(|choice| {
            let place = from + step * choice;
            if place + self.length(index) > text.len() as i64 {
                ControlFlow::Break(None)
            } else if self.stands(index, place, text) {
                ControlFlow::Break(Some(place))
            } else {
                ControlFlow::Continue(())
            }
        });
        found.break_value().flatten()
    }

    fn is_jump(&self, index: usize) -> bool {
        matches!(self.parts[index].what, What::Jump(_))
    }

    fn jumps(&self) -> bool {
        (0..self.parts.len()).any(|index| self.is_jump(index))
    }

    /// Where the next part counts from, behind a part at a place; nothing where that is not
    /// in the text so far.
    fn end(&self, index: usize, place: i64, text: &[u8]) -> Option<i64> {
        let end = place + self.length(index);
        let What::Jump(jump) = &self.parts[index].what else {
            return Some(end);
        };
        let number = &text[place as usize..end as usize];
        let join = |sum: i64, byte: &u8| sum << 8 | i64::from(*byte);
        let value = match jump.little_endian {
            true => number.iter().rev().fold(0, join),
            false => number.iter().fold(0, join),
        };
        let product = value * i64::from(jump.multiply);
        let product = if jump.align {
            (product + 3) / 4 * 4
        } else {
            product
        };
        let from = if jump.from_beginning { 0 } else { end };
        let target = from + product + i64::from(jump.add);
        (0..text.len() as i64).contains(&target).then_some(target)
    }

    fn length(&self, index: usize) -> i64 {
        self.parts[index].what.length() as i64
    }

    fn stands(&self, index: usize, place: i64, text: &[u8]) -> bool {
        let Ok(place) = usize::try_from(place) else {
            return false;
        };
        let what = &self.parts[index].what;
        let Some(here) = text.get(place..place + what.length()) else {
            return false;
        };
        match what {
            What::Bytes { bytes, nocase } => {
                here == bytes || *nocase && here.eq_ignore_ascii_case(bytes)
            }
            What::Number(number) => compares(number, here),
            What::Jump(_) => true,
        }
    }
}

/// Bytes of a part from one of them on, behind those before them.
fn piece(part: &Part, from: usize, length: usize) -> Part {
    let What::Bytes { bytes, nocase } = &part.what else {
        return part.clone();
    };
    let what = What::Bytes {
        bytes: bytes[from..from + length].to_vec(),
        nocase: *nocase,
    };
    if from == 0 {
        return Part {
            what,
            ..part.clone()
        };
    }
    Part {
        what,
        relative: true,
        first: 0,
        last: Some(0),
    }
}

fn compares(number: &Number, here: &[u8]) -> bool {
    let join = |sum: u32, byte: &u8| sum << 8 | u32::from(*byte);
    let value = if number.little_endian {
        here.iter().rev().fold(0, join)
    } else {
        here.iter().fold(0, join)
    };
    let value = value & number.mask;
    match number.compare {
        Compare::Equal => value == number.value,
        Compare::Unequal => value != number.value,
        Compare::Below => value < number.value,
        Compare::Above => value > number.value,
        Compare::Any => value & number.value != 0,
    }
}
