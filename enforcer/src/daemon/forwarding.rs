//! Which ports may forward to each other past the bridge. A port may where the bridge
//! would do nothing else than forward, and where a trial has shown that its device takes
//! frames. Looked at with each change of an interface, and every second.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use enforcer_common::addr::Mac;
use enforcer_common::forward::Exit;
use futures_util::StreamExt as _;
use rtnetlink::MulticastGroup;

use super::config::{Config, Forwarding as Wanted, PortConfig};
use super::engine::{Engine, monotonic_second};
use super::switch::{self, Bridge, Interface, Switch};
use crate::control::api::{Path, VlanTags};
use crate::datapath::forward::{Tried, refusal};
use crate::datapath::tap::Checksums;
use crate::datapath::{Datapath, offload};

const TICK: Duration = Duration::from_secs(1);
/// Between two looks at what the bridge was told of addresses.
const FIXED: Duration = Duration::from_secs(10);
/// For how long after a frame without a finished checksum the bridge forwards.
const UNFINISHED: Duration = Duration::from_secs(60);
/// Between two trials of a port that failed.
const AGAIN: Duration = Duration::from_secs(10);
/// Seconds for which what was seen of the bridge holds. When the daemon has died for that
/// long, nobody sees what the bridge does, and it forwards until there is a daemon again.
const VOUCHED: u32 = 10;
/// Ethernet header.
const HEADER: u32 = 14;
/// Seconds for which an address is known at most, so that one which has moved without a
/// word is found by the bridge.
const KNOWN: u32 = 60;
/// An address is told to the bridge this many times before it would be forgotten.
const TELLINGS: u32 = 4;

/// What is known of each port, by its place in the configuration.
#[derive(Debug, Default)]
pub(super) struct Forwarding(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    ports: BTreeMap<u32, PortState>,
    /// Addresses that the bridge was told of, and when it was asked for them.
    fixed: Option<(Instant, Vec<Mac>)>,
    /// Why no port's frames can be watched, if so.
    unwatched: Option<String>,
}

#[derive(Debug, Default)]
struct PortState {
    /// Whether the port is fast, or why not; `None` before the first look.
    found: Option<Result<(), String>>,
    /// Interface and MTU that a trial was made with, and when and how it failed.
    tried: Option<(u32, u32)>,
    failed: Option<(Instant, String)>,
    /// What the program was told last.
    exit: Exit,
    /// The look at the frames of a virtual link, by its interface.
    checksums: Option<(u32, Checksums)>,
    /// When one last came whose checksum was not finished.
    unfinished: Option<Instant>,
}

impl Forwarding {
    /// How the port forwards, and why not past the bridge.
    pub(super) fn of(&self, place: u32) -> (Path, Option<String>) {
        let known = self.known();
        match known.ports.get(&place).and_then(|port| port.found.as_ref()) {
            Some(Ok(())) => (Path::Fast, None),
            Some(Err(reason)) => (Path::Bridge, Some(reason.clone())),
            None => (Path::Bridge, Some("not looked at yet".to_owned())),
        }
    }

