//! Learning: reads the frames that may teach something as soon as the kernel half
//! shows them, and notes what they teach in the map that it looks up. What is learned
//! is worked out in [`crate::learn`].

mod known;
mod pump;
mod saved;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use enforcer_common::learned::{LearnedKey, Lesson as Record};

use super::engine::{Engine, Running, monotonic_second, unix_second};
use crate::control::api;
use crate::datapath::control::monotonic_ns;
use crate::datapath::learned::LearnedMap;
use crate::learn::guide::Guide;
use crate::learn::learner::{Learned, Learner, Lesson, Taught};
use crate::learn::leases::Lease;
use crate::learn::{Identity, Refusal, dhcp};
use known::{Known, Noted};
pub(super) use pump::start;
use saved::Now;

/// How often what has passed is forgotten, and leases are saved.
const TIDY: Duration = Duration::from_secs(60);
/// Conflicts that are told between one tidying and the next.
const TOLD: usize = 100;

/// What is learned, and what was counted meanwhile.
#[derive(Debug, Default)]
pub(super) struct Learning(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// `None` until [`Learning::open`].
    map: Option<LearnedMap>,
    file: PathBuf,
    known: Known,
    learner: Learner,
    /// What the policy of an epoch says of learning.
    guide: Option<(u32, Arc<Guide>)>,
    counts: Counts,
    /// Conflicts that were told lately.
    told: BTreeSet<(String, IpAddr)>,
    /// Leases have changed since they were saved.
    unsaved: bool,
}

/// Counted since the daemon's start.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) lessons: u64,
    pub(super) taught: u64,
    pub(super) refused: BTreeMap<Refusal, u64>,
    /// Judged by a policy that is no longer known.
    pub(super) outdated: u64,
    /// Addresses that hold now.
    pub(super) known: u64,
}

impl Learning {
    /// Takes over what the map holds, and adds the addresses that devices held when
    /// the machine stopped. Before the first frame is judged.
    ///
    /// # Errors
    /// When the map cannot be opened. A file that cannot be read is told.
    pub(super) fn open(&self, engine: &Engine) -> Result<()> {
        let directory = engine.datapath().directory.clone();
        let directory = directory.context("the maps are not pinned")?;
        let map = LearnedMap::open(&directory)?;
        let mut state = self.state();
        state.file = engine.config.state_directory.join("learned.json");
        for (key, until) in map.all()? {
            state.known.note(&key, until);
            if key.name == 0 {
                // The file may not know it: the last daemon may have been killed.
                state.unsaved = true;
                let (lease, address) = (Lease { ends: until, until }, key.address.into());
                let now = monotonic_second();
                let _ = state
                    .learner
                    .leases
                    .take(Identity::of(&key), address, lease, now, |_| true);
            }
        }
        state.map = Some(map);
        state.restore();
        Ok(())
    }

    pub(super) fn counts(&self) -> Counts {
        let state = self.state();
        Counts {
            known: state.known.len() as u64,
            ..state.counts.clone()
        }
    }

    /// Everything learned that holds still, in words.
    pub(super) fn list(&self, running: &Running) -> Vec<api::Learned> {
        let guide = self.state().guide(running);
        let (devices, names) = (guide.devices(), guide.names());
        let now = monotonic_second();
        let state = self.state();
        let holding = state.known.iter().filter(|(.., until)| *until > now);
        let mut list: Vec<_> = holding
            .filter_map(|(identity, name, address, until)| {
                // What only an earlier policy named is kept, and means nothing now.
                let name = match name {
                    0 => None,
                    hash => Some((*names.get(&hash)?).to_owned()),
                };
                Some(api::Learned {
                    device: (*devices.get(&identity)?).to_owned(),
                    mac: identity.mac,
                    vlan: identity.vlan,
                    name,
                    address: address.into(),
                    remaining_seconds: (until != dhcp::FOR_EVER).then(|| until - now),
                })
            })
            .collect();
        list.sort_by(|one, other| {
            let order = |learned: &api::Learned| {
                (
                    learned.device.clone(),
                    learned.name.clone(),
                    learned.address,
                )
            };
            order(one).cmp(&order(other))
        });
        list
    }

    /// Saves the leases, if there is anything new to save.
    pub(super) fn save(&self) -> Result<()> {
        let (path, leases) = {
            let mut state = self.state();
            if !std::mem::take(&mut state.unsaved) {
                return Ok(());
            }
            let leases: Vec<_> = state.learner.leases.iter().collect();
            (state.file.clone(), leases)
        };
        saved::save(&path, &leases, both_clocks()).inspect_err(|_| self.state().unsaved = true)
    }

