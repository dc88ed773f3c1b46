//! Time in a simulation: that of the captures, which never runs backwards.

/// The simulation's monotonic clock is this far ahead of Unix time, because 0 means
/// "no time" to the decision.
const AHEAD: u64 = 1;
const SECOND: u64 = 1_000_000_000;
/// The decision counts seconds in 32 bits.
const LATEST: u64 = (u32::MAX as u64 - 2 * AHEAD) * SECOND;

/// What the clock says, and what became of times that it could not follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clock {
    /// Nanoseconds since 1970; `None` before the first time.
    latest: Option<u64>,
    first: Option<u64>,
    pub(super) out_of_order: u64,
    pub(super) without_time: u64,
}

impl Clock {
    /// Moves on to the time of a frame, unless that is earlier or cannot be; the
    /// monotonic clock, ns.
    pub(super) fn follow(&mut self, time: Option<u64>) -> u64 {
        match (time.filter(|time| *time <= LATEST), self.latest) {
            (None, _) => self.without_time += 1,
            (Some(time), Some(latest)) if time < latest => self.out_of_order += 1,
            (Some(time), _) => {
                self.latest = Some(time);
                self.first.get_or_insert(time);
            }
        }
        self.monotonic()
    }

    /// The monotonic clock, ns; never 0.
    pub(super) fn monotonic(&self) -> u64 {
        self.latest.unwrap_or(0) + AHEAD * SECOND
    }

    /// Unix time, in seconds.
    pub(super) fn unix(&self) -> u32 {
        (self.latest.unwrap_or(0) / SECOND) as u32
    }

    /// Policy time less the monotonic clock, in seconds.
    pub(super) const fn offset() -> u32 {
        0_u32.wrapping_sub(AHEAD as u32)
    }

    /// Time of the first frame that has one, in ns since 1970.
    pub(super) fn first(&self) -> Option<u64> {
        self.first
    }

    /// The latest time, in ns since 1970.
    pub(super) fn latest(&self) -> Option<u64> {
        self.latest
    }
}

/// RFC 3339, UTC, from nanoseconds since 1970.
pub(super) fn text(time: u64) -> String {
    match jiff::Timestamp::from_nanosecond(time.into()) {
        Ok(time) => time.to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_runs_backwards() {
        let mut clock = Clock::default();
        assert_eq!(clock.follow(None), SECOND, "0 would be no time");
        assert_eq!(clock.follow(Some(10 * SECOND)), 11 * SECOND);
        assert_eq!(clock.follow(Some(9 * SECOND)), 11 * SECOND);
        assert_eq!(
            clock.follow(Some(10 * SECOND)),
            11 * SECOND,
            "at once is in order"
        );
        assert_eq!(clock.follow(Some(u64::MAX)), 11 * SECOND, "no such time");
        assert_eq!(clock.follow(Some(12 * SECOND)), 13 * SECOND);
        assert_eq!((clock.out_of_order, clock.without_time), (1, 2));
        assert_eq!(
            (clock.first(), clock.latest()),
            (Some(10 * SECOND), Some(12 * SECOND))
        );
    }

    #[test]
    fn policy_time_is_unix_time() {
        let mut clock = Clock::default();
        let seconds = clock.follow(Some(1_790_000_000 * SECOND + 5)) / SECOND;
        assert_eq!(
            (seconds as u32).wrapping_add(Clock::offset()),
            1_790_000_000
        );
        assert_eq!(clock.unix(), 1_790_000_000);
    }
}
