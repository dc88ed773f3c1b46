//! What devices learn in a simulation, from the answers that the capture holds: the
//! addresses of DNS names, and those that DHCP gave them. As the daemon learns, but
//! at the capture's time and before the next frame is judged.

use std::sync::Arc;

use anyhow::Result;
use enforcer_common::counter::seconds;
use enforcer_common::learned::LESSON_BYTES;

use super::engine::Engine;
use crate::datapath::observe::Observed;
use crate::learn::guide::Guide;
use crate::learn::learner::{Learner, Lesson};
use crate::policy::model::{Model, Peer};

/// Nanoseconds after which what has run out is forgotten.
const TIDY_EVERY: u64 = 60 * 1_000_000_000;

pub(super) struct Learning {
    guide: Guide,
    learner: Learner,
    tidied: u64,
}

impl Learning {
    /// `None` where the policy depends on nothing that is learned.
    pub(super) fn new(model: &Model) -> Option<Self> {
        let mut rules = model.profiles.iter().flat_map(|profile| &profile.rules);
        let named = rules.any(|rule| {
            let mut peers = rule.peers.iter();
            peers.any(|peer| matches!(peer, Peer::Name(_)))
        });
        let given = model.devices.iter().any(|device| device.dhcp_address);
        (named || given).then(|| Self {
            guide: Guide::new(Arc::new(model.clone())),
            learner: Learner::default(),
            tidied: 0,
        })
    }

    /// Learns from a frame that was judged at a time, in ns, and tells all engines.
    ///
    /// # Errors
    /// When an engine does not take what was learned.
    pub(super) fn study(
        &mut self,
        frame: &[u8],
        observed: &Observed,
        time: u64,
        engines: &mut [Box<dyn Engine>],
    ) -> Result<()> {
        if !observed.teaches {
            return Ok(());
        }
        if time.saturating_sub(self.tidied) > TIDY_EVERY {
            self.tidied = time;
            self.learner.resolver.expire_all(time);
            self.learner.leases.expire(seconds(time));
        }
        let [source, destination] = observed.devices;
        let lesson = Lesson {
            time,
            source,
            destination,
            // The daemon is shown no more.
            frame: frame.get(..LESSON_BYTES).unwrap_or(frame),
        };
        // An answer that teaches nothing is nothing to a simulation: what follows
        // is judged without it.
        let Ok(taught) = self.learner.study(&self.guide, &lesson) else {
            return Ok(());
        };
        for engine in engines {
            for key in &taught.revoked {
                engine.learn(key, 0)?;
            }
            for learned in &taught.learned {
                engine.learn(&learned.key, learned.until)?;
            }
        }
        Ok(())
    }
}
