//! A signature is found exactly where the reference finds it, in datagrams and in
//! streams however they are cut.

use std::sync::atomic::{AtomicU32, Ordering};

use enforcer::policy::describe;
use enforcer::policy::signature::{Begin, Signature};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::reference::{Answer, Reference};
use crate::rig::{Outcome, Rig};
use crate::run::for_all;
use crate::signatures::{Random, Shape as _, any_signature, bytes, signature};

/// How often what happened.
#[derive(Debug, Default)]
struct Tally {
    found: AtomicU32,
    clean: AtomicU32,
    /// Too many places that might be one.
    given_up: AtomicU32,
    /// There by some places of its parts, but not by the nearest ones.
    beyond_nearest: AtomicU32,
}

impl Tally {
    fn count(of: &AtomicU32) {
        of.fetch_add(1, Ordering::Relaxed);
    }
}

fn text(signatures: &[Signature], longest: usize, random: &mut Random) -> Vec<u8> {
    let length = 1 + random.below(longest);
    let mut text = random.text(length);
    for _ in 0..random.below(4) {
        let number = random.below(signatures.len());
        random.plant(&signatures[number], &mut text);
    }
    text.truncate(longest);
    text
}

/// Where segments end.
fn cuts(length: usize, random: &mut Random) -> Vec<usize> {
    let most = [1, 7, 60, 200, 1100, 2000][random.below(6)];
    let mut at = 0;
    let mut cuts = Vec::new();
    while at < length {
        at = (at + 1 + random.below(most)).min(length);
        cuts.push(at);
    }
    cuts
}

fn stream_is_judged_rightly(
    rig: &mut Rig,
    references: &[Reference],
    text: &[u8],
    cuts: &[usize],
    tally: &Tally,
) -> Result<(), TestCaseError> {
    rig.open();
    let mut from = 0;
    for &cut in cuts {
        let answer = answer(references, &text[..cut]);
        let outcome = rig.says(from, &text[from..cut]);
        match (answer, outcome) {
            (_, Outcome::Refused(_)) => {
                Tally::count(&tally.given_up);
                return Ok(());
            }
            (Answer::Yes | Answer::Perhaps, Outcome::Found) => {
                Tally::count(&tally.found);
                return Ok(());
            }
            (Answer::Perhaps, _) => return Ok(()),
            (Answer::No, Outcome::Passed) => rig.acknowledges(cut),
            other => {
                let message = format!("{other:?} at {from}..{cut} of {:?}", Shown(text));
                return Err(TestCaseError::fail(message));
            }
        }
        from = cut;
    }
    Tally::count(&tally.clean);
    if references.iter().any(|one| one.anywhere(text)) {
        Tally::count(&tally.beyond_nearest);
    }
    Ok(())
}

fn datagram_is_judged_rightly(
    rig: &mut Rig,
    references: &[Reference],
    text: &[u8],
    tally: &Tally,
) -> Result<(), TestCaseError> {
    match (answer(references, text), rig.datagram(text)) {
        (_, Outcome::Refused(_)) => Tally::count(&tally.given_up),
        (Answer::Yes | Answer::Perhaps, Outcome::Found) => Tally::count(&tally.found),
        (Answer::Perhaps | Answer::No, Outcome::Passed) => Tally::count(&tally.clean),
        other => {
            let message = format!("{other:?} in a datagram {:?}", Shown(text));
            return Err(TestCaseError::fail(message));
        }
    }
    Ok(())
}

/// Each segment is a text of its own.
fn segments_are_judged_rightly(
    rig: &mut Rig,
    references: &[Reference],
    text: &[u8],
    cuts: &[usize],
    tally: &Tally,
) -> Result<(), TestCaseError> {
    rig.open();
    let mut from = 0;
    for &cut in cuts {
        let segment = &text[from..cut];
        match (answer(references, segment), rig.says(from, segment)) {
            (_, Outcome::Refused(_)) => {
                Tally::count(&tally.given_up);
                return Ok(());
            }
            (Answer::Yes | Answer::Perhaps, Outcome::Found) => {
                Tally::count(&tally.found);
                return Ok(());
            }
            (Answer::Perhaps | Answer::No, Outcome::Passed) => rig.acknowledges(cut),
            other => {
                let message = format!("{other:?} at {from}..{cut} of {:?}", Shown(text));
                return Err(TestCaseError::fail(message));
            }
        }
        from = cut;
    }
    Tally::count(&tally.clean);
    Ok(())
}

