//! The history: going back in it, looking at it, and noting what was refused.

use std::time::Instant;

use super::apply::{How, seconds};
use super::candidate::Candidate;
use super::{Engine, broken, failure};
use crate::control::api::{
    Applied, Author, Changes, Failure, HistoryEntry, HistoryText, RollbackRequest,
};
use crate::daemon::state::{Action, Record, Text};
use crate::policy::diagnostic::Diagnostics;
use crate::policy::diff::diff;

impl Engine {
    /// Puts an earlier policy into force.
    pub(in crate::daemon) fn rollback(
        &self,
        request: &RollbackRequest,
        author: &Author,
    ) -> Result<Applied, Failure> {
        let _one_at_a_time = self.change();
        let begin = Instant::now();
        let result = self.try_rollback(request, author);
        self.count(begin, &result);
        result.map_err(|failure| self.refuse("rollback", author, failure))
    }

    fn try_rollback(&self, request: &RollbackRequest, author: &Author) -> Result<Applied, Failure> {
        self.ensure_settled()?;
        if request.steps == 0 {
            return Err(failure("a roll-back goes back by one policy at least"));
        }
        let in_force = self.state.in_force().map_err(broken)?;
        let mut row = in_force
            .ok_or_else(|| failure("no policy was ever in force"))?
            .entry;
        for step in 0..request.steps {
            row = self.parent(row)?.ok_or_else(|| too_far(step))?;
        }
        let candidate = self.candidate_of(row)?;
        let why = request.note.as_ref().map(|note| format!(": {note}"));
        let how = How {
            record: Record {
                note: Some(format!("to {row}{}", why.unwrap_or_default())),
                ..Record::new(Action::Rollback, author)
            },
            trial: seconds("confirm_within", request.confirm_within)?,
            drain: seconds("drain", request.drain)?,
        };
        let parent = self.parent(row)?;
        let failed_tests = self.failed_tests(&candidate);
        Ok(Applied {
            failed_tests,
            ..self.put_into_force(candidate, how.after(parent))?
        })
    }

    /// The way back is for emergencies: tests that fail, as those of a rule that has
    /// expired meanwhile do, are told and do not bar it. Those of a canary are about
    /// its policy as a whole, which is not what comes into force.
    fn failed_tests(&self, candidate: &Candidate) -> Diagnostics {
        if candidate.twin.is_some() {
            return Diagnostics::default();
        }
        let Err(failed) = self.rehearse(candidate) else {
            return Diagnostics::default();
        };
        tracing::warn!("on the way back to an earlier policy: {}", failed.error);
        failed.diagnostics.unwrap_or_default()
    }

    /// The last rows, newest first.
    pub(in crate::daemon) fn history(&self, limit: u32) -> anyhow::Result<Vec<HistoryEntry>> {
        let mut entries = self.state.history(limit)?;
        let in_force = self.running().map(|running| running.in_force.entry);
        for entry in &mut entries {
            entry.in_force = Some(entry.id) == in_force;
        }
        Ok(entries)
    }

    /// The policy that a row put into force.
    pub(in crate::daemon) fn history_text(&self, row: i64) -> Result<HistoryText, Failure> {
        let entry = self.entry(row)?;
        let candidate = self.candidate_of(row)?;
        Ok(HistoryText {
            entry,
            bundle: candidate.bundle,
            canary: candidate
                .twin
                .map(|twin| (twin.canary.share.to_string(), twin.before)),
        })
    }

    /// What changed from the policy of one row to that of another.
    pub(in crate::daemon) fn history_diff(&self, from: i64, to: i64) -> Result<Changes, Failure> {
        let (from, to) = (self.candidate_of(from)?, self.candidate_of(to)?);
        Ok(Changes {
            changes: diff(Some(&from.model), &to.model),
            warnings: to.warnings,
        })
    }

    /// Row to which a roll-back from the next policy will lead.
    pub(super) fn parent_of_next(&self, hash: &str) -> Result<Option<i64>, Failure> {
        match self.state.in_force().map_err(broken)? {
            // The same policy once more is no step.
            Some(in_force) if in_force.hash == hash => self.parent(in_force.entry),
            in_force => Ok(in_force.map(|in_force| in_force.entry)),
        }
    }

    pub(super) fn parent(&self, row: i64) -> Result<Option<i64>, Failure> {
        self.state.parent(row).map_err(broken)
    }

    /// Notes that a request was refused, and by which words.
    pub(in crate::daemon) fn refuse(
        &self,
        request: &str,
        author: &Author,
        failure: Failure,
    ) -> Failure {
        let record = Record {
            subject: Some(request.to_owned()),
            note: Some(failure.error.clone()),
            ..Record::new(Action::Refused, author)
        };
        if let Err(error) = self.state.record(&record) {
            tracing::error!("a refusal is not in the history: {error:#}");
        }
        failure
    }

    fn entry(&self, row: i64) -> Result<HistoryEntry, Failure> {
        let found = self.state.history_entry(row).map_err(broken)?;
        let mut entry = found.ok_or_else(|| {
            failure(format!(
                "the history has no row {row}: `enforcerctl history` lists what it has"
            ))
        })?;
        let in_force = self.running().map(|running| running.in_force.entry);
        entry.in_force = Some(entry.id) == in_force;
        Ok(entry)
    }

    fn candidate_of(&self, row: i64) -> Result<Candidate, Failure> {
        let entry = self.entry(row)?;
        let Some(hash) = entry.hash else {
            return Err(failure(format!(
                "row {row} of the history is about no policy, but {}",
                entry.action
            )));
        };
        let text: Option<Text> = self.state.policy(&hash).map_err(broken)?;
        let text = text.ok_or_else(|| {
            failure(format!(
                "the text of the policy of row {row} is no longer kept"
            ))
        })?;
        Candidate::read(text, &self.state)
    }
}

fn too_far(steps: u32) -> Failure {
    failure(match steps {
        0 => "no policy was in force before this one: there is nothing to go back to; `enforcerctl history` lists \
              what was"
            .to_owned(),
        1 => "only one policy was in force before this one; `enforcerctl history` lists what was".to_owned(),
        _ => format!(
            "only {steps} policies were in force before this one; `enforcerctl history` lists what was"
        ),
    })
}
