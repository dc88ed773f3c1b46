//! `enforcerd` in a lab: writes its configuration, starts it in the enforcer
//! box, waits until it answers, kills and restarts it.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::PathBuf,
    process::{Child, ExitStatus, Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{client::Client, interrupt, lab::Lab, namespace::Namespace, wait};

const METRICS_PORT: u16 = 9464;
const START_DEADLINE: Duration = Duration::from_secs(30);
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const METRICS_DEADLINE: Duration = Duration::from_secs(5);
/// Lines of the daemon's log that an error shows.
const LOG_TAIL: usize = 20;

/// Environment variable by which every test can be run with another forwarding.
pub const FORWARDING: &str = "ENFORCER_LAB_FORWARDING";

/// What a test may want different in `enforcerd.yaml`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `pass` or `drop`: what happens to frames before the first policy.
    pub on_no_policy: &'static str,
    /// `auto`, `fast` or `bridge`, for both ports. `auto` leaves a lab to the bridge,
    /// because its cables are virtual links; [`FORWARDING`] says otherwise for all labs.
    pub forwarding: String,
    /// Ports besides p0 and p1, a line of the file each.
    pub more_ports: &'static str,
    /// More lines for the file, as they are.
    pub more: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            on_no_policy: "pass",
            forwarding: env::var(FORWARDING).unwrap_or_else(|_| "auto".to_owned()),
            more_ports: "",
            more: String::new(),
        }
    }
}

/// A daemon in the enforcer box. Dropping it kills it.
#[derive(Debug)]
pub struct Daemon {
    namespace: Namespace,
    program: PathBuf,
    configuration: PathBuf,
    log: PathBuf,
    client: Client,
    /// `None` between a stop and the next start.
    child: Option<Child>,
}

impl Daemon {
    /// Starts a daemon with the default settings and waits until it answers.
    pub fn start(lab: &Lab) -> Result<Self> {
        Self::start_with(lab, &Settings::default())
    }

    pub fn start_with(lab: &Lab, settings: &Settings) -> Result<Self> {
        let mut daemon = Self::prepare(lab, settings)?;
        daemon.launch()?;
        Ok(daemon)
    }

    /// Writes the configuration, starts nothing.
    pub fn prepare(lab: &Lab, settings: &Settings) -> Result<Self> {
        let directory = lab.directory();
        let programs = programs()?;
        let socket = directory.join("control.sock");
        let configuration = directory.join("enforcerd.yaml");
        let text = format!(
            "bridge: br0
ports:
  - {{name: p0, side: device, forwarding: {forwarding}}}
  - {{name: p1, side: core, forwarding: {forwarding}}}
{more_ports}state_directory: {state}
bpffs: {bpffs}
control: {{socket: {socket}}}
metrics: 127.0.0.1:{METRICS_PORT}
on_no_policy: {on_no_policy}
{more}",
            state = directory.join("state").display(),
            bpffs = lab.bpffs().join("enforcer").display(),
            socket = socket.display(),
            forwarding = settings.forwarding,
            more_ports = settings.more_ports,
            on_no_policy = settings.on_no_policy,
            more = settings.more,
        );
        fs::write(&configuration, text)
            .with_context(|| format!("write {}", configuration.display()))?;
        Ok(Self {
            namespace: lab.enforcer_box().clone(),
            program: programs.join("enforcerd"),
            configuration,
            log: directory.join("enforcerd.log"),
            client: Client::new(programs.join("enforcerctl"), socket),
            child: None,
        })
    }

    /// Starts it (again) on the same configuration and state.
    pub fn launch(&mut self) -> Result<()> {
        self.launch_with(&[])
    }

    /// The same with more arguments.
    pub fn launch_with(&mut self, arguments: &[&str]) -> Result<()> {
        let log: File = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .context("open the daemon's log")?;
        let mut command = self.namespace.command(&self.program);
        command.arg("--config").arg(&self.configuration);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        // Ctrl-C in a terminal is for the lab, which then ends the daemon.
        command.process_group(0);
        {
            let _not_while_stopping = interrupt::hold();
            self.child = Some(
                command
                    .spawn()
                    .with_context(|| format!("start {}", self.program.display()))?,
            );
        }
        wait::until("enforcerctl status answers", START_DEADLINE, || {
            if let Some(status) = self.ended()? {
                bail!("enforcerd ended at once ({status}): {}", self.log_tail());
            }
            Ok(self.client.status().is_ok().then_some(()))
        })
        .with_context(|| format!("start enforcerd; it said: {}", self.log_tail()))
    }

    /// kill -9: no chance to clean up.
    pub fn kill(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        child.kill().context("kill enforcerd")?;
        child.wait().context("wait for enforcerd").map(drop)
    }

    /// SIGTERM; how it ended.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        let Some(child) = &self.child else {
            bail!("enforcerd does not run")
        };
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM)
            .context("ask enforcerd to stop")?;
        let status = wait::until("enforcerd stops", STOP_DEADLINE, || self.ended())?;
        self.child = None;
        Ok(status)
    }

    /// Runs the program beside this daemon, for starts that end by themselves:
    /// refusals, `--check`, `--detach-now`. `wrapper` is a command to run it by.
    pub fn run_beside(&self, wrapper: &[&str], arguments: &[&str]) -> Result<Output> {
        let deadline = START_DEADLINE.as_secs().to_string();
        let mut command = self.namespace.command("timeout");
        command
            .args(["--signal=KILL", &deadline])
            .args(wrapper)
            .arg(&self.program)
            .arg("--config")
            .arg(&self.configuration)
            .args(arguments);
        command.output().context("run enforcerd beside the daemon")
    }

    /// Whether the process that was started still runs.
    pub fn is_alive(&mut self) -> Result<bool> {
        Ok(self.child.is_some() && self.ended()?.is_none())
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn configuration(&self) -> &PathBuf {
        &self.configuration
    }

    /// Everything it has logged, over all its starts.
    pub fn log(&self) -> Result<String> {
        fs::read_to_string(&self.log).with_context(|| format!("read {}", self.log.display()))
    }

    /// What Prometheus would scrape.
    pub fn metrics(&self) -> Result<String> {
        let reply = self.namespace.run(|| {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, METRICS_PORT))
                .context("connect to the metrics")?;
            stream.set_read_timeout(Some(METRICS_DEADLINE))?;
            stream
                .write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
                .context("ask for the metrics")?;
            let mut reply = String::new();
            stream
                .read_to_string(&mut reply)
                .context("read the metrics")?;
            Ok(reply)
        })?;
        match reply.split_once("\r\n\r\n") {
            Some((head, body))
                if head
                    .lines()
                    .next()
                    .is_some_and(|line| line.contains(" 200")) =>
            {
                Ok(body.to_owned())
            }
            _ => bail!("not the metrics: {reply}"),
        }
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        match &mut self.child {
            Some(child) => child.try_wait().context("look after enforcerd"),
            None => Ok(Some(ExitStatus::from_raw(0))),
        }
    }

    fn log_tail(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("{error:#}");
        }
    }
}

/// Where the programs under test are: `ENFORCER_BIN_DIR`, or beside this
/// program (cargo puts test programs one directory deeper).
fn programs() -> Result<PathBuf> {
    if let Some(directory) = env::var_os("ENFORCER_BIN_DIR") {
        return Ok(directory.into());
    }
    let program = env::current_exe().context("where is this program?")?;
    let directory = program
        .ancestors()
        .skip(1)
        .find(|directory| !directory.ends_with("deps"));
    directory
        .map(PathBuf::from)
        .context("this program is in no directory")
}
