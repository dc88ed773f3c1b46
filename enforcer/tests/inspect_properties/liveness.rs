//! An honest sender gets its clean text through: what is lost behind the enforcer, sent
//! twice or out of turn is sent again until the receiver has it.

use std::cell::RefCell;
use std::collections::VecDeque;

use enforcer::policy::describe;
use enforcer::policy::signature::Part;
use proptest::test_runner::TestCaseError;

use crate::reference::{Answer, Reference};
use crate::rig::{Outcome, Rig};
use crate::run::for_all;
use crate::signatures::{Random, Shape as _, bytes, signature};

/// How a sender cuts what it sends again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// As it was cut first.
    AsBefore,
    /// Whole segments, as many as fit in a longest one, which stay joined.
    Joined,
    /// A longest segment, wherever that ends.
    Filled,
}

#[derive(Clone, Copy, Debug)]
struct Path {
    again: Again,
    /// Whether acknowledgements that the enforcer saw may be lost.
    loses_acknowledgements: bool,
    longest: usize,
}

/// Segments under way at a time, fewer than the enforcer remembers.
const WINDOW: usize = 12;
/// Times that a sender loses patience.
const ROUNDS: usize = 400;

fn gets_through(
    rig: &mut Rig,
    text: &[u8],
    path: Path,
    random: &mut Random,
) -> Result<(), TestCaseError> {
    rig.open();
    // Where segments that were sent end.
    let mut ends: VecDeque<usize> = VecDeque::new();
    let (mut received, mut told) = (vec![false; text.len()], 0);
    let mut log = Vec::new();
    for _ in 0..ROUNDS {
        if told == text.len() {
            return Ok(());
        }
        let mut segments = send_again(&ends, told, path);
        if path.again == Again::Joined {
            ends = segments.iter().map(|segment| segment.1).collect();
        }
        let mut next = ends.back().copied().unwrap_or(0).max(told);
        while segments.len() < WINDOW && next < text.len() && random.below(4) > 0 {
            let end = (next + 1 + random.below(path.longest)).min(text.len());
            segments.push((next, end));
            ends.push_back(end);
            next = end;
        }
        disturb(&mut segments, random);
        for (from, to) in segments {
            let outcome = rig.says(from, &text[from..to]);
            let arrives = random.below(4) > 0;
            log.push(format!(
                "{from}..{to} {outcome:?}{}",
                if arrives { "" } else { ", lost" }
            ));
            if outcome != Outcome::Passed || !arrives {
                continue;
            }
            received[from..to].fill(true);
            let place = received.iter().position(|byte| !byte);
            let place = place.unwrap_or(text.len());
            rig.acknowledges(place);
            if !path.loses_acknowledgements || random.below(3) > 0 {
                told = told.max(place);
            }
        }
        while ends.front().is_some_and(|end| *end <= told) {
            ends.pop_front();
        }
    }
    let log = &log[log.len().saturating_sub(30)..];
    Err(TestCaseError::fail(format!(
        "{told} of {} bytes came through \"{}\":\n{}",
        text.len(),
        text.escape_ascii(),
        log.join("\n")
    )))
}

/// What is sent again from a place on.
fn send_again(ends: &VecDeque<usize>, told: usize, path: Path) -> Vec<(usize, usize)> {
    let mut segments: Vec<(usize, usize)> = Vec::new();
    let last = ends.back().copied().unwrap_or(0);
    let mut from = told;
    if path.again == Again::Filled {
        while from < last {
            let to = (from + path.longest).min(last);
            segments.push((from, to));
            from = to;
        }
        return segments;
    }
    for &end in ends.iter().filter(|end| **end > told) {
        match segments.last_mut() {
            Some(segment) if path.again == Again::Joined && end - segment.0 <= path.longest => {
                segment.1 = end;
            }
            _ => segments.push((from, end)),
        }
        from = end;
    }
    segments
}

/// Sends some twice, and some one place later.
fn disturb(segments: &mut Vec<(usize, usize)>, random: &mut Random) {
    for place in (0..segments.len()).rev() {
        match random.below(8) {
            0 => segments.insert(place, segments[place]),
            1 if place > 0 => segments.swap(place, place - 1),
            _ => {}
        }
    }
}

/// A clean text of about this length, that has something much like the signature.
fn clean(reference: &Reference, parts: &[Part], random: &mut Random) -> Vec<u8> {
    let signature = signature(1, parts.to_vec());
    loop {
        let length = 20 + random.below(300);
        let mut text: Vec<u8> = (0..length)
            .map(|_| b"abcdefghijk"[random.below(11)])
            .collect();
        random.plant(&signature, &mut text);
        let place = random.below(text.len());
        text.splice(place..place, b"EVIL-PATTERN".iter().copied());
        if random.below(2) == 0 {
            let place = random.below(text.len());
            text[place] = b'.';
        }
        if reference.answer(&text) == Answer::No {
            return text;
        }
        // Little of it is clean where a pattern is enough.
        let place = text.windows(4).position(|four| four == b"EVIL");
        if let Some(place) = place.filter(|_| parts.len() == 1 && parts[0].last.is_none()) {
            text.truncate(place + 4);
            if reference.answer(&text) == Answer::No {
                return text;
            }
        }
    }
}

fn check(parts: &[Part], path: Path) {
    let signature = signature(1, parts.to_vec());
    let reference = Reference::new(&signature);
    let rig = RefCell::new(Rig::new(std::slice::from_ref(&signature)));
    let show = |_: &u64| format!("for {}", describe::parts(&signature));
    for_all(100, &(1..u64::MAX), show, |seed| {
        let mut random = Random(seed);
        let text = clean(&reference, parts, &mut random);
        gets_through(&mut rig.borrow_mut(), &text, path, &mut random)
    });
}

const PATH: Path = Path {
    again: Again::AsBefore,
    loses_acknowledgements: false,
    longest: 30,
};

fn pattern() -> Vec<Part> {
    vec![bytes(b"EVIL-PATTERN")]
}

fn login() -> Vec<Part> {
    vec![bytes(b"USER"), bytes(b"EVIL-PATTERN").after(1, 20)]
}

fn begins() -> Vec<Part> {
    vec![bytes(b"EVIL-PATTERN").at(0, 4)]
}

#[test]
fn segments_sent_again_as_before_get_through() {
    check(&pattern(), PATH);
}

#[test]
fn segments_sent_again_joined_get_through() {
    let path = Path {
        again: Again::Joined,
        ..PATH
    };
    check(&pattern(), path);
}

#[test]
fn segments_get_through_where_acknowledgements_are_lost() {
    let path = Path {
        loses_acknowledgements: true,
        ..PATH
    };
    check(&pattern(), path);
}

#[test]
fn joined_segments_get_through_where_acknowledgements_are_lost() {
    let path = Path {
        again: Again::Joined,
        loses_acknowledgements: true,
        ..PATH
    };
    check(&pattern(), path);
}

#[test]
#[ignore = "a segment that ends inside another one is refused for ever"]
fn segments_get_through_however_they_are_cut_again() {
    let path = Path {
        again: Again::Filled,
        ..PATH
    };
    check(&pattern(), path);
}

#[test]
fn what_looks_like_a_part_gets_through() {
    check(&login(), PATH);
}

#[test]
fn what_stands_elsewhere_gets_through() {
    check(&begins(), PATH);
}
