//! Keeps rules with a schedule in step with a simulation's clock, as the daemon
//! does with the real one.

use crate::policy::calendar;
use crate::policy::compile::{Compiled, Scheduled};
use crate::policy::model::Model;

use super::engine::Engine;

/// The schedules of a policy.
#[derive(Debug)]
pub(super) struct Calendars<'m> {
    model: &'m Model,
    scheduled: Vec<Scheduled>,
    /// Policy time up to which what was written is enough; `None` before the first
    /// writing.
    enough_until: Option<u32>,
}

impl<'m> Calendars<'m> {
    pub(super) fn new(model: &'m Model, compiled: &Compiled) -> Self {
        Self {
            model,
            scheduled: compiled.scheduled.clone(),
            enough_until: None,
        }
    }

    /// Writes the windows anew for every time, whatever was written before.
    pub(super) fn start_anew(&mut self) {
        self.enough_until = None;
    }

    /// Writes the windows that hold at a policy time and after it, where those
    /// written before are used up.
    pub(super) fn keep(&mut self, time: u32, engines: &mut [Box<dyn Engine>]) {
        if self.scheduled.is_empty() || self.enough_until.is_some_and(|until| time < until) {
            return;
        }
        let mut enough = u32::MAX;
        for scheduled in &self.scheduled {
            let (profile, rule) = scheduled.rule;
            let rule = &self.model.profiles[profile].rules[rule];
            let intervals = calendar::intervals(rule, time);
            // When the first has passed, seven are left: never too late.
            let [_, until] = intervals[0];
            if until > time {
                enough = enough.min(until);
            }
            for engine in &mut *engines {
                engine.set_windows(scheduled.line, intervals);
            }
        }
        self.enough_until = Some(enough);
    }
}
