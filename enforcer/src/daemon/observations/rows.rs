//! One row of the record: added to, or made where its device has room for it.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use enforcer_common::addr::{Ip, Mac, Vlan};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::entry::{End, Key};
use super::epochs::Epochs;
use super::gather::Addition;
use super::store::{Bounds, Written};
use crate::control::api::Starter;

pub(super) const HOUR: u32 = 3_600;
pub(super) const DAY: u32 = 24 * HOUR;
/// Name of the setting that counts what found no room because there are too many
/// devices that nobody declared.
const STRANGERS_OVERFLOW: &str = "strangers_overflow";

/// Adds to a row, or makes it where its device has room.
pub(super) fn add(
    transaction: &Transaction<'_>,
    bounds: Bounds,
    epochs: &Epochs,
    addition: &Addition,
    seen: &mut HashMap<i64, (u32, u32)>,
    written: &mut Written,
) -> Result<()> {
    let key = &addition.entry.key;
    let flows = addition.flows.max(addition.carried[0]);
    let ends = (
        end(transaction, bounds, key.device, key.vlan)?,
        end(transaction, bounds, key.peer, key.vlan)?,
    );
    let (Some(device), Some(peer)) = ends else {
        written.overflow += flows;
        return count_strangers_overflow(transaction, flows);
    };
    for row in [device, peer].into_iter().filter(|row| *row != 0) {
        let (first, last) = seen
            .entry(row)
            .or_insert((addition.first_seen, addition.last_seen));
        *first = addition.first_seen.min(*first);
        *last = addition.last_seen.max(*last);
    }
    if update(transaction, device, peer, addition, epochs)? {
        written.rows += 1;
        return Ok(());
    }
    let rows: u32 = transaction
        .prepare_cached("SELECT rows FROM devices WHERE id = ?")?
        .query_row([device], |row| row.get(0))?;
    if rows >= bounds.rows_per_device {
        written.overflow += flows;
        transaction
            .prepare_cached("UPDATE devices SET overflow = overflow + ? WHERE id = ?")?
            .execute(params![number(flows), device])?;
        return Ok(());
    }
    insert(transaction, device, peer, addition, epochs)?;
    written.rows += 1;
    Ok(())
}

fn update(
    transaction: &Transaction<'_>,
    device: i64,
    peer: i64,
    addition: &Addition,
    epochs: &Epochs,
) -> Result<bool> {
    let key = &addition.entry.key;
    let changed = transaction
        .prepare_cached(
            "UPDATE observations SET last_seen = max(last_seen, ?1), flows = flows + ?2, packets = packets + ?3,
                 bytes = bytes + ?4, reason = ?5, rules = ?6
             WHERE device = ?7 AND peer_address = ?8 AND service = ?9 AND protocol = ?10 AND starts = ?11
                 AND fate = ?12 AND address = ?13 AND peer = ?14 AND peer_at_device_side = ?15",
        )?
        .execute(params![
            addition.last_seen,
            number(addition.flows),
            number(addition.packets),
            number(addition.bytes),
            addition.entry.reason.label(),
            rules(addition, epochs),
            device,
            address(key.peer_address),
            service(key),
            key.protocol,
            starts(key),
            key.fate.label(),
            address(key.address),
            peer,
            key.peer != End::Core,
        ])?;
    Ok(changed > 0)
}

fn insert(
    transaction: &Transaction<'_>,
    device: i64,
    peer: i64,
    addition: &Addition,
    epochs: &Epochs,
) -> Result<()> {
    let key = &addition.entry.key;
    let [flows, packets, bytes] = addition.carried;
    transaction
        .prepare_cached(
            "INSERT INTO observations (device, starts, peer, peer_at_device_side, address, peer_address, protocol,
                 service, fate, reason, rules, first_seen, last_seen, flows, packets, bytes)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            device,
            starts(key),
            peer,
            key.peer != End::Core,
            address(key.address),
            address(key.peer_address),
            key.protocol,
            service(key),
            key.fate.label(),
            addition.entry.reason.label(),
            rules(addition, epochs),
            addition.first_seen,
            addition.last_seen,
            number(addition.flows + flows),
            number(addition.packets + packets),
            number(addition.bytes + bytes),
        ])?;
    transaction
        .prepare_cached("UPDATE devices SET rows = rows + 1 WHERE id = ?")?
        .execute([device])?;
    Ok(())
}

