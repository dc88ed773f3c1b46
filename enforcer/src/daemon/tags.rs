//! Self-test of each port: does the program see the VLAN tags of the frames that it
//! judges? A network card or a virtual link may take a tag off before. Frames that
//! carry one are counted in the program and behind it; and a device that is declared
//! in a VLAN, but is seen without, is told too, for its frames may all be dropped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use enforcer_common::addr::Vlan;
use enforcer_common::event::Event as Record;
use enforcer_common::verdict::Reason;

use super::engine::Engine;
use super::links;
use crate::control::api::VlanTags;
use crate::datapath::tap::Tap;

const TICK: Duration = Duration::from_secs(1);
/// How long a port is looked at, at least.
const LOOK: Duration = Duration::from_secs(2);
/// And at most, where what came tells nothing yet.
const LONGEST_LOOK: Duration = Duration::from_secs(60);
/// Between two looks at a port of which nothing is known, and of one that is known.
const PAUSE: Duration = Duration::from_secs(10);
const LONG_PAUSE: Duration = Duration::from_secs(60);
/// Tagged frames without which nothing is said where the program saw none of them.
const ENOUGH: u64 = 4;
/// Frames that may be between program and kernel when counting begins: as many as a
/// driver hands over at a time.
const UNDER_WAY: u64 = 64;
/// For how long a device that was seen without its tag is told of.
const TOLD: Duration = Duration::from_secs(600);

/// What is known of each port, by its place in the configuration.
#[derive(Debug, Default)]
pub(super) struct Tags(Mutex<BTreeMap<u32, Known>>);

#[derive(Clone, Debug, Default)]
struct Known {
    tags: VlanTags,
    /// When a device was seen without its tag, and which.
    bare: Option<(Instant, String)>,
}

impl Tags {
    pub(super) fn of(&self, port: u32) -> VlanTags {
        self.known().get(&port).cloned().unwrap_or_default().tags
    }

    /// A device that is declared in a VLAN and came without a tag of late.
    pub(super) fn bare(&self, port: u32) -> Option<String> {
        let (when, device) = self.known().get(&port)?.bare.clone()?;
        (when.elapsed() < TOLD).then_some(device)
    }

    /// Listens to denials of frames of unknown devices.
    pub(super) fn hear(&self, engine: &Engine, record: &Record) {
        if record.reason != Reason::UnknownDevice as u8 || record.vlan != Vlan::UNTAGGED {
            return;
        }
        let Some(running) = engine.running() else {
            return;
        };
        let mut devices = running.model.devices.iter();
        let declared = devices.find(|device| device.mac == record.source_mac);
        if let Some(device) = declared {
            let mut known = self.known();
            let known = known.entry(record.port).or_default();
            known.bare = Some((Instant::now(), device.name.clone()));
        }
    }

    fn set(&self, port: u32, tags: VlanTags) -> VlanTags {
        std::mem::replace(&mut self.known().entry(port).or_default().tags, tags)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<u32, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A port, and the look at it.
#[derive(Default)]
struct Watched {
    look: Option<Look>,
    rests_until: Option<Instant>,
}

struct Look {
    interface: u32,
    since: Instant,
    tap: Tap,
    /// What the program had counted before.
    before: u64,
}

/// Looks at the ports in turn for as long as the daemon lives.
pub(super) async fn watch(engine: Arc<Engine>) -> Result<()> {
    let mut ports: Vec<Watched> = engine
        .config
        .ports
        .iter()
        .map(|_| Watched::default())
        .collect();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let links = links::list().await?;
        for ((watched, port), place) in ports.iter_mut().zip(&engine.config.ports).zip(0..) {
            let link = links.iter().find(|link| link.name == port.name);
            let Some(interface) = link.map(|link| link.index) else {
                *watched = Watched::default();
                continue;
            };
            // It may be gone by now; the next tick finds out.
            if let Err(error) = watched.tend(&engine, interface, place) {
                tracing::debug!(port = port.name, "cannot look for VLAN tags: {error:#}");
                *watched = Watched::default();
            }
        }
    }
}

impl Watched {
    fn tend(&mut self, engine: &Engine, interface: u32, place: u32) -> Result<()> {
        if let Some(look) = &mut self.look
            && look.interface == interface
        {
            let tags = look.judge(engine, place)?;
            let age = look.since.elapsed();
            let told = matches!(tags, Some(tags) if tags != VlanTags::Unproven);
            if told || tags.is_some() && age >= LOOK || age >= LONGEST_LOOK {
                self.look = None;
                self.rest(engine, place, tags.unwrap_or_default());
            }
            return Ok(());
        }
        if self.rests_until.is_none_or(|until| Instant::now() >= until) {
            self.look = Some(Look {
                interface,
                since: Instant::now(),
                before: engine.datapath().tagged(place)?,
                tap: Tap::open(interface)?,
            });
        }
        Ok(())
    }