    /// Whether it is time to ask the bridge for all its addresses, which may be many.
    fn asks_again(&self) -> bool {
        let known = self.known();
        let asked = known.fixed.as_ref();
        asked.is_none_or(|(when, _)| when.elapsed() >= FIXED)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins to watch what becomes of frames; without that none goes past the bridge.
pub(super) fn open(engine: &Engine) {
    if !is_wanted(&engine.config) {
        return;
    }
    let watched = engine.datapath().watch_redirects();
    if let Err(error) = watched {
        tracing::warn!("frames past the bridge cannot be watched: {error:#}; the bridge forwards");
        engine.forwarding.known().unwatched =
            Some(format!("what becomes of frames cannot be watched: {error}"));
    }
}

fn is_wanted(config: &Config) -> bool {
    let mut ports = config.ports.iter();
    ports.any(|port| port.forwarding != Wanted::Bridge)
}

/// Keeps what the program may do up to date for as long as the daemon lives.
pub(super) async fn watch(engine: Arc<Engine>) -> Result<()> {
    // The first look has closed what an earlier configuration opened.
    while is_wanted(&engine.config) {
        let (connection, _handle, mut messages) =
            rtnetlink::new_multicast_connection(&[MulticastGroup::Link])
                .context("cannot watch the network interfaces")?;
        let connection = tokio::spawn(connection);
        while let Ok(Some(_)) | Err(_) = tokio::time::timeout(TICK, messages.next()).await {
            if let Err(error) = look(&engine).await {
                tracing::error!("cannot look at the bridge: {error:#}");
            }
        }
        connection.abort();
        tokio::time::sleep(TICK).await;
    }
    Ok(())
}

/// Looks at the bridge and its ports, and tells the program what it may do.
pub(super) async fn look(engine: &Engine) -> Result<()> {
    let switch = switch::look(&engine.config.bridge).await?;
    let fixed = match &switch.bridge {
        Some(bridge) if engine.forwarding.asks_again() => Some(switch::fixed(bridge.index).await?),
        _ => None,
    };
    let mut known = engine.forwarding.known();
    if let Some(fixed) = fixed {
        known.fixed = Some((Instant::now(), fixed));
    }
    let mut datapath = engine.datapath();
    let ports = || (0_u32..).zip(&engine.config.ports);
    // What the host itself answers to must not be known as behind a port, not even from
    // before it was the host's.
    let fixed = known.fixed.iter().flat_map(|(_, fixed)| fixed);
    let reserved: Vec<Mac> = switch.reserved.iter().chain(fixed).copied().collect();
    let forget = datapath.reserve_addresses(&reserved)?;
    let unwatched = known.unwatched.clone();
    let mut terms = BTreeMap::new();
    for (place, port) in ports() {
        let state = known.ports.entry(place).or_default();
        let judged = match &unwatched {
            Some(why) => Err(why.clone()),
            None => judge(port, &engine.config, engine.tags.of(place), &switch),
        };
        let judged = judged.and_then(|found| {
            state.look_at_checksums(found)?;
            state
                .prove(&mut datapath, place, found, &switch)
                .map(|()| found.mtu + HEADER)
        });
        terms.insert(place, judged);
    }
    let fast = terms.values().filter(|judged| judged.is_ok()).count();
    for (place, port) in ports() {
        let judged = match terms.remove(&place) {
            Some(Ok(_)) if fast < 2 => Err("no other port is fast".to_owned()),
            Some(judged) => judged,
            None => continue,
        };
        let state = known.ports.entry(place).or_default();
        let bridge = switch.bridge.as_ref().filter(|_| fast >= 2);
        let before = datapath.exit(place)?;
        let forget = forget || state.found.is_none();
        let exit = exit(&judged, bridge, forget, before);
        if exit != before {
            datapath.set_exit(place, exit)?;
        }
        state.exit = exit;
        state.tell(port, judged.map(drop));
    }
    datapath.vouch_until(monotonic_second() + VOUCHED)
}

/// Whether the bridge does nothing with a port's frames but forward them.
pub(super) fn judge<'s>(
    port: &PortConfig,
    config: &Config,
    tags: VlanTags,
    switch: &'s Switch,
) -> Result<&'s Interface, String> {
    if port.forwarding == Wanted::Bridge {
        return Err("configured".to_owned());
    }
    let bridge = switch.bridge.as_ref().ok_or("the bridge is gone")?;
    if bridge.filters_vlans {
        return Err("the bridge filters VLANs".to_owned());
    }
    if known_for(bridge) < TELLINGS {
        return Err(format!(
            "the bridge forgets addresses within {TELLINGS} seconds"
        ));
    }
    let mut links = switch.links.iter();
    let listed = |name: &str| config.ports.iter().any(|port| port.name == name);
    // An address that moves there is not seen to.
    if let Some(other) = links.find(|link| link.master == Some(bridge.index) && !listed(&link.name))
    {
        return Err(format!(
            "{} is a port of the bridge too, but not listed",
            other.name
        ));
    }
    let found = switch.links.iter().find(|link| link.name == port.name);
    let found = found.ok_or("it is gone")?;
    if found.master != Some(bridge.index) || !found.up {
        return Err("it is not a port of the bridge that is up".to_owned());
    }
    if !found.forwards {
        return Err("it is not in the forwarding state".to_owned());
    }
    if let Some(special) = found.special {
        return Err(format!("the port is {special}"));
    }
    if let Some(above) = switch
        .links
        .iter()
        .find(|link| link.below == Some(found.index))
    {
        return Err(format!("{} stands on it", above.name));
    }
    if tags == VlanTags::Hidden || offload::strips_vlan(&port.name).unwrap_or(false) {
        return Err("VLAN tags are taken off its frames".to_owned());
    }
    match &found.kind {
        Some(kind) if port.forwarding == Wanted::Auto => Err(format!(
            "a virtual link ({kind}) must be vouched for by `forwarding: fast`"
        )),
        _ => Ok(found),
    }
}

