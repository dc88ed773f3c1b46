//! Real programs in the lab: servers that run until their handle is dropped, and clients
//! that end by themselves or are ended.

use std::{
    env,
    fs::{self, File},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{interrupt, lab::Endpoint, wait};

const DEADLINE: Duration = Duration::from_secs(20);
/// Where Debian has servers, and not every user's search path leads.
const SERVERS: &str = "/usr/sbin";

/// A server program; asked to end when dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it where the endpoint lives, and waits until it accepts TCP connections
    /// at an address. What it says goes to the file.
    pub fn serve(
        at: &Endpoint,
        address: SocketAddr,
        log: &Path,
        program: &str,
        arguments: &[&str],
    ) -> Result<Self> {
        let output = File::create(log).with_context(|| format!("make {}", log.display()))?;
        let mut command = at.namespace.command(find(program)?);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = {
            let _not_while_stopping = interrupt::hold();
            command
                .spawn()
                .with_context(|| format!("start {program}"))?
        };
        let mut server = Self {
            child,
            log: log.to_owned(),
        };
        wait::until(&format!("{program} listens"), DEADLINE, || {
            if let Some(status) = server.child.try_wait().context("look after a server")? {
                bail!("{program} ended at once ({status}): {}", server.said());
            }
            let connected = at.namespace.run(|| Ok(TcpStream::connect(address).is_ok()));
            Ok(connected?.then_some(()))
        })?;
        Ok(server)
    }

    /// All that it has said.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already; one that will not end is ended.
        let _asked = kill(
            Pid::from_raw(self.child.id().cast_signed()),
            Signal::SIGTERM,
        );
        if wait::poll(DEADLINE, || Ok(self.child.try_wait()?)).is_ok_and(|ended| ended.is_none()) {
            let _killed = self.child.kill();
        }
        let _reaped = self.child.wait();
    }
}

/// Runs a client program where the endpoint lives, for as long as the deadline at most.
pub fn run(at: &Endpoint, deadline: Duration, program: &str, arguments: &[&str]) -> Result<Output> {
    let mut command = at.namespace.command("timeout");
    command
        .arg("--signal=KILL")
        .arg(deadline.as_secs().to_string())
        .arg(find(program)?);
    output(command.args(arguments), program)
}

/// Runs a program that makes or reads files, wherever.
pub fn prepare(program: &str, arguments: &[&str]) -> Result<Output> {
    output(Command::new(find(program)?).args(arguments), program)
}

fn output(command: &mut Command, program: &str) -> Result<Output> {
    let output = command.stdin(Stdio::null()).output();
    output.with_context(|| format!("run {program}"))
}

fn find(program: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = env::split_paths(&path).chain([SERVERS.into()]);
    let mut places = directories.map(|directory| directory.join(program));
    let found = places.find(|place| place.is_file());
    found.with_context(|| format!("{program} is not installed: `cargo xtask setup` installs it"))
}
