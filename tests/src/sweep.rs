//! Removes whatever a lab of one prefix left on the machine: processes in its
//! namespaces, its mounts, the namespaces, its directory.
//!
//! Used at the end of a lab, on a signal, and before a lab is built, in case an
//! earlier one was killed. Finds everything by name, so it needs no memory of
//! what was made, and makes nothing itself.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use nix::{
    errno::Errno,
    mount::{MntFlags, umount2},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{namespace, wait};

const KILL_DEADLINE: Duration = Duration::from_secs(5);

/// Where a lab of this prefix keeps configuration, state, logs and its bpffs.
pub fn directory(prefix: &str) -> PathBuf {
    PathBuf::from(format!("/run/enforcer-lab-{prefix}"))
}

/// Refuses a prefix that could match the namespaces of another lab, or whose
/// socket paths would grow too long.
pub fn check_prefix(prefix: &str) -> Result<()> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    ensure!(
        (1..=16).contains(&prefix.len()) && prefix.bytes().all(good),
        "a lab's prefix is 1 to 16 lower-case letters and digits, not {prefix:?}"
    );
    Ok(())
}

/// Removes it all; says what was there.
pub fn sweep(prefix: &str) -> Result<Vec<String>> {
    check_prefix(prefix)?;
    let mut found = Vec::new();
    let namespaces = namespaces(prefix)?;
    let killed = kill_inside(&namespaces)?;
    if killed > 0 {
        found.push(format!("{killed} processes"));
    }
    for mount in mounts_below(&directory(prefix))? {
        umount2(&mount, MntFlags::MNT_DETACH)
            .with_context(|| format!("unmount {}", mount.display()))?;
        found.push(format!("mount {}", mount.display()));
    }
    for path in namespaces {
        remove_namespace(&path)?;
        found.push(format!("namespace {}", path.display()));
    }
    match fs::remove_dir_all(directory(prefix)) {
        Ok(()) => found.push(format!("directory {}", directory(prefix).display())),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            return Err(error).with_context(|| format!("remove {}", directory(prefix).display()));
        }
    }
    Ok(found)
}

fn namespaces(prefix: &str) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(namespace::DIRECTORY) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("read {}", namespace::DIRECTORY)),
    };
    let start = format!("{prefix}-");
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&start) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// Kills what runs in these namespaces and waits until it is gone.
fn kill_inside(namespaces: &[PathBuf]) -> Result<usize> {
    let identities: Vec<_> = namespaces
        .iter()
        .filter_map(|path| identity(path))
        .collect();
    let processes = processes_in(&identities)?;
    for &process in &processes {
        match kill(Pid::from_raw(process), Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error).with_context(|| format!("kill process {process}")),
        }
    }
    if !processes.is_empty() {
        wait::until("killed processes are gone", KILL_DEADLINE, || {
            Ok(processes_in(&identities)?.is_empty().then_some(()))
        })?;
    }
    Ok(processes.len())
}

fn processes_in(identities: &[(u64, u64)]) -> Result<Vec<i32>> {
    if identities.is_empty() {
        return Ok(Vec::new());
    }
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc").context("read /proc")? {
        let entry = entry?;
        let Ok(process) = entry.file_name().to_string_lossy().parse::<i32>() else {
            continue;
        };
        // This very process may have threads inside, never its main one.
        if process.unsigned_abs() == process::id() {
            continue;
        }
        // A process that has just ended has no namespace any more.
        if identity(&entry.path().join("ns/net")).is_some_and(|found| identities.contains(&found)) {
            processes.push(process);
        }
    }
    Ok(processes)
}

/// A namespace is the same through whichever file it is seen.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|data| (data.dev(), data.ino()))
}

/// Mount points at or below a directory, innermost and latest first.
fn mounts_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let table = fs::read_to_string("/proc/self/mountinfo").context("read the mount table")?;
    // proc_pid_mountinfo(5): the fifth field is the mount point.
    let points = table
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(PathBuf::from);
    let mut below: Vec<_> = points
        .filter(|point| point.starts_with(directory))
        .collect();
    below.reverse();
    Ok(below)
}

fn remove_namespace(path: &Path) -> Result<()> {
    match umount2(path, MntFlags::MNT_DETACH) {
        // Killed between making the file and mounting on it: not a mount.
        Ok(()) | Err(Errno::EINVAL) => {}
        Err(error) => return Err(error).with_context(|| format!("unmount {}", path.display())),
    }
    fs::remove_file(path).with_context(|| format!("remove {}", path.display()))
}
