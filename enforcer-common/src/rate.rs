//! Rates: what a device has used in the current second, all in all or of one
//! rule, shared by all CPUs.

use core::mem::size_of;

use crate::shared::Word;

/// Whose use is counted.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RateKey {
    /// Number of the device.
    pub device: u32,
    /// The rule, or 0 for all traffic of the device.
    pub rule: u32,
}

/// Use in one second. Every CPU writes places of its own and reads those of all,
/// so that nothing is lost and no CPU waits; where there are more CPUs than places,
/// two that share one may lose some of each other's use.
#[repr(C)]
#[derive(Debug, Default)]
pub struct LiveRate {
    pub packets: Use,
    pub bytes: Use,
    pub flows: Use,
}

const _: () = assert!(size_of::<LiveRate>() == 3 * 8 * PLACES);

const PLACES: usize = 8;

/// A quantity by CPU: the second (monotonic clock) in the upper half of each word,
/// the amount used in it in the lower half.
#[repr(transparent)]
#[derive(Debug, Default)]
pub struct Use([Word; PLACES]);

impl Use {
    /// Takes an amount; false when more than the limit of this second is used
    /// then. 0 is no limit.
    #[inline(always)]
    pub fn spend(&self, cpu: u32, amount: u32, second: u32, limit: u32) -> bool {
        if limit == 0 {
            return true;
        }
        let own = &self.0[cpu as usize & (PLACES - 1)];
        let used = in_second(own, second).saturating_add(amount);
        own.store(u64::from(second) << 32 | u64::from(used));
        let mut total = 0_u64;
        for place in &self.0 {
            total += u64::from(in_second(place, second));
        }
        total <= u64::from(limit)
    }
}

/// What a place says of a second.
#[inline(always)]
fn in_second(place: &Word, second: u32) -> u32 {
    let word = place.load();
    if (word >> 32) as u32 == second {
        word as u32
    } else {
        0
    }
}
