//! The history: every write request and every change that the enforcer makes by
//! itself, with its author. A row that put a policy into force names the row to
//! which a roll-back leads.

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::{Deserialize, Serialize};

use super::State;
use super::policies::now;
use crate::control::api::{Author, ChangeSummary, HistoryEntry};
use crate::daemon::engine::rfc3339_of;

/// Rows that are kept: of what was done, and of what was refused.
const KEPT: u32 = 10_000;
const KEPT_REFUSED: u32 = 1_000;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::daemon) enum Action {
    Apply,
    Rollback,
    Confirm,
    Withdraw,
    /// A trial that nobody confirmed in time.
    Expire,
    Promote,
    BreakGlass,
    Quarantine,
    Release,
    /// An exception that reached its end.
    Ended,
    AcceptClock,
    Refused,
}

impl Action {
    /// The word in the table and in the API.
    pub(in crate::daemon) const fn label(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Rollback => "rollback",
            Self::Confirm => "confirm",
            Self::Withdraw => "withdraw",
            Self::Expire => "expire",
            Self::Promote => "promote",
            Self::BreakGlass => "break-glass",
            Self::Quarantine => "quarantine",
            Self::Release => "release",
            Self::Ended => "ended",
            Self::AcceptClock => "accept-clock",
            Self::Refused => "refused",
        }
    }
}

/// A row before it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::daemon) struct Record {
    pub(in crate::daemon) action: Action,
    pub(in crate::daemon) author: Author,
    /// Device or profile that it is about.
    pub(in crate::daemon) subject: Option<String>,
    /// The policy that it put, or kept, in force.
    pub(in crate::daemon) hash: Option<String>,
    pub(in crate::daemon) epoch: Option<u32>,
    /// Row of the policy that was in force one step earlier.
    pub(in crate::daemon) parent: Option<i64>,
    pub(in crate::daemon) note: Option<String>,
    pub(in crate::daemon) changes: Option<ChangeSummary>,
}

impl Record {
    pub(in crate::daemon) fn new(action: Action, author: &Author) -> Self {
        Self {
            action,
            author: author.clone(),
            subject: None,
            hash: None,
            epoch: None,
            parent: None,
            note: None,
            changes: None,
        }
    }
}

impl State {
    /// Writes what was done.
    pub(in crate::daemon) fn record(&self, record: &Record) -> Result<i64> {
        self.write(|connection| insert(connection, record))
    }

    /// The last rows, newest first.
    pub(in crate::daemon) fn history(&self, limit: u32) -> Result<Vec<HistoryEntry>> {
        self.read(|connection| {
            let mut statement =
                connection.prepare(&format!("{SELECT} ORDER BY id DESC LIMIT ?1"))?;
            statement.query_map([limit], entry)?.collect()
        })
    }

    pub(in crate::daemon) fn history_entry(&self, id: i64) -> Result<Option<HistoryEntry>> {
        self.read(|connection| {
            connection
                .query_row(&format!("{SELECT} WHERE id = ?1"), [id], entry)
                .optional()
        })
    }

    /// The row to which a roll-back from this one leads.
    pub(in crate::daemon) fn parent(&self, id: i64) -> Result<Option<i64>> {
        let found = self.read(|connection| {
            connection
                .query_row("SELECT parent FROM history WHERE id = ?1", [id], |row| {
                    row.get(0)
                })
                .optional()
        })?;
        Ok(found.flatten())
    }
}

const SELECT: &str = "SELECT id, time, action, uid, gid, pid, user, subject, hash, epoch, note, changes FROM history";

pub(super) fn insert(connection: &Connection, record: &Record) -> rusqlite::Result<i64> {
    let changes = record
        .changes
        .as_ref()
        .and_then(|changes| serde_json::to_string(changes).ok());
    connection.execute(
        "INSERT INTO history (time, action, uid, gid, pid, user, subject, hash, epoch, parent, note, changes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        (
            now(),
            record.action.label(),
            record.author.uid,
            record.author.gid,
            record.author.pid,
            &record.author.user,
            &record.subject,
            &record.hash,
            record.epoch,
            record.parent,
            &record.note,
            changes,
        ),
    )?;
    let id = connection.last_insert_rowid();
    // What anybody can cause must not push out what was done.
    connection.execute(
        "DELETE FROM history WHERE action = 'refused'
         AND id <= (SELECT id FROM history WHERE action = 'refused' ORDER BY id DESC LIMIT 1 OFFSET ?1)",
        [KEPT_REFUSED],
    )?;
    connection.execute(
        "DELETE FROM history WHERE action <> 'refused'
         AND id <= (SELECT id FROM history WHERE action <> 'refused' ORDER BY id DESC LIMIT 1 OFFSET ?1)",
        [KEPT],
    )?;
    Ok(id)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<HistoryEntry> {
    let changes: Option<String> = row.get(11)?;
    Ok(HistoryEntry {
        id: row.get(0)?,
        time: rfc3339_of(row.get(1)?),
        action: row.get(2)?,
        author: Author {
            uid: row.get(3)?,
            gid: row.get(4)?,
            pid: row.get(5)?,
            user: row.get(6)?,
        },
        subject: row.get(7)?,
        hash: row.get(8)?,
        epoch: row.get(9)?,
        note: row.get(10)?,
        changes: changes.and_then(|text| serde_json::from_str(&text).ok()),
        in_force: false,
    })
}
