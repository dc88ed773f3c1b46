//! Policy time: Unix time that never runs backwards, as a distance from the
//! monotonic clock in map memory. Rules expire and exceptions end by it, with or
//! without the daemon. A wall clock that is set back is told, and followed only
//! when somebody says so.

use anyhow::Result;

use super::{Engine, broken, failure, monotonic_second, rfc3339_of, unix_second};
use crate::control::api::{Author, Clock, Failure};
use crate::daemon::state::{Action, Record};

/// Seconds by which two clocks that agree may seem to differ.
const TOLERATED: u32 = 2;
/// Seconds of policy time after which it is saved again.
const SAVED_EVERY: u32 = 60;

/// What was seen of the wall clock last.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// Seconds that it is behind.
    behind: u32,
    /// Policy time when it was saved.
    saved: u32,
    /// Policy time when the calendars were worked out.
    pub(super) calendars: u32,
}

/// What is to be done about the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Agree,
    Follow,
    /// It is behind by so many seconds.
    Behind(u32),
}

fn compare(policy: u32, wall: u32) -> Step {
    if wall > policy {
        Step::Follow
    } else if policy - wall > TOLERATED {
        Step::Behind(policy - wall)
    } else {
        Step::Agree
    }
}

impl Engine {
    /// Policy time, in seconds.
    pub(in crate::daemon) fn policy_time(&self) -> u32 {
        let offset = self.datapath().memory.clock_offset();
        monotonic_second().wrapping_add(offset)
    }

    /// Seconds that the wall clock is behind policy time.
    pub(in crate::daemon) fn clock_behind(&self) -> u32 {
        self.watched().behind
    }

    /// Begins where policy time was last known to be, or later.
    pub(super) fn start_clock(&self) -> Result<()> {
        let saved = self.state.policy_time()?;
        let known = match self.datapath().memory.clock_offset() {
            0 => saved,
            offset => saved.max(monotonic_second().wrapping_add(offset)),
        };
        self.set_policy_time(known.max(unix_second()));
        self.follow_clock()
    }

    /// Compares the clocks, follows the wall clock forwards, and saves the time.
    pub(super) fn follow_clock(&self) -> Result<()> {
        let (policy, wall) = (self.policy_time(), unix_second());
        let before = self.watched().behind;
        let behind = match compare(policy, wall) {
            Step::Agree => 0,
            Step::Follow => {
                if wall - policy > TOLERATED {
                    let by = wall - policy;
                    tracing::warn!(by, "the wall clock was set forward: policy time follows");
                    self.watched().calendars = 0;
                }
                self.set_policy_time(wall);
                0
            }
            Step::Behind(seconds) => seconds,
        };
        self.watched().behind = behind;
        if behind > before.saturating_add(TOLERATED) {
            tracing::error!(
                behind,
                "the wall clock was set back: rules and exceptions go on by policy time; correct the clock, or accept \
                 it with `enforcerctl clock --accept`"
            );
        } else if behind == 0 && before > 0 {
            tracing::info!("the wall clock is right again");
        }
        let policy = self.policy_time();
        if policy.abs_diff(self.watched().saved) >= SAVED_EVERY {
            self.state.set_policy_time(policy)?;
            self.watched().saved = policy;
        }
        Ok(())
    }

    pub(in crate::daemon) fn clock(&self) -> Clock {
        let (policy, wall) = (self.policy_time(), unix_second());
        let behind = match compare(policy, wall) {
            Step::Behind(seconds) => seconds,
            Step::Agree | Step::Follow => 0,
        };
        Clock {
            policy_time: rfc3339_of(policy.into()),
            wall_clock: rfc3339_of(wall.into()),
            behind_seconds: behind.into(),
        }
    }

    /// Sets policy time back to the wall clock. What ends, ends after the time that
    /// was left.
    pub(in crate::daemon) fn accept_clock(&self, author: &Author) -> Result<Clock, Failure> {
        let _one_at_a_time = self.change();
        let done = self.try_accept_clock(author);
        done.map_err(|failure| self.refuse("clock --accept", author, failure))
    }

    fn try_accept_clock(&self, author: &Author) -> Result<Clock, Failure> {
        let (policy, wall) = (self.policy_time(), unix_second());
        let Step::Behind(behind) = compare(policy, wall) else {
            return Err(failure(
                "the wall clock is not behind policy time: there is nothing to accept",
            ));
        };
        let record = Record {
            note: Some(format!(
                "policy time goes back by {behind} seconds, from {}",
                rfc3339_of(policy.into())
            )),
            ..Record::new(Action::AcceptClock, author)
        };
        self.state
            .shift_exceptions(-i64::from(behind), &record)
            .map_err(broken)?;
        self.set_policy_time(wall);
        self.state.set_policy_time(wall).map_err(broken)?;
        *self.watched() = Watched {
            saved: wall,
            ..Watched::default()
        };
        self.mark_all().map_err(broken)?;
        self.keep_calendars().map_err(broken)?;
        Ok(self.clock())
    }

    fn set_policy_time(&self, time: u32) {
        let datapath = self.datapath();
        datapath
            .memory
            .set_clock_offset(time.wrapping_sub(monotonic_second()));
    }

    pub(super) fn watched(&self) -> std::sync::MutexGuard<'_, Watched> {
        self.clock
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwards_is_followed_and_backwards_is_told() {
        assert_eq!(compare(1_000, 1_000), Step::Agree);
        assert_eq!(compare(1_000, 1_001), Step::Follow);
        assert_eq!(compare(1_000, 90_000), Step::Follow);
        assert_eq!(compare(1_000, 998), Step::Agree);
        assert_eq!(compare(1_000, 997), Step::Behind(3));
        assert_eq!(compare(u32::MAX, 0), Step::Behind(u32::MAX));
    }
}
