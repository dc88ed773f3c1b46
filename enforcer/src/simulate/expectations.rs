//! The policy's own tests: what its author expects of it, asked of the decision in
//! user space and of the program in the kernel before the policy may judge anybody.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, anyhow};
use enforcer_common::port::Port;
use enforcer_common::verdict::Reason;

use super::engine::{Engine, InModel, Kernel};
use super::explain::first_packets;
use super::{calendars::Calendars, ports, tally::Names};
use crate::control::api::{Failure, Question};
use crate::datapath::observe::Observed;
use crate::policy;
use crate::policy::compile::Compiled;
use crate::policy::diagnostic::Diagnostics;
use crate::policy::model::{Model, Test};
use crate::policy::source::Bundle;

/// Flows that the kernel engine holds: those of one test at a time.
const FLOWS: u32 = 1 << 10;
/// Seconds between two tests, so that no rate of the one is spent by the other.
const APART: u32 = 10;
const SECOND: u64 = 1_000_000_000;

/// What became of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Index in [`Model::tests`].
    pub index: usize,
    pub name: String,
    /// What was expected and what came instead; `None` where it is the same.
    pub failure: Option<String>,
}

/// What one engine says of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    reason: Reason,
    /// `profile/rule` of all rules that allow it.
    rules: Vec<String>,
    device: Option<String>,
}

/// Engines that run policy tests, kept between runs.
#[expect(
    missing_debug_implementations,
    reason = "engines are not to be printed"
)]
pub struct Rehearsal {
    engines: Vec<Box<dyn Engine>>,
    /// Lines of compiled policy that all engines hold.
    room: usize,
    /// The simulation's clock, in seconds. Goes on between runs.
    clock: u32,
}

impl Rehearsal {
    /// By the decision in user space alone, which needs no rights.
    pub fn in_model() -> Self {
        Self {
            engines: vec![Box::<InModel>::default()],
            room: usize::MAX,
            clock: APART,
        }
    }

    /// By the program in the kernel too. Holds the calling thread to its CPU.
    ///
    /// # Errors
    /// When the kernel refuses, as it does without root.
    pub fn in_both(compiled: &Compiled) -> Result<Self> {
        let kernel = Kernel::load(compiled, FLOWS)?;
        Ok(Self {
            room: kernel.room(),
            engines: vec![Box::<InModel>::default(), Box::new(kernel)],
            clock: APART,
        })
    }

    /// Runs the tests of a policy, those that tell no time at `now` (Unix time).
    ///
    /// # Errors
    /// When an engine fails; a test that fails is no error.
    pub fn run(&mut self, model: &Model, compiled: &Compiled, now: u32) -> Result<Vec<Outcome>> {
        let mut compiled = compiled.clone();
        ports::place(&mut compiled);
        for engine in &mut self.engines {
            engine.install(&compiled)?;
        }
        let mut calendars = Calendars::new(model, &compiled);
        let mut outcomes = Vec::with_capacity(model.tests.len());
        for (index, test) in model.tests.iter().enumerate() {
            calendars.start_anew();
            let failure = self
                .ask(model, &compiled, &mut calendars, test, now)
                .with_context(|| format!("test {}", test.name))?;
            outcomes.push(Outcome {
                index,
                name: test.name.clone(),
                failure,
            });
        }
        Ok(outcomes)
    }

    /// Why a test fails, if it does.
    fn ask(
        &mut self,
        model: &Model,
        compiled: &Compiled,
        calendars: &mut Calendars<'_>,
        test: &Test,
        now: u32,
    ) -> Result<Option<String>> {
        let question = Question {
            from: test.from.clone(),
            to: test.to.clone(),
            service: test.service,
        };
        let packets = match first_packets(model, &question) {
            Ok(packets) => packets,
            Err(error) => return Ok(Some(error)),
        };
        self.clock = self.clock.wrapping_add(APART).max(APART);
        let (time, at) = (u64::from(self.clock) * SECOND, test.at.unwrap_or(now));
        calendars.keep(at, &mut self.engines);
        let names = Names { model, compiled };
        let mut answers = Vec::new();
        for engine in &mut self.engines {
            engine.forget_flows()?;
            engine.set_clock_offset(at.wrapping_sub(self.clock));
            let mut crossings = Vec::new();
            for packet in &packets {
                let port = port(model, compiled, packet.sender, packet.side);
                let observed = engine.judge(&packet.frame, &port, time)?;
                crossings.push(observed.context("a first packet is no frame")?);
            }
            let answer = answer(&crossings, names).context("no packet was judged")?;
            answers.push((engine.name(), answer));
        }
        Ok(judge(test, &answers))
    }
}

fn port(
    model: &Model,
    compiled: &Compiled,
    sender: Option<usize>,
    side: enforcer_common::port::Side,
) -> Port {
    match sender.and_then(|index| model.devices.get(index)) {
        Some(device) => ports::of_device(compiled, device),
        None => ports::unnamed(side),
    }
}

