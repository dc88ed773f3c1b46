//! How many hits there must be, and what they lead to.

use super::super::super::describe;
use super::super::super::signature::{Per, Threshold};
use super::*;

#[test]
fn a_threshold_is_of_hits_in_a_time() {
    let found = signature(
        "name: s, tcp: 80, threshold: {hits: 5, within: 2m, per: destination, every: true}, find: [{text: abc}]",
    );
    let expected = Threshold {
        hits: 5,
        seconds: 120,
        per: Per::Destination,
        every: true,
    };
    assert_eq!(found.threshold, Some(expected));
    assert_eq!(
        describe::parts(&found),
        "\"abc\" every 5 hits in 2m per destination"
    );
    let found = signature(
        "name: s, tcp: 80, threshold: {hits: 5, within: 168h, per: source}, find: [{text: abc}]",
    );
    assert_eq!(
        describe::parts(&found),
        "\"abc\" from hit 5 in 7d per source"
    );
    let refuse = |threshold: &str, message: &str| {
        let rest = "name: s, tcp: 80, find: [{text: abc}]";
        refused(&format!("{rest}, threshold: {{{threshold}}}"), message);
    };
    let rest = "within: 1m, per: source";
    refuse(rest, ".threshold.hits: missing");
    refuse("hits: 3, per: source", ".threshold.within: missing");
    refuse("hits: 3, within: 1m", ".threshold.per: missing");
    refuse(
        &format!("hits: 0, {rest}"),
        ".threshold.hits: it acts at the first hit at the earliest",
    );
    refuse(
        "hits: 3, within: 169h, per: source",
        ".threshold.within: 169h is not from 1s to 168h",
    );
    refuse(
        "hits: 3, within: 1m, per: flow",
        ".threshold.per: expected source or destination, found \"flow\"",
    );
}

#[test]
fn a_quarantine_has_an_end_or_waits_for_a_person() {
    let rest = "name: s, tcp: 80, find: [{text: abc}]";
    let quarantine = signature(&format!("{rest}, quarantine: until-released")).quarantine;
    assert_eq!(quarantine, Some(Quarantine::UntilReleased));
    let refuse = |settings: &str, message: &str| refused(&format!("{rest}, {settings}"), message);
    refuse(
        "action: alert, quarantine: 1h",
        ".quarantine: what is only reported cuts nobody off; let its `action` be drop or cut",
    );
    refuse(
        "quarantine: 3",
        ".quarantine: 3 of what? a time has a unit: s, m or h; did you mean \"3s\"?",
    );
    refuse("quarantine: 0s", ".quarantine: 0s is not from 1s to 8784h");
    refuse(
        "begin: packet",
        ".begin: expected connection or turn or segment, found \"packet\"",
    );
}
