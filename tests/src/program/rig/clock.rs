//! The kernel's clock, as the program reads it.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The kernel's coarse monotonic clock, ns.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE).unwrap();
    Duration::from(time).as_nanos() as u64
}

/// The same in whole seconds.
pub fn seconds_now() -> u32 {
    (now() / 1_000_000_000) as u32
}

/// The clock, at a moment when both hosts will read the same second.
pub(super) fn clock_within_a_second() -> u64 {
    loop {
        let now = now();
        if now % 1_000_000_000 < 970_000_000 {
            return now;
        }
        std::thread::sleep(Duration::from_millis(4));
    }
}
