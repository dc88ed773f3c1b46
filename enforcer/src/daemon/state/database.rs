//! Opens `state.sqlite`: its shape, how careful it is with the disk, and what
//! becomes of one that is damaged or of another version.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use rusqlite::{Connection, ErrorCode};

/// Version of the tables, kept in the database as `user_version`.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE policies (
    hash TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    first_seen INTEGER NOT NULL,
    last_used INTEGER NOT NULL
) STRICT;
CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    action TEXT NOT NULL,
    uid INTEGER,
    gid INTEGER,
    pid INTEGER,
    user TEXT NOT NULL,
    subject TEXT,
    hash TEXT,
    epoch INTEGER,
    parent INTEGER,
    note TEXT,
    changes TEXT
) STRICT;
CREATE TABLE exceptions (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    user TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT;
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
";

enum Problem {
    Damaged(String),
    Newer(i64),
    Other(rusqlite::Error),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Other(error),
        }
    }
}

/// Opens the database, made where missing. One that is damaged is renamed and a
/// new one takes its place; what to say of it comes along.
pub(super) fn open(path: &Path) -> Result<(Connection, Option<String>)> {
    match try_open(path) {
        Ok(connection) => Ok((connection, None)),
        Err(Problem::Damaged(why)) => {
            let aside = set_aside(path)?;
            let said = format!(
                "{} was damaged ({why}) and is now {}: history, exceptions and the text of the policy in force are \
                 lost. Enforcement goes on. Apply the policy again, and what was quarantined; or stop the \
                 daemon, put a backup in the place of the new file and what lies beside it, and start it",
                path.display(),
                aside.display()
            );
            tracing::error!("{said}");
            match try_open(path) {
                Ok(connection) => Ok((connection, Some(said))),
                Err(problem) => Err(refusal(path, problem)),
            }
        }
        Err(problem) => Err(refusal(path, problem)),
    }
}

fn refusal(path: &Path, problem: Problem) -> anyhow::Error {
    let path = path.display();
    match problem {
        Problem::Damaged(why) => anyhow::anyhow!("{path} is damaged: {why}"),
        Problem::Newer(version) => anyhow::anyhow!(
            "{path} was written by a newer enforcerd (version {version} of its tables, this one knows {VERSION}): \
             start that one, or move the file away and apply the policy again; enforcement goes on meanwhile"
        ),
        Problem::Other(error) => anyhow::Error::new(error).context(format!(
            "cannot open {path}: look at the disk and at the permissions; enforcement goes on meanwhile"
        )),
    }
}

fn try_open(path: &Path) -> Result<Connection, Problem> {
    // Policies tell much of a hospital: for root's eyes alone. SQLite gives the
    // files beside it the same permissions; what is wrong here, it tells better.
    let _ = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path);
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(Problem::Damaged(found));
    }
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version > VERSION {
        return Err(Problem::Newer(version));
    }
    if version == 0 {
        let transaction = connection.transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
    }
    Ok(connection)
}

/// Renames the database with what belongs to it.
fn set_aside(path: &Path) -> Result<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let ending = format!(".damaged-{}", now.unwrap_or_default().as_secs());
    let named = |path: &Path, ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let aside = named(path, &ending);
    if aside.exists() {
        bail!("{} is damaged once more; see to the disk", path.display());
    }
    for part in ["", "-wal", "-shm"] {
        let from = named(path, part);
        if from.exists() {
            std::fs::rename(&from, named(&aside, part))
                .with_context(|| format!("cannot set {} aside", from.display()))?;
        }
    }
    Ok(aside)
}
