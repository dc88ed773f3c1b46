//! Exceptions from the policy: devices in quarantine and profiles that are opened,
//! until a policy time. They outlive daemon, machine and policy.

use anyhow::Result;
use enforcer_common::addr::{Mac, Vlan};
use rusqlite::{Connection, Row};

use super::State;
use super::history::{Record, insert};
use crate::policy::model::Device;

/// Never ends by itself.
pub(in crate::daemon) const FOR_EVER: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::daemon) enum Kind {
    Quarantine,
    BreakGlass,
}

impl Kind {
    /// The word in the table and in the API.
    pub(in crate::daemon) const fn label(self) -> &'static str {
        match self {
            Self::Quarantine => "quarantine",
            Self::BreakGlass => "break-glass",
        }
    }

    fn from_label(label: &str) -> Self {
        if label == Self::BreakGlass.label() {
            Self::BreakGlass
        } else {
            Self::Quarantine
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::daemon) struct Exception {
    pub(in crate::daemon) kind: Kind,
    /// Of a device its MAC address and VLAN, which stay when it is renamed; else
    /// the profile's name.
    pub(in crate::daemon) subject: String,
    /// For people.
    pub(in crate::daemon) name: String,
    /// Policy time, in seconds.
    pub(in crate::daemon) since: u32,
    /// First second in which it no longer holds; [`FOR_EVER`] has none.
    pub(in crate::daemon) until: u32,
    pub(in crate::daemon) user: String,
    pub(in crate::daemon) reason: String,
}

impl Exception {
    pub(in crate::daemon) fn is_over(&self, time: u32) -> bool {
        self.until != FOR_EVER && self.until <= time
    }

    pub(in crate::daemon) fn is_about(&self, device: &Device) -> bool {
        self.kind == Kind::Quarantine && self.subject == identity(device.mac, device.vlan)
    }
}

/// What a device is known by, as text.
pub(in crate::daemon) fn identity(mac: Mac, vlan: Vlan) -> String {
    format!("{mac} {}.{}", vlan.outer, vlan.inner)
}

impl State {
    /// All of them, by kind and name.
    pub(in crate::daemon) fn exceptions(&self) -> Result<Vec<Exception>> {
        self.read(|connection| {
            let mut statement = connection.prepare(
                "SELECT kind, subject, name, since, until, user, reason FROM exceptions ORDER BY kind, name, subject",
            )?;
            statement.query_map([], exception)?.collect()
        })
    }

    /// Writes one, in place of any about the same, and what the history says of it.
    pub(in crate::daemon) fn except(&self, exception: &Exception, record: &Record) -> Result<()> {
        self.write(|connection| {
            put(connection, exception)?;
            insert(connection, record).map(drop)
        })
    }

    /// Removes one, and writes what the history says of it.
    pub(in crate::daemon) fn release(&self, exception: &Exception, record: &Record) -> Result<()> {
        self.write(|connection| {
            connection.execute(
                "DELETE FROM exceptions WHERE kind = ?1 AND subject = ?2",
                (exception.kind.label(), &exception.subject),
            )?;
            insert(connection, record).map(drop)
        })
    }

    /// Moves all that ends with a clock that was set otherwise.
    pub(in crate::daemon) fn shift_exceptions(&self, by: i64, record: &Record) -> Result<()> {
        self.write(|connection| {
            connection.execute(
                "UPDATE exceptions SET since = max(0, since + ?1),
                 until = CASE WHEN until = ?2 THEN until ELSE max(1, min(until + ?1, ?2 - 1)) END",
                (by, FOR_EVER),
            )?;
            insert(connection, record).map(drop)
        })
    }
}

fn put(connection: &Connection, exception: &Exception) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT OR REPLACE INTO exceptions (kind, subject, name, since, until, user, reason)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (
            exception.kind.label(),
            &exception.subject,
            &exception.name,
            exception.since,
            exception.until,
            &exception.user,
            &exception.reason,
        ),
    )?;
    Ok(())
}

fn exception(row: &Row<'_>) -> rusqlite::Result<Exception> {
    let kind: String = row.get(0)?;
    Ok(Exception {
        kind: Kind::from_label(&kind),
        subject: row.get(1)?,
        name: row.get(2)?,
        since: row.get(3)?,
        until: row.get(4)?,
        user: row.get(5)?,
        reason: row.get(6)?,
    })
}
