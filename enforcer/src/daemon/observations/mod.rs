//! The record of what passed, and of what was denied, for `simulate --live`: looks
//! at the flow table now and then, adds up, and writes. What it could not watch, it
//! says. Nothing that is enforced depends on it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use enforcer_common::event::Event;
use enforcer_common::flow::{Flow, FlowKey};

use super::engine::{Engine, Running, monotonic_second};
use crate::control::api::Told;
use crate::datapath::ports::pinned_links;

mod database;
mod entry;
mod epochs;
mod gather;
mod query;
mod rows;
mod store;

use entry::of_event;
use epochs::{Epoch, Epochs};
use gather::{Addition, Additions, Met, Moment, gather};
use store::{Bounds, Store, Stretch};

/// Seconds between two looks beyond which the time between was not watched: flows
/// may have come and gone.
const LONGEST: u32 = 60;
/// Seconds by which two clocks that agree may seem to differ.
const TOLERATED: u32 = 2;
/// Seconds after which old rows are looked for again.
const PURGED_EVERY: u32 = 3_600;
/// Events that are kept between two looks.
const KEPT: usize = 1 << 16;

/// What recording costs, for the metrics.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// Seconds that the last look took, and those in which the disk was written.
    pub(super) seconds: f64,
    pub(super) writing_seconds: f64,
    /// Sums since the daemon started.
    pub(super) rows: u64,
    pub(super) overflow: u64,
    pub(super) failures: u64,
}

/// The recorder.
#[derive(Debug)]
pub(super) struct Observations {
    path: PathBuf,
    bounds: Bounds,
    /// Or why nothing is recorded.
    recorder: Mutex<Result<Recorder, String>>,
    heard: Mutex<Heard>,
}

#[derive(Debug)]
struct Recorder {
    store: Store,
    epochs: Epochs,
    met: HashMap<FlowKey, Met>,
    /// Flows begun then or before may have been counted by an earlier daemon.
    carried_until: Option<u32>,
    watching: Option<Watching>,
    boot: String,
    purged: u32,
}

/// What came between two looks.
#[derive(Default)]
struct Heard {
    events: Vec<(Event, u32)>,
    dropped: u64,
    /// Policies that were met and have no rows yet.
    policies: Vec<Arc<Running>>,
    latest: u32,
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heard")
            .field("events", &self.events.len())
            .finish_non_exhaustive()
    }
}

/// The stretch that is being watched, when it was looked at last.
#[derive(Clone, Copy, Debug)]
struct Watching {
    begun: u32,
    last: Moment,
    untold: u64,
}

impl Observations {
    /// Opens the record in the state directory, made where missing. Where that cannot
    /// be, nothing is recorded, and that is told: enforcing matters more.
    pub(super) fn open(engine: &Engine) -> Self {
        let config = &engine.config;
        let path = config.state_directory.join("observations.sqlite");
        let bounds = Bounds {
            rows_per_device: config.observe_rows,
            days: config.observe_days,
        };
        let recorder = Recorder::open(&path, bounds).map_err(|error| {
            let why = format!("{error:#}");
            tracing::error!("flows are not recorded, and `simulate --live` is not possible: {why}");
            why
        });
        Self {
            path,
            bounds,
            heard: Mutex::default(),
            recorder: Mutex::new(recorder),
        }
    }

    /// Takes note of an event; writes nothing yet.
    pub(super) fn hear(&self, engine: &Engine, event: &Event, time: SystemTime) {
        let mut heard = lock(&self.heard);
        if event.epoch != heard.latest {
            heard.meet(engine.running());
        }
        if heard.events.len() == KEPT {
            heard.dropped += 1;
            return;
        }
        let since = time
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        heard
            .events
            .push((*event, u32::try_from(since).unwrap_or(u32::MAX)));
    }

    /// Looks at the flow table and writes what has come since the last time. The
    /// datapath is free while the disk is written.
    ///
    /// # Errors
    /// When the tables cannot be read or the record not be written. Nothing is lost
    /// then but time that counts as watched.
    pub(super) fn record(&self, engine: &Engine) -> Result<()> {
        let started = Instant::now();
        let mut recorder = lock(&self.recorder);
        let flows = engine.sweep()?;
        let Ok(recorder) = recorder.as_mut() else {
            *lock(&self.heard) = Heard::default();
            return Ok(());
        };
        let done = recorder.look(engine, &self.heard, &flows);
        let mut totals = engine.totals();
        let cost = &mut totals.observed;
        cost.seconds = started.elapsed().as_secs_f64();
        match done {
            Ok((written, writing_seconds)) => {
                cost.writing_seconds = writing_seconds;
                cost.rows += written.rows;
                cost.overflow += written.overflow;
                Ok(())
            }
            Err(error) => {
                cost.failures += 1;
                recorder.watching = None;
                Err(error)
            }
        }
    }

    /// # Errors
    /// When nothing is recorded: why.
    pub(super) fn check(&self) -> Result<()> {
        match &*lock(&self.recorder) {
            Ok(_) => Ok(()),
            Err(why) => bail!("flows are not recorded: {why}"),
        }
    }

    /// Tells the record from `since` (Unix time) until now, until `tell` returns false.
    ///
    /// # Errors
    /// When the record cannot be read, or `tell` fails.
    pub(super) fn read(
        &self,
        since: u32,
        until: u32,
        tell: &mut dyn FnMut(Told) -> Result<bool>,
    ) -> Result<()> {
        query::read(&self.path, self.bounds, since, until, tell)
    }
}

