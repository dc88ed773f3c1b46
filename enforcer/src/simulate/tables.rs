//! [`Tables`] over plain memory.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use elsa::FrozenMap;
use enforcer_common::automata::Automata;
use enforcer_common::counter::Budget;
use enforcer_common::decide::Work;
use enforcer_common::decide::trace::Step;
use enforcer_common::flow::{Flow, FlowKey, LiveFlow};
use enforcer_common::fragment::{Fragment, FragmentKey, LiveFragment};
use enforcer_common::learned::LearnedKey;
use enforcer_common::rate::{LiveRate, RateKey};
use enforcer_common::shared::Word;
use enforcer_common::stream::{LiveStream, Stream};
use enforcer_common::table::{Control, Line};
use enforcer_common::tables::Tables;
use enforcer_common::threshold::{HitsKey, LiveHits};

use crate::policy::compile::Compiled;

/// A compiled policy with flows, budgets and a clock of its own.
#[derive(Default)]
pub struct HostTables {
    lines: Vec<[u64; 8]>,
    /// Of the policies of even epochs, and of odd ones.
    automata: [Vec<[u64; 8]>; 2],
    control: Control,
    /// Monotonic clock, ns; moved by whoever simulates.
    pub clock: Cell<u64>,
    flows: FrozenMap<FlowKey, Box<LiveFlow>>,
    budgets: RefCell<HashMap<u32, Budget>>,
    fragments: FrozenMap<FragmentKey, Box<LiveFragment>>,
    learned: HashMap<LearnedKey, u32>,
    rates: FrozenMap<RateKey, Box<LiveRate>>,
    hits: FrozenMap<HitsKey, Box<LiveHits>>,
    seen: FrozenMap<u32, Box<Word>>,
    streams: FrozenMap<FlowKey, Box<LiveStream>>,
    /// Takes no new flow: what a full table does.
    pub full: Cell<bool>,
    steps: RefCell<Vec<Step>>,
}

impl std::fmt::Debug for HostTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostTables")
            .field("control", &self.control)
            .finish_non_exhaustive()
    }
}

impl HostTables {
    /// Takes a policy into force as the next epoch; flows stay and are judged again.
    pub fn install(&mut self, compiled: &Compiled) {
        let epoch = Control::epoch(self.control.active) + 1;
        self.lines.clone_from(&compiled.lines);
        self.automata[epoch as usize & 1].clone_from(&compiled.automata);
        self.control.active = Control::pack(epoch, 0);
    }

    /// As [`Self::install`], until a time of the monotonic clock, in ns; from then on
    /// the policy before judges again.
    pub fn install_on_trial(&mut self, compiled: &Compiled, deadline: u64) {
        let epoch = Control::epoch(self.control.active) + 1;
        self.control.fallback = self.control.active;
        self.control.fallback_at = deadline;
        self.control.active = Control::pack(epoch, self.lines.len() as u32);
        self.lines.extend(&compiled.lines);
        self.automata[epoch as usize & 1].clone_from(&compiled.automata);
    }

    /// The control line, but for the policy in force.
    pub fn control_mut(&mut self) -> &mut Control {
        &mut self.control
    }

    /// The compiled policy in force, to be marked.
    pub fn lines_mut(&mut self) -> &mut [[u64; 8]] {
        &mut self.lines
    }

    /// Something learned, until a second of the monotonic clock.
    pub fn learn(&mut self, key: LearnedKey, until: u32) {
        self.learned.insert(key, until);
    }

    /// The flow under a key, idle or not.
    pub fn flow_snapshot(&self, key: &FlowKey) -> Option<Flow> {
        self.flows.get(key).map(LiveFlow::snapshot)
    }

    /// The stream of a flow.
    pub fn stream_snapshot(&self, key: &FlowKey) -> Option<Stream> {
        self.streams.get(key).map(LiveStream::snapshot)
    }

    /// Writes a flow.
    pub fn put_flow(&self, key: &FlowKey, flow: &Flow) {
        match self.flows.get(key) {
            Some(live) => live.replace(*flow),
            None => {
                self.flows.insert(*key, Box::new(LiveFlow::new(*flow)));
            }
        }
    }

    /// Forgets every flow.
    pub fn clear_flows(&mut self) {
        self.flows = FrozenMap::new();
        self.streams = FrozenMap::new();
    }

    /// What the decision did since this was last asked.
    pub fn take_steps(&self) -> Vec<Step> {
        self.steps.take()
    }
}

impl Tables for HostTables {
    fn control(&self) -> Control {
        self.control
    }

    fn line<L: Line>(&self, index: u32) -> Option<&L> {
        let line = self.lines.get(index as usize)?;
        // SAFETY: `Line` promises 64 bytes in which any bits are valid, aligned to
        // at most 8 bytes, which is what eight words are.
        Some(unsafe { &*std::ptr::from_ref(line).cast::<L>() })
    }

    fn automata(&self, epoch: u32) -> Option<Automata<'_>> {
        Some(Automata::of_lines(&self.automata[epoch as usize & 1]))
    }

    fn now(&self) -> u64 {
        self.clock.get()
    }

    fn flow(&self, key: &FlowKey) -> Option<&LiveFlow> {
        self.flows.get(key)
    }

    fn remember(&self, work: &mut Work) -> bool {
        if !self.full.get() {
            self.put_flow(&work.key, &work.flow);
        }
        !self.full.get()
    }

    fn spend_flow(&self, device: u32, per_second: u32, now: u64) -> bool {
        self.budgets
            .borrow_mut()
            .entry(device)
            .or_default()
            .spend_flow(per_second, now)
    }

    fn fragment(&self, key: &FragmentKey) -> Option<&LiveFragment> {
        self.fragments.get(key)
    }

    fn remember_fragment(&self, key: &FragmentKey, fragment: &Fragment) -> bool {
        match self.fragments.get(key) {
            Some(live) => live.replace(*fragment),
            None => {
                self.fragments
                    .insert(*key, Box::new(LiveFragment::new(*fragment)));
            }
        }
        true
    }

    fn learned(&self, key: &LearnedKey) -> u32 {
        self.learned.get(key).copied().unwrap_or(0)
    }

    fn rate(&self, key: &RateKey) -> Option<&LiveRate> {
        match self.rates.get(key) {
            Some(rate) => Some(rate),
            None => Some(self.rates.insert(*key, Box::default())),
        }
    }

    fn hits(&self, key: &HitsKey) -> Option<&LiveHits> {
        match self.hits.get(key) {
            Some(hits) => Some(hits),
            None => Some(self.hits.insert(*key, Box::default())),
        }
    }

    fn stream(&self, key: &FlowKey) -> Option<&LiveStream> {
        self.streams.get(key)
    }

    fn begin_stream(&self, key: &FlowKey) -> bool {
        // One that is there is as good: nothing is begun twice.
        if self.streams.get(key).is_none() {
            self.streams
                .insert(*key, Box::new(LiveStream::new(Stream::EMPTY)));
        }
        true
    }

    fn cpu(&self) -> u32 {
        0
    }

    fn seen(&self, device: u32) -> Option<&Word> {
        match self.seen.get(&device) {
            Some(seen) => Some(seen),
            None => Some(self.seen.insert(device, Box::default())),
        }
    }

    fn note(&self, step: Step) {
        self.steps.borrow_mut().push(step);
    }
}
