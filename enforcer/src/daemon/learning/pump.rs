//! Reads the frames that may teach something, on a thread of its own: the device has
//! its answer already, and what it sends next is judged by what is known by then.

use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use aya::maps::{MapData, RingBuf};
use enforcer_common::learned::{LESSON_BYTES, Lesson as Record};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::daemon::engine::{Engine, Running};

/// How long a frame that a newer policy judged waits for the daemon to know that policy.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);
/// The highest priority among ordinary threads. A real-time one could keep the
/// kernel from forwarding while a device floods its resolver.
const NICE: libc::c_int = -20;

/// Reads frames for as long as the daemon lives.
///
/// # Errors
/// When there can be no more threads.
pub(in crate::daemon) fn start(engine: Arc<Engine>, ring: RingBuf<MapData>) -> Result<()> {
    let read = move || {
        hurry();
        if let Err(error) = pump(&engine, ring) {
            tracing::error!(
                "nothing more is learned from DNS and DHCP: {error:#}; restart the daemon"
            );
        }
    };
    std::thread::Builder::new()
        .name("learning".to_owned())
        .spawn(read)
        .context("cannot start the thread that learns from DNS and DHCP")?;
    Ok(())
}

fn hurry() {
    // SAFETY: the call takes no pointers; 0 is the calling thread.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
    if result != 0 {
        tracing::debug!(error = %Errno::last(), "learning runs at ordinary priority");
    }
}

fn pump(engine: &Engine, mut ring: RingBuf<MapData>) -> Result<()> {
    loop {
        while let Some(record) = ring.next().map(|item| decode(&item)) {
            if let Some(record) = record {
                study(engine, &record);
            }
        }
        let mut wait = [PollFd::new(ring.as_fd(), PollFlags::POLLIN)];
        match poll(&mut wait, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("cannot wait for answers to learn from"),
        }
    }
}

/// Learns from one frame, by the policy that judged it.
fn study(engine: &Engine, record: &Record) {
    engine.learning.state().counts.lessons += 1;
    match judge_of(engine, record.epoch) {
        Some(running) => engine.learning.state().study(&running, record),
        None => engine.learning.state().counts.outdated += 1,
    }
}

/// The policy of an epoch. The kernel half judges by a new one a moment before the
/// daemon knows it.
fn judge_of(engine: &Engine, epoch: u32) -> Option<Arc<Running>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let known = [engine.running(), engine.before()];
        let newest = known.iter().flatten().map(|running| running.epoch).max();
        let mut known = known.into_iter().flatten();
        let found = known.find(|running| running.epoch == epoch);
        let outdated = newest.is_some_and(|newest| epoch < newest);
        if found.is_some() || outdated || Instant::now() > deadline {
            return found;
        }
        std::thread::sleep(PAUSE);
    }
}

fn decode(bytes: &[u8]) -> Option<Record> {
    if bytes.len() < size_of::<Record>() {
        return None;
    }
    // SAFETY: the buffer holds at least a record, and any bytes are a valid one.
    let record = unsafe { bytes.as_ptr().cast::<Record>().read_unaligned() };
    const _: () = assert!(size_of::<Record>() == 32 + LESSON_BYTES);
    Some(record)
}
