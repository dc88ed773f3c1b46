//! The texts of policies, by the hash of what they compile to: compressed, and
//! the oldest forgotten once there are many.

use std::io::{Read as _, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use rusqlite::{Connection, OptionalExtension as _};
use serde::{Deserialize, Serialize};

use super::State;
use crate::policy::canary::Share;
use crate::policy::source::Bundle;

/// Texts that are kept.
const KEPT: u32 = 100;

/// Where a policy comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::daemon) enum Text {
    Plain(Bundle),
    Canary(Canary),
}

/// Two policies at once, each for its share of the devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::daemon) struct Canary {
    /// Hash of the policy for all others.
    pub(in crate::daemon) before: String,
    /// Hash of the policy for the share.
    pub(in crate::daemon) after: String,
    pub(in crate::daemon) share: Share,
}

impl State {
    /// The text of a policy. One that cannot be read is told and counts as absent.
    pub(in crate::daemon) fn policy(&self, hash: &str) -> Result<Option<Text>> {
        let found = self.read(|connection| {
            connection
                .query_row(
                    "SELECT kind, body FROM policies WHERE hash = ?1",
                    [hash],
                    |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)),
                )
                .optional()
        })?;
        Ok(found.and_then(|(kind, body)| {
            unpack(&kind, &body)
                .inspect_err(|error| tracing::warn!(hash, "cannot read a saved policy: {error:#}"))
                .ok()
        }))
    }

    /// Keeps the text of a policy that is not in force itself.
    pub(in crate::daemon) fn keep_policy(&self, hash: &str, text: &Text) -> Result<()> {
        let packed = pack(text)?;
        self.write(|connection| put(connection, hash, &packed))
    }
}

/// Kind and body of a row.
pub(super) type Packed = (&'static str, Vec<u8>);

pub(super) fn pack(text: &Text) -> Result<Packed> {
    let mut body = ZlibEncoder::new(Vec::new(), Compression::fast());
    let kind = match text {
        Text::Plain(bundle) => {
            body.write_all(&serde_json::to_vec(bundle)?)?;
            "plain"
        }
        Text::Canary(canary) => {
            body.write_all(&serde_json::to_vec(canary)?)?;
            "canary"
        }
    };
    Ok((kind, body.finish()?))
}

fn unpack(kind: &str, body: &[u8]) -> Result<Text> {
    let mut text = Vec::new();
    ZlibDecoder::new(body)
        .read_to_end(&mut text)
        .context("it is damaged")?;
    Ok(match kind {
        "plain" => Text::Plain(serde_json::from_slice(&text)?),
        "canary" => Text::Canary(serde_json::from_slice(&text)?),
        other => anyhow::bail!("it is of a kind that is not known: {other}"),
    })
}

pub(super) fn put(connection: &Connection, hash: &str, packed: &Packed) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO policies (hash, kind, body, first_seen, last_used) VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (hash) DO UPDATE SET kind = excluded.kind, body = excluded.body, last_used = excluded.last_used",
        (hash, packed.0, &packed.1, now()),
    )?;
    Ok(())
}

/// Forgets the texts that were used longest ago; never those listed.
pub(super) fn prune(connection: &Connection, spared: &[&str]) -> rusqlite::Result<()> {
    let spared = serde_json::to_string(spared).unwrap_or_default();
    connection.execute(
        "DELETE FROM policies WHERE hash NOT IN (SELECT hash FROM policies ORDER BY last_used DESC, rowid DESC LIMIT ?1)
         AND hash NOT IN (SELECT value FROM json_each(?2))",
        (KEPT, spared),
    )?;
    Ok(())
}

/// Unix time, in seconds.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs() as i64
}
