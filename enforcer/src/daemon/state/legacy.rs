//! Takes over what earlier versions kept: the policy in force as `running.json`,
//! one about to be as `pending.json`. Done once; the files are renamed after it.

use std::io::ErrorKind;
use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::{Action, Pending, Record, State, Text};
use crate::daemon::engine::the_enforcer;
use crate::policy::source::Bundle;

#[derive(Deserialize)]
struct Saved {
    hash: String,
    applied_at: String,
    bundle: Bundle,
}

/// Files of earlier versions, in the order in which they are read.
const RUNNING: &str = "running.json";
const PENDING: &str = "pending.json";
/// What is added to the name of a file that was taken over.
const TAKEN: &str = ".taken-over";

pub(super) fn take_over(state: &State, directory: &Path) -> Result<()> {
    // A database that knows a policy is newer than any file.
    if state.in_force()?.is_none() {
        if let Some(saved) = read(&directory.join(RUNNING)) {
            let record = record(&saved);
            let applied_at = unix_time(&saved.applied_at);
            tracing::info!(hash = saved.hash, "took over the policy of running.json");
            state.adopt(&Text::Plain(saved.bundle), &record, applied_at)?;
        }
        if let Some(saved) = read(&directory.join(PENDING)) {
            let pending = Pending {
                record: record(&saved),
                on_trial: false,
            };
            state.prepare(&Text::Plain(saved.bundle), &pending)?;
        }
    }
    for name in [RUNNING, PENDING] {
        let from = directory.join(name);
        match std::fs::rename(&from, directory.join(format!("{name}{TAKEN}"))) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot rename {}", from.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn record(saved: &Saved) -> Record {
    Record {
        hash: Some(saved.hash.clone()),
        note: Some("taken over from an earlier version".to_owned()),
        ..Record::new(Action::Apply, &the_enforcer())
    }
}

/// A saved policy. One that cannot be read, such as one torn by a crash, is told
/// and left alone: what is in force does not depend on it.
fn read(path: &Path) -> Option<Saved> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot read a saved policy");
            return None;
        }
    };
    serde_json::from_slice(&text)
        .inspect_err(|error| {
            tracing::warn!(path = %path.display(), %error, "cannot read a saved policy");
        })
        .ok()
}

fn unix_time(text: &str) -> i64 {
    let time = humantime::parse_rfc3339(text).unwrap_or(UNIX_EPOCH);
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() as i64
}
