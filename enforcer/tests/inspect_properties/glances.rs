//! What a glance clears the whole look finds nothing in, and it leaves the stream where that
//! does; of groups with a filter, clean packets are cleared.

use std::sync::atomic::{AtomicU32, Ordering};

use enforcer::policy::describe;
use enforcer::policy::signature::{Compare, Number, Part, Signature, What};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::rig::{Outcome, Rig};
use crate::run::for_all;
use crate::signatures::{Random, Shape as _, any_signature, bytes, pattern, signature};

/// Texts that signatures are looked for in, each time.
const TEXTS: u64 = 8;
const LONGEST: usize = 4000;

/// How many packets there were, and of these were cleared, or bore a signature.
#[derive(Debug, Default)]
struct Tally {
    packets: AtomicU32,
    cleared: AtomicU32,
    found: AtomicU32,
}

fn number(width: u8, compare: Compare, value: u32) -> Part {
    Part {
        what: What::Number(Number {
            width,
            little_endian: false,
            mask: u32::MAX >> (32 - 8 * u32::from(width)),
            compare,
            value,
        }),
        ..bytes(b"-")
    }
}

/// Signatures whose patterns are too short for grams, and that know a run of zeros before
/// or in them, as Modbus' do.
fn behind_zeros() -> impl Strategy<Value = Signature> {
    let function = (0..4_u8).prop_map(|function| b'a' + function);
    let by_pattern = function.clone().prop_map(|function| {
        let function = number(1, Compare::Equal, function.into());
        vec![bytes(b"\0\0\0b"), function.after(1, 1)]
    });
    let by_numbers = (function, 1..255_u32).prop_map(|(function, below)| {
        vec![
            number(2, Compare::Equal, 0),
            number(2, Compare::Below, below).after(0, 0),
            bytes(&[b'a', function]).after(0, 0),
        ]
    });
    prop_oneof![by_pattern, by_numbers].prop_map(|parts| signature(1, parts))
}

/// Signatures that stand at the beginning of the text.
fn at_beginning() -> impl Strategy<Value = Signature> {
    (pattern(2..4), 0..6_i32, 0..4_i32, pattern(1..4)).prop_map(|(first, place, gap, second)| {
        let parts = vec![
            bytes(&first).at(place, place),
            bytes(&second).after(gap, gap),
        ];
        signature(1, parts)
    })
}

/// Long pieces, which are looked at in the frame, and shorter ones; many end behind a zero,
/// where signatures may have begun.
fn cuts(text: &[u8], random: &mut Random) -> Vec<usize> {
    let most = [3, 80, 300, 700, 1000, 1000][random.below(6)];
    let mut at = 0;
    let mut cuts = Vec::new();
    while at < text.len() {
        at = (at + 1 + most / 2 + random.below(most)).min(text.len());
        let mut zeros = text.iter().take(at + 400).skip(at);
        if random.below(2) == 0
            && let Some(behind) = zeros.position(|byte| *byte == 0)
        {
            at += behind + 1;
        }
        cuts.push(at);
    }
    cuts
}

fn text(signatures: &[Signature], random: &mut Random) -> Vec<u8> {
    let length = 1 + random.below(LONGEST);
    let mut text = random.text(length);
    for _ in 0..random.below(3) {
        let number = random.below(signatures.len());
        random.plant(&signatures[number], &mut text);
    }
    text.truncate(LONGEST);
    text
}

fn both_agree(
    [whole, glancing]: &mut [Rig; 2],
    (text, cuts): (&[u8], &[usize]),
    tally: &Tally,
) -> Result<(), TestCaseError> {
    let count = |of: &AtomicU32| of.fetch_add(1, Ordering::Relaxed);
    whole.open();
    glancing.open();
    let mut from = 0;
    for &cut in cuts {
        let payload = &text[from..cut];
        let before = glancing.cleared;
        let outcomes = [whole.says(from, payload), glancing.says(from, payload)];
        let cleared = glancing.cleared != before;
        count(&tally.packets);
        match outcomes {
            [Outcome::Passed, Outcome::Passed] if cleared => {
                count(&tally.cleared);
            }
            [Outcome::Passed, Outcome::Passed] => {}
            [Outcome::Found, Outcome::Found] => {
                count(&tally.found);
                break;
            }
            // Too many places that come to nothing, which a glance knows better.
            [Outcome::Refused(_), Outcome::Passed] if cleared => break,
            [one, other] => {
                prop_assert_eq!(one, other, "{}..{}", from, cut);
                break;
            }
        }
        prop_assert_eq!(whole.stream(), glancing.stream(), "{}..{}", from, cut);
        whole.acknowledges(cut);
        glancing.acknowledges(cut);
        from = cut;
    }
    // Datagrams are texts of their own.
    let mut from = 0;
    for &cut in cuts.iter().take(10) {
        let payload = &text[from..cut.min(from + 1472)];
        let before = glancing.cleared;
        let [one, other] = [whole.datagram(payload), glancing.datagram(payload)];
        let cleared = glancing.cleared != before;
        if !(cleared && matches!(one, Outcome::Refused(_))) {
            prop_assert_eq!(one, other, "a datagram, {}..{}", from, cut);
        }
        count(&tally.packets);
        if cleared {
            count(&tally.cleared);
        }
        from = cut;
    }
    Ok(())
}

