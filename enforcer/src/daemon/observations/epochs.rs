//! The policies whose flows may still be met: what their numbers of devices and
//! rules mean in the record.

use std::collections::{HashMap, VecDeque};

use enforcer_common::addr::{Mac, Vlan};

use crate::daemon::engine::Running;

/// Policies remembered. A flow that goes on is judged again by the one in force;
/// older numbers are met only between a change and the next look.
const REMEMBERED: usize = 4;

/// One policy's numbers.
#[derive(Debug)]
pub(super) struct Epoch {
    pub(super) epoch: u32,
    /// Rows of its devices, in order of their numbers from 1.
    devices: Vec<i64>,
    rows: HashMap<(Mac, Vlan), i64>,
    /// `profile/rule`, in order of their numbers from 1.
    rules: Vec<String>,
}

impl Epoch {
    /// `rows` are those of the policy's devices, in its order.
    pub(super) fn new(running: &Running, rows: Vec<i64>) -> Self {
        let identities = running
            .model
            .devices
            .iter()
            .map(|device| (device.mac, device.vlan));
        let rules = running
            .rule_names()
            .map(|(profile, rule)| format!("{profile}/{rule}"));
        Self {
            epoch: running.epoch,
            rows: identities.zip(rows.iter().copied()).collect(),
            devices: rows,
            rules: rules.collect(),
        }
    }

    /// A policy whose devices have these rows, and no names of anything.
    #[cfg(test)]
    pub(super) fn of_rows(epoch: u32, rows: Vec<i64>) -> Self {
        Self {
            epoch,
            devices: rows,
            rows: HashMap::new(),
            rules: Vec::new(),
        }
    }

    /// Row of the device with a number; `None` for 0 and unknown ones.
    pub(super) fn device(&self, number: u32) -> Option<i64> {
        self.devices.get((number as usize).checked_sub(1)?).copied()
    }

    /// Row of the device with an identity.
    pub(super) fn row(&self, mac: Mac, vlan: Vlan) -> Option<i64> {
        self.rows.get(&(mac, vlan)).copied()
    }

    /// Names of the rules with these numbers, 0 left out, none twice.
    pub(super) fn rules(&self, numbers: [u16; 2]) -> Vec<&str> {
        let name = |number: u16| {
            let index = usize::from(number).checked_sub(1)?;
            self.rules.get(index).map(String::as_str)
        };
        let mut names: Vec<&str> = numbers.into_iter().filter_map(name).collect();
        names.dedup();
        names
    }
}

/// The latest policies.
#[derive(Debug, Default)]
pub(super) struct Epochs(VecDeque<Epoch>);

impl Epochs {
    pub(super) fn get(&self, epoch: u32) -> Option<&Epoch> {
        self.0.iter().find(|known| known.epoch == epoch)
    }

    pub(super) fn add(&mut self, epoch: Epoch) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(epoch);
    }
}
