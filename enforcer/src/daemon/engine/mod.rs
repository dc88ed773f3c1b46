//! The daemon's heart: one datapath, one policy in force, and the only place
//! that changes either.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use enforcer_common::counter::Traffic;
use enforcer_common::flow::{Flow, FlowKey};
use nix::unistd::Uid;

use super::config::Config;
use super::forwarding::Forwarding;
use super::learning::Learning;
use super::observations::Cost;
use super::state::State;
use super::tags::Tags;
use crate::control::api::{Author, Failure};
use crate::datapath::Datapath;
use crate::datapath::control::monotonic_ns;
use crate::datapath::install::PinnedPolicy;

mod apply;
mod candidate;
mod clock;
mod dress;
mod exceptions;
mod file;
mod history;
mod resume;
mod running;
mod trial;

pub(super) use running::Running;

pub(super) struct Engine {
    pub(super) config: Config,
    pub(super) started: Instant,
    pub(super) verified_instructions: u32,
    datapath: Mutex<Datapath>,
    state: State,
    running: RwLock<Option<Arc<Running>>>,
    /// While a policy is on trial: the one that returns otherwise.
    before: RwLock<Option<Arc<Running>>>,
    totals: Mutex<Totals>,
    /// Held while anything is changed; one change at a time.
    changing: Mutex<()>,
    clock: Mutex<clock::Watched>,
    file: Mutex<file::Seen>,
    pub(super) learning: Learning,
    pub(super) tags: Tags,
    pub(super) forwarding: Forwarding,
    /// By which bytes of a stream that come again are known.
    key: u64,
}

/// What the daemon adds up by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    /// Hits of rules by earlier policies, by profile and rule.
    pub(super) rules: BTreeMap<(String, String), Traffic>,
    /// Packets in which signatures were found under earlier policies, by name.
    pub(super) signatures: BTreeMap<String, u64>,
    pub(super) flows_current: u64,
    pub(super) flows_expired: u64,
    pub(super) applied: u64,
    pub(super) refused: u64,
    pub(super) last_apply_seconds: f64,
    /// Cost of recording flows.
    pub(super) observed: Cost,
}

impl Engine {
    /// `replaced` is the policy in force in other maps, whose ports these take over.
    pub(super) fn new(
        config: Config,
        mut datapath: Datapath,
        state: State,
        replaced: Option<PinnedPolicy>,
    ) -> Result<Self> {
        let verified_instructions = datapath.verified_instructions().unwrap_or_default();
        let engine = Self {
            config,
            started: Instant::now(),
            verified_instructions,
            datapath: Mutex::new(datapath),
            state,
            running: RwLock::new(None),
            before: RwLock::new(None),
            totals: Mutex::default(),
            changing: Mutex::default(),
            clock: Mutex::default(),
            file: Mutex::default(),
            learning: Learning::default(),
            tags: Tags::default(),
            forwarding: Forwarding::default(),
            // The standard library's random state is drawn from the kernel.
            key: RandomState::new().build_hasher().finish(),
        };
        engine.start_clock()?;
        engine.resume(replaced)?;
        ensure!(
            replaced.is_none() || engine.datapath().memory.epoch() != 0,
            "the policy in force cannot be carried over into new maps, because its text is not in the state \
             directory or no longer compiles; enforcement goes on with the old ones"
        );
        engine.look_at_file();
        Ok(engine)
    }

    /// Does what is due; called every second. What fails is told, and tried again.
    pub(super) fn tend(&self) {
        let _one_at_a_time = self.change();
        for (what, done) in [
            ("end a trial", self.end_expired_trial()),
            ("follow the clock", self.follow_clock()),
            ("end an exception", self.end_exceptions()),
            ("keep calendars up to date", self.keep_calendars()),
        ] {
            if let Err(error) = done {
                tracing::error!("cannot {what}: {error:#}");
            }
        }
    }

    /// Forgets idle flows; all flows as they were before.
    pub(super) fn sweep(&self) -> Result<Vec<(FlowKey, Flow)>> {
        let mut datapath = self.datapath();
        let Some(settings) = datapath.memory.settings() else {
            return Ok(Vec::new());
        };
        let (sweep, flows) = datapath.sweep_and_list(&settings, monotonic_second())?;
        drop(datapath);
        let mut totals = self.totals();
        totals.flows_current = sweep.current;
        totals.flows_expired += sweep.expired;
        Ok(flows)
    }

    pub(super) fn running(&self) -> Option<Arc<Running>> {
        read(&self.running)
    }

    /// While a policy is on trial: the one that returns otherwise.
    pub(super) fn before(&self) -> Option<Arc<Running>> {
        read(&self.before)
    }

    fn set_running(&self, running: Option<Arc<Running>>) {
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = running;
    }

    fn set_before(&self, before: Option<Arc<Running>>) {
        *self.before.write().unwrap_or_else(PoisonError::into_inner) = before;
    }

    pub(super) fn datapath(&self) -> MutexGuard<'_, Datapath> {
        self.datapath.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn totals(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(shared: &RwLock<Option<Arc<Running>>>) -> Option<Arc<Running>> {
    shared
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

pub(super) fn failure(error: impl Into<String>) -> Failure {
    Failure {
        error: error.into(),
        diagnostics: None,
        unfit: false,
    }
}

/// A failure of the machine's, not of the request.
fn broken(error: anyhow::Error) -> Failure {
    failure(format!("{error:#}"))
}

/// The author of what the enforcer does by itself.
pub(super) fn the_enforcer() -> Author {
    Author {
        uid: Some(Uid::effective().as_raw()),
        gid: None,
        pid: i32::try_from(std::process::id()).ok(),
        user: "enforcerd".to_owned(),
    }
}

/// Second of the clock that the kernel half uses.
pub(super) fn monotonic_second() -> u32 {
    (monotonic_ns() / 1_000_000_000) as u32
}

/// Seconds of the wall clock since 1970.
pub(super) fn unix_second() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u32::try_from(since.unwrap_or_default().as_secs()).unwrap_or(u32::MAX)
}

/// The time of day at a moment of the monotonic clock, in ns.
fn wall_time(monotonic: u64) -> SystemTime {
    let (now, wall) = (monotonic_ns(), SystemTime::now());
    let moved = if monotonic >= now {
        wall.checked_add(Duration::from_nanos(monotonic - now))
    } else {
        wall.checked_sub(Duration::from_nanos(now - monotonic))
    };
    moved.unwrap_or(wall)
}

pub(super) fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// RFC 3339 of Unix time, in seconds.
pub(super) fn rfc3339_of(unix: i64) -> String {
    let since = Duration::from_secs(u64::try_from(unix).unwrap_or_default());
    rfc3339(UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
