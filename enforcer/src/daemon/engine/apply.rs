//! Puts policies into force: all of a policy or nothing, written to the state
//! directory before and marked there after.

use std::time::{Duration, Instant};

use anyhow::Result;
use enforcer_common::verdict::Mode;

use super::candidate::{Candidate, unfit};
use super::running::Running;
use super::{Engine, broken, failure};
use crate::control::api::{Applied, ApplyRequest, Author, ChangeSummary, Changes, Failure};
use crate::daemon::state::{Action, InForce, Pending, Record};
use crate::datapath::Datapath;
use crate::datapath::control::monotonic_ns;
use crate::policy::diagnostic::Diagnostics;
use crate::policy::diff::diff;
use crate::policy::model::Model;
use crate::policy::signature;
use crate::policy::source::Bundle;
use crate::simulate::expectations;

/// Longest trial, and longest time for which flows drain.
const LONGEST: u64 = 7 * 86_400;
/// Changes that the history tells one by one.
const TOLD: usize = 20;

/// How a policy is put into force.
pub(super) struct How {
    pub(super) record: Record,
    /// Until when it must be confirmed.
    pub(super) trial: Option<Duration>,
    /// How long flows keep the judgement of the policy before.
    pub(super) drain: Option<Duration>,
}

impl How {
    /// At once and for good.
    pub(super) fn plain(record: Record) -> Self {
        Self {
            record,
            trial: None,
            drain: None,
        }
    }
}

impl Engine {
    /// Validates and compiles a policy and puts it into force. On an error the
    /// policy in force stays, untouched.
    pub(in crate::daemon) fn apply(
        &self,
        request: ApplyRequest,
        author: &Author,
    ) -> Result<Applied, Failure> {
        let _one_at_a_time = self.change();
        let begin = Instant::now();
        let result = self.try_apply(request, author);
        self.count(begin, &result);
        result.map_err(|failure| self.refuse("apply", author, failure))
    }

    fn try_apply(&self, request: ApplyRequest, author: &Author) -> Result<Applied, Failure> {
        self.ensure_settled()?;
        let how = How {
            record: Record {
                note: request.note,
                ..Record::new(Action::Apply, author)
            },
            trial: seconds("confirm_within", request.confirm_within)?,
            drain: seconds("drain", request.drain)?,
        };
        let mut candidate = Candidate::plain(request.bundle)?;
        self.rehearse(&candidate)?;
        if let Some(share) = request.canary {
            let Some(running) = self.running() else {
                return Err(failure(
                    "there is no policy for the devices outside the canary: apply the first one without --canary",
                ));
            };
            let before = Candidate::plain(Bundle::clone(&running.bundle))?;
            let (hash, text) = (candidate.hash(), candidate.text());
            candidate = Candidate::canary(before, candidate, share)?;
            self.state.keep_policy(&hash, &text).map_err(broken)?;
        }
        let parent = self.parent_of_next(&candidate.hash())?;
        self.put_into_force(candidate, how.after(parent))
    }

    /// Runs the policy's own tests.
    pub(super) fn rehearse(&self, candidate: &Candidate) -> Result<(), Failure> {
        let Candidate {
            bundle,
            model,
            compiled,
            ..
        } = candidate;
        expectations::before_apply(bundle, model, compiled, self.policy_time())
    }

    /// What applying a policy would change.
    pub(in crate::daemon) fn diff(&self, bundle: Bundle) -> Result<Changes, Failure> {
        let candidate = Candidate::plain(bundle)?;
        let running = self.running();
        let before = running.as_ref().map(|running| &*running.model);
        Ok(Changes {
            changes: diff(before, &candidate.model),
            warnings: candidate.warnings,
        })
    }

    /// A trial or a canary is brought to its end before anything else is applied.
    pub(super) fn ensure_settled(&self) -> Result<(), Failure> {
        self.end_expired_trial().map_err(broken)?;
        if let Some(trial) = self.trial_status() {
            return Err(failure(format!(
                "the policy in force awaits confirmation until {}: `enforcerctl confirm` keeps it, \
                 `enforcerctl withdraw` returns to the one before; then apply",
                trial.until
            )));
        }
        let running = self.running();
        if let Some(twin) = running.as_ref().and_then(|running| running.twin.as_ref()) {
            return Err(failure(format!(
                "a canary is out, for {}: `enforcerctl promote` puts its policy into force for all devices, \
                 `enforcerctl withdraw` takes it back; then apply",
                twin.canary.share
            )));
        }
        Ok(())
    }

    /// The caller holds `changing`.
    pub(super) fn put_into_force(
        &self,
        mut candidate: Candidate,
        mut how: How,
    ) -> Result<Applied, Failure> {
        let previous = self.running();
        let before = previous.as_ref().map(|running| &*running.model);
        self.ensure_room(&candidate)?;
        if how.trial.is_some() && self.datapath().memory.epoch() == 0 {
            return Err(failure(
                "there is no policy to return to: apply the first one without --confirm-within",
            ));
        }
        let changes = diff(before, &candidate.model);
        how.record.hash = Some(candidate.hash());
        how.record.changes = Some(ChangeSummary::of(&changes));
        let pending = Pending {
            record: how.record.clone(),
            on_trial: how.trial.is_some(),
        };
        self.state
            .prepare(&candidate.text(), &pending)
            .map_err(broken)?;
        self.dress(&candidate.model, &mut candidate.compiled)
            .map_err(broken)?;
        let epoch = match self.install(&candidate, &how, previous.as_deref()) {
            Ok(epoch) => epoch,
            Err(error) => {
                if let Err(error) = self.state.abandon() {
                    tracing::warn!("a policy that was refused is left as pending: {error:#}");
                }
                return Err(broken(error));
            }
        };
        // The policy is in force: what fails from here on is told, and no refusal.
        let in_force = self.state.commit(epoch).unwrap_or_else(|error| {
            tracing::error!("the policy is in force, but not saved for a restart: {error:#}");
            InForce {
                hash: candidate.hash(),
                ..InForce::unsaved()
            }
        });
        self.set_before(previous.filter(|_| how.trial.is_some()));
        let applied = Applied {
            epoch,
            hash: candidate.hash(),
            devices: candidate.model.devices.len(),
            profiles: candidate.model.profiles.len(),
            rules: candidate.compiled.rules.len(),
            changes,
            warnings: candidate.warnings.clone(),
            failed_tests: Diagnostics::default(),
            milliseconds: 0,
            entry: in_force.entry,
            trial: self.trial_status(),
            canary: candidate.twin.as_ref().map(super::candidate::Twin::status),
        };
        self.set_running(Some(Running::new(epoch, in_force, candidate).into()));
        self.look_at_file();
        Ok(applied)
    }

