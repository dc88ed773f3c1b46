//! What survives the daemon: the policy in force, in the state directory. A
//! policy is written as `pending` before the epoch moves and renamed to `running`
//! after it, so that a crash at any point leaves the text of what is in force.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::policy::source::Bundle;

/// A policy as it was applied.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    /// SHA-256, hexadecimal.
    pub(super) hash: String,
    /// RFC 3339, UTC.
    pub(super) applied_at: String,
    pub(super) bundle: Bundle,
}

/// The state directory, held by one daemon at a time.
#[derive(Debug)]
pub(super) struct State {
    directory: PathBuf,
    _lock: Flock<File>,
}

impl State {
    /// Makes the directory and takes its lock.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
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
        Ok(Self {
            directory: directory.to_path_buf(),
            _lock: lock,
        })
    }

    /// The saved policy with this hash, or, without a hash, the one last in force.
    /// A policy that came into force just before a crash is committed first.
    pub(super) fn find(&self, hash: Option<&str>) -> Result<Option<Saved>> {
        let running = self.read("running.json");
        let Some(hash) = hash else {
            return Ok(running);
        };
        if let Some(running) = running.filter(|saved| saved.hash == hash) {
            return Ok(Some(running));
        }
        let pending = self.read("pending.json").filter(|saved| saved.hash == hash);
        if pending.is_some() {
            self.commit()?;
        }
        Ok(pending)
    }

    /// A saved policy. One that cannot be read, such as one torn by a crash, is
    /// told and left alone: what is in force does not depend on it.
    fn read(&self, name: &str) -> Option<Saved> {
        let path = self.directory.join(name);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot read a saved policy");
                return None;
            }
        };
        serde_json::from_slice(&text)
            .inspect_err(|error| {
                tracing::warn!(path = %path.display(), %error, "cannot read a saved policy");
            })
            .ok()
    }

    /// Writes a policy that is about to be put into force.
    pub(super) fn prepare(&self, saved: &Saved) -> Result<()> {
        let path = self.directory.join("pending.json");
        let write = || -> std::io::Result<()> {
            let mut file = std::io::BufWriter::new(File::create(&path)?);
            serde_json::to_writer(&mut file, saved)?;
            file.into_inner()?.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
        self.sync()
    }

    /// The prepared policy is in force.
    pub(super) fn commit(&self) -> Result<()> {
        let (from, to) = (
            self.directory.join("pending.json"),
            self.directory.join("running.json"),
        );
        std::fs::rename(&from, &to).with_context(|| format!("cannot rename {}", from.display()))?;
        self.sync()
    }

    /// Makes names last through a loss of power.
    fn sync(&self) -> Result<()> {
        let directory = File::open(&self.directory).and_then(|directory| directory.sync_all());
        directory.with_context(|| format!("cannot write {}", self.directory.display()))
    }
}
