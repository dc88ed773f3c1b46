//! Runs a policy's own tests for `check`: by the decision in user space, and by
//! the program in the kernel where the caller may.

use std::time::{SystemTime, UNIX_EPOCH};

use enforcer::policy::compile::Compiled;
use enforcer::policy::model::Model;
use enforcer::policy::source::Bundle;
use enforcer::simulate::engine::Kernel;
use enforcer::simulate::expectations::{Rehearsal, failures};
use serde::Serialize;

use crate::exit::Stop;

/// What was run; all of it passed.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Tests {
    pub(crate) passed: usize,
    /// `model` and `kernel`; none where the policy has no tests.
    engines: Vec<&'static str>,
}

impl Tests {
    /// In a sentence, where there is something to say.
    pub(crate) fn text(&self) -> Option<String> {
        let tests = match self.passed {
            0 => return None,
            1 => "1 test passes".to_owned(),
            many => format!("{many} tests pass"),
        };
        Some(match self.engines.as_slice() {
            [_, _] => format!("{tests}, in the model and in the kernel"),
            _ => format!("{tests} in the model; kernel run skipped: it needs root"),
        })
    }
}

/// Runs the tests of a policy; tests that fail are errors of the policy.
pub(crate) fn rehearse(bundle: &Bundle, model: &Model, compiled: &Compiled) -> Result<Tests, Stop> {
    if model.tests.is_empty() {
        return Ok(Tests::default());
    }
    let failed =
        |error: anyhow::Error| Stop::Failed(format!("the policy's tests cannot be run: {error:#}"));
    let mut engines = vec!["model"];
    let mut rehearsal = if Kernel::is_permitted() {
        engines.push("kernel");
        Rehearsal::in_both(compiled).map_err(failed)?
    } else {
        Rehearsal::in_model()
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(0, |since| {
        u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
    });
    let outcomes = rehearsal.run(model, compiled, now).map_err(failed)?;
    match failures(bundle, &outcomes) {
        Some(diagnostics) => Err(Stop::Policy(diagnostics)),
        None => Ok(Tests {
            passed: outcomes.len(),
            engines,
        }),
    }
}
