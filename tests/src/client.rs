//! `enforcerctl`, run as a user runs it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::records::{Counters, Event, Flow};

/// The client program and the socket of the daemon it talks to.
#[derive(Debug, Clone)]
pub struct Client {
    program: PathBuf,
    socket: PathBuf,
}

impl Client {
    pub(crate) fn new(program: PathBuf, socket: PathBuf) -> Self {
        Self { program, socket }
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Applies a policy file; an error carries what `enforcerctl` said.
    pub fn apply(&self, policy: &Path) -> Result<String> {
        let policy = policy.to_str().context("a policy path that is not UTF-8")?;
        self.run(&["apply", policy])
    }

    pub fn status(&self) -> Result<Value> {
        self.json(&["status"])
    }

    /// The latest events, the newest last.
    pub fn events(&self, last: usize) -> Result<Vec<Event>> {
        let text = self.run(&["events", "-o", "json", "--last", &last.to_string()])?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines
            .map(|line| {
                serde_json::from_str(line).with_context(|| format!("read the event {line}"))
            })
            .collect()
    }

    pub fn flows(&self) -> Result<Vec<Flow>> {
        self.json(&["flows"])
    }

    pub fn counters(&self) -> Result<Counters> {
        self.json(&["counters"])
    }

    /// Any command that must succeed; its standard output.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.try_run(arguments)?;
        ensure!(
            output.status.success(),
            "enforcerctl {} failed ({}): {}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim(),
            String::from_utf8_lossy(&output.stdout).trim(),
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Any command, whatever comes of it.
    pub fn try_run(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.program);
        command.arg("--socket").arg(&self.socket).args(arguments);
        command
            .output()
            .with_context(|| format!("start {}", self.program.display()))
    }

    /// Any command that prints one JSON document.
    pub fn json<T: DeserializeOwned>(&self, arguments: &[&str]) -> Result<T> {
        let text = self.run(&[arguments, &["-o", "json"]].concat())?;
        serde_json::from_str(&text).with_context(|| {
            format!(
                "read what enforcerctl {} printed: {text}",
                arguments.join(" ")
            )
        })
    }
}
