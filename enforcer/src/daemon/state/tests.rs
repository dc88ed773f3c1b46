//! The state directory by itself: what is written comes back, whatever happens
//! between.

use enforcer_common::addr::{Mac, Vlan};
use tempfile::TempDir;

use super::*;
use crate::daemon::engine::the_enforcer;
use crate::policy::canary::Share;
use crate::policy::source::{Bundle, File};

fn text(content: &str) -> Text {
    Text::Plain(Bundle {
        main: File {
            path: "p.yaml".to_owned(),
            text: content.to_owned(),
        },
        included: Vec::new(),
    })
}

fn applied(hash: &str, parent: Option<i64>) -> Record {
    Record {
        hash: Some(hash.to_owned()),
        parent,
        ..Record::new(Action::Apply, &the_enforcer())
    }
}

fn put(state: &State, hash: &str, on_trial: bool) -> InForce {
    let parent = state.in_force().unwrap().map(|in_force| in_force.entry);
    let pending = Pending {
        record: applied(hash, parent),
        on_trial,
    };
    state.prepare(&text(hash), &pending).unwrap();
    state.commit(7).unwrap()
}

fn opened() -> (TempDir, State) {
    let directory = tempfile::tempdir().unwrap();
    let state = State::open(directory.path()).unwrap();
    (directory, state)
}

#[test]
fn what_is_prepared_is_in_force_only_once_committed() {
    let (directory, state) = opened();
    let first = put(&state, "one", false);
    let pending = Pending {
        record: applied("two", Some(first.entry)),
        on_trial: false,
    };
    state.prepare(&text("two"), &pending).unwrap();
    drop(state);
    let state = State::open(directory.path()).unwrap();
    assert_eq!(state.in_force().unwrap(), Some(first.clone()));
    assert_eq!(
        state.pending().unwrap().unwrap().record.hash.as_deref(),
        Some("two")
    );
    assert_eq!(state.policy("two").unwrap(), Some(text("two")));
    let second = state.commit(8).unwrap();
    assert_eq!(second.hash, "two");
    assert_eq!(state.parent(second.entry).unwrap(), Some(first.entry));
    assert!(state.pending().unwrap().is_none());
    assert_eq!(state.history(1).unwrap()[0].epoch, Some(8));
}

#[test]
fn a_trial_leads_back_to_what_was_before() {
    let (_directory, state) = opened();
    let first = put(&state, "one", false);
    put(&state, "two", true);
    let trial = state.on_trial().unwrap().unwrap();
    assert_eq!((&*trial.hash, &trial.before), ("two", &first));
    let record = Record {
        hash: Some("one".to_owned()),
        ..Record::new(Action::Expire, &the_enforcer())
    };
    let back = state.return_from_trial(&record, &trial.before).unwrap();
    assert_eq!((&*back.hash, back.applied_at), ("one", first.applied_at));
    assert_eq!(state.on_trial().unwrap(), None);
    assert_eq!(state.in_force().unwrap(), Some(back));
}

#[test]
fn canaries_are_kept_by_what_they_are_made_of() {
    let (_directory, state) = opened();
    let canary = Text::Canary(Canary {
        before: "one".to_owned(),
        after: "two".to_owned(),
        share: Share::Tag("first".to_owned()),
    });
    state.keep_policy("both", &canary).unwrap();
    assert_eq!(state.policy("both").unwrap(), Some(canary));
    assert_eq!(state.policy("none").unwrap(), None);
}

#[test]
fn a_text_that_is_damaged_counts_as_absent() {
    let (_directory, state) = opened();
    state.keep_policy("one", &text("one")).unwrap();
    state
        .connection()
        .execute("UPDATE policies SET body = x'789c00'", [])
        .unwrap();
    assert_eq!(state.policy("one").unwrap(), None);
}

#[test]
fn refusals_do_not_push_out_what_was_done() {
    let (_directory, state) = opened();
    put(&state, "one", false);
    let refused = Record::new(Action::Refused, &the_enforcer());
    state
        .write(|connection| {
            for _ in 0..1_200 {
                history::insert(connection, &refused)?;
            }
            Ok(())
        })
        .unwrap();
    let rows = state.history(u32::MAX).unwrap();
    assert_eq!(rows.len(), 1_001);
    assert_eq!(rows.last().unwrap().action, "apply");
}

/// A text in force is kept, however many came after it and went.
#[test]
fn old_texts_are_forgotten_but_not_the_one_in_force() {
    let (_directory, state) = opened();
    put(&state, "one", false);
    state
        .connection()
        .execute("UPDATE policies SET last_used = 0", [])
        .unwrap();
    for number in 0..120 {
        state
            .keep_policy(&number.to_string(), &text("other"))
            .unwrap();
    }
    put(&state, "last", true);
    assert!(
        state.policy("one").unwrap().is_some(),
        "returns from the trial"
    );
    assert!(state.policy("0").unwrap().is_none());
    assert!(state.policy("119").unwrap().is_some());
}

#[test]
fn exceptions_end_after_the_time_that_is_left_when_the_clock_is_set() {
    let (_directory, state) = opened();
    let exception = |name: &str, until| Exception {
        kind: Kind::Quarantine,
        subject: identity(Mac([2, 0, 0, 0, 0, until as u8]), Vlan::default()),
        name: name.to_owned(),
        since: 1_000,
        until,
        user: "root".to_owned(),
        reason: String::new(),
    };
    let record = Record::new(Action::Quarantine, &the_enforcer());
    for exception in [exception("ends", 5_000), exception("stays", FOR_EVER)] {
        state.except(&exception, &record).unwrap();
    }
    state
        .shift_exceptions(-900, &Record::new(Action::AcceptClock, &the_enforcer()))
        .unwrap();
    let [ends, stays] = &state.exceptions().unwrap()[..] else {
        panic!("two are expected");
    };
    assert_eq!((ends.since, ends.until), (100, 4_100));
    assert!(!ends.is_over(4_099) && ends.is_over(4_100));
    assert!(!stays.is_over(u32::MAX));
    state.release(ends, &record).unwrap();
    assert_eq!(state.exceptions().unwrap().len(), 1);
}

#[test]
fn one_daemon_at_a_time() {
    let (directory, _state) = opened();
    let error = State::open(directory.path()).unwrap_err().to_string();
    assert!(error.contains("another enforcerd"), "{error}");
}
