//! Install stage: writes a compiled policy into the half of policy memory that
//! is not in force, reads it back, and moves the epoch with one store.

use std::path::Path;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use aya::Ebpf;
use aya::maps::{Map, MapData};
use enforcer_common::automata::AUTOMATA_BYTES;
use enforcer_common::table::{
    Control, DIGEST_LINE, FIXED_LINES, LAYOUT_LINE, LAYOUT_VERSION, Layout, Line, SETTINGS_LINE,
    Settings,
};

use super::Capacity;
use super::control::{self, ControlWords, monotonic_ns};
use super::memory::SharedWords;
use crate::policy::compile::Compiled;

pub(super) const WORDS_PER_LINE: usize = 8;
/// Words of one half of the automata.
const AUTOMATA_WORDS: usize = AUTOMATA_BYTES / size_of::<u64>();

/// Policy memory and the control line, both mapped.
#[derive(Debug)]
pub struct PolicyMemory {
    pub(super) policy: SharedWords,
    automata: SharedWords,
    pub(super) control: ControlWords,
    half_lines: u32,
}

/// Which policy is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce {
    pub epoch: u32,
    /// SHA-256 of the policy.
    pub digest: [u8; 32],
}

impl PolicyMemory {
    pub(super) fn open(ebpf: &Ebpf, capacity: Capacity) -> Result<Self> {
        let lines = 2 * capacity.policy_lines as usize;
        Ok(Self {
            policy: SharedWords::map(data(ebpf, "POLICY")?.fd(), lines * WORDS_PER_LINE)?,
            automata: SharedWords::map(data(ebpf, "AUTOMATA")?.fd(), 2 * AUTOMATA_WORDS)?,
            control: ControlWords::map(data(ebpf, "CONTROL")?.fd())?,
            half_lines: capacity.policy_lines,
        })
    }

    /// Opens the memory that is pinned in a directory, for one writer alone.
    ///
    /// # Errors
    /// When there is none, or it cannot be mapped.
    pub fn open_pinned(directory: &Path) -> Result<Self> {
        let map = |name: &str| {
            let path = directory.join(name);
            MapData::from_pin(&path).with_context(|| format!("cannot open {}", path.display()))
        };
        let (policy, control) = (map("POLICY")?, map("CONTROL")?);
        let automata = map("AUTOMATA")?;
        let lines = policy.info()?.max_entries();
        Ok(Self {
            policy: SharedWords::map(policy.fd(), lines as usize * WORDS_PER_LINE)?,
            automata: SharedWords::map(automata.fd(), 2 * AUTOMATA_WORDS)?,
            control: ControlWords::map(control.fd())?,
            half_lines: lines / 2,
        })
    }

    /// The policy in force, if there is one.
    pub fn in_force(&self) -> Option<InForce> {
        self.told(self.control.read().active_at(monotonic_ns()))
    }

    /// Settings of the policy in force, if there is one.
    pub fn settings(&self) -> Option<Settings> {
        self.in_force_line(SETTINGS_LINE)
    }

    /// Epoch in force, 0 where no policy is loaded.
    pub fn epoch(&self) -> u32 {
        Control::epoch(self.control.read().active_at(monotonic_ns()))
    }

    /// Puts a policy into force and returns its epoch. Packets are judged by the
    /// old policy up to one store and by the new one after it. When this
    /// returns, no packet is still being judged by the old one.
    ///
    /// # Errors
    /// When the policy does not fit or does not read back, or another one is on
    /// trial; what is in force then stays so, untouched.
    pub fn install(&self, compiled: &Compiled) -> Result<u32> {
        ensure!(
            self.control.read().fallback_at == 0,
            "a policy is on trial: confirm or withdraw it first"
        );
        self.put_into_force(compiled, None)
    }

    /// As [`Self::install`]; at the deadline (monotonic clock, ns) the kernel
    /// returns to the policy before by itself, unless [`Self::confirm`] comes.
    ///
    /// # Errors
    /// As for [`Self::install`]; also when there is no policy before.
    pub fn install_on_trial(&self, compiled: &Compiled, deadline: u64) -> Result<u32> {
        let control = self.control.read();
        ensure!(
            control.fallback_at == 0,
            "a policy is on trial: confirm or withdraw it first"
        );
        ensure!(
            control.active != 0,
            "there is no policy to return to: apply the first one without a trial"
        );
        self.put_into_force(compiled, Some((control.active, deadline)))
    }

    /// What is on trial, if anything is.
    pub fn trial(&self) -> Option<Trial> {
        let control = self.control.read();
        (control.fallback_at != 0).then(|| Trial {
            deadline: control.fallback_at,
            on_trial: self.told(control.active),
            before: self.told(control.fallback),
            fell_back: monotonic_ns() >= control.fallback_at,
        })
    }

