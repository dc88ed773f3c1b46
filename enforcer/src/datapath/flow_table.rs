//! The flow table in map memory, read and written by the same code as in the kernel half.

use std::fs::File;
use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, ensure};
use aya::Ebpf;
use enforcer_common::flow::{Flow, FlowKey};
use enforcer_common::flow_table::{self, Memory, NOWHERE, Outcome, Seed, Set, Stored};
use enforcer_common::shared::Word;
use enforcer_common::table::Settings;

use super::install::data;
use super::memory::SharedWords;

/// The table, mapped.
#[derive(Debug)]
pub(super) struct FlowTable {
    seed: Seed,
    words: SharedWords,
}

impl FlowTable {
    /// Maps the table, and draws what it is looked up by if it is new.
    pub(super) fn map(ebpf: &Ebpf) -> Result<Self> {
        let map = data(ebpf, "FLOWS")?;
        let sets = map.info()?.max_entries();
        let words = SharedWords::map(map.fd(), sets as usize * size_of::<Set>() / 8)?;
        let memory = SharedWords::map(data(ebpf, "FLOW_SEED")?.fd(), size_of::<Seed>() / 8)?;
        // SAFETY: a mapping is whole pages, and a seed is numbers, any of which are valid.
        let mut seed = unsafe { memory.at::<Seed>(0) }.copied().unwrap_or_default();
        if seed.sets == 0 {
            seed = draw(sets)?;
            for (index, number) in seed.words().into_iter().enumerate() {
                memory.store(index, number);
            }
        }
        ensure!(
            seed.sets == u64::from(sets),
            "the flow table has {sets} sets, and was made for {}",
            seed.sets
        );
        Ok(Self { seed, words })
    }

    /// All flows, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Stored> {
        let sets = 0..self.seed.sets as u32;
        sets.filter_map(|number| self.set(number))
            .flat_map(|set| (0..flow_table::WAYS).filter_map(|way| set.read(way)))
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        let sets = 0..self.seed.sets as u32;
        let sets = sets.filter_map(|number| self.set(number));
        sets.map(|set| set.count() as u64).sum()
    }

    pub(super) fn get(&self, key: &FlowKey) -> Option<Flow> {
        let place = flow_table::find(self, key);
        if place == NOWHERE {
            return None;
        }
        let found = self.set(place / flow_table::WAYS as u32)?;
        found
            .read(place as usize % flow_table::WAYS)
            .filter(|stored| stored.key == *key)
            .map(|stored| stored.flow)
    }

    /// Forgets a flow, if it was not seen since it was read.
    pub(super) fn forget(&self, stored: &Stored) -> bool {
        flow_table::forget(self, stored)
    }

    /// Writes a flow, seen at a time of the monotonic clock, in ns.
    pub(super) fn put(&self, settings: &Settings, key: &FlowKey, flow: &Flow, now: u64) -> Outcome {
        flow_table::insert(self, settings, key, flow, now, &Word::default())
    }
}

/// Numbers that nobody can foresee: the kernel's, which early at boot are waited for.
fn draw(sets: u32) -> Result<Seed> {
    let mut seed = Seed {
        sets: sets.into(),
        ..Seed::default()
    };
    let mut source = File::open("/dev/random").context("cannot open /dev/random")?;
    for number in &mut seed.numbers {
        let mut bytes = [0; 8];
        let read = source.read_exact(&mut bytes);
        read.context("cannot read /dev/random")?;
        *number = u64::from_ne_bytes(bytes);
    }
    Ok(seed)
}

impl Memory for FlowTable {
    fn seed(&self) -> Option<&Seed> {
        Some(&self.seed)
    }

    fn set(&self, number: u32) -> Option<&Set> {
        // SAFETY: the map's values are sets, made for memory that others write too.
        unsafe { self.words.at(number as usize) }
    }

    fn exchange(&self, word: &Word, before: u64, after: u64) -> u64 {
        // SAFETY: the word is valid and aligned, and is written by whole words alone.
        let word = unsafe { AtomicU64::from_ptr(word.as_ptr()) };
        let result = word.compare_exchange(before, after, Ordering::SeqCst, Ordering::SeqCst);
        result.unwrap_or_else(|found| found)
    }
}
