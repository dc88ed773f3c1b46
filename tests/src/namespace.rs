//! One network namespace: make it, run code or a program inside it.
//!
//! Programs enter with `nsenter`, not `ip netns exec`, which would remount
//! /sys and so hide the BPF filesystem. Deleting is the job of `sweep`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use anyhow::{Context, Result, anyhow, ensure};
use nix::sched::{CloneFlags, setns};

use crate::interrupt;

/// Where iproute2 keeps named namespaces.
pub const DIRECTORY: &str = "/run/netns";

/// A named network namespace. A handle only: dropping it deletes nothing.
#[derive(Debug, Clone)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes a namespace with its loopback up, quiet (no duplicate address
    /// detection, no router solicitation) and with ping sockets for everyone.
    pub fn create(name: &str) -> Result<Self> {
        let namespace = Self {
            name: name.to_owned(),
        };
        {
            let _not_while_stopping = interrupt::hold();
            execute(Command::new("ip").args(["netns", "add", name]))?;
        }
        for (setting, value) in [
            ("ipv6/conf/default/accept_dad", "0"),
            ("ipv6/conf/default/accept_ra", "0"),
            ("ipv6/conf/default/router_solicitations", "0"),
            ("ipv4/ping_group_range", "0 2147483647"),
        ] {
            namespace.set(setting, value)?;
        }
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file to give to `nsenter --net=`.
    pub fn path(&self) -> PathBuf {
        Path::new(DIRECTORY).join(&self.name)
    }

    /// Runs `work` on a thread inside the namespace. Sockets that it opens stay
    /// in the namespace, whichever thread uses them afterwards.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let path = self.path();
        let file = File::open(&path).with_context(|| format!("open {}", path.display()))?;
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(&file, CloneFlags::CLONE_NEWNET)
                    .with_context(|| format!("enter {}", self.name))?;
                work()
            });
            inside
                .join()
                .map_err(|_| anyhow!("a thread inside {} panicked", self.name))?
        })
    }

    /// A command that will run inside the namespace.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", self.path().display()))
            .arg("--")
            .arg(program.as_ref());
        command
    }

    /// Runs one `ip` command, written as on a command line, inside the namespace.
    pub fn ip(&self, words: &str) -> Result<String> {
        execute(
            Command::new("ip")
                .args(["-n", &self.name])
                .args(words.split_whitespace()),
        )
    }

    /// Writes a setting below `/proc/sys/net`.
    pub fn set(&self, setting: &str, value: &str) -> Result<()> {
        let path = Path::new("/proc/sys/net").join(setting);
        self.run(|| {
            fs::write(&path, value)
                .with_context(|| format!("write {value:?} to {} in {}", path.display(), self.name))
        })
    }

    /// As [`Namespace::set`], for a setting that only some kernels have.
    pub fn set_where_present(&self, setting: &str, value: &str) -> Result<()> {
        let path = Path::new("/proc/sys/net").join(setting);
        match self.run(|| Ok(path.exists()))? {
            true => self.set(setting, value),
            false => Ok(()),
        }
    }
}

/// Runs a command to its end; its output, or an error with what it said.
pub fn execute(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("start {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?} failed ({}): {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
