//! Where in its set a new flow is put.

use super::mark::{Mark, Rank};
use super::{Set, WAYS};
use crate::flow::FlowKey;
use crate::shared::Word;
use crate::table::Settings;

/// Chooses where a flow is put: its own place, a free one, or that of the flow which can be
/// done without most; a number, for [`Memory::choose`](super::Memory::choose). The claim is
/// the mark of who is about to write it. The best one so far stands in memory, of which the
/// verifier knows nothing: what it knows of a number is a way to follow.
#[inline(always)]
pub fn choose(set: &Set, settings: &Settings, key: &FlowKey, claim: u64, best: &Word) -> u64 {
    let claim = Mark(claim);
    best.store(0);
    let mut way = 0;
    while way < WAYS {
        let mark = Mark(set.head[way].load());
        let score = if set.holds(way, mark, claim.tag(), key) {
            Rank::OWN.least_score()
        } else {
            mark.score(settings, claim)
        };
        let choice = Choice::new(score, way).0;
        if choice > best.load() {
            best.store(choice);
        }
        way += 1;
    }
    best.load()
}

/// How willingly what stands at a way makes room, above the way counted from the end: of
/// several the first has the largest number.
#[derive(Clone, Copy)]
pub(super) struct Choice(pub(super) u64);

impl Choice {
    #[inline(always)]
    const fn new(score: u32, way: usize) -> Self {
        Self((score as u64) << 8 | (WAYS - 1 - way) as u64)
    }

    #[inline(always)]
    pub(super) const fn way(self) -> usize {
        WAYS - 1 - (self.0 as usize & (WAYS - 1))
    }

    #[inline(always)]
    pub(super) const fn rank(self) -> Rank {
        Rank::of_score((self.0 >> 8) as u32)
    }

    /// Whether it still holds for what stands there now.
    #[inline(always)]
    pub(super) fn is_of(self, mark: Mark, settings: &Settings, claim: Mark) -> bool {
        if self.rank() == Rank::OWN {
            mark.tag() == claim.tag() && mark.is_written()
        } else {
            (self.0 >> 8) as u32 == mark.score(settings, claim)
        }
    }
}