    /// Keeps the policy on trial.
    ///
    /// # Errors
    /// When none is, or the kernel has returned to the one before already.
    pub fn confirm(&self) -> Result<()> {
        match self.trial() {
            None => bail!("no policy awaits confirmation"),
            Some(trial) if trial.fell_back => {
                bail!("the time to confirm has passed: the policy before is in force again")
            }
            Some(_) => self.control.store(control::FALLBACK_AT, 0),
        }
        Ok(())
    }

    /// Returns from the policy on trial to the one before, and says its epoch. Also
    /// brings the control line up to date when the kernel has returned by itself.
    pub fn withdraw(&self) -> Option<u32> {
        let control = self.control.read();
        if control.fallback_at == 0 {
            return None;
        }
        // In this order a packet sees the policy before at every moment.
        self.control.store(control::FALLBACK_AT, 1);
        self.control.store(control::ACTIVE, control.fallback);
        self.control.store(control::FALLBACK_AT, 0);
        wait_for_readers();
        Some(Control::epoch(control.fallback))
    }

    /// Adopts live sessions until a time of the monotonic clock, in ns.
    pub fn adopt_until(&self, time: u64) {
        self.control.store(control::ADOPT_UNTIL, time);
    }

    /// Until when live sessions are adopted: monotonic clock, ns.
    pub fn adopting_until(&self) -> u64 {
        self.control.read().adopt_until
    }

    /// Lets flows that policies from an epoch on have judged go on as they are,
    /// until a time of the monotonic clock, in ns.
    pub fn drain(&self, from_epoch: u32, until: u64) {
        let word = u64::from(from_epoch) | u64::from(self.clock_offset()) << 32;
        self.control.store(control::DRAIN_FROM_AND_CLOCK, word);
        self.control.store(control::DRAIN_UNTIL, until);
    }

    /// Until when flows drain: monotonic clock, ns.
    pub fn draining_until(&self) -> u64 {
        self.control.read().drain_until
    }

    /// Policy time less the monotonic clock, in seconds.
    pub fn clock_offset(&self) -> u32 {
        self.control.read().clock_offset
    }

    /// Sets policy time, by its distance from the monotonic clock.
    pub fn set_clock_offset(&self, seconds: u32) {
        let word = u64::from(self.control.read().drain_from) | u64::from(seconds) << 32;
        self.control.store(control::DRAIN_FROM_AND_CLOCK, word);
    }

    /// Has the next packet of each kind judged anew, after something was written besides
    /// policies that packets are judged by.
    pub fn touch(&self) {
        self.control.touch();
    }

    /// Stops the program's clock at a time in ns, for simulations; 0 lets it run.
    pub fn set_clock(&self, time: u64) {
        self.control.store(control::CLOCK, time);
    }

    /// The policy in force as it stands in map memory, marks and all.
    pub fn lines_in_force(&self) -> Vec<[u64; WORDS_PER_LINE]> {
        let active = self.control.read().active_at(monotonic_ns());
        let first = Control::first_line(active);
        let lines = match self.in_force_line::<Layout>(LAYOUT_LINE) {
            Some(layout) => layout.lines,
            None => 0,
        };
        (first..first + lines)
            .map(|line| {
                let word = self.first_word(line);
                std::array::from_fn(|index| self.policy.load(word + index))
            })
            .collect()
    }

    /// A line of the policy in force.
    pub(super) fn in_force_line<L: Line>(&self, line: u32) -> Option<L> {
        let active = self.control.read().active_at(monotonic_ns());
        (active != 0).then(|| self.line_at(Control::first_line(active) + line))
    }

    pub(super) fn line_at<L: Line>(&self, line: u32) -> L {
        let first = self.first_word(line);
        let words: [u64; WORDS_PER_LINE] =
            std::array::from_fn(|word| self.policy.load(first + word));
        // SAFETY: a line of policy memory is 64 bytes, any of which are a valid `Line`.
        unsafe { std::mem::transmute_copy(&words) }
    }

    fn told(&self, active: u64) -> Option<InForce> {
        if active == 0 {
            return None;
        }
        let first = self.first_word(Control::first_line(active) + DIGEST_LINE);
        Some(InForce {
            epoch: Control::epoch(active),
            digest: digest_at(&self.policy, first),
        })
    }

