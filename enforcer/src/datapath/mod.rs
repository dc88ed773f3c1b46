//! The kernel half seen from user space: load, attach, install policies, read
//! counters and events. Knows nothing of YAML or of people.

pub mod cache;
pub mod control;
pub mod counters;
pub mod features;
mod flow_table;
pub mod flows;
pub mod forward;
pub mod install;
pub mod learned;
pub mod marks;
pub mod memory;
pub mod object;
pub mod observe;
pub mod offload;
pub mod pins;
pub mod ports;
pub mod tap;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use aya::Ebpf;
use aya::programs::{ProgramError, Xdp};

use cache::Cache;
use enforcer_common::{flow_table::WAYS, limits};
use flow_table::FlowTable;
use install::PolicyMemory;

/// Capacities that are chosen at load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// 64-byte lines that one compiled policy may take.
    pub policy_lines: u32,
    /// Flows that there is to be room for.
    pub flows: u32,
    /// Connections whose payload is looked at.
    pub streams: u32,
}

impl Default for Capacity {
    /// Room for the largest policy that the tables number, and for the flows of
    /// a large hospital: 2 × 64 MiB and about 200 MiB. Automata have 2 × 32 MiB, always.
    fn default() -> Self {
        Self {
            policy_lines: 1 << 20,
            flows: enforcer_common::limits::FLOWS,
            streams: enforcer_common::limits::STREAMS,
        }
    }
}

impl Capacity {
    /// Sets of the flow table: four places for each flow, so that few sets are full.
    pub(crate) fn flow_sets(self) -> u32 {
        let places = u64::from(self.flows) * u64::from(limits::FLOW_ROOM);
        let sets = places.div_ceil(WAYS as u64).max(1);
        u32::try_from(sets).unwrap_or(u32::MAX)
    }

    /// Places of the flow table.
    pub fn flow_places(self) -> u32 {
        self.flow_sets().saturating_mul(WAYS as u32)
    }

    /// Entries of the exact-match cache for each CPU: in all at least two for either
    /// direction of each flow, so that seldom more than two want the same place; a power
    /// of two.
    pub(crate) fn cache_per_cpu(self) -> u32 {
        let share = self.flows.saturating_mul(4).div_ceil(object::cpus());
        share
            .next_power_of_two()
            .max(enforcer_common::limits::CACHE_PER_CPU)
    }
}

/// The loaded program with its maps.
#[derive(Debug)]
pub struct Datapath {
    pub(crate) ebpf: Ebpf,
    pub memory: PolicyMemory,
    cache: Cache,
    flow_table: FlowTable,
    pub capacity: Capacity,
    /// Where maps and links are pinned; `None` in tests that leave nothing behind.
    pub directory: Option<PathBuf>,
}

impl Datapath {
    /// Loads the program with maps of its own that vanish with it.
    ///
    /// # Errors
    /// When the kernel refuses the program or its maps.
    pub fn load(capacity: Capacity) -> Result<Self> {
        Self::from_object(object::load(capacity, None)?, capacity, None)
    }

    /// Loads the program over the maps pinned in `directory`, made where missing.
    ///
    /// # Errors
    /// As for [`Self::load`]; also when a pinned map has another shape than the
    /// program's, which [`pins`] rules out.
    pub fn load_pinned(capacity: Capacity, directory: PathBuf) -> Result<Self> {
        let ebpf = object::load(capacity, Some(&directory))?;
        Self::from_object(ebpf, capacity, Some(directory))
    }

    fn from_object(mut ebpf: Ebpf, capacity: Capacity, directory: Option<PathBuf>) -> Result<Self> {
        let memory = PolicyMemory::open(&ebpf, capacity)?;
        let cache = Cache::map(&ebpf, capacity)?;
        let flow_table = FlowTable::map(&ebpf)?;
        let program: &mut Xdp = ebpf
            .program_mut(object::PROGRAM)
            .context("the object holds no program")?
            .try_into()
            .context("the program is not for XDP")?;
        program.load().map_err(refusal)?;
        Ok(Self {
            ebpf,
            memory,
            cache,
            flow_table,
            capacity,
            directory,
        })
    }

    /// The program, for attaching and for test runs.
    ///
    /// # Errors
    /// Never once loaded.
    pub fn program(&mut self) -> Result<&mut Xdp> {
        let program = self
            .ebpf
            .program_mut(object::PROGRAM)
            .context("the object holds no program")?;
        program.try_into().context("the program is not for XDP")
    }

    /// Instructions that the verifier walked to accept the program.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn verified_instructions(&mut self) -> Result<u32> {
        let info = self
            .program()?
            .info()
            .context("the kernel tells nothing of the program")?;
        info.verified_instruction_count()
            .context("the kernel does not count verified instructions")
    }
}

/// The kernel's refusal in one line; the verifier's log goes to the debug log.
fn refusal(error: ProgramError) -> anyhow::Error {
    let ProgramError::LoadError {
        io_error,
        verifier_log,
    } = error
    else {
        return anyhow::Error::new(error).context("the kernel refused the program");
    };
    let log = verifier_log.to_string();
    tracing::debug!("{log}");
    // The log ends with statistics; the complaint stands before them.
    let complaint = log
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty() && !is_statistics(line));
    anyhow::anyhow!(
        "the kernel refused the program: {io_error}: {}",
        complaint.unwrap_or("no reason given").trim()
    )
}

fn is_statistics(line: &str) -> bool {
    let words = ["verification time", "stack depth", "processed "];
    words.iter().any(|words| line.trim().starts_with(words))
}
