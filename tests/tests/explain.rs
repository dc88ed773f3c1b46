//! `explain`, asked of the daemon: it knows what is in force, which file and line that
//! came from, and what was marked since.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use enforcer_tests::{Ward, ward};
use serde_json::Value;

fn explain(ward: &Ward, port: &str) -> Value {
    let question = [
        "explain",
        "--from",
        "pump-1",
        "--to",
        "10.10.0.36",
        "--tcp",
        port,
    ];
    ward.client().json(&question).unwrap()
}

/// Whether a step, or a change, says these words.
fn says(answer: &Value, part: &str, words: &str) -> bool {
    let sentences = answer[part].as_array().unwrap();
    let mut sentences = sentences.iter().filter_map(Value::as_str);
    sentences.any(|sentence| sentence.contains(words))
}

#[test]
fn the_rule_in_force_is_named_by_file_and_line() {
    let ward = Ward::enforced("xrule").unwrap();
    let answer = explain(&ward, "3613");
    assert_eq!(answer["fate"], "allow");
    assert_eq!(answer["rule"], "alaris-pcu/systems-manager");
    let policy = ward::policy().unwrap();
    let line = policy
        .lines()
        .position(|line| line.contains("- name: systems-manager"))
        .unwrap()
        + 1;
    let place = answer["place"].as_str().unwrap();
    assert!(place.ends_with(&format!("policy.yaml:{line}")), "{place}");

    let answer = explain(&ward, "23");
    assert_eq!(
        (&answer["fate"], &answer["reason"]),
        (&"deny".into(), &"no-rule".into())
    );
    assert!(says(&answer, "change", "rule"), "{answer:#}");
}

#[test]
fn what_was_marked_since_is_part_of_the_answer() {
    let ward = Ward::enforced("xmark").unwrap();
    let client = ward.client();
    client
        .run(&["quarantine", "pump-1", "--reason", "scans"])
        .unwrap();
    let answer = explain(&ward, "3613");
    assert_eq!(
        (&answer["fate"], &answer["reason"]),
        (&"deny".into(), &"quarantined".into())
    );
    assert!(says(&answer, "change", "release"), "{answer:#}");
    client.run(&["release", "pump-1"]).unwrap();
    assert_eq!(explain(&ward, "3613")["fate"], "allow");

    client
        .run(&[
            "break-glass",
            "--profile",
            "alaris-pcu",
            "--for",
            "5m",
            "--reason",
            "drill",
        ])
        .unwrap();
    let answer = explain(&ward, "23");
    assert_eq!(
        (&answer["fate"], &answer["reason"]),
        (&"audit".into(), &"no-rule".into())
    );
}