impl Heard {
    fn meet(&mut self, running: Option<Arc<Running>>) {
        if let Some(running) = running.filter(|running| running.epoch != self.latest) {
            self.latest = running.epoch;
            self.policies.push(running);
        }
    }
}

impl Recorder {
    fn open(path: &Path, bounds: Bounds) -> Result<Self> {
        let store = Store::open(path, bounds)?;
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let same_boot = store.setting("boot")?.is_some_and(|saved| saved == boot);
        let looked_at = store.setting("looked_at")?.filter(|_| same_boot);
        Ok(Self {
            store,
            epochs: Epochs::default(),
            met: HashMap::new(),
            carried_until: looked_at.and_then(|second| second.parse().ok()),
            watching: None,
            boot,
            purged: 0,
        })
    }

    fn look(
        &mut self,
        engine: &Engine,
        heard: &Mutex<Heard>,
        flows: &[(FlowKey, Flow)],
    ) -> Result<(store::Written, f64)> {
        let moment = Moment {
            monotonic: monotonic_second(),
            unix: engine.policy_time(),
        };
        let watches = watches(engine)?;
        let untold = untold(engine)?;
        let writing = Instant::now();
        self.number(engine, heard, moment)?;
        let mut additions = Additions::default();
        let met = gather(
            flows,
            &self.met,
            &self.epochs,
            moment,
            self.carried_until,
            &mut additions,
        );
        let (events, dropped) = {
            let mut heard = lock(heard);
            (
                std::mem::take(&mut heard.events),
                std::mem::take(&mut heard.dropped),
            )
        };
        self.add_events(engine, &events, &mut additions);
        let watching = watches.then(|| self.go_on(moment, untold));
        let stretch = watching.map(|watching| Stretch {
            begun: watching.begun,
            ended: moment.unix,
            denials_untold: dropped + untold.saturating_sub(self.untold_before(watching, untold)),
        });
        let written = self
            .store
            .write(&additions, &self.epochs, moment, stretch, &self.boot);
        let written = match written {
            Ok(written) => written,
            Err(error) => {
                let mut heard = lock(heard);
                let newer = std::mem::replace(&mut heard.events, events);
                heard.events.extend(newer);
                heard.dropped += dropped;
                return Err(error);
            }
        };
        self.met = met;
        self.carried_until = None;
        self.watching = watching;
        if moment.unix.saturating_sub(self.purged) >= PURGED_EVERY {
            self.store.purge(moment.unix)?;
            self.purged = moment.unix;
        }
        Ok((written, writing.elapsed().as_secs_f64()))
    }

    /// Gives rows to the devices of policies that were not met before.
    fn number(&mut self, engine: &Engine, heard: &Mutex<Heard>, moment: Moment) -> Result<()> {
        let policies = {
            let mut heard = lock(heard);
            heard.meet(engine.running());
            heard.policies.clone()
        };
        for running in &policies {
            let rows = self.store.declare(running, moment.unix)?;
            self.epochs.add(Epoch::new(running, rows));
            lock(heard)
                .policies
                .retain(|waiting| waiting.epoch != running.epoch);
        }
        Ok(())
    }

    fn add_events(&self, engine: &Engine, events: &[(Event, u32)], additions: &mut Additions) {
        for (event, time) in events {
            let Some(port) = engine.config.ports.get(event.port as usize) else {
                continue;
            };
            let epoch = self.epochs.get(event.epoch);
            let Some(entry) = epoch.and_then(|epoch| of_event(epoch, event, port.side)) else {
                continue;
            };
            additions.add(Addition {
                entry,
                first_seen: *time,
                last_seen: *time,
                flows: 1,
                packets: 1,
                bytes: event.length.into(),
                carried: [0; 3],
            });
        }
    }

    /// The stretch that this look belongs to.
    fn go_on(&self, now: Moment, untold: u64) -> Watching {
        let begun = match self.watching {
            Some(before) if is_continuous(before.last, now) => before.begun,
            _ => now.unix,
        };
        Watching {
            begun,
            last: now,
            untold,
        }
    }

    /// What had gone untold when the stretch was looked at last.
    fn untold_before(&self, now: Watching, untold: u64) -> u64 {
        match self.watching {
            Some(before) if before.begun == now.begun => before.untold,
            _ => untold,
        }
    }
}

/// Whether nothing can have been missed between two looks.
fn is_continuous(before: Moment, now: Moment) -> bool {
    let passed = now.monotonic.wrapping_sub(before.monotonic);
    let by_wall = now.unix.saturating_sub(before.unix);
    passed <= LONGEST && by_wall.abs_diff(passed) <= TOLERATED
}

/// Whether the enforcer sees everything: a policy is in force whose text is known,
/// and every port is attached.
fn watches(engine: &Engine) -> Result<bool> {
    let directory = {
        let datapath = engine.datapath();
        if datapath.memory.epoch() == 0 {
            return Ok(false);
        }
        datapath.directory.clone()
    };
    let links = match &directory {
        Some(directory) => pinned_links(directory)?,
        None => Vec::new(),
    };
    let attached = |name: &String| links.iter().any(|(_, _, port)| port == name);
    let ports = &engine.config.ports;
    Ok(engine.running().is_some() && ports.iter().all(|port| attached(&port.name)))
}

/// Denials that no event told of, since the maps were made.
fn untold(engine: &Engine) -> Result<u64> {
    let statistics = engine.datapath().statistics()?;
    Ok(statistics.events_lost + statistics.events_suppressed)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
