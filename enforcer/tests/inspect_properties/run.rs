//! Runs a property over random inputs, and shows what it fails for.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseResult, TestError, TestRunner};

/// So many cases, unless the environment asks for others.
pub(crate) fn for_all<S: Strategy>(
    cases: u32,
    inputs: &S,
    show: impl Fn(&S::Value) -> String,
    property: impl Fn(S::Value) -> TestCaseResult,
) {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let standard = Config::default();
    let mut runner = TestRunner::new(Config {
        cases: if asked { standard.cases } else { cases },
        failure_persistence: None,
        max_shrink_iters: 5_000,
        ..standard
    });
    match runner.run(inputs, property) {
        Ok(()) => {}
        Err(TestError::Fail(reason, input)) => panic!("{reason}\n{}", show(&input)),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}