fn answer(references: &[Reference], text: &[u8]) -> Answer {
    let answers = references.iter().map(|one| one.answer(text));
    answers.max().unwrap_or(Answer::No)
}

struct Shown<'t>(&'t [u8]);

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Texts that signatures are looked for in, each time.
const TEXTS: u64 = 8;

/// What to look for, and in what.
struct Plan {
    /// Of bytes.
    lengths: std::ops::Range<usize>,
    /// How far a part may go back behind the one before it.
    back: i32,
    /// How many numbers that lead somewhere there are to each of another kind.
    jumps: u32,
    begin: Begin,
    text: usize,
    datagram: usize,
    cases: u32,
    /// Whether all signatures stand near the beginning, so that what follows is passed over.
    anchored: bool,
}

fn check(plan: &Plan) -> Tally {
    let tally = Tally::default();
    let one = any_signature(plan.lengths.clone(), plan.back, plan.jumps);
    let (begin, anchored) = (plan.begin, plan.anchored);
    let several = vec(one, 1..4).prop_map(move |signatures| {
        let mut signatures = numbered(signatures, begin);
        if anchored {
            signatures.iter_mut().for_each(anchor);
        }
        signatures
    });
    let show = |(signatures, seed): &(Vec<Signature>, u64)| {
        let parts: Vec<String> = signatures.iter().map(describe::parts).collect();
        format!("for {}; seed {seed}", parts.join("; "))
    };
    let inputs = (several, 1..u64::MAX);
    for_all(plan.cases, &inputs, show, |(signatures, seed)| {
        let mut rig = Rig::new(&signatures);
        let references: Vec<_> = signatures.iter().map(Reference::new).collect();
        let mut random = Random(seed);
        for _ in 0..TEXTS {
            let text = text(&signatures, plan.text, &mut random);
            let cuts = cuts(text.len(), &mut random);
            match begin {
                Begin::Segment => {
                    segments_are_judged_rightly(&mut rig, &references, &text, &cuts, &tally)?
                }
                _ => stream_is_judged_rightly(&mut rig, &references, &text, &cuts, &tally)?,
            }
            let datagram = &text[..text.len().min(plan.datagram)];
            datagram_is_judged_rightly(&mut rig, &references, datagram, &tally)?;
        }
        Ok(())
    });
    println!("{tally:?}");
    tally
}

/// Has a signature stand in the first bytes, be it of the text or of a turn, which here are
/// the same: nobody answers.
fn anchor(signature: &mut Signature) {
    let first = &mut signature.parts[0];
    first.last = first.last.or(Some(first.first + signature.id as i32 * 7));
    if signature.begin == Begin::Connection && signature.id.is_multiple_of(2) {
        signature.begin = Begin::Turn;
    }
}

fn numbered(mut signatures: Vec<Signature>, begin: Begin) -> Vec<Signature> {
    for (id, signature) in (1..).zip(&mut signatures) {
        signature.begin = begin;
        signature.id = id;
        signature.name = format!("s{id}");
    }
    signatures
}

const SHORT: Plan = Plan {
    lengths: 1..7,
    back: 0,
    jumps: 0,
    begin: Begin::Connection,
    text: 400,
    datagram: 400,
    cases: 30,
    anchored: false,
};

#[test]
fn short_patterns_are_found_where_the_reference_finds_them() {
    let tally = check(&SHORT);
    assert!(tally.found.into_inner() > 0 && tally.clean.into_inner() > 0);
}

#[test]
fn patterns_that_pass_a_filter_are_found_where_the_reference_finds_them() {
    let tally = check(&Plan {
        lengths: 11..41,
        text: 3000,
        datagram: 1024,
        cases: 8,
        ..SHORT
    });
    assert!(tally.found.into_inner() > 0 && tally.clean.into_inner() > 0);
}

#[test]
fn what_stands_near_the_beginning_is_found_where_the_reference_finds_it() {
    for (lengths, jumps) in [(1..7, 0), (4..13, 0), (11..41, 0), (2..7, 2)] {
        let tally = check(&Plan {
            lengths,
            jumps,
            anchored: true,
            ..SHORT
        });
        assert!(tally.found.into_inner() > 0 && tally.clean.into_inner() > 0);
    }
}

