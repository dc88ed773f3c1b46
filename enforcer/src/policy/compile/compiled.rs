//! What comes out: the lines, what their numbers mean, and what is written into them when
//! they are put into force, because it depends on the moment.

use std::fmt;
use std::mem::offset_of;

use enforcer_common::signature::InspectionLine;
use enforcer_common::table::{PortPlaces, Windows};

use super::{GroupSize, Scheduled, image};
use crate::policy::calendar;
use crate::policy::model::{Model, Peer};

/// What the kernel reads, and what its numbers mean.
#[derive(Clone, PartialEq, Eq)]
pub struct Compiled {
    /// 64-byte lines, [`enforcer_common::table::Layout`] first.
    pub lines: Vec<[u64; 8]>,
    /// Lines of memory that [`enforcer_common::automata`] reads.
    pub automata: Vec<[u64; 8]>,
    /// SHA-256 of the policy.
    pub digest: [u8; 32],
    /// Profile and rule, as indices in the model, of each rule number less one.
    pub rules: Vec<(usize, usize)>,
    /// Names of the ports that the policy speaks of, in the order of their numbers
    /// from 1.
    pub ports: Vec<String>,
    /// What rules call the devices of each group of peers.
    pub groups: Vec<Vec<Peer>>,
    /// Rules whose calendars must be kept up to date.
    pub scheduled: Vec<Scheduled>,
    /// What is looked for together, and what that takes.
    pub inspected: Vec<GroupSize>,
}

impl Compiled {
    /// Says at which place in the counters each port stands.
    pub fn place_ports<'n>(&mut self, ports: impl IntoIterator<Item = (&'n str, u32)>) {
        let Some(line) = self.ports_line() else {
            return;
        };
        let mut places = PortPlaces([0; 64]);
        for (name, place) in ports {
            let number = self.ports.iter().position(|port| port == name);
            if let (Some(number), Some(place)) = (number, places.0.get_mut(place as usize)) {
                *place = number as u8 + 1;
            }
        }
        self.lines[line] = image::words(&places);
    }

    /// Takes the key by which bytes of a stream that come again are known.
    pub fn take_key(&mut self, key: u64) {
        let line = image::settings(&self.lines).inspection as usize;
        if line != 0 {
            let place = offset_of!(InspectionLine, key) / size_of::<u64>();
            self.lines[line][place] = key;
        }
    }

    /// Fills the windows of rules with a schedule, as they stand at `now` (Unix time).
    pub fn wind(&mut self, model: &Model, now: u32) {
        for scheduled in &self.scheduled {
            let (profile, rule) = scheduled.rule;
            let rule = &model.profiles[profile].rules[rule];
            let windows = Windows(calendar::intervals(rule, now));
            self.lines[scheduled.line as usize] = image::words(&windows);
        }
    }

    /// Bytes of all of it.
    pub fn bytes(&self) -> usize {
        (self.lines.len() + self.automata.len()) * size_of::<[u64; 8]>()
    }

    fn ports_line(&self) -> Option<usize> {
        let line = image::layout(&self.lines).ports as usize;
        (line != 0).then_some(line)
    }
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled")
            .field("lines", &self.lines.len())
            .finish_non_exhaustive()
    }
}
