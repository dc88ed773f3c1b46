//! What survives the daemon and the machine: the state directory, held by one
//! daemon at a time, and in it `state.sqlite` with the policies, the history, the
//! exceptions and the clock. The datapath depends on none of it.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

mod database;
mod exceptions;
mod force;
mod history;
mod legacy;
mod policies;
#[cfg(test)]
mod tests;

pub(super) use exceptions::{Exception, FOR_EVER, Kind, identity};
pub(super) use force::{InForce, Pending};
pub(super) use history::{Action, Record};
pub(super) use policies::{Canary, Text};

/// The state directory with its database.
#[derive(Debug)]
pub(super) struct State {
    connection: Mutex<Connection>,
    path: PathBuf,
    /// Said for as long as this daemon lives, where the database was set aside.
    damage: Option<String>,
    _lock: Flock<File>,
}

impl State {
    /// Makes the directory, takes its lock and opens the database. One that is
    /// damaged is set aside, which is told: what is in force does not depend on it.
    ///
    /// # Errors
    /// When another daemon holds the directory, it cannot be written, or the
    /// database is one of a newer version.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let lock = lock(directory)?;
        let path = directory.join("state.sqlite");
        let (connection, damage) = database::open(&path)?;
        let state = Self {
            connection: Mutex::new(connection),
            path,
            damage,
            _lock: lock,
        };
        legacy::take_over(&state, directory)?;
        Ok(state)
    }

    /// What the operator must know of the database.
    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out changes, all of them or none, and does not return before they
    /// are on the disk.
    fn write<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let mut connection = self.connection();
        let transaction = connection.transaction();
        let done = transaction.and_then(|transaction| {
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        done.with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        work(&self.connection()).with_context(|| format!("cannot read {}", self.path.display()))
    }

    /// A value that was kept under a name; what cannot be understood is told and
    /// counts as absent.
    fn setting<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let text = self.read(|connection| setting(connection, name))?;
        Ok(text.and_then(|text| {
            serde_json::from_str(&text)
                .inspect_err(|error| {
                    tracing::warn!(name, %error, "cannot understand a saved setting");
                })
                .ok()
        }))
    }

    /// Last policy time that is known, in seconds; 0 where none is.
    pub(super) fn policy_time(&self) -> Result<u32> {
        Ok(self.setting("policy_time")?.unwrap_or_default())
    }

    pub(super) fn set_policy_time(&self, time: u32) -> Result<()> {
        self.write(|connection| keep(connection, "policy_time", &time))
    }
}

fn setting(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection
        .query_row(
            "SELECT value FROM settings WHERE name = ?1",
            [name],
            |row| row.get(0),
        )
        .optional()
}

/// Keeps a value under a name.
fn keep(connection: &Connection, name: &str, value: &impl Serialize) -> rusqlite::Result<()> {
    let text = serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    connection.execute(
        "INSERT INTO settings (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, text),
    )?;
    Ok(())
}

fn forget(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM settings WHERE name = ?1", [name])?;
    Ok(())
}

fn lock(directory: &Path) -> Result<Flock<File>> {
    let path = directory.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .read(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let Ok(mut lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else {
        let pid = std::fs::read_to_string(&path).unwrap_or_default();
        bail!(
            "another enforcerd (pid {}) uses the state directory {}",
            pid.trim(),
            directory.display()
        );
    };
    lock.set_len(0)
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .context("cannot write the lock")?;
    Ok(lock)
}
