//! Install stage: writes a compiled policy into the half of policy memory that
//! is not in force, reads it back, and moves the epoch with one store.

use std::path::Path;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use aya::Ebpf;
use aya::maps::{Map, MapData};
use enforcer_common::table::{
    Control, DIGEST_LINE, FIXED_LINES, LAYOUT_LINE, LAYOUT_VERSION, SETTINGS_LINE, Settings,
};

use super::Capacity;
use super::memory::SharedWords;
use crate::policy::compile::Compiled;

const WORDS_PER_LINE: usize = 8;
/// Words of the control line.
const ACTIVE: usize = 0;
const ADOPT_UNTIL: usize = 1;

/// Policy memory and the control line, both mapped.
#[derive(Debug)]
pub struct PolicyMemory {
    policy: SharedWords,
    control: SharedWords,
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
            control: SharedWords::map(data(ebpf, "CONTROL")?.fd(), WORDS_PER_LINE)?,
            half_lines: capacity.policy_lines,
        })
    }

    /// The policy in force, if there is one.
    pub fn in_force(&self) -> Option<InForce> {
        let active = self.control.load(ACTIVE);
        if active == 0 {
            return None;
        }
        let first = self.first_word(Control::first_line(active) + DIGEST_LINE);
        let digest = digest_at(&self.policy, first);
        Some(InForce {
            epoch: Control::epoch(active),
            digest,
        })
    }

    /// Settings of the policy in force, if there is one.
    pub fn settings(&self) -> Option<Settings> {
        let active = self.control.load(ACTIVE);
        if active == 0 {
            return None;
        }
        let first = self.first_word(Control::first_line(active) + SETTINGS_LINE);
        let words: [u64; WORDS_PER_LINE] =
            std::array::from_fn(|word| self.policy.load(first + word));
        // SAFETY: a line of policy memory is 64 bytes, any of which are valid settings.
        Some(unsafe { std::mem::transmute::<[u64; WORDS_PER_LINE], Settings>(words) })
    }

    /// Epoch in force, 0 where no policy is loaded.
    pub fn epoch(&self) -> u32 {
        Control::epoch(self.control.load(ACTIVE))
    }

    /// Puts a policy into force and returns its epoch. Packets are judged by the
    /// old policy up to one store and by the new one after it. When this
    /// returns, no packet is still being judged by the old one.
    ///
    /// # Errors
    /// When the policy does not fit or does not read back; the old one then stays
    /// in force, untouched.
    pub fn install(&self, compiled: &Compiled) -> Result<u32> {
        let (lines, room) = (compiled.lines.len(), self.half_lines as usize);
        ensure!(
            lines <= room,
            "the compiled policy takes {} KiB and the tables hold {} KiB: raise `policy_mib` in the daemon's \
             configuration, or shorten the policy",
            lines / 16,
            room / 16
        );
        // Epoch 0 is "none"; skipping two keeps the halves alternating.
        let epoch = self.epoch().checked_add(1).unwrap_or(2);
        let first_line = (epoch & 1) * self.half_lines;
        self.write(first_line, compiled);
        self.verify(first_line, compiled)?;
        // The tables must be visible before the word that puts them into force.
        fence(Ordering::SeqCst);
        self.control.store(ACTIVE, Control::pack(epoch, first_line));
        wait_for_readers();
        Ok(epoch)
    }

    /// Adopts live sessions until a time of the monotonic clock, in ns.
    pub fn adopt_until(&self, time: u64) {
        self.control.store(ADOPT_UNTIL, time);
    }

    /// Until when live sessions are adopted: monotonic clock, ns.
    pub fn adopting_until(&self) -> u64 {
        self.control.load(ADOPT_UNTIL)
    }

    fn first_word(&self, line: u32) -> usize {
        line as usize * WORDS_PER_LINE
    }

    fn write(&self, first_line: u32, compiled: &Compiled) {
        let words = compiled.lines.as_flattened().iter();
        for (word, index) in words.zip(self.first_word(first_line)..) {
            self.policy.store(index, *word);
        }
    }

    fn verify(&self, first_line: u32, compiled: &Compiled) -> Result<()> {
        let words = compiled.lines.as_flattened().iter();
        for (word, index) in words.zip(self.first_word(first_line)..) {
            if self.policy.load(index) != *word {
                bail!(
                    "policy memory does not read back as written, at word {index}; the old policy stays in force"
                );
            }
        }
        let version = self.policy.load(self.first_word(first_line + LAYOUT_LINE)) as u32;
        ensure!(
            version == LAYOUT_VERSION,
            "the compiled policy has layout {version}, the program {LAYOUT_VERSION}"
        );
        Ok(())
    }
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
    let control = SharedWords::map(map("CONTROL")?.fd(), WORDS_PER_LINE).ok()?;
    let active = control.load(ACTIVE);
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
