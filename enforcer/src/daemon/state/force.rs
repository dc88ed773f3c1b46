//! Which policy is in force, as far as the disk knows. A policy is written as
//! pending before the epoch moves and marked in force after it, so that after a
//! crash at any point the text of what is in force is there: which of the two it
//! is, the digest in map memory tells.

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::history::{Record, insert};
use super::policies::{Text, now, pack, prune, put};
use super::{State, forget, keep, setting};

/// The policy in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::daemon) struct InForce {
    pub(in crate::daemon) hash: String,
    /// Row of the history that tells of it.
    pub(in crate::daemon) entry: i64,
    /// Unix time, in seconds.
    pub(in crate::daemon) applied_at: i64,
}

impl InForce {
    /// What is known of a policy in force that the disk does not know.
    pub(in crate::daemon) fn unsaved() -> Self {
        Self {
            hash: String::new(),
            entry: 0,
            applied_at: now(),
        }
    }
}

/// A policy in force that awaits confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::daemon) struct OnTrial {
    pub(in crate::daemon) hash: String,
    /// What is returned to.
    pub(in crate::daemon) before: InForce,
}

/// A policy that is about to be put into force.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::daemon) struct Pending {
    /// What the history will say; it names the policy's hash.
    pub(in crate::daemon) record: Record,
    pub(in crate::daemon) on_trial: bool,
}

const IN_FORCE: &str = "in_force";
const PENDING: &str = "pending";
const TRIAL: &str = "trial";

impl State {
    pub(in crate::daemon) fn in_force(&self) -> Result<Option<InForce>> {
        self.setting(IN_FORCE)
    }

    pub(in crate::daemon) fn on_trial(&self) -> Result<Option<OnTrial>> {
        self.setting(TRIAL)
    }

    pub(in crate::daemon) fn pending(&self) -> Result<Option<Pending>> {
        self.setting(PENDING)
    }

    /// Writes a policy that is about to be put into force.
    pub(in crate::daemon) fn prepare(&self, text: &Text, pending: &Pending) -> Result<()> {
        let hash = pending.record.hash.as_deref();
        let hash = hash.context("a policy that is put into force has a hash")?;
        let packed = pack(text)?;
        self.write(|connection| {
            put(connection, hash, &packed)?;
            keep(connection, PENDING, pending)
        })
    }

    /// The pending policy is in force; returns what the disk now says of it.
    pub(in crate::daemon) fn commit(&self, epoch: u32) -> Result<InForce> {
        let Pending {
            mut record,
            on_trial,
        } = self.pending()?.context("no policy is pending")?;
        record.epoch = Some(epoch);
        let before = self.in_force()?;
        let hash = record.hash.clone().unwrap_or_default();
        self.write(|connection| {
            let entry = insert(connection, &record)?;
            let in_force = InForce {
                hash: hash.clone(),
                entry,
                applied_at: now(),
            };
            keep(connection, IN_FORCE, &in_force)?;
            match before.filter(|_| on_trial) {
                Some(before) => keep(connection, TRIAL, &OnTrial { hash, before })?,
                None => forget(connection, TRIAL)?,
            }
            forget(connection, PENDING)?;
            tidy(connection)?;
            Ok(in_force)
        })
    }

    /// The pending policy never came into force.
    pub(in crate::daemon) fn abandon(&self) -> Result<()> {
        self.write(|connection| forget(connection, PENDING))
    }

    /// The trial ended well: what is in force stays.
    pub(in crate::daemon) fn end_trial(&self, record: &Record) -> Result<()> {
        self.write(|connection| {
            insert(connection, record)?;
            forget(connection, TRIAL)
        })
    }

    /// The trial ended, and the policy before is in force again.
    pub(in crate::daemon) fn return_from_trial(
        &self,
        record: &Record,
        before: &InForce,
    ) -> Result<InForce> {
        self.write(|connection| {
            let in_force = InForce {
                entry: insert(connection, record)?,
                ..before.clone()
            };
            keep(connection, IN_FORCE, &in_force)?;
            forget(connection, TRIAL)?;
            Ok(in_force)
        })
    }

    /// Takes a policy for the one in force: of another way of keeping it, or found
    /// in map memory.
    pub(in crate::daemon) fn adopt(
        &self,
        text: &Text,
        record: &Record,
        applied_at: i64,
    ) -> Result<()> {
        let packed = pack(text)?;
        let hash = record.hash.clone().unwrap_or_default();
        self.write(|connection| {
            put(connection, &hash, &packed)?;
            let in_force = InForce {
                entry: insert(connection, record)?,
                hash,
                applied_at,
            };
            keep(connection, IN_FORCE, &in_force)
        })
    }
}

impl State {
    /// The policy in force goes by another hash in this version.
    pub(in crate::daemon) fn rename(&self, text: &Text, in_force: &InForce) -> Result<()> {
        let packed = pack(text)?;
        self.write(|connection| {
            put(connection, &in_force.hash, &packed)?;
            keep(connection, IN_FORCE, in_force)
        })
    }
}

/// Forgets old texts, but for those that may be needed at the next start.
fn tidy(connection: &Connection) -> rusqlite::Result<()> {
    let read = |name| -> rusqlite::Result<Option<serde_json::Value>> {
        Ok(setting(connection, name)?.and_then(|text| serde_json::from_str(&text).ok()))
    };
    let (in_force, trial) = (read(IN_FORCE)?, read(TRIAL)?);
    let spared = [
        in_force.as_ref().and_then(|value| value["hash"].as_str()),
        trial
            .as_ref()
            .and_then(|value| value["before"]["hash"].as_str()),
    ];
    prune(
        connection,
        &spared.into_iter().flatten().collect::<Vec<_>>(),
    )
}