/// Notes that a device was seen at two times.
pub(super) fn see(transaction: &Transaction<'_>, device: i64, first: u32, last: u32) -> Result<()> {
    transaction
        .prepare_cached(
            "UPDATE devices SET last_seen = max(last_seen, ?2),
                 first_seen = CASE first_seen WHEN 0 THEN ?1 ELSE min(first_seen, ?1) END WHERE id = ?3",
        )?
        .execute(params![first, last, device])?;
    for time in [first, last] {
        let hour = 1 << (time % DAY / HOUR);
        transaction
            .prepare_cached(
                "INSERT INTO days VALUES (?, ?, ?)
                 ON CONFLICT DO UPDATE SET hours = hours | excluded.hours WHERE hours & excluded.hours = 0",
            )?
            .execute(params![device, time / DAY, hour])?;
    }
    Ok(())
}

/// Row of an end, 0 for the core side; `None` where there are too many devices that
/// nobody declared.
fn end(transaction: &Transaction<'_>, bounds: Bounds, end: End, vlan: Vlan) -> Result<Option<i64>> {
    let mac = match end {
        End::Core => return Ok(Some(0)),
        End::Declared(row) => return Ok(Some(row)),
        End::Stranger(mac) => mac_number(mac),
    };
    let known: Option<i64> = transaction
        .prepare_cached(
            "SELECT id FROM devices WHERE mac = ? AND vlan = ? AND name = '' AND profile = ''",
        )?
        .query_row(params![mac, vlan_number(vlan)], |row| row.get(0))
        .optional()?;
    if known.is_some() {
        return Ok(known);
    }
    let strangers: u32 = transaction
        .prepare_cached("SELECT count(*) FROM devices WHERE name = ''")?
        .query_row([], |row| row.get(0))?;
    if strangers >= bounds.rows_per_device {
        return Ok(None);
    }
    transaction
        .prepare_cached("INSERT INTO devices (mac, vlan, name, profile) VALUES (?, ?, '', '')")?
        .execute(params![mac, vlan_number(vlan)])?;
    Ok(Some(transaction.last_insert_rowid()))
}

fn count_strangers_overflow(transaction: &Transaction<'_>, flows: u64) -> Result<()> {
    let before = strangers_overflow(transaction)?;
    set(
        transaction,
        STRANGERS_OVERFLOW,
        &(before + flows).to_string(),
    )
}

/// What found no room because there are too many devices that nobody declared.
pub(super) fn strangers_overflow(connection: &Connection) -> Result<u64> {
    let text: Option<String> = connection
        .prepare_cached("SELECT value FROM settings WHERE name = ?")?
        .query_row([STRANGERS_OVERFLOW], |row| row.get(0))
        .optional()?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or_default())
}

pub(super) fn set(transaction: &Transaction<'_>, name: &str, value: &str) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO settings VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        )?
        .execute([name, value])
        .with_context(|| format!("cannot note {name}"))?;
    Ok(())
}

fn rules(addition: &Addition, epochs: &Epochs) -> String {
    let entry = &addition.entry;
    let names = epochs
        .get(entry.epoch)
        .map(|epoch| epoch.rules(entry.rules));
    names.unwrap_or_default().join("\n")
}

fn starts(key: &Key) -> bool {
    key.starts == Starter::Peer
}

fn service(key: &Key) -> i64 {
    key.service.map_or(-1, i64::from)
}

pub(super) fn mac_number(mac: Mac) -> i64 {
    mac.to_u64() as i64
}

pub(super) fn vlan_number(vlan: Vlan) -> i64 {
    i64::from(vlan.outer) << 16 | i64::from(vlan.inner)
}

fn address(ip: Ip) -> [u8; 16] {
    (u128::from(ip.high) << 64 | u128::from(ip.low)).to_be_bytes()
}

/// SQLite's numbers are signed.
pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