    fn tidy(&self) -> Result<()> {
        self.state().forget_passed();
        self.save()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn restore(&mut self) {
        let now = both_clocks();
        let held = match saved::load(&self.file, now) {
            Ok(held) => held,
            Err(error) => {
                tracing::warn!(
                    "{error:#}: devices that get their address by DHCP are denied until they renew it, where the maps do not know it; remove the file"
                );
                return;
            }
        };
        let mut restored = 0;
        for (device, address, lease) in held.iter() {
            // The map, where it survived, knows better.
            let holder = self.learner.leases.holder(device.vlan, address);
            let known = self.learner.leases.lease(device, address);
            if holder.is_some_and(|holder| holder != device)
                || known.is_some_and(|known| known.until > lease.until)
            {
                continue;
            }
            let taken = self
                .learner
                .leases
                .take(device, address, lease, now.monotonic, |_| true);
            if taken.is_ok() && known.is_none() {
                restored += 1;
                self.write(&device.key(address.into(), 0), lease.until);
            }
        }
        if restored > 0 {
            tracing::info!(
                addresses = restored,
                "devices keep the addresses that DHCP gave them"
            );
        }
    }

    /// What a policy says of learning; worked out once.
    fn guide(&mut self, running: &Running) -> Arc<Guide> {
        if let Some((epoch, guide)) = &self.guide
            && *epoch == running.epoch
        {
            return Arc::clone(guide);
        }
        let guide = Arc::new(Guide::new(Arc::clone(&running.model)));
        self.guide = Some((running.epoch, Arc::clone(&guide)));
        guide
    }

    fn study(&mut self, running: &Running, record: &Record) {
        let length = record.length as usize;
        let guide = self.guide(running);
        let result = match record.bytes.get(..length) {
            Some(frame) => {
                let lesson = Lesson {
                    time: record.time,
                    source: record.source,
                    destination: record.destination,
                    frame,
                };
                self.learner.study(&guide, &lesson)
            }
            None => Err(Refusal::CutShort),
        };
        match result {
            Ok(taught) => self.note(&taught),
            Err(refusal) => {
                *self.counts.refused.entry(refusal).or_default() += 1;
                tracing::debug!(
                    reason = refusal.label(),
                    source = record.source,
                    destination = record.destination,
                    "an answer taught nothing"
                );
            }
        }
    }

    fn note(&mut self, taught: &Taught) {
        for key in &taught.revoked {
            self.known.forget(key);
            self.erase(key);
        }
        for (device, address, holder) in &taught.refused {
            *self.counts.refused.entry(Refusal::Taken).or_default() += 1;
            // Servers repeat themselves.
            let conflict = (device.clone(), *address);
            if self.told.len() >= TOLD || !self.told.insert(conflict) {
                continue;
            }
            tracing::warn!(
                device,
                %address,
                holder,
                "a DHCP server gave a device the address of another: not learned"
            );
        }
        self.counts.taught += u64::from(!taught.learned.is_empty());
        for learned in &taught.learned {
            self.learn(learned);
        }
    }

    fn learn(&mut self, learned: &Learned) {
        self.unsaved |= learned.name.is_none();
        let noted = self.known.note(&learned.key, learned.until);
        match noted {
            Noted::Same => return,
            Noted::Full => {
                *self.counts.refused.entry(Refusal::NoRoom).or_default() += 1;
                return;
            }
            Noted::First | Noted::New | Noted::Longer => {
                self.write(&learned.key, learned.until);
            }
        }
        if noted == Noted::First {
            let (device, address) = (&learned.device_name, learned.address);
            match &learned.name {
                Some(name) => {
                    tracing::info!(device, name, %address, "learned the address of a name")
                }
                None => {
                    tracing::info!(device, %address, "learned the address that DHCP gave a device")
                }
            }
        }
    }

    fn forget_passed(&mut self) {
        let now = monotonic_second();
        for key in self.known.expire(now) {
            self.erase(&key);
        }
        self.unsaved |= self.learner.leases.expire(now);
        self.learner.resolver.expire_all(monotonic_ns());
        self.told.clear();
    }

    fn write(&mut self, key: &LearnedKey, until: u32) {
        self.known.note(key, until);
        let written = self.map.as_mut().map(|map| map.learn(key, until));
        if let Some(Err(error)) = written {
            // What the map does not hold is not known, so that it is tried again.
            self.known.forget(key);
            *self.counts.refused.entry(Refusal::NoRoom).or_default() += 1;
            tracing::error!("{error:#}");
        }
    }

    fn erase(&mut self, key: &LearnedKey) {
        let erased = self.map.as_mut().map(|map| map.forget(key));
        if let Some(Err(error)) = erased {
            tracing::error!("{error:#}");
        }
    }
}

/// Forgets what has passed and saves what is held, for as long as the daemon lives.
pub(super) async fn tidy(engine: Arc<Engine>) -> Result<()> {
    let mut ticks = tokio::time::interval(TIDY);
    loop {
        ticks.tick().await;
        let engine = Arc::clone(&engine);
        if let Err(error) = tokio::task::spawn_blocking(move || engine.learning.tidy()).await? {
            tracing::error!("cannot save the addresses that devices hold by DHCP: {error:#}");
        }
    }
}

fn both_clocks() -> Now {
    Now {
        monotonic: monotonic_second(),
        unix: unix_second().into(),
    }
}
