//! A policy's own tests stand between it and its force: the daemon refuses a policy
//! whose tests fail, and what was in force stays so.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use enforcer_tests::{Ward, ward};

/// The example policy with these tests.
fn tested(tests: &str) -> String {
    format!("{}\ntests:\n{tests}", ward::policy().unwrap())
}

const RIGHT: &str =
    "  - {from: pump-1, to: 10.10.0.36, tcp: 3613, expect: allow, rule: systems-manager}\n";
const WRONG: &str = "  - {name: telnet, from: pump-1, to: 10.10.0.36, tcp: 23, expect: allow}\n";

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
