//! What judges frames in a simulation: the decision in user space, or the program
//! in the kernel. Both are given the same policy, frames and times, and must find
//! the same.

use anyhow::Result;
use enforcer_common::decide::{Work, judge};
use enforcer_common::learned::LearnedKey;
use enforcer_common::port::Port;

use super::HostTables;
use crate::datapath::marks;
use crate::datapath::observe::Observed;
use crate::policy::calendar::Intervals;
use crate::policy::compile::Compiled;

mod kernel;

pub use kernel::{Kernel, SHORTEST};

/// Judges frames by a policy, at times that the caller gives.
pub trait Engine: Send {
    /// `model` or `kernel`.
    fn name(&self) -> &'static str;

    /// The calling thread makes all calls from now on. It may be held to one CPU.
    ///
    /// # Errors
    /// When the system refuses.
    fn enter_thread(&mut self) -> Result<()> {
        Ok(())
    }

    /// Puts a policy into force.
    ///
    /// # Errors
    /// When its tables do not take it.
    fn install(&mut self, compiled: &Compiled) -> Result<()>;

    /// Adopts sessions that are already running until a time, in ns.
    fn adopt_until(&mut self, time: u64);

    /// Sets policy time, by its distance from the clock of [`Self::judge`] in seconds.
    fn set_clock_offset(&mut self, seconds: u32);

    /// Writes when a rule holds, at its line of the compiled policy.
    fn set_windows(&mut self, line: u32, windows: Intervals);

    /// Notes something learned, until a second of the clock.
    ///
    /// # Errors
    /// When the tables take no more.
    fn learn(&mut self, key: &LearnedKey, until: u32) -> Result<()>;

    /// Forgets all flows.
    ///
    /// # Errors
    /// When the tables cannot be read.
    fn forget_flows(&mut self) -> Result<()>;

    /// Judges a frame that comes in by a port at a time, in ns; 0 is no time.
    /// `None` where this engine cannot be given such a frame.
    ///
    /// # Errors
    /// When the engine itself fails.
    fn judge(&mut self, frame: &[u8], port: &Port, time: u64) -> Result<Option<Observed>>;
}

/// The decision in user space. Needs no rights.
#[derive(Debug)]
pub struct InModel {
    tables: HostTables,
    work: Work,
}

impl Default for InModel {
    fn default() -> Self {
        Self {
            tables: HostTables::default(),
            work: Work::EMPTY,
        }
    }
}

impl Engine for InModel {
    fn name(&self) -> &'static str {
        "model"
    }

    fn install(&mut self, compiled: &Compiled) -> Result<()> {
        self.tables.install(compiled);
        Ok(())
    }

    fn adopt_until(&mut self, time: u64) {
        self.tables.control_mut().adopt_until = time;
    }

    fn set_clock_offset(&mut self, seconds: u32) {
        self.tables.control_mut().clock_offset = seconds;
    }

    fn set_windows(&mut self, line: u32, windows: Intervals) {
        marks::schedule(self.tables.lines_mut(), line, &windows);
    }

    fn learn(&mut self, key: &LearnedKey, until: u32) -> Result<()> {
        self.tables.learn(*key, until);
        Ok(())
    }

    fn forget_flows(&mut self) -> Result<()> {
        self.tables.clear_flows();
        Ok(())
    }

    fn judge(&mut self, frame: &[u8], port: &Port, time: u64) -> Result<Option<Observed>> {
        self.tables.clock.set(time);
        self.work.verdict = judge(frame, &self.tables, port, &mut self.work);
        // Nobody explains these frames.
        drop(self.tables.take_steps());
        Ok(Some(Observed::from(&self.work)))
    }
}
