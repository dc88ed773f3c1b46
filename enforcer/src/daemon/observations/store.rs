//! Writes the record: each look at the flow table is one transaction.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::database;
use super::epochs::Epochs;
use super::gather::{Additions, Moment};
use super::rows::{DAY, add, mac_number, number, see, set, vlan_number};
use crate::daemon::engine::Running;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) rows_per_device: u32,
    pub(super) days: u32,
}

/// A stretch of time without a gap in which everything was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) begun: u32,
    pub(super) ended: u32,
    pub(super) denials_untold: u64,
}

/// What a look wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) rows: u64,
    pub(super) overflow: u64,
}

/// The database, in the hands of its only writer.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
    bounds: Bounds,
}

impl Store {
    pub(super) fn open(path: &Path, bounds: Bounds) -> Result<Self> {
        Ok(Self {
            connection: database::open(path)?,
            bounds,
        })
    }

    /// A setting, by name.
    pub(super) fn setting(&self, name: &str) -> Result<Option<String>> {
        let found =
            self.connection
                .query_row("SELECT value FROM settings WHERE name = ?", [name], |row| {
                    row.get(0)
                });
        Ok(found.optional()?)
    }

    /// Notes which devices are declared from `now` on; their rows, in the policy's order.
    pub(super) fn declare(&mut self, running: &Running, now: u32) -> Result<Vec<i64>> {
        let transaction = self.connection.transaction()?;
        let mut declared = declared(&transaction)?;
        let mut rows = Vec::with_capacity(running.model.devices.len());
        for device in &running.model.devices {
            let profile = &running.model.profiles[device.profile].name;
            let identity = (
                mac_number(device.mac),
                vlan_number(device.vlan),
                device.name.clone(),
                profile.clone(),
            );
            let row = match declared.remove(&identity) {
                Some(row) => row,
                None => transaction
                    .prepare_cached(
                        "INSERT INTO devices (mac, vlan, name, profile, declared_from) VALUES (?, ?, ?, ?, ?)
                         ON CONFLICT DO UPDATE SET declared_from = excluded.declared_from, declared_until = 0
                         RETURNING id",
                    )?
                    .query_row(
                        params![identity.0, identity.1, identity.2, identity.3, now],
                        |row| row.get(0),
                    )?,
            };
            rows.push(row);
        }
        for row in declared.values() {
            transaction
                .prepare_cached("UPDATE devices SET declared_until = ? WHERE id = ?")?
                .execute(params![now, row])?;
        }
        transaction.commit()?;
        Ok(rows)
    }

    /// Writes what one look has found.
    pub(super) fn write(
        &mut self,
        additions: &Additions,
        epochs: &Epochs,
        moment: Moment,
        stretch: Option<Stretch>,
        boot: &str,
    ) -> Result<Written> {
        let transaction = self.connection.transaction()?;
        let mut written = Written::default();
        let mut seen = HashMap::new();
        for addition in additions.rows.values() {
            add(
                &transaction,
                self.bounds,
                epochs,
                addition,
                &mut seen,
                &mut written,
            )?;
        }
        for (device, (first, last)) in seen {
            see(&transaction, device, first, last)?;
        }
        if let Some(stretch) = stretch {
            transaction
                .prepare_cached(
                    "INSERT INTO watched VALUES (?, ?, ?, ?)
                     ON CONFLICT DO UPDATE SET ended = excluded.ended,
                         denials_untold = denials_untold + excluded.denials_untold,
                         flows_unattributed = flows_unattributed + excluded.flows_unattributed",
                )?
                .execute(params![
                    stretch.begun,
                    stretch.ended,
                    number(stretch.denials_untold),
                    number(additions.unattributed)
                ])?;
        }
        for (name, value) in [("boot", boot), ("looked_at", &moment.monotonic.to_string())] {
            set(&transaction, name, value)?;
        }
        transaction.commit()?;
        Ok(written)
    }

    /// Forgets what is older than is kept.
    pub(super) fn purge(&mut self, now: u32) -> Result<usize> {
        let before = now.saturating_sub(self.bounds.days.saturating_mul(DAY));
        let transaction = self.connection.transaction()?;
        let gone = transaction.execute("DELETE FROM observations WHERE last_seen < ?", [before])?;
        transaction.execute("DELETE FROM days WHERE day < ?", [before / DAY])?;
        transaction.execute("DELETE FROM watched WHERE ended < ?", [before])?;
        if gone > 0 {
            transaction.execute(
                "UPDATE devices SET rows = (SELECT count(*) FROM observations WHERE device = devices.id)",
                [],
            )?;
        }
        transaction.execute(
            "DELETE FROM devices WHERE rows = 0 AND last_seen < ?1
                 AND (declared_from = 0 OR declared_until BETWEEN 1 AND ?1)
                 AND id NOT IN (SELECT peer FROM observations)",
            [before],
        )?;
        transaction.commit()?;
        Ok(gone)
    }
}

type Identity = (i64, i64, String, String);

fn declared(transaction: &Transaction<'_>) -> Result<HashMap<Identity, i64>> {
    let mut statement = transaction.prepare(
        "SELECT mac, vlan, name, profile, id FROM devices WHERE declared_from > 0 AND declared_until = 0",
    )?;
    let rows = statement.query_map([], |row| {
        Ok((
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?),
            row.get(4)?,
        ))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests;
