//! The shipped signatures, one by one, in the kernel and in user space: each finds what
//! it is for, in one segment and byte by byte, by its own name alone, and nothing is
//! found in its neighbours; no signature of the pack is without.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use enforcer::policy::signature::Action;
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::pack::{self, Said};
use enforcer_tests::program::Outcome;
use enforcer_tests::program::pack::{Bench, bundle};

fn shipped() -> Bench {
    Bench::new(&pack::files().unwrap())
}

/// In one piece, and byte by byte.
fn say_both_ways(bench: &mut Bench, said: Said, text: &[u8]) -> [Vec<Outcome>; 2] {
    [text.len(), 1].map(|piece| bench.say(said, text, piece))
}

#[test]
fn every_signature_finds_what_it_is_for_by_its_own_name() {
    let mut bench = shipped();
    for row in pack::rows() {
        let signatures = &bench.rig.model.signatures;
        let signature = signatures.iter().find(|of| of.name == row.name);
        let action = signature.expect(row.name).action;
        assert!(!row.found.is_empty(), "{} finds nothing", row.name);
        for text in &row.found {
            for outcomes in say_both_ways(&mut bench, row.said, text) {
                let told = outcomes.iter().filter_map(|of| of.signature.as_deref());
                assert_eq!(told.collect::<Vec<_>>(), [row.name], "{text:02x?}");
                let of_it = outcomes.iter().find(|of| of.signature.is_some()).unwrap();
                let expected = match action {
                    Action::Alert => (Fate::Allow, Reason::Established),
                    Action::Drop | Action::Cut => (Fate::Deny, Reason::Signature),
                };
                if let Said::Datagram(_) = row.said {
                    assert_eq!(of_it.fate, expected.0, "{}: {of_it:?}", row.name);
                } else {
                    assert_eq!((of_it.fate, of_it.reason), expected, "{}", row.name);
                }
            }
        }
    }
}

#[test]
fn nothing_is_found_in_neighbours() {
    let mut bench = shipped();
    for row in pack::rows() {
        assert!(!row.neighbours.is_empty(), "{} has no neighbour", row.name);
        for text in &row.neighbours {
            for outcomes in say_both_ways(&mut bench, row.said, text) {
                for outcome in outcomes {
                    let told = (outcome.fate, outcome.signature.as_deref());
                    assert_eq!(told, (Fate::Allow, None), "{}: {outcome:?}", row.name);
                }
            }
        }
    }
}

#[test]
fn every_signature_has_a_row() {
    let bundle = bundle(&pack::files().unwrap());
    let (model, _) = enforcer::policy::parse(&bundle).unwrap_or_else(|error| panic!("{error}"));
    let pack: BTreeSet<&str> = model.signatures.iter().map(|of| of.name.as_str()).collect();
    let rows = pack::rows();
    let rows: BTreeSet<&str> = rows.iter().map(|row| row.name).collect();
    assert_eq!(
        pack, rows,
        "the pack (left) and what is tested of it (right)"
    );
}
