//! The exact-match cache seen from user space: packets that it has let pass and that their
//! flows have not been told of yet.

use std::collections::HashMap;
use std::mem::offset_of;

use anyhow::Result;
use aya::Ebpf;
use enforcer_common::cache::{Entry, FROM_RESPONDER, WAYS, place, set_flow_key, words_of_flow};
use enforcer_common::flow::{Flow, FlowKey};

use super::install::data;
use super::memory::SharedWords;
use super::{Capacity, Datapath};

const WORDS: usize = size_of::<Entry>() / size_of::<u64>();

/// The entries of all CPUs, mapped.
#[derive(Debug)]
pub(super) struct Cache {
    words: SharedWords,
    entries: u32,
    per_cpu: u32,
}

// Both counts lie in one word.
const _: () = assert!(
    offset_of!(Entry, packets) % size_of::<u64>() == 0
        && offset_of!(Entry, bytes) == offset_of!(Entry, packets) + size_of::<u32>()
);

impl Cache {
    pub(super) fn map(ebpf: &Ebpf, capacity: Capacity) -> Result<Self> {
        let map = data(ebpf, "CACHE")?;
        let entries = map.info()?.max_entries();
        Ok(Self {
            words: SharedWords::map(map.fd(), entries as usize * WORDS)?,
            entries,
            per_cpu: capacity.cache_per_cpu(),
        })
    }

    /// Those that hold packets which no flow was told of. A packet that is judged
    /// meanwhile may be counted in its flow as well.
    fn untold(&self) -> impl Iterator<Item = Entry> + '_ {
        let all = (0..self.entries).map(|number| self.entry(number));
        all.filter(|entry| entry.packets != 0)
    }

    /// Numbers of those of a flow; `interfaces` are those of all ports.
    fn of_flow(&self, key: &FlowKey, interfaces: &[u32]) -> Vec<u32> {
        let mut numbers = Vec::new();
        for (interface, low_sends) in interfaces
            .iter()
            .flat_map(|interface| [(*interface, true), (*interface, false)])
        {
            let Some([addresses, transport]) = words_of_flow(key, interface, low_sends) else {
                continue;
            };
            let first = place(addresses, transport, self.per_cpu - 1);
            for cpu in (0..self.entries).step_by(self.per_cpu as usize) {
                let ways = (0..WAYS).map(|way| cpu + first + way);
                numbers.extend(ways.filter(|number| {
                    let entry = self.entry(*number);
                    let [_, _, a, t] = entry.key;
                    [a, t] == [addresses, transport] && key_of(&entry) == *key
                }));
            }
        }
        numbers
    }

    /// Adds to a flow what it was not told of.
    pub(super) fn complete(&self, key: &FlowKey, flow: &mut Flow, interfaces: &[u32]) {
        for number in self.of_flow(key, interfaces) {
            add(flow, &self.entry(number));
        }
    }

    /// Forgets a flow that has ended: another one under the key is none of it.
    pub(super) fn forget(&self, key: &FlowKey, interfaces: &[u32]) {
        for number in self.of_flow(key, interfaces) {
            let counts = number as usize * WORDS + offset_of!(Entry, packets) / size_of::<u64>();
            self.words.store(counts, 0);
        }
    }

    /// The same for many flows.
    pub(super) fn complete_all(&self, flows: &mut [(FlowKey, Flow)]) {
        let mut untold: HashMap<FlowKey, Vec<Entry>> = HashMap::new();
        for entry in self.untold() {
            untold.entry(key_of(&entry)).or_default().push(entry);
        }
        for (key, flow) in flows {
            for entry in untold.get(key).into_iter().flatten() {
                add(flow, entry);
            }
        }
    }

    fn entry(&self, number: u32) -> Entry {
        let first = number as usize * WORDS;
        let words: [u64; WORDS] = std::array::from_fn(|word| self.words.load(first + word));
        // SAFETY: an entry is as many words, any bits of which are valid.
        unsafe { std::mem::transmute(words) }
    }
}

fn key_of(entry: &Entry) -> FlowKey {
    let mut key = FlowKey::EMPTY;
    set_flow_key(entry.key, &mut key);
    key
}

fn add(flow: &mut Flow, entry: &Entry) {
    if entry.incarnation == flow.incarnation as u8 {
        let end = usize::from(entry.from & FROM_RESPONDER != 0);
        flow.packets[end] += u64::from(entry.packets);
        flow.bytes[end] += u64::from(entry.bytes);
    }
}

impl Datapath {
    /// Packets of a flow that the cache has let pass, and that it was not told of yet.
    ///
    /// # Errors
    /// When the ports cannot be read.
    pub fn packets_in_cache(&self, key: &FlowKey) -> Result<u64> {
        let numbers = self.cache.of_flow(key, &self.interfaces()?);
        let packets = numbers
            .iter()
            .map(|number| self.cache.entry(*number).packets);
        Ok(packets.map(u64::from).sum())
    }
}