fn check(cases: u32, one: impl Strategy<Value = Signature>) {
    let tally = Tally::default();
    let several = vec(one, 1..4).prop_map(|mut signatures| {
        for (id, signature) in (1..).zip(&mut signatures) {
            signature.id = id;
            signature.name = format!("s{id}");
        }
        signatures
    });
    let show = |(signatures, seed): &(Vec<Signature>, u64)| {
        let parts: Vec<String> = signatures.iter().map(describe::parts).collect();
        format!("for {}; seed {seed}", parts.join("; "))
    };
    for_all(
        cases,
        &(several, 1..u64::MAX),
        show,
        |(signatures, seed)| {
            let mut rigs = [Rig::new(&signatures), Rig::glancing(&signatures)];
            // At no time nothing lasts.
            for rig in &rigs {
                rig.set_clock(1_000);
            }
            let mut random = Random(seed);
            for _ in 0..TEXTS {
                let text = text(&signatures, &mut random);
                let cuts = cuts(&text, &mut random);
                both_agree(&mut rigs, (&text, &cuts), &tally)?;
            }
            Ok(())
        },
    );
    println!("{tally:?}");
    let [packets, cleared, found] =
        [tally.packets, tally.cleared, tally.found].map(AtomicU32::into_inner);
    assert!(found > 0, "nothing was found");
    assert!(cleared > packets / 5, "{cleared} of {packets} were cleared");
}

#[test]
fn what_is_cleared_bears_no_pattern_of_grams() {
    check(20, any_signature(4..8, 0, 0));
    check(20, any_signature(7..14, 3, 1));
    check(20, any_signature(11..41, 0, 0));
}

#[test]
fn what_is_cleared_bears_nothing_behind_zeros() {
    check(60, behind_zeros());
}

#[test]
fn what_is_cleared_does_not_begin_as_signatures_do() {
    check(40, at_beginning());
}

/// Which has sent clean datagrams until they are glanced at.
fn glancing_already(signatures: &[Signature]) -> Rig {
    let mut rig = Rig::glancing(signatures);
    rig.set_clock(1_000);
    rig.open();
    for _ in 0..4 {
        assert_eq!(rig.datagram(&[b'-'; 1000]), Outcome::Passed);
    }
    assert_ne!(rig.cleared, 0);
    rig
}

/// A signature whose pattern is met, and which stands there only if its tail does.
fn with_tail(pattern: &[u8]) -> [Signature; 1] {
    [signature(1, vec![bytes(pattern), bytes(b"!").after(0, 0)])]
}

#[test]
fn what_one_policy_meets_tells_another_nothing() {
    let before = with_tail(b"abcdefghijkl");
    let behind = with_tail(b"mnopqrstuvwx");
    let mut text = [b'-'; 1000];
    text[100..113].copy_from_slice(b"mnopqrstuvwx!");
    text[600..612].copy_from_slice(b"abcdefghijkl");

    for is_replaced in [false, true] {
        let mut rig = glancing_already(&before);
        let expected = if is_replaced {
            rig.replace_behind_glance(&behind);
            Outcome::Found
        } else {
            Outcome::Passed
        };
        assert_eq!(rig.datagram(&text), expected);
    }
}

#[test]
fn what_one_packet_meets_tells_the_next_nothing() {
    let mut rig = glancing_already(&with_tail(b"abcdefghijkl"));
    let mut text = [b'-'; 1000];
    text[900..912].copy_from_slice(b"abcdefghijkl");
    assert_eq!(rig.datagram(&text), Outcome::Passed);
    text[100..113].copy_from_slice(b"abcdefghijkl!");
    assert_eq!(rig.datagram(&text), Outcome::Found);
}

