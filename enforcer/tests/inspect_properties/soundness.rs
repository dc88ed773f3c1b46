//! What is let through where order is strict: whatever a sender repeats, splits, joins,
//! reorders or lies about, and whatever is lost on the way, no receiver puts together a
//! text that bears a signature.

use enforcer::policy::describe;
use enforcer::policy::signature::{Compare, Number, Part, Signature, What};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::reference::{Answer, Reference};
use crate::rig::{Outcome, Rig};
use crate::run::for_all;
use crate::signatures::{Random, Shape as _, bytes, signature};

/// Connections for each signature.
const TALKS: usize = 16;

/// What a sender or a receiver does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Move {
    /// The sender sends a stretch.
    Send {
        from: From,
        length: Length,
        /// Its true bytes before this place, and those of its lie from there on; or the
        /// other way round.
        turn: usize,
        true_first: bool,
        arrives: bool,
        /// Bytes that receivers take of it at most.
        window: usize,
    },
    /// The receivers say what they have.
    Acknowledge,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum From {
    Next,
    /// Where a segment before it began.
    Boundary(usize),
    Anywhere(usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// Up to where some segment ended.
    Boundaries(usize),
    Bytes(usize),
}

/// What senders and receivers may do besides the plain.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Freedom {
    /// Segments are joined and split.
    pub(crate) joins: bool,
    /// Receivers take a part of a segment.
    pub(crate) trims: bool,
}

pub(crate) fn moves(freedom: Freedom) -> impl Strategy<Value = Vec<Move>> {
    let from = prop_oneof![
        4 => Just(From::Next),
        4 => (0..12_usize).prop_map(From::Boundary),
        u32::from(freedom.joins) => (0..40_usize).prop_map(From::Anywhere),
    ];
    let most = if freedom.joins { 4 } else { 2_usize };
    let length = prop_oneof![
        (1..most).prop_map(Length::Boundaries),
        (1..9_usize).prop_map(Length::Bytes),
    ];
    let window = if freedom.trims { 1..10 } else { 100..101_usize };
    let send = (
        from,
        length,
        0..40_usize,
        any::<bool>(),
        any::<bool>(),
        window,
    );
    let send = send.prop_map(
        |(from, length, turn, true_first, arrives, window)| Move::Send {
            from,
            length,
            turn,
            true_first,
            arrives,
            window,
        },
    );
    let one = prop_oneof![6 => send, 1 => Just(Move::Acknowledge)];
    vec(one, 1..30)
}

/// Puts segments together, and keeps the first or the last copy of what overlaps.
struct Receiver {
    keeps_last: bool,
    bytes: Vec<Option<u8>>,
    /// Bytes without a gap, which are the application's now.
    delivered: usize,
}

impl Receiver {
    fn new(length: usize, keeps_last: bool) -> Self {
        Self {
            keeps_last,
            bytes: vec![None; length],
            delivered: 0,
        }
    }

    fn take(&mut self, from: usize, segment: &[u8]) {
        for (place, byte) in (from..).zip(segment) {
            if place < self.delivered || self.bytes[place].is_some() && !self.keeps_last {
                continue;
            }
            self.bytes[place] = Some(*byte);
        }
        while self.bytes.get(self.delivered).is_some_and(Option::is_some) {
            self.delivered += 1;
        }
    }

    fn text(&self) -> Vec<u8> {
        self.bytes[..self.delivered]
            .iter()
            .flatten()
            .copied()
            .collect()
    }
}

struct Talk<'t> {
    truth: &'t [u8],
    lie: &'t [u8],
    /// Where segments that were let through begin, and the last one ends.
    boundaries: Vec<usize>,
    receivers: [Receiver; 2],
    log: Vec<String>,
}

impl<'t> Talk<'t> {
    fn new(truth: &'t [u8], lie: &'t [u8]) -> Self {
        Self {
            boundaries: vec![0],
            receivers: [false, true].map(|last| Receiver::new(truth.len(), last)),
            log: Vec::new(),
            truth,
            lie,
        }
    }

    fn next(&self) -> usize {
        self.boundaries.last().copied().unwrap_or(0)
    }

