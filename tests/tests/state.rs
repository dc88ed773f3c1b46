//! The state directory: a daemon that dies at any point leaves the text of what is
//! in force; a database that is damaged, newer or full is told, and enforcement
//! goes on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf};

use enforcer_tests::{Load, Topology, Ward, daemon::Settings, ward};
use rusqlite::Connection;
use serde_json::{Value, json};

fn state(ward: &Ward, file: &str) -> PathBuf {
    ward.lab().directory().join("state").join(file)
}

fn database(ward: &Ward) -> Connection {
    Connection::open(state(ward, "state.sqlite")).unwrap()
}

/// A value that the daemon keeps; `None` where it keeps none.
fn setting(database: &Connection, name: &str) -> Option<Value> {
    let text: Option<String> = database
        .query_row(
            "SELECT value FROM settings WHERE name = ?1",
            [name],
            |row| row.get(0),
        )
        .ok();
    text.map(|text| serde_json::from_str(&text).unwrap())
}

fn keep(database: &Connection, name: &str, value: &Value) {
    database
        .execute(
            "INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)",
            (name, value.to_string()),
        )
        .unwrap();
}

fn other_policy() -> String {
    ward::policy_with("        tcp: 3613\n", "        tcp: 3614\n").unwrap()
}

/// What the history says first of a policy that came into force: as the daemon
/// writes it before the epoch moves.
fn pending(hash: &str) -> Value {
    json!({
        "record": {
            "action": "apply",
            "author": {"uid": 0, "gid": 0, "pid": 1, "user": "root"},
            "subject": null, "hash": hash, "epoch": null, "parent": null, "note": null,
            "changes": null,
        },
        "on_trial": false,
    })
}

fn remove_pins(ward: &Ward) {
    for generation in fs::read_dir(ward.lab().bpffs().join("enforcer")).unwrap() {
        fs::remove_dir_all(generation.unwrap().path()).unwrap();
    }
}

/// A daemon that died after its policy came into force and before it said so in
/// the state directory.
#[test]
fn a_crash_between_in_force_and_saved_is_made_good() {
    let mut ward = Ward::enforced("scrash").unwrap();
    let older = ward.in_force().unwrap();
    let saved_older = setting(&database(&ward), "in_force").unwrap();
    ward.apply(&other_policy()).unwrap();
    let newer = ward.in_force().unwrap();
    assert_ne!(newer.1, older.1);
    ward.daemon_mut().kill().unwrap();
    let database = database(&ward);
    let row = setting(&database, "in_force").unwrap()["entry"].clone();
    database
        .execute("DELETE FROM history WHERE id = ?1", [row.as_i64()])
        .unwrap();
    keep(&database, "in_force", &saved_older);
    keep(&database, "pending", &pending(&newer.1));

    ward.daemon_mut().launch().unwrap();
    assert_eq!(ward.in_force().unwrap(), newer);
    assert_eq!(setting(&database, "pending"), None);
    let history: Vec<Value> = ward.client().json(&["history"]).unwrap();
    assert_eq!(history[0]["hash"], newer.1);
    assert_eq!(history[0]["epoch"], newer.0);
    assert_eq!(history[0]["in_force"], true);
    // From now on the machine may restart as well.
    ward.daemon_mut().kill().unwrap();
    remove_pins(&ward);
    ward.daemon_mut().launch().unwrap();
    assert_eq!(ward.in_force().unwrap().1, newer.1);
}

/// A daemon that died before its policy came into force.
#[test]
fn a_policy_that_never_came_into_force_is_forgotten() {
    let mut ward = Ward::enforced("sforgotten").unwrap();
    let before = ward.in_force().unwrap();
    ward.daemon_mut().kill().unwrap();
    let database = database(&ward);
    keep(&database, "pending", &pending(&"0".repeat(64)));
    ward.daemon_mut().launch().unwrap();
    assert_eq!(ward.in_force().unwrap(), before);
    assert_eq!(setting(&database, "pending"), None);
    let history: Vec<Value> = ward.client().json(&["history"]).unwrap();
    assert_eq!(history.len(), 1, "{history:#?}");
}

/// What versions before the database left is not lost.
#[test]
fn the_policy_of_an_earlier_version_is_taken_over() {
    let mut ward = Ward::enforced("slegacy").unwrap();
    let before = ward.in_force().unwrap();
    ward.daemon_mut().kill().unwrap();
    fs::remove_file(state(&ward, "state.sqlite")).unwrap();
    let lists = ward.lab().directory().join("ward-devices.csv");
    let saved = json!({
        "hash": before.1,
        "applied_at": "2026-01-02T03:04:05Z",
        "bundle": {
            "main": {"path": "ward.yaml", "text": ward::policy().unwrap()},
            "included": [{"path": "ward-devices.csv", "text": fs::read_to_string(lists).unwrap()}],
        },
    });
    fs::write(state(&ward, "running.json"), saved.to_string()).unwrap();
    fs::write(state(&ward, "pending.json"), "{\"hash\": \"12").unwrap();
    remove_pins(&ward);

    ward.daemon_mut().launch().unwrap();
    assert_eq!(ward.in_force().unwrap().1, before.1);
    let status = ward.client().status().unwrap();
    assert_eq!(status["policy"]["applied_at"], "2026-01-02T03:04:05Z");
    let log = ward.daemon().log().unwrap();
    assert!(
        log.contains("took over the policy of running.json"),
        "{log}"
    );
    assert!(log.contains("cannot read a saved policy"), "{log}");
    assert!(!state(&ward, "running.json").exists());
    assert!(state(&ward, "running.json.taken-over").exists());
    // Once is enough: an old file that comes back counts for nothing.
    ward.apply(&other_policy()).unwrap();
    let newer = ward.in_force().unwrap();
    ward.daemon_mut().kill().unwrap();
    fs::write(state(&ward, "running.json"), saved.to_string()).unwrap();
    remove_pins(&ward);
    ward.daemon_mut().launch().unwrap();
    assert_eq!(ward.in_force().unwrap().1, newer.1);
}

