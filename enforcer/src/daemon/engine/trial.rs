//! Policies that are not there for good: one on trial, to which the kernel itself
//! puts an end, and a canary, which holds for a share of the devices.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::apply::How;
use super::candidate::Candidate;
use super::running::Running;
use super::{Engine, broken, failure, rfc3339, the_enforcer, wall_time};
use crate::control::api::{Applied, Author, Failure, Settled, TrialStatus};
use crate::daemon::state::{Action, InForce, Record};
use crate::datapath::control::monotonic_ns;
use crate::policy::source::Bundle;

impl Engine {
    /// The trial that is on, if one is.
    pub(in crate::daemon) fn trial_status(&self) -> Option<TrialStatus> {
        let trial = self.datapath().memory.trial()?;
        let left = Duration::from_nanos(trial.deadline.saturating_sub(monotonic_ns()));
        Some(TrialStatus {
            until: rfc3339(wall_time(trial.deadline)),
            seconds_left: left.as_secs(),
            before: trial
                .before
                .map(|before| super::hex(&before.digest))
                .unwrap_or_default(),
        })
    }

    /// Keeps the policy on trial.
    pub(in crate::daemon) fn confirm(&self, author: &Author) -> Result<Settled, Failure> {
        let _one_at_a_time = self.change();
        let done = self.try_confirm(author);
        done.map_err(|failure| self.refuse("confirm", author, failure))
    }

    fn try_confirm(&self, author: &Author) -> Result<Settled, Failure> {
        self.datapath().memory.confirm().map_err(broken)?;
        let (epoch, hash) = self.in_force();
        let record = Record {
            hash: Some(hash.clone()),
            epoch: Some(epoch),
            ..Record::new(Action::Confirm, author)
        };
        if let Err(error) = self.state.end_trial(&record) {
            // Found out again from map memory at the next start.
            tracing::error!("the policy is confirmed, but that is not saved: {error:#}");
        }
        self.set_before(None);
        Ok(Settled { epoch, hash })
    }

    /// Returns from a trial or a canary to the policy before.
    pub(in crate::daemon) fn withdraw(&self, author: &Author) -> Result<Settled, Failure> {
        let _one_at_a_time = self.change();
        let done = self.try_withdraw(author);
        done.map_err(|failure| self.refuse("withdraw", author, failure))
    }

    fn try_withdraw(&self, author: &Author) -> Result<Settled, Failure> {
        self.end_expired_trial().map_err(broken)?;
        if self.datapath().memory.trial().is_some() {
            let record = Record::new(Action::Withdraw, author);
            self.return_from_trial(record).map_err(broken)?;
            let (epoch, hash) = self.in_force();
            return Ok(Settled { epoch, hash });
        }
        let Some((running, twin)) = self.canary() else {
            return Err(failure(
                "there is nothing to withdraw: no policy awaits confirmation, and no canary is out; \
                 `enforcerctl rollback` returns to an earlier policy",
            ));
        };
        let before = Candidate::plain(twin.before.clone())?;
        // It is what it was before the canary, in the history too.
        let parent = self.parent(running.in_force.entry)?;
        let parent = match parent {
            Some(parent) => self.parent(parent)?,
            None => None,
        };
        let how = How::plain(Record::new(Action::Withdraw, author)).after(parent);
        let Applied { epoch, hash, .. } = self.put_into_force(before, how)?;
        Ok(Settled { epoch, hash })
    }

    /// Puts the policy of a canary into force for all devices.
    pub(in crate::daemon) fn promote(&self, author: &Author) -> Result<Applied, Failure> {
        let _one_at_a_time = self.change();
        let begin = Instant::now();
        let result = self.try_promote(author);
        self.count(begin, &result);
        result.map_err(|failure| self.refuse("promote", author, failure))
    }

    fn try_promote(&self, author: &Author) -> Result<Applied, Failure> {
        if self.datapath().memory.trial().is_some() {
            return Err(failure(
                "the canary awaits confirmation itself: `enforcerctl confirm` first",
            ));
        }
        let Some((running, _)) = self.canary() else {
            return Err(failure(
                "no canary is out: `enforcerctl apply --canary PROFILE=5% FILE` begins one",
            ));
        };
        let whole = Candidate::plain(Bundle::clone(&running.bundle))?;
        self.rehearse(&whole)?;
        let parent = self.parent(running.in_force.entry)?;
        let how = How::plain(Record::new(Action::Promote, author)).after(parent);
        self.put_into_force(whole, how)
    }

    fn canary(&self) -> Option<(Arc<Running>, Arc<super::candidate::Twin>)> {
        let running = self.running()?;
        let twin = running.twin.clone()?;
        Some((running, twin))
    }

    /// Notes that the kernel has returned to the policy before by itself.
    pub(super) fn end_expired_trial(&self) -> Result<()> {
        let trial = self.datapath().memory.trial();
        if !trial.is_some_and(|trial| trial.fell_back) {
            return Ok(());
        }
        let record = Record {
            note: Some("nobody confirmed in time".to_owned()),
            ..Record::new(Action::Expire, &the_enforcer())
        };
        tracing::warn!(target: "audit", "nobody confirmed the policy on trial: the one before is in force again");
        self.return_from_trial(record)
    }

    /// Returns to the policy before, in map memory and in the state directory.
    pub(super) fn return_from_trial(&self, mut record: Record) -> Result<()> {
        let (before, tried) = (self.before(), self.running());
        let saved = self.state.on_trial()?.map(|trial| trial.before);
        let mut datapath = self.datapath();
        datapath.memory.drain(0, 0);
        let Some(epoch) = datapath.memory.withdraw() else {
            return Ok(());
        };
        if let Some(tried) = &tried
            && let Err(error) = self.fold_rule_hits(&mut datapath, tried)
        {
            tracing::error!("cannot keep the rule hits of the policy on trial: {error:#}");
        }
        drop(datapath);
        self.set_before(None);
        let Some(in_force) =
            saved.or_else(|| before.as_ref().map(|running| running.in_force.clone()))
        else {
            self.set_running(None);
            return Ok(());
        };
        record.hash = Some(in_force.hash.clone());
        record.epoch = Some(epoch);
        record.parent = self.state.parent(in_force.entry)?;
        let in_force = self
            .state
            .return_from_trial(&record, &in_force)
            .unwrap_or_else(|error| {
                tracing::error!("the policy before is in force, but that is not saved: {error:#}");
                in_force
            });
        self.set_running(before.map(|before| back_in_force(&before, in_force)));
        Ok(())
    }

    /// Epoch and hash of the policy in force.
    fn in_force(&self) -> (u32, String) {
        let in_force = self.datapath().memory.in_force();
        in_force.map_or((0, String::new()), |policy| {
            (policy.epoch, super::hex(&policy.digest))
        })
    }
}

fn back_in_force(before: &Running, in_force: InForce) -> Arc<Running> {
    Arc::new(Running {
        in_force,
        ..before.clone()
    })
}
