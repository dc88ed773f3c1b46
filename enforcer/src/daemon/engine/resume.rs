//! The daemon's start: finds the policy that is in force and its text, brings to
//! an end what a dead daemon left half done, and puts the last policy into force
//! where the kernel holds none.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use enforcer_common::table::LAYOUT_VERSION;

use super::apply::How;
use super::candidate::Candidate;
use super::running::Running;
use super::{Engine, hex, the_enforcer};
use crate::daemon::state::{Action, InForce, Record, Text};
use crate::datapath::install::{self, PinnedPolicy, Trial};

impl Engine {
    pub(super) fn resume(&self, replaced: Option<PinnedPolicy>) -> Result<()> {
        let _one_at_a_time = self.change();
        let replaced = replaced
            .filter(|policy| policy.layout == LAYOUT_VERSION)
            .map(|policy| hex(&policy.digest));
        let (active, trial) = {
            let mut datapath = self.datapath();
            let (in_force, trial) = (datapath.memory.in_force(), datapath.memory.trial());
            // Rule counters of the other half may be left over from a crash.
            let other = in_force.map_or(1, |policy| policy.epoch + 1);
            datapath.clear_rule_hits(other, enforcer_common::limits::RULES as usize)?;
            (trial.map_or(in_force, |trial| trial.on_trial), trial)
        };
        self.settle_pending(active, trial.as_ref(), replaced.as_deref())?;
        match trial {
            Some(trial) => self.resume_trial(&trial)?,
            None => self.settle_trial(active)?,
        }
        let in_force = self.datapath().memory.in_force();
        match in_force {
            Some(policy) => self.resume_in_force(policy)?,
            None => self.put_last_into_force(replaced)?,
        }
        self.mark_all()
    }

    /// A daemon may have died between writing a policy, moving the epoch and
    /// saying so on the disk.
    fn settle_pending(
        &self,
        active: Option<install::InForce>,
        trial: Option<&Trial>,
        replaced: Option<&str>,
    ) -> Result<()> {
        let Some(pending) = self.state.pending()? else {
            return Ok(());
        };
        let (wanted, saved) = (pending.record.hash, self.state.in_force()?);
        let memory = active.map(|policy| hex(&policy.digest));
        let there = wanted.is_some() && (memory == wanted || replaced == wanted.as_deref());
        let known = saved.map(|saved| saved.hash) == wanted;
        if there && (!known || pending.on_trial && trial.is_some()) {
            self.state.commit(active.map_or(0, |policy| policy.epoch))?;
        } else {
            self.state.abandon()?;
        }
        Ok(())
    }

    /// A trial that is on, or that ended without a daemon to note it.
    fn resume_trial(&self, trial: &Trial) -> Result<()> {
        if let (Some(policy), Some(saved)) = (trial.before, self.state.on_trial()?) {
            let before = self.find(policy, &saved.before)?;
            self.set_before(before);
        }
        if trial.fell_back {
            return self.end_expired_trial();
        }
        tracing::warn!("the policy in force awaits confirmation");
        Ok(())
    }

    /// A trial that only the disk knows: confirmed or withdrawn just before the
    /// daemon died, or cut short by a restart of the machine.
    fn settle_trial(&self, active: Option<install::InForce>) -> Result<()> {
        let Some(trial) = self.state.on_trial()? else {
            return Ok(());
        };
        let memory = active.map(|policy| hex(&policy.digest));
        let record = |action, note: &str| Record {
            note: Some(note.to_owned()),
            ..Record::new(action, &the_enforcer())
        };
        if memory.as_ref() == Some(&trial.hash) {
            let record = Record {
                hash: Some(trial.hash),
                epoch: active.map(|policy| policy.epoch),
                ..record(Action::Confirm, "found confirmed at the start")
            };
            return self.state.end_trial(&record);
        }
        let (action, note) = match memory {
            Some(_) => (Action::Withdraw, "found withdrawn at the start"),
            None => (
                Action::Expire,
                "the tables were made anew before anybody confirmed",
            ),
        };
        tracing::warn!(target: "audit", "{note}: the policy before is in force again");
        let record = Record {
            hash: Some(trial.before.hash.clone()),
            parent: self.state.parent(trial.before.entry)?,
            ..record(action, note)
        };
        self.state.return_from_trial(&record, &trial.before)?;
        Ok(())
    }

    fn resume_in_force(&self, policy: install::InForce) -> Result<()> {
        let hash = hex(&policy.digest);
        let saved = self.state.in_force()?.filter(|saved| saved.hash == hash);
        let saved = saved.unwrap_or_else(|| InForce {
            hash: hash.clone(),
            ..InForce::unsaved()
        });
        if let Some(running) = self.find(policy, &saved)? {
            tracing::info!(epoch = policy.epoch, hash, "took over the policy in force");
            self.set_running(Some(running));
        }
        Ok(())
    }

    /// The policy in map memory with its text.
    fn find(&self, policy: install::InForce, saved: &InForce) -> Result<Option<Arc<Running>>> {
        let Some(text) = self.state.policy(&saved.hash)? else {
            tracing::warn!(
                hash = saved.hash,
                "a policy is in force whose text is not in the state directory: apply it again"
            );
            return Ok(None);
        };
        let candidate = self.judge(text);
        Ok(candidate.map(|candidate| {
            Arc::new(Running {
                hash: hex(&policy.digest),
                ..Running::new(policy.epoch, saved.clone(), candidate)
            })
        }))
    }

    /// After a restart of the machine, or in tables that were made anew.
    fn put_last_into_force(&self, replaced: Option<String>) -> Result<()> {
        let Some(saved) = self.state.in_force()? else {
            return Ok(());
        };
        let hash = replaced.unwrap_or_else(|| saved.hash.clone());
        let Some(text) = self.state.policy(&hash)? else {
            tracing::warn!(
                hash,
                "a policy was in force whose text is not in the state directory: apply it again"
            );
            return Ok(());
        };
        let Some(mut candidate) = self.judge(text.clone()) else {
            return Ok(());
        };
        let saved = InForce {
            hash: candidate.hash(),
            ..saved
        };
        self.state.rename(&text, &saved)?;
        self.dress(&candidate.model, &mut candidate.compiled)?;
        let how = How::plain(Record::new(Action::Apply, &the_enforcer()));
        let epoch = self.install(&candidate, &how, None)?;
        tracing::info!(
            epoch,
            hash = saved.hash,
            "put the last policy into force again"
        );
        self.set_running(Some(Running::new(epoch, saved, candidate).into()));
        Ok(())
    }

    fn judge(&self, text: Text) -> Option<Candidate> {
        match Candidate::read(text, &self.state) {
            Ok(candidate) => Some(candidate),
            Err(failure) => {
                tracing::error!(
                    error = %anyhow!(failure.error),
                    "the saved policy no longer compiles: apply it again"
                );
                None
            }
        }
    }
}
