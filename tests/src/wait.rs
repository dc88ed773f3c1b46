//! Waiting for a condition with a deadline; the only place that sleeps.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// How often a condition is looked at.
const PAUSE: Duration = Duration::from_millis(10);

/// Asks `condition` again and again until it gives a value; `Ok(None)` once
/// `deadline` has passed.
pub fn poll<T>(
    deadline: Duration,
    mut condition: impl FnMut() -> Result<Option<T>>,
) -> Result<Option<T>> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = condition()? {
            return Ok(Some(value));
        }
        if Instant::now() >= end {
            return Ok(None);
        }
        sleep(PAUSE);
    }
}

/// Like [`poll`], for what has to happen: a missed deadline is an error that
/// names `what`.
pub fn until<T>(
    what: &str,
    deadline: Duration,
    condition: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    match poll(deadline, condition)? {
        Some(value) => Ok(value),
        None => bail!("waited {deadline:?} in vain for this: {what}"),
    }
}
