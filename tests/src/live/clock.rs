//! CPU time of one thread that does all the work, and of what the kernel does for it
//! elsewhere. Wall time would include the grace periods that a test run waits for.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// Keeps this thread on one CPU.
pub fn stay_on(cpu: usize) -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &cpus).context("stay on one CPU")
}

/// Lets this thread run before all that are not as urgent. It must not spin for long.
pub fn go_first() -> Result<()> {
    let urgent = libc::sched_param { sched_priority: 1 };
    // SAFETY: the parameters are read during the call.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const urgent) };
    anyhow::ensure!(
        result == 0,
        "cannot run first: {}",
        std::io::Error::last_os_error()
    );
    Ok(())
}

/// CPU time of this thread, ns; what interrupts do for it is part of it.
pub fn thread_time() -> Result<u64> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    Ok(time.tv_sec().cast_unsigned() * 1_000_000_000 + time.tv_nsec().cast_unsigned())
}

/// The kernel's thread that takes over when interrupts have too much to do: what it does
/// meanwhile is to be counted.
#[derive(Debug)]
pub struct Softirq(PathBuf);

impl Softirq {
    pub fn of(cpu: usize) -> Result<Self> {
        let name = format!("ksoftirqd/{cpu}\n");
        for entry in fs::read_dir("/proc").context("read /proc")? {
            let path = entry?.path();
            if fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm == name) {
                return Ok(Self(path.join("schedstat")));
            }
        }
        anyhow::bail!("no thread {} is to be seen", name.trim())
    }

    /// Its CPU time so far, ns.
    pub fn time(&self) -> Result<u64> {
        run_time(&fs::read_to_string(&self.0).context("read a thread's CPU time")?)
    }
}

/// CPU time of all threads of a process, ns.
pub fn process_time(process: u32) -> Result<u64> {
    let mut total = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task")).context("the process is gone")? {
        total += run_time(&fs::read_to_string(thread?.path().join("schedstat"))?)?;
    }
    Ok(total)
}

fn run_time(schedstat: &str) -> Result<u64> {
    let first = schedstat.split_whitespace().next();
    let first = first.context("the kernel does not tell CPU times")?;
    Ok(first.parse()?)
}
