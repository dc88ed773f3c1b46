//! Hits of signatures that act only when there are many: how many an address has had in a
//! window of time, over all CPUs.

use core::mem::size_of;

use crate::addr::{Ip, Vlan};
use crate::shared::Word;

/// Whose hits are counted.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HitsKey {
    pub address: Ip,
    pub vlan: Vlan,
    /// Number by which people know the signature: it is the same in the next policy.
    pub signature: u32,
}

const _: () = assert!(size_of::<HitsKey>() == 24);

impl HitsKey {
    pub const EMPTY: Self = Self {
        address: Ip::UNSPECIFIED,
        vlan: Vlan::UNTAGGED,
        signature: 0,
    };
}

/// Hits in a window, which begins with the first one. Every CPU counts in a place of its
/// own and reads those of all, as with [`crate::rate`]. Where several hit at the moment in
/// which a window begins, some of these hits may not be counted; where there are more CPUs
/// than places, two that share one may lose some of each other's.
#[repr(C)]
#[derive(Debug, Default)]
pub struct LiveHits {
    /// Millisecond in which the window began, behind [`BEGUN`].
    begun: Word,
    /// By CPU: that millisecond in the upper half, hits since in the lower one.
    hits: [Word; PLACES],
}

const _: () = assert!(size_of::<LiveHits>() == 8 + 8 * PLACES);

const PLACES: usize = 8;
/// There is a window.
const BEGUN: u64 = 1 << 32;

impl LiveHits {
    /// Counts a hit at a millisecond; how many there are then in its window, which lasts so
    /// many milliseconds. One at its very end still is in it.
    #[inline(always)]
    pub fn count(&self, cpu: u32, now: u32, lasts: u32) -> u32 {
        let begun = self.begun.load();
        let goes_on = begun & BEGUN != 0 && now.wrapping_sub(begun as u32) <= lasts;
        let window = if goes_on { begun as u32 } else { now };
        if !goes_on {
            self.begun.store(BEGUN | u64::from(now));
        }
        let own = &self.hits[cpu as usize & (PLACES - 1)];
        let hits = in_window(own, window).saturating_add(1);
        own.store(u64::from(window) << 32 | u64::from(hits));
        let mut total = 0_u32;
        for place in &self.hits {
            total = total.saturating_add(in_window(place, window));
        }
        total
    }
}

/// What a place says of a window.
#[inline(always)]
fn in_window(place: &Word, begun: u32) -> u32 {
    let word = place.load();
    if (word >> 32) as u32 == begun {
        word as u32
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_with_its_first_hit() {
        let hits = LiveHits::default();
        let counts =
            [5_000, 5_000, 5_999, 6_000, 6_001, 6_500, 90_000].map(|now| hits.count(0, now, 1_000));
        assert_eq!(counts, [1, 2, 3, 4, 1, 2, 1]);
    }

    #[test]
    fn all_cpus_are_counted_together() {
        let hits = LiveHits::default();
        let counts = [0, 3, 3, 7, 8].map(|cpu| hits.count(cpu, 70_000, 60_000));
        assert_eq!(counts, [1, 2, 3, 4, 5]);
        assert_eq!(hits.count(1, 200_000, 60_000), 1);
    }

    #[test]
    fn the_clock_may_wrap_around() {
        let hits = LiveHits::default();
        assert_eq!(hits.count(0, u32::MAX - 10, 1_000), 1);
        assert_eq!(hits.count(0, 900, 1_000), 2);
        assert_eq!(hits.count(0, 1_500, 1_000), 1);
        // At the millisecond 0 too.
        let hits = LiveHits::default();
        assert_eq!([0, 0, 5].map(|now| hits.count(0, now, 10)), [1, 2, 3]);
    }
}
