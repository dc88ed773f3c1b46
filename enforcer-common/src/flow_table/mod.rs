//! The flow table: sets of sixteen flows, in memory that user space maps. A set's head, two
//! lines of memory, holds a word for each of its flows: a tag of its key, how the flow
//! stands and when it was seen last. So a look-up touches the head and the entry, and
//! nothing but the head is looked at to choose which flow makes room for a new one.
//!
//! An entry belongs to whoever has claimed its word, by comparing and exchanging it, and is
//! seen by others once the word bears the tag again. Who holds an entry meanwhile may find
//! another flow in it, and write to that, as in the kernel's own LRU maps; who looks one up
//! never does. That rests on loads in the order in which they are told, as on x86-64.

mod insert;
mod key;
mod mark;
mod place;
mod seed;
mod stored;

use self::key::SharedKey;
use self::mark::{Mark, moment, standing};
use crate::flow::{FlowKey, LiveFlow};
use crate::shared::Word;
use crate::table::Settings;

pub use self::insert::{Outcome, forget_doubles, insert};
pub use self::place::choose;
pub use self::seed::Seed;
pub use self::stored::{Stored, forget};

/// Flows in a set.
pub const WAYS: usize = 16;
/// No place in the table.
pub const NOWHERE: u32 = u32::MAX;

/// Flows whose keys' hashes are near each other.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Set {
    head: [Word; WAYS],
    entries: [Entry; WAYS],
}

/// A flow and its key: two lines.
#[repr(C)]
#[derive(Debug, Default)]
struct Entry {
    key: SharedKey,
    flow: LiveFlow,
}

// SAFETY: words and fields are read and written one by one, each as a whole; what they say
// counts only where the head says so.
unsafe impl Sync for Set {}

const _: () = assert!(size_of::<Entry>() == 128 && size_of::<Set>() == 17 * 128);

/// The memory that a table lies in.
pub trait Memory {
    fn seed(&self) -> Option<&Seed>;

    fn set(&self, number: u32) -> Option<&Set>;

    /// Writes a word if it is what it was taken for; what it was. No access is moved past it.
    fn exchange(&self, word: &Word, before: u64, after: u64) -> u64;

    /// [`choose`]; in the kernel a call, so that the verifier follows what hangs on each
    /// place once.
    #[inline(always)]
    fn choose(
        &self,
        set: &Set,
        settings: &Settings,
        key: &FlowKey,
        claim: u64,
        best: &Word,
    ) -> u64 {
        choose(set, settings, key, claim, best)
    }

    /// [`forget_doubles`]; likewise.
    #[inline(always)]
    fn forget_doubles(&self, set: &Set, key: &FlowKey, tag: u32, seen: &Word)
    where
        Self: Sized,
    {
        forget_doubles(self, set, key, tag, seen);
    }
}

impl Set {
    /// Whether a flow stands at one of the ways, all of it written. Its tag is compared
    /// first, since keys lie in other lines.
    #[inline(always)]
    fn holds(&self, way: usize, mark: Mark, tag: u32, key: &FlowKey) -> bool {
        mark.tag() == tag && mark.is_written() && self.entries[way].key.is(key)
    }
}

/// The place of a flow in the table, or [`NOWHERE`].
#[inline(always)]
pub fn find<M: Memory>(memory: &M, key: &FlowKey) -> u32 {
    let Some(seed) = memory.seed() else {
        return NOWHERE;
    };
    let home = seed.home(key);
    let Some(set) = memory.set(home.set) else {
        return NOWHERE;
    };
    let mut way = 0;
    while way < WAYS {
        if set.holds(way, Mark(set.head[way].load()), home.tag, key) {
            return place_of(home.set, way);
        }
        way += 1;
    }
    NOWHERE
}

/// The number of a place.
#[inline(always)]
const fn place_of(set: u32, way: usize) -> u32 {
    set * WAYS as u32 + way as u32
}

/// The flow at a place.
#[inline(always)]
pub fn at<M: Memory>(memory: &M, place: u32) -> Option<&LiveFlow> {
    if place == NOWHERE {
        return None;
    }
    let set = memory.set(place / WAYS as u32)?;
    Some(&set.entries[place as usize % WAYS].flow)
}

/// Notes how a flow stands, and that it was seen, for who looks for one to do without.
#[inline(always)]
pub fn note<M: Memory>(memory: &M, protocol: u8, flow: &LiveFlow, now: u64) {
    let place = flow.place();
    let Some(set) = memory.set(place / WAYS as u32) else {
        return;
    };
    let word = &set.head[place as usize % WAYS];
    let mut tries = 0;
    while tries < 2 {
        let before = Mark(word.load());
        if !before.is_written() {
            return;
        }
        let after = Mark::new(before.tag(), standing(protocol, flow), moment(now));
        // Where it fails another CPU has noted how the flow stood, which may be no longer so;
        // or it is another flow.
        if after == before || memory.exchange(word, before.0, after.0) == before.0 {
            return;
        }
        tries += 1;
    }
}
