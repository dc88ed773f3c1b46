//! Events: read from the ring buffer, named, kept for a while, and handed to
//! whoever follows.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use aya::maps::{MapData, RingBuf};
use enforcer_common::event::Event as Record;
use enforcer_common::verdict::Fate;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::broadcast;

use super::engine::Engine;
use super::observations::Observations;
use super::response::Responses;
use super::views;
use crate::control::api::Event;
use crate::datapath::control::monotonic_ns;

/// Events kept for those who ask afterwards.
const KEPT: usize = 10_000;
/// Events that a slow follower may lag behind before it loses some.
const FOLLOWED: usize = 4_096;

pub(super) struct Events {
    kept: Mutex<VecDeque<Arc<Event>>>,
    live: broadcast::Sender<Arc<Event>>,
}

impl Events {
    pub(super) fn new() -> Self {
        Self {
            kept: Mutex::default(),
            live: broadcast::Sender::new(FOLLOWED),
        }
    }

    /// The last events, oldest first, and those that come from now on.
    pub(super) fn follow(&self, last: usize) -> (Vec<Arc<Event>>, broadcast::Receiver<Arc<Event>>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = kept.len().saturating_sub(last);
        (
            kept.iter().skip(skip).cloned().collect(),
            self.live.subscribe(),
        )
    }

    fn publish(&self, event: Event) {
        let event = Arc::new(event);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&event));
        // Nobody may be following.
        let _ = self.live.send(event);
    }
}

/// Reads events for as long as the daemon lives.
pub(super) async fn pump(
    engine: Arc<Engine>,
    events: Arc<Events>,
    observations: Arc<Observations>,
    responses: Responses,
    ring: RingBuf<MapData>,
) -> Result<()> {
    // SAFETY: the ring buffer owns its descriptor and shows the same one for as
    // long as it lives, which is as long as the `AsyncFd` does.
    let mut ring = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) }
        .context("cannot wait for events")?;
    loop {
        let mut ready = ring
            .readable_mut()
            .await
            .context("cannot wait for events")?;
        let ring = ready.get_inner_mut();
        while let Some(item) = ring.next() {
            if let Some((record, payload)) = decode(&item) {
                let time = wall_time(record.time);
                engine.tags.hear(&engine, &record);
                responses.hear(&engine, &record);
                // A signature that is only reported is no denial.
                if record.fate != Fate::Allow as u8 {
                    observations.hear(&engine, &record, time);
                }
                let payload = payload.filter(|_| engine.config.show_payload);
                events.publish(views::event(&engine, &record, payload, time));
            }
        }
        ready.clear_ready();
    }
}

/// A record, and the beginning of the payload where it is about that.
fn decode(bytes: &[u8]) -> Option<(Record, Option<&[u8]>)> {
    let (record, payload) = bytes.split_at_checked(size_of::<Record>())?;
    // SAFETY: the buffer holds a record, and any bytes are a valid one.
    let record = unsafe { record.as_ptr().cast::<Record>().read_unaligned() };
    let shown = usize::from(record.shown);
    // Without a signature, and without words that a rule does not list, none is shown.
    let payload = payload.get(..shown).filter(|payload| !payload.is_empty());
    Some((record, payload))
}

/// The time of day at a time of the monotonic clock.
fn wall_time(monotonic: u64) -> SystemTime {
    let age = monotonic_ns().saturating_sub(monotonic);
    let now = SystemTime::now();
    now.checked_sub(Duration::from_nanos(age)).unwrap_or(now)
}
