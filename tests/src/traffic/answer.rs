//! What came of an attempt to talk.

use std::{fmt, io};

use anyhow::{Context, Result};
use nix::errno::Errno;

/// What came of an attempt, with what it yielded.
#[derive(Debug)]
pub enum Answer<T = ()> {
    Got(T),
    /// The peer said no: TCP reset, ICMP port unreachable.
    Refused,
    /// No neighbour answers for the address, or no route.
    Unreachable,
    /// Nothing came back before the deadline: what a dropped frame looks like.
    Silent,
}

/// An [`Answer`] without its content: to compare and to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Answered,
    Refused,
    Unreachable,
    Silent,
}

impl<T> Answer<T> {
    pub fn outcome(&self) -> Outcome {
        match self {
            Answer::Got(_) => Outcome::Answered,
            Answer::Refused => Outcome::Refused,
            Answer::Unreachable => Outcome::Unreachable,
            Answer::Silent => Outcome::Silent,
        }
    }

    pub fn got(self) -> Option<T> {
        match self {
            Answer::Got(value) => Some(value),
            Answer::Refused | Answer::Unreachable | Answer::Silent => None,
        }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Answer::Got(value) => Answer::Got(change(value)),
            Answer::Refused => Answer::Refused,
            Answer::Unreachable => Answer::Unreachable,
            Answer::Silent => Answer::Silent,
        }
    }

    /// Goes on with what was got; a failure of the first stays what it was.
    pub fn and_then<U>(self, next: impl FnOnce(T) -> Result<Answer<U>>) -> Result<Answer<U>> {
        match self {
            Answer::Got(value) => next(value),
            Answer::Refused => Ok(Answer::Refused),
            Answer::Unreachable => Ok(Answer::Unreachable),
            Answer::Silent => Ok(Answer::Silent),
        }
    }

    /// Errors that the network causes are answers; all others are failures of
    /// the lab.
    pub fn from_io(result: io::Result<T>) -> Result<Self> {
        let error = match result {
            Ok(value) => return Ok(Answer::Got(value)),
            Err(error) => error,
        };
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ECONNREFUSED | Errno::ECONNRESET | Errno::EPIPE) => Ok(Answer::Refused),
            Some(Errno::EHOSTUNREACH | Errno::ENETUNREACH | Errno::EHOSTDOWN) => {
                Ok(Answer::Unreachable)
            }
            // A connect with a send timeout ends in EINPROGRESS.
            Some(Errno::EAGAIN | Errno::EINPROGRESS | Errno::ETIMEDOUT) => Ok(Answer::Silent),
            _ => Err(error).context("an attempt to talk failed in a way the network cannot cause"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Outcome::Answered => "answered",
            Outcome::Refused => "refused by the peer",
            Outcome::Unreachable => "unreachable",
            Outcome::Silent => "no answer",
        })
    }
}
