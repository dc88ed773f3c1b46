//! `observations.sqlite`: its shape, and opening it. What is in it is a record, not
//! what is enforced: one that is damaged is set aside, and the record begins anew.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Version of the tables, kept in the database as `user_version`.
const VERSION: i64 = 1;

/// Times are Unix time in seconds, 0 where there is none. Addresses are numbers:
/// 48 bits of MAC, outer tag × 65536 + inner tag, 16 bytes of IP. Ends of rows:
/// `peer` is 0 for the core side, else a row of devices. `service` is -1 for none.
const TABLES: &str = "
CREATE TABLE devices (
    id INTEGER PRIMARY KEY,
    mac INTEGER NOT NULL,
    vlan INTEGER NOT NULL,
    name TEXT NOT NULL,
    profile TEXT NOT NULL,
    declared_from INTEGER NOT NULL DEFAULT 0,
    declared_until INTEGER NOT NULL DEFAULT 0,
    first_seen INTEGER NOT NULL DEFAULT 0,
    last_seen INTEGER NOT NULL DEFAULT 0,
    rows INTEGER NOT NULL DEFAULT 0,
    overflow INTEGER NOT NULL DEFAULT 0,
    UNIQUE (mac, vlan, name, profile)
) STRICT;
CREATE INDEX strangers ON devices (name) WHERE name = '';
CREATE TABLE days (
    device INTEGER NOT NULL,
    day INTEGER NOT NULL,
    hours INTEGER NOT NULL,
    PRIMARY KEY (device, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE observations (
    device INTEGER NOT NULL,
    starts INTEGER NOT NULL,
    peer INTEGER NOT NULL,
    peer_at_device_side INTEGER NOT NULL,
    address BLOB NOT NULL,
    peer_address BLOB NOT NULL,
    protocol INTEGER NOT NULL,
    service INTEGER NOT NULL,
    fate TEXT NOT NULL,
    reason TEXT NOT NULL,
    rules TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    flows INTEGER NOT NULL,
    packets INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (device, peer_address, service, protocol, starts, fate, address, peer, peer_at_device_side)
) STRICT, WITHOUT ROWID;
CREATE TABLE watched (
    begun INTEGER PRIMARY KEY,
    ended INTEGER NOT NULL,
    denials_untold INTEGER NOT NULL,
    flows_unattributed INTEGER NOT NULL
) STRICT;
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
";

/// Opens the database for writing, made where missing.
pub(super) fn open(path: &Path) -> Result<Connection> {
    match try_open(path) {
        Ok(connection) => Ok(connection),
        Err(error) if is_damage(&error) => {
            let aside = set_aside(path)?;
            tracing::error!(
                "{} was damaged ({error:#}) and is now {}: the record of flows begins anew; enforcement goes on, and \
                 `enforcerctl simulate --live` tells what was not seen",
                path.display(),
                aside.display()
            );
            try_open(path)
        }
        Err(error) => Err(error),
    }
    .with_context(|| format!("cannot open the record of flows, {}", path.display()))
}

/// Opens it beside the writer, for reading alone.
pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("cannot read the record of flows, {}", path.display()))?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

fn try_open(path: &Path) -> Result<Connection> {
    // Whom a hospital's devices speak with is nobody else's business. SQLite gives
    // the files beside it the same permissions, and tells better what is wrong.
    let _ = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path);
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // What a loss of power takes is a few seconds of the record.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    ensure!(
        version <= VERSION,
        "it was written by a newer enforcerd (version {version} of its tables, this one knows {VERSION}): start that \
         one, or move the file away"
    );
    if version == 0 {
        let transaction = connection.transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
    }
    Ok(connection)
}

fn is_damage(error: &anyhow::Error) -> bool {
    let code = error
        .downcast_ref::<rusqlite::Error>()
        .and_then(rusqlite::Error::sqlite_error_code);
    matches!(
        code,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Renames the database with what belongs to it.
fn set_aside(path: &Path) -> Result<PathBuf> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let ending = format!(".damaged-{}", since.unwrap_or_default().as_secs());
    let named = |path: &Path, ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let aside = named(path, &ending);
    for part in ["", "-wal", "-shm"] {
        let from = named(path, part);
        if from.exists() {
            std::fs::rename(&from, named(&aside, part))
                .with_context(|| format!("cannot set {} aside", from.display()))?;
        }
    }
    Ok(aside)
}
