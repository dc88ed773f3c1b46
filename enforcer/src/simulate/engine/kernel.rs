//! The program in the kernel, run on single frames by BPF_PROG_TEST_RUN with maps
//! of its own: no port is touched, nothing is pinned, nobody's traffic sees it.

use anyhow::{Context as _, Result, ensure};
use aya::programs::{TestRun as _, TestRunOptions};
use enforcer_common::learned::LearnedKey;
use enforcer_common::port::Port;
use enforcer_common::table::Settings;
use enforcer_common::verdict::Fate;
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

use super::Engine;
use crate::datapath::marks::{self, Half};
use crate::datapath::observe::Observed;
use crate::datapath::{Capacity, Datapath};
use crate::policy::calendar::Intervals;
use crate::policy::compile::Compiled;

/// A test run takes no less than an Ethernet header, in bytes.
pub const SHORTEST: usize = 14;
/// Nor more than fits the fragments of a packet buffer.
const LONGEST: usize = 65_549;
/// Test runs come in by the loopback interface.
const LOOPBACK: u32 = 1;
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
/// Numbers of linux/capability.h.
const CAP_NET_ADMIN: u32 = 12;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_BPF: u32 = 39;
/// Room that is kept for policies larger than the first.
const LINES: u32 = 1 << 14;

/// The program in the kernel. Needs root.
#[derive(Debug)]
pub struct Kernel {
    datapath: Datapath,
    /// The CPU that the runs are made on: decisions are left where one CPU sees them.
    cpu: usize,
    declared: Option<Port>,
}

impl Kernel {
    /// Loads the program, with room for `compiled` and so many flows, and holds the
    /// calling thread to its CPU.
    ///
    /// # Errors
    /// When the kernel refuses, as it does without root.
    pub fn load(compiled: &Compiled, flows: u32) -> Result<Self> {
        ensure!(
            Self::is_permitted(),
            "the kernel engine runs the program by BPF_PROG_TEST_RUN, which needs root: run as root, \
             or take the model engine alone"
        );
        let lines = u32::try_from(compiled.lines.len()).context("the policy is too large")?;
        let capacity = Capacity {
            policy_lines: lines.next_power_of_two().max(LINES),
            flows,
            streams: flows,
        };
        let mut kernel = Self {
            datapath: Datapath::load(capacity)?,
            cpu: 0,
            declared: None,
        };
        kernel.stay_on_this_cpu()?;
        Ok(kernel)
    }

    /// Whether the process has the rights that [`Self::load`] needs.
    pub fn is_permitted() -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let effective = status
            .lines()
            .find_map(|line| line.strip_prefix("CapEff:"))
            .and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
            .unwrap_or(0);
        let has = |capability: u32| effective >> capability & 1 != 0;
        (has(CAP_BPF) || has(CAP_SYS_ADMIN)) && has(CAP_NET_ADMIN)
    }

    /// Lines of compiled policy that the maps hold.
    pub fn room(&self) -> usize {
        self.datapath.capacity.policy_lines as usize
    }

    fn stay_on_this_cpu(&mut self) -> Result<()> {
        self.cpu = sched_getcpu().context("the kernel does not tell the CPU")?;
        let mut cpus = CpuSet::new();
        cpus.set(self.cpu).context("cannot name the CPU")?;
        sched_setaffinity(Pid::from_raw(0), &cpus).context("cannot stay on one CPU")
    }
}

impl Engine for Kernel {
    fn name(&self) -> &'static str {
        "kernel"
    }

    fn enter_thread(&mut self) -> Result<()> {
        self.stay_on_this_cpu()
    }

    fn install(&mut self, compiled: &Compiled) -> Result<()> {
        self.datapath.memory.install(compiled).map(|_| ())
    }

    fn adopt_until(&mut self, time: u64) {
        self.datapath.memory.adopt_until(time);
    }

    fn set_clock_offset(&mut self, seconds: u32) {
        self.datapath.memory.set_clock_offset(seconds);
    }

    fn set_windows(&mut self, line: u32, windows: Intervals) {
        if let Some(mut lines) = self.datapath.memory.installed(Half::Active) {
            marks::schedule(&mut lines, line, &windows);
        }
    }

    fn learn(&mut self, key: &LearnedKey, until: u32) -> Result<()> {
        self.datapath.learn(key, until)
    }

    fn forget_flows(&mut self) -> Result<()> {
        // To a clock this far ahead every flow is idle.
        let settings = Settings::default();
        for (_, flow) in self.datapath.flows(1) {
            let later = flow.last_seen.wrapping_add(1 << 30);
            self.datapath.sweep(&settings, later)?;
        }
        Ok(())
    }

    fn judge(&mut self, frame: &[u8], port: &Port, time: u64) -> Result<Option<Observed>> {
        if !(SHORTEST..=LONGEST).contains(&frame.len()) {
            return Ok(None);
        }
        if self.declared != Some(*port) {
            self.datapath.declare_port(LOOPBACK, port)?;
            self.declared = Some(*port);
        }
        // Ends what the cache knows, too: each frame is judged, and so can be observed.
        self.datapath.memory.set_clock(time);
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        let program = self.datapath.program()?;
        let done = program.test_run(options).with_context(|| {
            format!(
                "the kernel does not run the program on a frame of {} bytes",
                frame.len()
            )
        })?;
        let observed = self.datapath.last_decision(self.cpu)?;
        let expected = match observed.verdict.fate() {
            Fate::Deny => XDP_DROP,
            Fate::Allow | Fate::Audit | Fate::FailOpen => XDP_PASS,
        };
        ensure!(
            done.return_value == expected,
            "the program returned {} for a frame that it judged to be {}",
            done.return_value,
            observed.verdict.fate().label()
        );
        Ok(Some(observed))
    }
}