#[test]
fn what_is_met_in_vain_hides_no_pattern() {
    let mut rig = glancing_already(&with_tail(b"abcdefghijkl"));
    // A gram that the filter knows, again and again, without the window around it.
    let mut text: Vec<u8> = b"defghijk".repeat(125);
    assert_eq!(rig.datagram(&text), Outcome::Passed);
    text[900..913].copy_from_slice(b"abcdefghijkl!");
    assert_eq!(rig.datagram(&text), Outcome::Found);
    text[20..33].copy_from_slice(b"abcdefghijkl!");
    assert_eq!(rig.datagram(&text), Outcome::Found);
}

#[test]
fn what_is_walked_through_and_bears_no_pattern_is_cleared() {
    let mut rig = glancing_already(&with_tail(b"abcdefghijkl"));
    let mut text = [b'-'; 1000];
    text[100..112].copy_from_slice(b"abcdefghijk-");
    let before = rig.cleared;
    assert_eq!(rig.datagram(&text), Outcome::Passed);
    assert_eq!(rig.datagram(&text), Outcome::Passed);
    assert_eq!(rig.cleared, before + 2);
    text[300..313].copy_from_slice(b"abcdefghijkl!");
    assert_eq!(rig.datagram(&text), Outcome::Found);
    assert_eq!(rig.cleared, before + 2);
}

#[test]
fn what_follows_a_pattern_is_not_glanced_at() {
    let mut rig = glancing_already(&with_tail(b"abcdefghijkl"));
    let mut text = [b'-'; 1000];
    text[100..112].copy_from_slice(b"abcdefghijkl");
    assert_eq!(rig.datagram(&text), Outcome::Passed);
    let before = rig.cleared;
    assert_eq!(rig.datagram(&[b'-'; 1000]), Outcome::Passed);
    assert_eq!(rig.cleared, before);
    assert_eq!(rig.datagram(&[b'-'; 1000]), Outcome::Passed);
    assert_eq!(rig.cleared, before + 1);
}

/// Letters none of which is there twice, and other bytes: the filter has a form for each length.
const LONG: &[u8; 40] = b"%7Bjndi:(abc)<DEFG>[hkl]~mop;Qrst'vw@xyz";

#[test]
fn a_pattern_of_any_length_is_found_wherever_it_stands() {
    for length in [4, 5, 6, 7, 10, 11, 14, 15, 16, 40] {
        for nocase in [false, true] {
            let mut there = LONG[..length].to_vec();
            let what = What::Bytes {
                bytes: there.clone(),
                nocase,
            };
            if nocase {
                there.make_ascii_uppercase();
            }
            let part = Part {
                what,
                ..bytes(b"-")
            };
            let mut rig = glancing_already(&[signature(1, vec![part])]);
            for size in [length, 60, 96, 130, 300, 1448] {
                // In the longest, which takes several goes, at a place of each kind.
                let step = if size > 300 { 7 } else { 1 };
                for place in (0..=size - length).step_by(step) {
                    let mut text = vec![b'-'; size];
                    text[place..place + length].copy_from_slice(&there);
                    let outcome = rig.datagram(&text);
                    assert_eq!(outcome, Outcome::Found, "{length} at {place} of {size}");
                    // As long as it is not whole it is nothing.
                    text[place] = b'-';
                    assert_eq!(rig.datagram(&text), Outcome::Passed);
                }
            }
            // In the second of two segments, from the first place at which it ends there.
            for place in 300 - length + 1..=600 - length {
                rig.open();
                for clean in 0..3 {
                    assert_eq!(rig.says(clean * 300, &[b'-'; 300]), Outcome::Passed);
                }
                let mut text = [b'-'; 600];
                text[place..place + length].copy_from_slice(&there);
                let before = rig.cleared;
                assert_eq!(rig.says(900, &text[..300]), Outcome::Passed);
                assert_eq!(rig.cleared, before + 1, "{length} at {place}");
                let outcome = rig.says(1200, &text[300..]);
                assert_eq!(outcome, Outcome::Found, "{length} at {place}");
            }
        }
    }
}

#[test]
fn a_pattern_in_another_case_is_none() {
    for length in [4, 5, 7, 11, 15] {
        let mut rig = glancing_already(&[signature(1, vec![bytes(&LONG[..length])])]);
        let mut text = [b'-'; 300];
        text[100..100 + length].copy_from_slice(&LONG[..length].to_ascii_lowercase());
        for _ in 0..3 {
            assert_eq!(rig.datagram(&text), Outcome::Passed);
        }
    }
}
