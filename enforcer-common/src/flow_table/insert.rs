//! A new flow takes its place.

use super::mark::{Mark, Rank, moment, standing};
use super::place::Choice;
use super::{Memory, Set, WAYS, place_of};
use crate::flow::{Flow, FlowKey};
use crate::shared::Word;
use crate::table::Settings;

/// How often a set is looked at anew because another CPU has changed it meanwhile.
const TRIES: usize = 4;

/// What became of a flow that was to be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is remembered; if in another one's place, that was idle.
    Kept,
    /// In the place of one that was not known to both ends, or closed.
    Displaced,
    /// In the place of one that was live.
    Evicted,
    /// It is not: other CPUs were at its places all the time.
    Refused,
}

/// Remembers a flow, at a time of the monotonic clock in ns: in the place that it has, a
/// free one, or that of the flow that can be done without most. `scratch` is anything.
#[inline(always)]
pub fn insert<M: Memory>(
    memory: &M,
    settings: &Settings,
    key: &FlowKey,
    flow: &Flow,
    now: u64,
    scratch: &Word,
) -> Outcome {
    let Some(seed) = memory.seed() else {
        return Outcome::Refused;
    };
    let home = seed.home(key);
    let Some(set) = memory.set(home.set) else {
        return Outcome::Refused;
    };
    let claim = Mark::claimed(home.tag, moment(now));
    let mut tries = 0;
    while tries < TRIES {
        let choice = Choice(memory.choose(set, settings, key, claim.0, scratch));
        let outcome = match choice.rank() {
            Rank::CLAIMED => return Outcome::Refused,
            Rank::SETTLED => Outcome::Evicted,
            Rank::LOOSE => Outcome::Displaced,
            _ => Outcome::Kept,
        };
        let way = choice.way();
        let (word, entry) = (&set.head[way], &set.entries[way]);
        let before = Mark(word.load());
        if choice.is_of(before, settings, claim)
            && memory.exchange(word, before.0, claim.0) == before.0
        {
            entry.key.write(key);
            entry.flow.write(flow, place_of(home.set, way));
            let standing = standing(key.protocol, &entry.flow);
            let mark = Mark::new(home.tag, standing, moment(now));
            memory.exchange(word, claim.0, mark.0);
            memory.forget_doubles(set, key, home.tag, scratch);
            return outcome;
        }
        tries += 1;
    }
    Outcome::Refused
}

/// Of several places in which CPUs have remembered the same flow, leaves the first. Each
/// looks after it has written, so that the last one sees all. `seen` is scratch.
#[inline(always)]
pub fn forget_doubles<M: Memory>(memory: &M, set: &Set, key: &FlowKey, tag: u32, seen: &Word) {
    seen.store(0);
    let mut way = 0;
    while way < WAYS {
        let word = &set.head[way];
        let mark = Mark(word.load());
        if set.holds(way, mark, tag, key) {
            if seen.load() != 0 {
                // Where it fails somebody has claimed it, and comes here, too.
                memory.exchange(word, mark.0, 0);
            }
            seen.store(1);
        }
        way += 1;
    }
}