/// Every crossing must be allowed; the first that is not decides.
fn answer(crossings: &[Observed], names: Names<'_>) -> Option<Answer> {
    let denied = crossings.iter().find(|of| !of.verdict.reason.allows());
    let decided = denied.or(crossings.first())?;
    let rules = crossings
        .iter()
        .flat_map(|of| of.findings)
        .filter_map(|finding| names.rule(finding.rule));
    Some(Answer {
        reason: decided.verdict.reason,
        rules: if denied.is_none() {
            rules.collect()
        } else {
            Vec::new()
        },
        device: names.device(decided.verdict.device),
    })
}

fn judge(test: &Test, answers: &[(&str, Answer)]) -> Option<String> {
    let (_, first) = answers.first()?;
    if let Some((other, answer)) = answers.iter().find(|(_, answer)| answer != first) {
        return Some(format!(
            "the engines disagree: the model finds {}, the {other} {}: this is a fault of the \
             enforcer, not of the policy; please report it",
            found(first),
            found(answer)
        ));
    }
    let as_expected = first.reason.allows() == test.allow
        && test
            .reason
            .as_ref()
            .is_none_or(|reason| reason == first.reason.label())
        && test
            .rule
            .as_ref()
            .is_none_or(|rule| names_rule(rule, &first.rules));
    (!as_expected).then(|| format!("expected {}, found {}", expected(test), found(first)))
}

/// `rule` or `profile/rule`.
fn names_rule(expected: &str, rules: &[String]) -> bool {
    rules.iter().any(|rule| {
        rule == expected
            || rule
                .split_once('/')
                .is_some_and(|(_, name)| name == expected)
    })
}

fn expected(test: &Test) -> String {
    let mut text = if test.allow { "allow" } else { "deny" }.to_owned();
    if let Some(reason) = &test.reason {
        text += &format!(" ({reason})");
    }
    if let Some(rule) = &test.rule {
        text += &format!(" by {rule}");
    }
    text
}

fn found(answer: &Answer) -> String {
    let fate = if answer.reason.allows() {
        "allow"
    } else {
        "deny"
    };
    let mut text = format!("{fate} ({})", answer.reason.label());
    if !answer.rules.is_empty() {
        text += &format!(" by {}", answer.rules.join(" and "));
    }
    if let Some(device) = &answer.device {
        text += &format!(" for {device}");
    }
    text
}

/// The failures among outcomes, by their place in the policy; `None` where there
/// are none.
pub fn failures(bundle: &Bundle, outcomes: &[Outcome]) -> Option<Diagnostics> {
    let of = |outcome: &Outcome| {
        let failure = outcome.failure.as_ref()?;
        Some((
            outcome.index,
            format!("the test {:?} fails: {failure}", outcome.name),
        ))
    };
    let failures: Vec<_> = outcomes.iter().filter_map(of).collect();
    (!failures.is_empty()).then(|| policy::failed_tests(bundle, &failures))
}

/// Runs the tests of a policy that is about to be put into force, by both engines,
/// those that tell no time at `now` (Unix time). The program is loaded for the
/// first policy that has tests, and kept.
///
/// # Errors
/// When a test fails, or cannot be run: the policy must not be put into force.
pub fn before_apply(
    bundle: &Bundle,
    model: &Model,
    compiled: &Compiled,
    now: u32,
) -> Result<(), Failure> {
    if model.tests.is_empty() {
        return Ok(());
    }
    // In a thread of its own: the kernel engine holds its thread to one CPU.
    let ran = std::thread::scope(|scope| {
        scope
            .spawn(|| run_kept(model, compiled, now))
            .join()
            .unwrap_or_else(|_| Err(anyhow!("the run broke off")))
    });
    let outcomes = ran.map_err(|error| Failure {
        error: format!("the policy's tests cannot be run, so it is not put into force: {error:#}"),
        diagnostics: None,
        unfit: false,
    })?;
    match failures(bundle, &outcomes) {
        None => Ok(()),
        Some(diagnostics) => Err(Failure {
            error: summary(&outcomes),
            diagnostics: Some(diagnostics),
            unfit: false,
        }),
    }
}

/// `2 of the policy's 7 tests fail`.
pub fn summary(outcomes: &[Outcome]) -> String {
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some());
    match (failed.count(), outcomes.len()) {
        (failed, 1) => format!("{failed} of the policy's 1 test fails"),
        (1, all) => format!("1 of the policy's {all} tests fails"),
        (failed, all) => format!("{failed} of the policy's {all} tests fail"),
    }
}

fn run_kept(model: &Model, compiled: &Compiled, now: u32) -> Result<Vec<Outcome>> {
    static KEPT: Mutex<Option<Rehearsal>> = Mutex::new(None);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let fits = kept
        .as_ref()
        .is_some_and(|rehearsal| compiled.lines.len() <= rehearsal.room);
    if !fits {
        *kept = Some(Rehearsal::in_both(compiled)?);
    }
    let Some(rehearsal) = kept.as_mut() else {
        return Err(anyhow!("no engine is at hand"));
    };
    for engine in &mut rehearsal.engines {
        engine.enter_thread()?;
    }
    let outcomes = rehearsal.run(model, compiled, now);
    if outcomes.is_err() {
        // What failed once is loaded anew the next time.
        *kept = None;
    }
    outcomes
}