#[test]
fn a_damaged_database_is_set_aside_and_enforcement_goes_on() {
    let mut ward = Ward::enforced("sdamaged").unwrap();
    let load = Load::start(ward.lab()).unwrap();
    load.go_on(200).unwrap();
    ward.daemon_mut().kill().unwrap();
    // Else what matters is still in the log beside it, and is recovered from there.
    database(&ward)
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    let path = state(&ward, "state.sqlite");
    let mut bytes = fs::read(&path).unwrap();
    let length = bytes.len();
    bytes[..length / 2].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    ward.daemon_mut().launch().unwrap();

    let status = ward.client().status().unwrap();
    let warnings = status["warnings"].to_string();
    assert!(warnings.contains("was damaged"), "{warnings}");
    assert!(warnings.contains("apply it again"), "{warnings}");
    let aside = fs::read_dir(ward.lab().directory().join("state"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .find(|name| name.starts_with("state.sqlite.damaged-"));
    assert!(aside.is_some());
    ward.apply(&ward::policy().unwrap()).unwrap();
    load.go_on(200).unwrap();
    let outcome = load.finish().unwrap();
    assert_eq!((outcome.lost(), outcome.leaked()), (0, 0), "{outcome:?}");
    let before = ward.in_force().unwrap();
    ward.daemon_mut().kill().unwrap();
    ward.daemon_mut().launch().unwrap();
    assert_eq!(ward.in_force().unwrap(), before);
}

#[test]
fn a_database_of_a_newer_version_is_not_touched() {
    let mut ward = Ward::unenforced("snewer", &Topology::default(), &Settings::default()).unwrap();
    ward.daemon_mut().kill().unwrap();
    database(&ward)
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let refused = ward.daemon().run_beside(&[], &[]).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("written by a newer enforcerd"), "{said}");
    assert!(said.contains("version 99"), "{said}");
}

/// Once the epoch has moved, the policy is in force, and an apply that cannot be
/// saved is not reported as refused; the next start makes it good.
#[test]
fn a_policy_in_force_that_cannot_be_saved_is_no_refusal() {
    let mut ward = Ward::enforced("sunsaved").unwrap();
    let (epoch, _) = ward.in_force().unwrap();
    let database = database(&ward);
    database
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON history BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
        )
        .unwrap();
    ward.apply(&other_policy()).unwrap();
    let in_force = ward.in_force().unwrap();
    assert_eq!(in_force.0, epoch + 1);
    let log = ward.daemon().log().unwrap();
    assert!(log.contains("not saved for a restart"), "{log}");
    ward.daemon_mut().kill().unwrap();
    database.execute_batch("DROP TRIGGER full").unwrap();
    ward.daemon_mut().launch().unwrap();
    assert_eq!(ward.in_force().unwrap(), in_force);
    let history: Vec<Value> = ward.client().json(&["history"]).unwrap();
    assert_eq!(history[0]["hash"], in_force.1);
}

/// Before the epoch moves, a disk that takes no more is a refusal.
#[test]
fn a_policy_that_cannot_be_written_is_refused() {
    let ward = Ward::enforced("sfull").unwrap();
    let before = ward.in_force().unwrap();
    database(&ward)
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON policies BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
        )
        .unwrap();
    let refused = ward.apply(&other_policy()).unwrap_err().to_string();
    assert!(refused.contains("the disk is full"), "{refused}");
    assert_eq!(ward.in_force().unwrap(), before);
}

/// A file that was edited after it was applied is told, at the start and later.
#[test]
fn a_file_that_is_no_longer_what_was_applied_is_told() {
    let mut ward = Ward::enforced("sfile").unwrap();
    let told = |ward: &Ward| {
        let warnings = ward.client().status().unwrap()["warnings"].to_string();
        warnings.contains("is no longer what was applied")
    };
    assert!(!told(&ward));
    ward.daemon_mut().kill().unwrap();
    ward.write("policy.yaml", &other_policy()).unwrap();
    ward.daemon_mut().launch().unwrap();
    assert!(told(&ward));
    let log = ward.daemon().log().unwrap();
    assert!(log.contains("no longer the policy in force"), "{log}");
    ward.write("policy.yaml", &ward::policy().unwrap()).unwrap();
    assert!(!told(&ward));
}