    fn make(&mut self, rig: &mut Rig, what: Move) {
        let Move::Send {
            from,
            length,
            turn,
            true_first,
            arrives,
            window,
        } = what
        else {
            let place = self.receivers[0].delivered;
            self.log.push(format!("acknowledged {place}"));
            return rig.acknowledges(place);
        };
        let next = self.next();
        let from = match from {
            From::Next => next,
            From::Boundary(number) => self.boundaries[number % self.boundaries.len()],
            From::Anywhere(place) => place % (next + 1),
        };
        let mut to = match length {
            Length::Bytes(bytes) if self.boundaries.contains(&from) && from < next => {
                // Whole segments, unless they go on.
                let following = self.boundaries.iter().find(|place| **place > from);
                following.map_or(from + bytes, |place| *place)
            }
            Length::Bytes(bytes) => from + bytes,
            Length::Boundaries(count) => {
                let ends = self.boundaries.iter().filter(|place| **place > from);
                ends.copied().take(count).last().unwrap_or(from + 3)
            }
        };
        to = to.min(self.truth.len());
        if to <= from {
            return;
        }
        let segment: Vec<u8> = (from..to)
            .map(|place| {
                let text = if (place < turn) == true_first {
                    self.truth
                } else {
                    self.lie
                };
                text[place]
            })
            .collect();
        let outcome = rig.says(from, &segment);
        let fate = if arrives { "arrives" } else { "is lost" };
        self.log.push(format!(
            "{from}..{to} \"{}\" {outcome:?}, {fate}",
            segment.escape_ascii()
        ));
        if outcome != Outcome::Passed {
            return;
        }
        if to > next {
            self.boundaries.push(to);
        }
        if arrives {
            let taken = segment.len().min(window);
            for receiver in &mut self.receivers {
                receiver.take(from, &segment[..taken]);
            }
        }
    }
}

fn check(shapes: impl Strategy<Value = Vec<Part>> + 'static, freedom: Freedom) {
    let inputs = (shapes, 1..u64::MAX, vec(moves(freedom), TALKS));
    let show = |(parts, ..): &(Vec<Part>, u64, Vec<Vec<Move>>)| {
        format!("for {}", describe::parts(&signature(1, parts.clone())))
    };
    for_all(25, &inputs, show, |(parts, seed, talks)| {
        let signature = signature(1, parts);
        let mut rig = Rig::new(std::slice::from_ref(&signature));
        let reference = Reference::new(&signature);
        let mut random = Random(seed);
        for talk in talks {
            let (truth, lie) = texts(&signature, &reference, &mut random);
            let bears = |text: &[u8]| reference.answer(text) == Answer::Yes;
            is_sound(&mut rig, &bears, (&truth, &lie), &talk)?;
        }
        Ok(())
    });
}

/// A clean text, and one that bears the signature.
fn texts(signature: &Signature, reference: &Reference, random: &mut Random) -> (Vec<u8>, Vec<u8>) {
    loop {
        let mut draw = || -> Vec<u8> { (0..40).map(|_| b"ab..."[random.below(5)]).collect() };
        let (truth, mut lie) = (draw(), draw());
        random.plant(signature, &mut lie);
        lie.truncate(40);
        if reference.answer(&truth) == Answer::No {
            return (truth, lie);
        }
    }
}

pub(crate) fn is_sound(
    rig: &mut Rig,
    bears: &dyn Fn(&[u8]) -> bool,
    (truth, lie): (&[u8], &[u8]),
    moves: &[Move],
) -> Result<(), TestCaseError> {
    rig.open();
    let mut talk = Talk::new(truth, lie);
    for what in moves {
        talk.make(rig, *what);
    }
    for receiver in &talk.receivers {
        let text = receiver.text();
        prop_assert!(
            !bears(&text),
            "a receiver that keeps the {} copy has \"{}\" after\n{}",
            if receiver.keeps_last { "last" } else { "first" },
            text.escape_ascii(),
            talk.log.join("\n")
        );
    }
    Ok(())
}

fn pattern() -> impl Strategy<Value = Part> {
    vec(select(b"ab".as_slice()), 3..6).prop_map(|text| bytes(&text))
}

fn one_part() -> impl Strategy<Value = Vec<Part>> {
    pattern().prop_map(|part| vec![part])
}

fn placed() -> impl Strategy<Value = Vec<Part>> {
    (pattern(), 0..10, 0..20).prop_map(|(part, first, more)| vec![part.at(first, first + more)])
}

fn several() -> impl Strategy<Value = Vec<Part>> {
    let number = Part {
        what: What::Number(Number {
            width: 1,
            little_endian: false,
            mask: 0xff,
            compare: Compare::Above,
            value: 0x61,
        }),
        ..bytes(b"-")
    };
    let other = prop_oneof![
        Just(number),
        vec(select(b"ab".as_slice()), 1..3).prop_map(|text| bytes(&text))
    ];
    let both = (pattern(), other, 0..6, 0..6, any::<bool>());
    both.prop_map(|(pattern, other, first, more, swapped)| {
        let (one, two) = if swapped {
            (other, pattern)
        } else {
            (pattern, other)
        };
        vec![one, two.after(first, first + more)]
    })
}

#[test]
fn a_pattern_is_not_put_together_from_segments_sent_again() {
    check(one_part(), Freedom::default());
}

#[test]
fn a_pattern_is_not_put_together_from_joined_segments() {
    let freedom = Freedom {
        joins: true,
        ..Freedom::default()
    };
    check(one_part(), freedom);
}

#[test]
fn a_pattern_is_not_put_together_by_a_receiver_that_takes_parts_of_segments() {
    let freedom = Freedom {
        trims: true,
        joins: false,
    };
    check(one_part(), freedom);
}

#[test]
fn a_pattern_at_a_place_is_not_put_together() {
    check(placed(), Freedom::default());
}

#[test]
fn several_parts_are_not_put_together() {
    check(several(), Freedom::default());
}