    fn put_into_force(&self, compiled: &Compiled, trial: Option<(u64, u64)>) -> Result<u32> {
        let (lines, room) = (compiled.lines.len(), self.half_lines as usize);
        ensure!(
            lines <= room,
            "the compiled policy takes {} KiB and the tables hold {} KiB: raise `policy_mib` in the daemon's \
             configuration, or shorten the policy",
            lines / 16,
            room / 16
        );
        let epoch = self.next_epoch();
        let half = epoch & 1;
        let first_line = half * self.half_lines;
        ensure!(
            compiled.automata.len() * WORDS_PER_LINE <= AUTOMATA_WORDS,
            "the automata of the signatures take more than there is room for"
        );
        let (word, automata) = (self.first_word(first_line), half as usize * AUTOMATA_WORDS);
        write(&self.policy, word, &compiled.lines)?;
        write(&self.automata, automata, &compiled.automata)?;
        self.ensure_layout(word)?;
        // The tables must be visible before the word that puts them into force.
        fence(Ordering::SeqCst);
        self.control.issue(epoch);
        if let Some((before, deadline)) = trial {
            self.control.store(control::FALLBACK, before);
            self.control.store(control::FALLBACK_AT, deadline);
        }
        self.control
            .store(control::ACTIVE, Control::pack(epoch, first_line));
        wait_for_readers();
        Ok(epoch)
    }

    /// An epoch that no policy ever had, whose half of policy memory is not in force.
    fn next_epoch(&self) -> u32 {
        let control = self.control.read();
        let in_force = Control::epoch(control.active);
        let issued = control.issued.max(in_force);
        // Epoch 0 is "none".
        let next = issued.checked_add(1).unwrap_or(2);
        if in_force != 0 && next & 1 == in_force & 1 {
            next + 1
        } else {
            next
        }
    }

    pub(super) fn first_word(&self, line: u32) -> usize {
        line as usize * WORDS_PER_LINE
    }

    fn ensure_layout(&self, first_word: usize) -> Result<()> {
        let version = self
            .policy
            .load(first_word + LAYOUT_LINE as usize * WORDS_PER_LINE) as u32;
        ensure!(
            version == LAYOUT_VERSION,
            "the compiled policy has layout {version}, the program {LAYOUT_VERSION}"
        );
        Ok(())
    }
}

/// Writes lines, and reads them back.
fn write(memory: &SharedWords, first: usize, lines: &[[u64; WORDS_PER_LINE]]) -> Result<()> {
    let words = || lines.as_flattened().iter().zip(first..);
    for (word, index) in words() {
        memory.store(index, *word);
    }
    for (word, index) in words() {
        if memory.load(index) != *word {
            bail!(
                "policy memory does not read back as written, at word {index}; the old policy stays in force"
            );
        }
    }
    Ok(())
}

/// A policy that stays only if somebody says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Monotonic clock, ns.
    pub deadline: u64,
    pub on_trial: Option<InForce>,
    pub before: Option<InForce>,
    /// Whether the deadline has passed, so that `before` is in force again.
    pub fell_back: bool,
}

/// A policy in force in pinned maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinnedPolicy {
    /// Version of the layout of its lines; of another version than ours the
    /// digest means nothing.
    pub layout: u32,
    /// SHA-256 of the policy.
    pub digest: [u8; 32],
}

/// The policy in force in the maps pinned in a directory; `None` where none is,
/// or it cannot be read.
pub fn pinned_policy(directory: &Path) -> Option<PinnedPolicy> {
    let map = |name: &str| MapData::from_pin(directory.join(name)).ok();
    let control = ControlWords::map(map("CONTROL")?.fd()).ok()?.read();
    let active = control.active_at(monotonic_ns());
    if active == 0 {
        return None;
    }
    let first = Control::first_line(active) as usize * WORDS_PER_LINE;
    let fixed = first + FIXED_LINES as usize * WORDS_PER_LINE;
    let policy = SharedWords::map(map("POLICY")?.fd(), fixed).ok()?;
    let layout = policy.load(first + LAYOUT_LINE as usize * WORDS_PER_LINE) as u32;
    let digest = digest_at(&policy, first + DIGEST_LINE as usize * WORDS_PER_LINE);
    Some(PinnedPolicy { layout, digest })
}

fn digest_at(policy: &SharedWords, first: usize) -> [u8; 32] {
    let mut digest = [0; 32];
    for (place, index) in digest.chunks_exact_mut(8).zip(first..) {
        place.copy_from_slice(&policy.load(index).to_ne_bytes());
    }
    digest
}

/// Waits until every run of the program that began before now has ended: XDP
/// programs run within an RCU read side, and this command waits for all of them.
fn wait_for_readers() {
    const MEMBARRIER_CMD_GLOBAL: libc::c_int = 1;
    // SAFETY: the command takes no pointers.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if result != 0 {
        // Not offered under nohz_full. A packet is judged in microseconds.
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The map of this name, whatever its type.
pub(super) fn data<'e>(ebpf: &'e Ebpf, name: &str) -> Result<&'e MapData> {
    match ebpf.map(name) {
        Some(
            Map::Array(data)
            | Map::PerCpuArray(data)
            | Map::HashMap(data)
            | Map::LruHashMap(data)
            | Map::RingBuf(data),
        ) => Ok(data),
        Some(_) => bail!("map {name} has an unexpected type"),
        None => Err(anyhow::anyhow!("the object holds no map {name}"))
            .context("the object does not fit this program"),
    }
}
