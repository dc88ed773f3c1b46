//! SIGINT and SIGTERM: take every lab of this process down, then exit.
//!
//! The handler only writes to a pipe; a thread does the work. Whoever makes
//! something that outlives the process (namespace, mount, daemon) holds a lock
//! meanwhile, so that nothing is made behind the back of the clean-up.

use std::{
    collections::BTreeSet,
    io::{self, PipeReader, Read, Write, pipe},
    os::fd::IntoRawFd,
    process::exit,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicI32, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, anyhow};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::sweep::sweep;

/// What a shell reports for a program ended by Ctrl-C.
const INTERRUPTED: i32 = 130;

static STOPPING: RwLock<()> = RwLock::new(());
static LABS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static WAKE: AtomicI32 = AtomicI32::new(-1);
static EXIT_CODE: AtomicI32 = AtomicI32::new(INTERRUPTED);

/// Keeps the clean-up waiting while something is made. Not to be nested.
pub fn hold() -> RwLockReadGuard<'static, ()> {
    STOPPING.read().unwrap_or_else(PoisonError::into_inner)
}

/// From now on a signal takes the lab of this prefix down.
pub fn watch(prefix: &str) -> Result<()> {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    INSTALLED
        .get_or_init(|| install().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(|error| anyhow!(error))?;
    labs().insert(prefix.to_owned());
    Ok(())
}

/// The lab of this prefix is gone already.
pub fn forget(prefix: &str) {
    labs().remove(prefix);
}

/// Blocks until a signal ends the process, which is then a success.
pub fn wait_for_signal() -> ! {
    EXIT_CODE.store(0, Ordering::Relaxed);
    loop {
        thread::park();
    }
}

fn labs() -> MutexGuard<'static, BTreeSet<String>> {
    LABS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn install() -> Result<()> {
    let (reader, writer) = pipe().context("make a pipe for signals")?;
    WAKE.store(writer.into_raw_fd(), Ordering::Relaxed);
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(|| take_down(reader))
        .context("start the signal thread")?;
    let action = SigAction::new(
        SigHandler::Handler(on_signal),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler makes one async-signal-safe call on a descriptor
        // that was stored before this line and is never closed.
        unsafe { sigaction(signal, &action) }.with_context(|| format!("handle {signal}"))?;
    }
    Ok(())
}

extern "C" fn on_signal(_: libc::c_int) {
    let byte = [1_u8];
    // SAFETY: write(2) is async-signal-safe, the buffer is one valid byte, and
    // a full or closed pipe only makes the call fail.
    let _written = unsafe {
        libc::write(
            WAKE.load(Ordering::Relaxed),
            byte.as_ptr().cast(),
            byte.len(),
        )
    };
}

fn take_down(mut wake: PipeReader) {
    if wake.read(&mut [0]).is_err() {
        return;
    }
    let _nothing_new = STOPPING.write().unwrap_or_else(PoisonError::into_inner);
    // The terminal may be gone, which must not keep anything from being removed.
    let mut terminal = io::stderr();
    let _ = writeln!(terminal, "\ninterrupted: taking the lab down");
    for prefix in labs().iter() {
        if let Err(error) = sweep(prefix) {
            let _ = writeln!(terminal, "lab {prefix}: {error:#}");
        }
    }
    exit(EXIT_CODE.load(Ordering::Relaxed));
}
