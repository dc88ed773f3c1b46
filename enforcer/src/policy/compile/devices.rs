//! Hash tables of two choices: every key lives in one of two buckets of four, so
//! that a look-up touches two cache lines at most.

use enforcer_common::table::{Bucket, Slot, bucket_pair};

/// How often entries may be moved to make room for one.
const MOVES: usize = 500;

/// Buckets for a number of entries, at most half full; a power of two.
pub(super) fn bucket_count(entries: usize) -> usize {
    entries.div_ceil(2).next_power_of_two()
}

/// Puts every slot into one of its two buckets; `None` when this seed cannot.
pub(super) fn fill(slots: &[Slot], seed: u32) -> Option<Vec<Bucket>> {
    let mut buckets = vec![Bucket::default(); bucket_count(slots.len())];
    for slot in slots {
        place(&mut buckets, *slot, seed)?;
    }
    Some(buckets)
}

fn place(buckets: &mut [Bucket], mut slot: Slot, seed: u32) -> Option<()> {
    let mask = buckets.len() as u32 - 1;
    let mut target = pair(&slot, seed, mask).0;
    for moves in 0..MOVES {
        let (first, second) = pair(&slot, seed, mask);
        for bucket in [first, second] {
            if let Some(free) = buckets[bucket as usize]
                .0
                .iter_mut()
                .find(|slot| slot.key == 0)
            {
                *free = slot;
                return Some(());
            }
        }
        // Both full: take the place of another entry, which goes to its other bucket.
        target = if target == first { second } else { first };
        std::mem::swap(&mut buckets[target as usize].0[moves % 4], &mut slot);
    }
    None
}

fn pair(slot: &Slot, seed: u32, mask: u32) -> (u32, u32) {
    bucket_pair(slot.key, (slot.value >> 52) as u16, seed, mask)
}