    fn ensure_room(&self, candidate: &Candidate) -> Result<(), Failure> {
        let lines = candidate.compiled.lines.len();
        let room = self.config.capacity().policy_lines as usize;
        if lines <= room {
            return Ok(());
        }
        Err(unfit(format!(
            "the compiled policy takes {} KiB and the tables hold {} KiB: raise `policy_mib` in the daemon's \
             configuration, or shorten the policy",
            lines / 16,
            room / 16
        )))
    }

    /// Moves the epoch.
    pub(super) fn install(
        &self,
        candidate: &Candidate,
        how: &How,
        previous: Option<&Running>,
    ) -> Result<u32> {
        let mut datapath = self.datapath();
        let memory = &datapath.memory;
        let now = monotonic_ns();
        let deadline = how.trial.map(|time| now + time.as_nanos() as u64);
        let adopted_until = memory.adopting_until();
        let before = previous.map(|running| &*running.model);
        if enforces_anew(before, &candidate.model) {
            memory.adopt_until(now + candidate.model.defaults.adopt_sessions.as_nanos() as u64);
        }
        // Before the epoch moves, or the first packets would be judged anew. Flows
        // that a trial began must not outlast it.
        let drain = how.drain.map_or(0, |time| now + time.as_nanos() as u64);
        let drain = deadline.map_or(drain, |deadline| drain.min(deadline));
        memory.drain(memory.epoch(), drain);
        let installed = match deadline {
            Some(deadline) => memory.install_on_trial(&candidate.compiled, deadline),
            None => memory.install(&candidate.compiled),
        };
        let epoch = match installed {
            Ok(epoch) => epoch,
            Err(error) => {
                memory.adopt_until(adopted_until);
                memory.drain(0, 0);
                return Err(error);
            }
        };
        if let Some(previous) = previous
            && let Err(error) = self.fold_rule_hits(&mut datapath, previous)
        {
            tracing::error!("cannot keep the rule hits of the old policy: {error:#}");
        }
        Ok(epoch)
    }

    /// Adds the final hits of a policy that is no longer in force to the totals.
    pub(super) fn fold_rule_hits(&self, datapath: &mut Datapath, previous: &Running) -> Result<()> {
        let rules = previous.compiled.rules.len();
        let numbers = signature::numbers(&previous.model);
        let hits = datapath.rule_hits(previous.epoch, rules)?;
        let found = datapath.signature_hits(previous.epoch, &numbers)?;
        let mut totals = self.totals();
        for (name, traffic) in previous.rule_names().zip(hits) {
            *totals.rules.entry(name).or_default() += traffic;
        }
        for (number, packets) in numbers.iter().zip(found) {
            if let Some(told) = signature::told(&previous.model, *number) {
                *totals.signatures.entry(told.name.to_owned()).or_default() += packets;
            }
        }
        drop(totals);
        datapath.clear_signature_hits(previous.epoch, &numbers)?;
        datapath.clear_rule_hits(previous.epoch, rules)
    }

    /// Counts a policy that was received, and how long it took.
    pub(super) fn count(&self, begin: Instant, result: &Result<Applied, Failure>) {
        let mut totals = self.totals();
        match result {
            Ok(_) => {
                totals.applied += 1;
                totals.last_apply_seconds = begin.elapsed().as_secs_f64();
            }
            Err(_) => totals.refused += 1,
        }
    }
}

impl How {
    pub(super) fn after(mut self, parent: Option<i64>) -> Self {
        self.record.parent = parent;
        self
    }
}

impl ChangeSummary {
    fn of(changes: &[crate::control::api::Change]) -> Self {
        use crate::control::api::Action;
        let count = |action| {
            let of_kind = changes.iter().filter(|change| change.action == action);
            of_kind.count()
        };
        Self {
            added: count(Action::Add),
            removed: count(Action::Remove),
            changed: count(Action::Change),
            first: changes.iter().take(TOLD).cloned().collect(),
        }
    }
}

/// A time of a request, within reason.
pub(super) fn seconds(what: &str, asked: Option<u64>) -> Result<Option<Duration>, Failure> {
    match asked {
        None => Ok(None),
        Some(seconds) if (1..=LONGEST).contains(&seconds) => Ok(Some(Duration::from_secs(seconds))),
        Some(seconds) => Err(failure(format!(
            "{what}: {seconds} seconds; between one second and seven days are possible"
        ))),
    }
}

/// Whether everybody's sessions are adopted: by the first policy, and by one that
/// first enforces what no device answers for. A device that is first enforced has a
/// mark of its own.
fn enforces_anew(before: Option<&Model>, after: &Model) -> bool {
    let Some(before) = before else { return true };
    before.defaults.mode == Mode::Audit && after.defaults.mode == Mode::Enforce
}