    /// A look at which no tagged frame came leaves what was known.
    fn rest(&mut self, engine: &Engine, place: u32, tags: VlanTags) {
        let mut pause = LONG_PAUSE;
        if tags == VlanTags::Unproven {
            if engine.tags.of(place) == VlanTags::Unproven {
                pause = PAUSE;
            }
        } else if engine.tags.set(place, tags) != tags {
            tell(engine, place, tags);
        }
        self.rests_until = Some(Instant::now() + pause);
    }
}

impl Look {
    /// `None` while what came tells nothing yet.
    fn judge(&mut self, engine: &Engine, place: u32) -> Result<Option<VlanTags>> {
        // In this order: what the kernel has counted, the program has.
        let received = self.tap.tagged()?;
        let seen = engine.datapath().tagged(place)?.saturating_sub(self.before);
        Ok(judge(received, seen))
    }
}

/// What two counts say of the same frames: those that the kernel received with a tag,
/// and those in which the program saw one.
fn judge(received: u64, seen: u64) -> Option<VlanTags> {
    if received > seen + UNDER_WAY || seen == 0 && received >= ENOUGH {
        return Some(VlanTags::Hidden);
    }
    match (received, seen) {
        (0, 0) => Some(VlanTags::Unproven),
        (_, 0) => None,
        _ => Some(VlanTags::Seen),
    }
}

fn tell(engine: &Engine, place: u32, tags: VlanTags) {
    let port = engine.config.ports.get(place as usize);
    let port = port.map(|port| port.name.as_str()).unwrap_or_default();
    match tags {
        VlanTags::Hidden => tracing::error!("{}", hidden(port)),
        VlanTags::Seen => tracing::info!(port, "the program sees the VLAN tags of this port"),
        VlanTags::Unproven => {}
    }
}

/// What is wrong with a port whose tags are hidden.
pub(super) fn hidden(port: &str) -> String {
    format!(
        "{port}: VLAN tags are taken off before the program sees the frames, so devices are judged as untagged: turn \
         it off at the port (`ethtool -K {port} rxvlan off`) and, on a virtual link, at its other end (`txvlan off`)"
    )
}

/// What may be wrong with a port where a device came without its tag.
pub(super) fn bare(port: &str, device: &str) -> String {
    format!(
        "{port}: a frame from the address of {device}, which is declared in a VLAN, came without a tag: either it is \
         not in that VLAN, or its tag is taken off before the program sees it"
    )
}

#[cfg(test)]
mod tests {
    use super::{UNDER_WAY, judge};
    use crate::control::api::VlanTags;

    #[test]
    fn both_counts_together_tell() {
        assert_eq!(judge(0, 0), Some(VlanTags::Unproven));
        assert_eq!(judge(3, 0), None, "may have been under way");
        assert_eq!(judge(4, 0), Some(VlanTags::Hidden));
        assert_eq!(judge(10, 10), Some(VlanTags::Seen));
        // What the program drops, the kernel never receives.
        assert_eq!(judge(0, 1), Some(VlanTags::Seen));
        assert_eq!(judge(UNDER_WAY + 1, 1), Some(VlanTags::Seen));
        assert_eq!(judge(UNDER_WAY + 2, 1), Some(VlanTags::Hidden), "some are");
    }
}
