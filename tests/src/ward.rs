//! A ward under enforcement: a lab, the daemon, and `policies/ward.yaml` or a
//! variation of it in force. What most tests start from.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    client::Client,
    daemon::{Daemon, Settings},
    lab::{Endpoint, Lab},
    records::Event,
    topology::Topology,
    wait,
};

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies");
const EVENT_DEADLINE: Duration = Duration::from_secs(10);
const EVENTS: usize = 10_000;

/// A lab with its daemon.
#[derive(Debug)]
pub struct Ward {
    // Dropped first: the daemon before the namespace it lives in.
    daemon: Daemon,
    lab: Lab,
}

/// The example policy; its devices' list is included from beside it.
pub fn policy() -> Result<String> {
    let path = Path::new(POLICIES).join("ward.yaml");
    fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
}

/// The example policy with another piece of text in place of one.
pub fn policy_with(piece: &str, other: &str) -> Result<String> {
    edit(&policy()?, piece, other)
}

/// Replaces the one place where `piece` is.
pub fn edit(text: &str, piece: &str, other: &str) -> Result<String> {
    ensure!(
        text.matches(piece).count() == 1,
        "{piece:?} is not exactly once in the policy"
    );
    Ok(text.replace(piece, other))
}

impl Ward {
    /// The example policy is in force.
    pub fn enforced(prefix: &str) -> Result<Self> {
        Self::under(prefix, &policy()?)
    }

    /// A policy is in force.
    pub fn under(prefix: &str, policy: &str) -> Result<Self> {
        let ward = Self::unenforced(prefix, &Topology::default(), &Settings::default())?;
        ward.apply(policy)?;
        Ok(ward)
    }

    /// The daemon runs and has no policy.
    pub fn unenforced(prefix: &str, topology: &Topology, settings: &Settings) -> Result<Self> {
        Self::of(Lab::with(prefix, topology)?, settings)
    }

    /// The same in a lab that the caller has changed.
    pub fn of(lab: Lab, settings: &Settings) -> Result<Self> {
        let daemon = Daemon::start_with(&lab, settings)?;
        Ok(Self { daemon, lab })
    }

    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    pub fn endpoint(&self, name: &str) -> Result<&Endpoint> {
        self.lab.endpoint(name)
    }

    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    pub fn daemon_mut(&mut self) -> &mut Daemon {
        &mut self.daemon
    }

    /// Where the maps in force are pinned.
    pub fn pins(&self) -> Result<PathBuf> {
        let parent = self.lab.bpffs().join("enforcer");
        let generations = self.lab.enforcer_box().run(|| {
            let entries =
                fs::read_dir(&parent).with_context(|| format!("read {}", parent.display()))?;
            Ok(entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.join("CONTROL").exists())
                .collect::<Vec<_>>())
        })?;
        let newest = generations.into_iter().max();
        newest.context("no maps are pinned")
    }

    pub fn client(&self) -> &Client {
        self.daemon.client()
    }

    /// Writes a policy, with the list that the example includes beside it.
    pub fn write(&self, name: &str, policy: &str) -> Result<PathBuf> {
        let list = self.lab.directory().join("ward-devices.csv");
        fs::copy(Path::new(POLICIES).join("ward-devices.csv"), &list)
            .with_context(|| format!("write {}", list.display()))?;
        let path = self.lab.directory().join(name);
        fs::write(&path, policy).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// Puts a policy into force.
    pub fn apply(&self, policy: &str) -> Result<String> {
        self.client().apply(&self.write("policy.yaml", policy)?)
    }

    /// Epoch and hash of the policy in force.
    pub fn in_force(&self) -> Result<(u64, String)> {
        let status = self.client().status()?;
        let epoch = status["policy"]["epoch"].as_u64();
        let hash = status["policy"]["hash"].as_str();
        epoch
            .zip(hash.map(str::to_owned))
            .with_context(|| format!("no policy in this status: {status}"))
    }

    /// Waits for an event; the newest that is `wanted`.
    pub fn event(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Result<Event> {
        self.event_after(0, what, wanted)
    }

    /// The events that are `wanted`, oldest first.
    pub fn events(&self, wanted: impl Fn(&Event) -> bool) -> Result<Vec<Event>> {
        let mut events = self.client().events(EVENTS)?;
        events.retain(wanted);
        Ok(events)
    }

    /// Waits for one more event that is `wanted` than there have been.
    pub fn event_after(
        &self,
        earlier: usize,
        what: &str,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Event> {
        let mut seen = Vec::new();
        let found = wait::poll(EVENT_DEADLINE, || {
            seen = self.client().events(EVENTS)?;
            let matching = seen.iter().filter(|event| wanted(event)).skip(earlier);
            Ok(matching.last().cloned())
        })?;
        found.with_context(|| {
            let last = &seen[seen.len().saturating_sub(5)..];
            format!("waited in vain for an event: {what}; the last ones: {last:#?}")
        })
    }
}