#[test]
fn long_bytes_are_found_where_the_reference_finds_them() {
    check(&Plan {
        lengths: 30..90,
        text: 1000,
        datagram: 1000,
        ..SHORT
    });
}

#[test]
fn parts_that_overlap_are_found_where_the_reference_finds_them() {
    check(&Plan { back: 6, ..SHORT });
}

#[test]
fn parts_that_numbers_lead_to_are_found_where_the_reference_finds_them() {
    let tally = check(&Plan {
        lengths: 2..7,
        back: 3,
        jumps: 2,
        cases: 60,
        ..SHORT
    });
    assert!(tally.found.into_inner() > 0 && tally.clean.into_inner() > 0);
}

#[test]
fn segments_are_judged_one_by_one() {
    let tally = check(&Plan {
        lengths: 1..5,
        back: 3,
        jumps: 1,
        begin: Begin::Segment,
        text: 3000,
        datagram: 1024,
        cases: 60,
        anchored: false,
    });
    assert!(tally.found.into_inner() > 0 && tally.clean.into_inner() > 0);
}

#[test]
fn long_datagrams_are_judged_as_short_ones() {
    check(&Plan {
        lengths: 2..13,
        text: 1472,
        datagram: 1472,
        ..SHORT
    });
}

#[test]
fn hits_before_a_lane_keep_no_other_from_being_found() {
    // Many hits that come to nothing, in a row, wherever lanes begin; and one that counts.
    let signatures = [
        signature(1, vec![bytes(b"q").at(5000, 5000)]),
        signature(2, vec![bytes(b"secret")]),
        signature(3, vec![bytes(&[b'!'; 40])]),
    ];
    let mut rig = Rig::new(&signatures);
    for length in [150, 500, 1000, 1399, 1448, 1481, 2000] {
        for row in (0..length - 25).step_by(11) {
            for secret in (0..length - 6).step_by(97) {
                let mut text = vec![b'.'; length];
                text[row..row + 25].fill(b'q');
                text[secret..secret + 6].copy_from_slice(b"secret");
                let outcome = rig.datagram(&text);
                assert_eq!(outcome, Outcome::Found, "{length} bytes, {row}, {secret}");
            }
        }
    }
}

#[test]
fn what_lay_behind_a_text_costs_no_other_its_walk() {
    let mut rig = Rig::new(&[
        signature(1, vec![bytes(b"q").at(5000, 5000)]),
        signature(2, vec![bytes(b"z")]),
    ]);
    for length in [80, 150, 1000, 1390, 1400, 1410, 1479] {
        let outcome = rig.datagram(&[b'q'; 2000]);
        assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
        let mut text = vec![b'.'; length];
        text[length / 2..length / 2 + 31].fill(b'q');
        assert_eq!(rig.datagram(&text), Outcome::Passed, "{length}");
    }
}

/// More different bytes than rows have columns for: some share one, and are told apart.
#[test]
fn bytes_that_share_a_column_are_not_each_other() {
    let all: Vec<u8> = (0..=u8::MAX)
        .filter(|byte| !byte.is_ascii_uppercase())
        .collect();
    let patterns: Vec<&[u8]> = all.chunks(6).collect();
    let mut signatures: Vec<Signature> = (1..)
        .zip(&patterns)
        .map(|(id, pattern)| signature(id, vec![bytes(pattern)]))
        .collect();
    // Its pattern is always there, so that no filter keeps a text from being walked through.
    signatures.push(signature(500, vec![bytes(b"decoy").at(5000, 5000)]));
    let mut rig = Rig::new(&signatures);
    for pattern in patterns {
        let text = [b"....decoy....", pattern, b"...."].concat();
        assert_eq!(rig.datagram(&text), Outcome::Found, "{pattern:?}");
        for (place, of) in (13..).zip(pattern) {
            for byte in (0..=u8::MAX).filter(|byte| byte != of) {
                let mut other = text.clone();
                other[place] = byte;
                assert_eq!(rig.datagram(&other), Outcome::Passed, "{other:?}");
            }
        }
    }
}
