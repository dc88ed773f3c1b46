//! The table as user space reads it.

use super::mark::Mark;
use super::{Memory, Set, WAYS};
use crate::flow::{Flow, FlowKey};

/// A flow as it stood in the table.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    pub key: FlowKey,
    pub flow: Flow,
    /// What the head said of it.
    mark: Mark,
}

impl Set {
    /// What stands at one of the [`WAYS`], if it is one flow all the while that it is read.
    pub fn read(&self, way: usize) -> Option<Stored> {
        let word = self.head.get(way)?;
        let mark = Mark(word.load());
        if !mark.is_written() {
            return None;
        }
        let entry = &self.entries[way];
        let (key, flow) = (entry.key.snapshot(), entry.flow.snapshot());
        let after = Mark(word.load());
        (after.tag() == mark.tag() && after.is_written()).then_some(Stored { key, flow, mark })
    }

    /// How many flows it holds, with those that are being written.
    pub fn count(&self) -> usize {
        self.head.iter().filter(|word| word.load() != 0).count()
    }
}

/// Forgets a flow, if it has neither been seen nor changed since it was read.
pub fn forget<M: Memory>(memory: &M, stored: &Stored) -> bool {
    let place = stored.flow.place;
    let Some(set) = memory.set(place / WAYS as u32) else {
        return false;
    };
    let word = &set.head[place as usize % WAYS];
    memory.exchange(word, stored.mark.0, 0) == stored.mark.0
}
