//! The history: who changed what, when and why; and the way back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    process::Command,
};

use enforcer_tests::{Ward, ward};
use serde_json::Value;

fn variant(port: u16) -> String {
    ward::policy_with("        tcp: 3613\n", &format!("        tcp: {port}\n")).unwrap()
}

fn history(ward: &Ward) -> Vec<Value> {
    ward.client().json(&["history"]).unwrap()
}

fn refused(ward: &Ward, arguments: &[&str]) -> String {
    let output = ward.client().try_run(arguments).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Applies the policy and says its hash.
fn apply(ward: &Ward, policy: &str) -> String {
    ward.apply(policy).unwrap();
    ward.in_force().unwrap().1
}

#[test]
fn roll_backs_go_back_step_by_step_and_no_further() {
    let mut ward = Ward::enforced("hback").unwrap();
    let first = ward.in_force().unwrap().1;
    assert!(refused(&ward, &["rollback"]).contains("nothing to go back to"));
    let second = apply(&ward, &variant(3614));
    let third = apply(&ward, &variant(3615));
    // The same once more is no step of its own.
    assert_eq!(apply(&ward, &variant(3615)), third);
    ward.client().run(&["rollback"]).unwrap();
    assert_eq!(ward.in_force().unwrap().1, second);
    // The way back is not lost with the daemon.
    ward.daemon_mut().kill().unwrap();
    ward.daemon_mut().launch().unwrap();
    ward.client().run(&["rollback"]).unwrap();
    assert_eq!(ward.in_force().unwrap().1, first);
    let before = ward.in_force().unwrap();
    assert!(refused(&ward, &["rollback"]).contains("nothing to go back to"));
    assert_eq!(ward.in_force().unwrap(), before);

    // From here on another way is taken.
    apply(&ward, &variant(3616));
    let said = refused(&ward, &["rollback", "2"]);
    assert!(
        said.contains("only one policy was in force before"),
        "{said}"
    );
    apply(&ward, &variant(3617));
    ward.client().run(&["rollback", "2"]).unwrap();
    assert_eq!(ward.in_force().unwrap().1, first);
    assert_ne!(third, first);
}

#[test]
fn a_roll_back_is_on_trial_if_asked() {
    let ward = Ward::enforced("htrial").unwrap();
    let first = ward.in_force().unwrap().1;
    let second = apply(&ward, &variant(3614));
    ward.client()
        .run(&["rollback", "--confirm-within", "10m"])
        .unwrap();
    assert_eq!(ward.in_force().unwrap().1, first);
    ward.client().run(&["withdraw"]).unwrap();
    assert_eq!(ward.in_force().unwrap().1, second);
    // The withdrawal is no step: one back is the first policy.
    ward.client().run(&["rollback"]).unwrap();
    assert_eq!(ward.in_force().unwrap().1, first);
}

#[test]
fn the_history_tells_who_changed_what_and_why() {
    let ward = Ward::enforced("hwho").unwrap();
    let first = ward.in_force().unwrap();
    let file = ward.write("policy.yaml", &variant(3614)).unwrap();
    let file = file.to_str().unwrap();
    ward.client()
        .run(&["apply", file, "--reason", "ticket 4711"])
        .unwrap();
    let broken = ward.write("broken.yaml", "version: 2\n").unwrap();
    let output = ward
        .client()
        .try_run(&["apply", broken.to_str().unwrap()])
        .unwrap();
    assert_eq!(output.status.code(), Some(3));

    let rows = history(&ward);
    let [failed, applied, earlier] = &rows[..] else {
        panic!("{rows:#?}");
    };
    assert_eq!(applied["action"], "apply");
    assert_eq!(applied["author"]["uid"], 0);
    assert_eq!(applied["author"]["user"], "root");
    assert!(applied["author"]["pid"].as_i64().unwrap() > 1);
    assert_eq!(applied["note"], "ticket 4711");
    assert_eq!(applied["epoch"], first.0 + 1);
    assert_eq!(applied["in_force"], true);
    assert_eq!(applied["changes"]["changed"], 1);
    let change = &applied["changes"]["first"][0];
    assert_eq!(change["subject"], "rule alaris-pcu/systems-manager");
    assert_eq!(earlier["hash"], first.1);
    assert_eq!(earlier["in_force"], false);
    assert_eq!(failed["action"], "refused");
    assert_eq!(failed["subject"], "apply");
    assert!(failed["hash"].is_null());

    // The policies of the past, as they were written.
    let id = |row: &Value| row["id"].to_string();
    let text = ward
        .client()
        .run(&["history", "show", &id(earlier)])
        .unwrap();
    assert!(text.contains("tcp: 3613"), "{text}");
    assert!(text.contains("pump-2,02:00:00:00:11:01"), "{text}");
    let changes = ward
        .client()
        .run(&["history", "diff", &id(earlier), &id(applied)])
        .unwrap();
    assert!(
        changes.contains("tcp 3613") && changes.contains("tcp 3614"),
        "{changes}"
    );
    let said = refused(&ward, &["history", "show", &id(failed)]);
    assert!(said.contains("about no policy"), "{said}");
    assert!(refused(&ward, &["history", "show", "999"]).contains("no row 999"));
    let table = ward.client().run(&["history", "-n", "1"]).unwrap();
    assert!(
        table.contains("refused") && !table.contains("ticket"),
        "{table}"
    );
}

/// The kernel says who it was, not the client.
#[test]
fn who_may_not_change_anything_is_in_the_history() {
    let ward = Ward::enforced("hnobody").unwrap();
    let directory = ward.lab().directory();
    fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
    let program = directory.join("enforcerctl");
    fs::copy(ward.client().program(), &program).unwrap();
    fs::set_permissions(ward.client().socket(), Permissions::from_mode(0o666)).unwrap();
    for request in [
        &["rollback"][..],
        &["confirm"],
        &["quarantine", "pump-1"],
        &["clock", "--accept"],
    ] {
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program)
            .arg("--socket")
            .arg(ward.client().socket())
            .args(request)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(5), "{request:?}: {output:?}");
    }
    let rows = history(&ward);
    assert_eq!(rows.len(), 5, "{rows:#?}");
    for row in &rows[..4] {
        assert_eq!(row["action"], "refused");
        assert_eq!(row["author"]["uid"], 65534);
    }
    let exceptions: Vec<Value> = ward.client().json(&["exceptions"]).unwrap();
    assert!(exceptions.is_empty());
    let log = ward.daemon().log().unwrap();
    assert!(log.contains("quarantine refused: not permitted"), "{log}");
}