/// Seconds for which an address may be known here: no longer than to the bridge, also
/// when the spanning tree changes.
fn known_for(bridge: &Bridge) -> u32 {
    let known = bridge.ageing.min(KNOWN);
    if bridge.runs_stp {
        known.min(bridge.forward_delay)
    } else {
        known
    }
}

impl PortState {
    /// A redirect loses the promise that somebody finishes a frame's checksum. Frames that
    /// the bridge gets show whether there are such, some of every source.
    fn look_at_checksums(&mut self, found: &Interface) -> Result<(), String> {
        if found.kind.is_none() {
            return Ok(());
        }
        if self
            .checksums
            .as_ref()
            .is_none_or(|(of, _)| *of != found.index)
        {
            let opened = Checksums::open(found.index);
            let opened =
                opened.map_err(|error| format!("its frames cannot be looked at: {error}"))?;
            self.checksums = Some((found.index, opened));
        }
        match self.checksums.as_ref().map(|(_, look)| look.unfinished()) {
            Some(Ok(true)) => self.unfinished = Some(Instant::now()),
            Some(Ok(false)) => {}
            // The interface was down; a new look begins next time.
            Some(Err(_)) | None => self.checksums = None,
        }
        match self.unfinished {
            Some(when) if when.elapsed() < UNFINISHED => Err(
                "frames come with checksums that are not finished: `ethtool -K PEER tx off` at its other end".to_owned(),
            ),
            _ => Ok(()),
        }
    }

    /// Tries a port that was not tried as it is now, or not since it was closed.
    fn prove(
        &mut self,
        datapath: &mut Datapath,
        place: u32,
        found: &Interface,
        switch: &Switch,
    ) -> Result<(), String> {
        let now = (found.index, found.mtu);
        let was_open = self.exit.longest() != 0;
        let exit = datapath.exit(place).map_err(|error| error.to_string())?;
        if self.tried == Some(now) && was_open && exit.longest() == 0 {
            // Closed by the watch over what becomes of frames.
            self.failed = Some((Instant::now(), "its device refused frames".to_owned()));
        }
        if self.tried == Some(now) {
            match &self.failed {
                None => return Ok(()),
                Some((when, why)) if when.elapsed() < AGAIN => return Err(why.clone()),
                Some(_) => {}
            }
        }
        self.tried = Some(now);
        let done = try_now(datapath, place, found, switch);
        self.failed = done.clone().err().map(|why| (Instant::now(), why));
        done
    }

    fn tell(&mut self, port: &PortConfig, found: Result<(), String>) {
        let before = self.found.replace(found);
        if self.found == before {
            return;
        }
        let name = &port.name;
        match &self.found {
            Some(Err(reason)) if port.forwarding == Wanted::Fast => {
                tracing::error!("{}", refused(name, reason));
            }
            Some(Err(reason)) => tracing::info!(port = name, reason, "the bridge forwards"),
            _ => tracing::info!(port = name, "frames go straight from port to port"),
        }
    }
}

/// What the program may do with a port. A change forgets what was learned there: the
/// bridge may have forgotten it, or not seen what followed.
fn exit(judged: &Result<u32, String>, bridge: Option<&Bridge>, forget: bool, before: Exit) -> Exit {
    let Some(bridge) = bridge else {
        return Exit::new(0, 0, 0, before.generation());
    };
    let known = known_for(bridge);
    let longest = judged.as_ref().copied().unwrap_or(0);
    let of = |generation| Exit::new(longest, known as u16, (known / TELLINGS) as u8, generation);
    let same = of(before.generation());
    if same == before && !forget {
        same
    } else {
        of(before.generation().wrapping_add(1))
    }
}

fn try_now(
    datapath: &mut Datapath,
    place: u32,
    found: &Interface,
    switch: &Switch,
) -> Result<(), String> {
    let bridge = switch
        .bridge
        .as_ref()
        .map(|bridge| bridge.mac)
        .unwrap_or_default();
    let tried = datapath
        .place_device(place, found.index)
        .and_then(|()| datapath.try_port(place, bridge));
    match tried {
        Ok(Tried::Takes) => Ok(()),
        Ok(Tried::Refuses(error)) => Err(format!("its device refuses frames: {}", refusal(error))),
        Ok(Tried::Loses) => Err("frames of the trial were lost".to_owned()),
        Err(error) => Err(format!("it cannot be tried: {error:#}")),
    }
}

/// What is said of a port that was to be fast.
pub(super) fn refused(port: &str, reason: &str) -> String {
    format!("{port}: `forwarding: fast` is not possible, the bridge forwards: {reason}")
}

#[cfg(test)]
#[path = "forwarding/tests.rs"]
mod tests;
