//! [`Tables`] over plain memory.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use elsa::FrozenMap;
use enforcer_common::counter::Budget;
use enforcer_common::decide::trace::Step;
use enforcer_common::flow::{Flow, FlowKey, LiveFlow};
use enforcer_common::table::{Control, Line};
use enforcer_common::tables::Tables;

use crate::policy::compile::Compiled;

/// A compiled policy with flows, budgets and a clock of its own.
#[derive(Default)]
pub struct HostTables {
    lines: Vec<[u64; 8]>,
    control: Control,
    /// Monotonic clock, ns; moved by whoever simulates.
    pub clock: Cell<u64>,
    flows: FrozenMap<FlowKey, Box<LiveFlow>>,
    budgets: RefCell<HashMap<u32, Budget>>,
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
        self.control.active = Control::pack(epoch, 0);
    }

    /// Adopts live sessions until then.
    pub fn adopt_until(&mut self, time: u64) {
        self.control.adopt_until = time;
    }

    /// The flow under a key, idle or not.
    pub fn flow_snapshot(&self, key: &FlowKey) -> Option<Flow> {
        self.flows.get(key).map(LiveFlow::snapshot)
    }

    /// Forgets every flow.
    pub fn clear_flows(&mut self) {
        self.flows = FrozenMap::new();
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

    fn now(&self) -> u64 {
        self.clock.get()
    }

    fn flow(&self, key: &FlowKey) -> Option<&LiveFlow> {
        self.flows.get(key)
    }

    fn remember(&self, key: &FlowKey, flow: &Flow) -> bool {
        match self.flows.get(key) {
            Some(live) => live.replace(*flow),
            None => {
                self.flows.insert(*key, Box::new(LiveFlow::new(*flow)));
            }
        }
        true
    }

    fn spend_flow(&self, device: u32, per_second: u32, now: u64) -> bool {
        self.budgets
            .borrow_mut()
            .entry(device)
            .or_default()
            .spend_flow(per_second, now)
    }

    fn note(&self, step: Step) {
        self.steps.borrow_mut().push(step);
    }
}
