//! Reads the record, line by line: it may be larger than memory. Reads a snapshot,
//! beside the writer.

use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use anyhow::Result;
use enforcer_common::addr::{Mac, Vlan};
use rusqlite::{Connection, Row, params};

use super::database;
use super::rows::strangers_overflow;
use super::store::Bounds;
use crate::control::api::{Observation, SeenDevice, Starter, Told, Watch};

const DAY: u32 = 86_400;

/// Tells everything that was recorded from `since` to `until`, until `tell` wants no
/// more and returns false.
pub(super) fn read(
    path: &Path,
    bounds: Bounds,
    since: u32,
    until: u32,
    tell: &mut dyn FnMut(Told) -> Result<bool>,
) -> Result<()> {
    let mut connection = database::open_reader(path)?;
    let snapshot = connection.transaction()?;
    if !tell(Told::Watch(watch(&snapshot, bounds, since, until)?))? {
        return Ok(());
    }
    let mut devices = snapshot.prepare(
        "SELECT id, mac, vlan, name, profile, declared_from, declared_until, first_seen, last_seen, overflow
         FROM devices WHERE last_seen >= ?1 OR declared_from > 0 AND (declared_until = 0 OR declared_until > ?1)
         ORDER BY id",
    )?;
    let mut days = snapshot
        .prepare("SELECT day, hours FROM days WHERE device = ? AND day >= ? ORDER BY day")?;
    let mut rows = devices.query([since])?;
    while let Some(row) = rows.next()? {
        let mut device = device(row)?;
        let of_device = days.query_map(params![device.id, since / DAY], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        device.days = of_device.collect::<Result<_, _>>()?;
        if !tell(Told::Device(device))? {
            return Ok(());
        }
    }
    let mut observations = snapshot.prepare(
        "SELECT device, peer, peer_at_device_side, starts, address, peer_address, protocol, service, fate, reason,
             rules, first_seen, last_seen, flows, packets, bytes
         FROM observations WHERE last_seen >= ?",
    )?;
    let mut rows = observations.query([since])?;
    let mut told = 0;
    while let Some(row) = rows.next()? {
        if !tell(Told::Observation(observation(row)?))? {
            return Ok(());
        }
        told += 1;
    }
    tell(Told::End { observations: told }).map(drop)
}

fn watch(connection: &Connection, bounds: Bounds, since: u32, until: u32) -> Result<Watch> {
    let recording_since =
        connection.query_row("SELECT min(begun) FROM watched", [], |row| row.get(0))?;
    let mut watch = Watch {
        since,
        until,
        recording_since,
        overflow: strangers_overflow(connection)?,
        rows_per_device: bounds.rows_per_device,
        days_kept: bounds.days,
        ..Watch::default()
    };
    watch.overflow += connection.query_row(
        "SELECT coalesce(sum(overflow), 0) FROM devices",
        [],
        |row| count(row, 0),
    )?;
    let mut statement = connection.prepare(
        "SELECT begun, ended, denials_untold, flows_unattributed FROM watched WHERE ended >= ? ORDER BY begun",
    )?;
    let mut rows = statement.query([since])?;
    while let Some(row) = rows.next()? {
        let (begun, ended): (u32, u32) = (row.get(0)?, row.get(1)?);
        if begun < ended.min(until) {
            watch.watched.push([begun.max(since), ended.min(until)]);
        }
        watch.denials_untold += count(row, 2)?;
        watch.flows_unattributed += count(row, 3)?;
    }
    Ok(watch)
}

fn device(row: &Row<'_>) -> rusqlite::Result<SeenDevice> {
    let (mac, vlan): (i64, i64) = (row.get(1)?, row.get(2)?);
    let [_, _, octets @ ..] = mac.to_be_bytes();
    let text = |column| -> rusqlite::Result<Option<String>> {
        let text: String = row.get(column)?;
        Ok((!text.is_empty()).then_some(text))
    };
    let time = |column| -> rusqlite::Result<Option<u32>> {
        let time: u32 = row.get(column)?;
        Ok((time != 0).then_some(time))
    };
    let (from, until) = (time(5)?, time(6)?);
    Ok(SeenDevice {
        id: row.get(0)?,
        mac: Mac(octets),
        vlan: Vlan {
            outer: (vlan >> 16) as u16,
            inner: vlan as u16,
        },
        name: text(3)?,
        profile: text(4)?,
        declared: from.map(|from| (from, until)),
        seen: time(7)?.zip(time(8)?),
        days: Vec::new(),
        overflow: count(row, 9)?,
    })
}

fn observation(row: &Row<'_>) -> rusqlite::Result<Observation> {
    let address = |column| -> rusqlite::Result<IpAddr> {
        let octets: [u8; 16] = row.get(column)?;
        Ok(IpAddr::V6(Ipv6Addr::from(octets)).to_canonical())
    };
    let (peer, service): (i64, i64) = (row.get(1)?, row.get(7)?);
    let (by_peer, rules): (bool, String) = (row.get(3)?, row.get(10)?);
    Ok(Observation {
        device: row.get(0)?,
        peer_device: (peer != 0).then_some(peer),
        peer_at_device_side: row.get(2)?,
        starts: if by_peer {
            Starter::Peer
        } else {
            Starter::Device
        },
        address: address(4)?,
        peer: address(5)?,
        protocol: row.get(6)?,
        service: u16::try_from(service).ok(),
        fate: row.get(8)?,
        reason: row.get(9)?,
        rules: rules.lines().map(str::to_owned).collect(),
        first_seen: row.get(11)?,
        last_seen: row.get(12)?,
        flows: count(row, 13)?,
        packets: count(row, 14)?,
        bytes: count(row, 15)?,
    })
}

/// SQLite's numbers are signed.
fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let count: i64 = row.get(column)?;
    Ok(u64::try_from(count).unwrap_or_default())
}
