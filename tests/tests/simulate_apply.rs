//! A policy's own tests stand between it and its force: the daemon refuses a policy
//! whose tests fail, and what was in force stays so.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, SystemTime};

use enforcer_tests::{Ward, wait, ward};

/// The example policy with these tests.
fn tested(tests: &str) -> String {
    format!("{}\ntests:\n{tests}", ward::policy().unwrap())
}

const RIGHT: &str =
    "  - {from: pump-1, to: 10.10.0.36, tcp: 3613, expect: allow, rule: systems-manager}\n";
const WRONG: &str = "  - {name: telnet, from: pump-1, to: 10.10.0.36, tcp: 23, expect: allow}\n";

/// A rule whose end has come makes its test fail. That bars the promotion of a canary,
/// and not the way back.
#[test]
fn tests_run_again_on_promotion_and_on_the_way_back() {
    let ward = Ward::enforced("nagain").unwrap();
    let rule = "        tcp: 3613\n";
    let soon = SystemTime::now() + Duration::from_secs(8);
    let expires = humantime::format_rfc3339_seconds(soon);
    let brief = ward::edit(
        &tested(RIGHT),
        rule,
        &format!("{rule}        expires: {expires}\n"),
    )
    .unwrap();
    ward.apply(&brief).unwrap();
    let brief_hash = ward.in_force().unwrap().1;
    ward.apply(&tested(RIGHT)).unwrap();
    let file = ward.write("brief.yaml", &brief).unwrap();
    let canary = [
        "apply",
        file.to_str().unwrap(),
        "--canary",
        "alaris-pcu=50%",
    ];
    ward.client().run(&canary).unwrap();
    let out = ward.in_force().unwrap();
    wait::until("the rule ends", Duration::from_secs(30), || {
        Ok((SystemTime::now() > soon).then_some(()))
    })
    .unwrap();
    let output = ward.client().try_run(&["promote"]).unwrap();
    let complained = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{complained}");
    assert!(
        complained.contains("found deny (rule-asleep)"),
        "{complained}"
    );
    assert_eq!(ward.in_force().unwrap(), out);

    ward.client().run(&["withdraw"]).unwrap();
    let said = ward.client().run(&["rollback"]).unwrap();
    assert_eq!(ward.in_force().unwrap().1, brief_hash);
    assert!(said.contains("fails: expected allow"), "{said}");
}

#[test]
fn a_policy_whose_tests_fail_is_not_applied() {
    let ward = Ward::enforced("ntested").unwrap();
    let before = ward.in_force().unwrap();
    let file = ward
        .write("wrong.yaml", &tested(&[RIGHT, WRONG].concat()))
        .unwrap();
    let output = ward
        .client()
        .try_run(&["apply", file.to_str().unwrap()])
        .unwrap();
    let complained = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        output.status.code(),
        Some(3),
        "as for a policy with errors: {complained}"
    );
    let words = "error: tests[1]: the test \"telnet\" fails: expected allow, found deny (no-rule) for pump-1";
    assert!(complained.contains(words), "{complained}");
    assert!(
        complained.contains("1 of the policy's 2 tests fails"),
        "{complained}"
    );
    assert_eq!(
        ward.in_force().unwrap(),
        before,
        "the policy before stays in force"
    );

    let file = ward.write("right.yaml", &tested(RIGHT)).unwrap();
    ward.client().apply(&file).unwrap();
    let (epoch, hash) = ward.in_force().unwrap();
    assert!(epoch > before.0 && hash != before.1);
    // The program that runs the tests is kept, and serves the next policy too.
    let file = ward.write("wrong.yaml", &tested(WRONG)).unwrap();
    assert!(ward.client().apply(&file).is_err());
    assert_eq!(ward.in_force().unwrap(), (epoch, hash));
}
