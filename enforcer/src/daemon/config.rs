//! The daemon's configuration file.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use enforcer_common::limits;
use enforcer_common::port::Side;
use serde::Deserialize;

use crate::datapath::Capacity;

/// `enforcerd.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The Linux bridge that the ports belong to.
    pub bridge: String,
    pub ports: Vec<PortConfig>,
    /// Keeps the policy in force across a restart of the machine.
    #[serde(default = "default_state_directory")]
    pub state_directory: PathBuf,
    /// Directory on a BPF file system, for pinned maps and links.
    #[serde(default = "default_bpffs")]
    pub bpffs: PathBuf,
    #[serde(default)]
    pub control: ControlConfig,
    /// Where Prometheus scrapes.
    #[serde(default = "default_metrics")]
    pub metrics: SocketAddr,
    /// What happens to frames while no policy is loaded.
    pub on_no_policy: OnNoPolicy,
    /// Room for one compiled policy, in MiB; twice this is allocated.
    #[serde(default = "default_policy_mib")]
    pub policy_mib: u32,
    /// Flows remembered at a time.
    #[serde(default = "default_flows")]
    pub flows: u32,
    /// Days for which the record of flows is kept.
    #[serde(default = "default_observe_days")]
    pub observe_days: u32,
    /// Rows that one device may have in the record of flows.
    #[serde(default = "default_observe_rows")]
    pub observe_rows: u32,
    /// Connections remembered at a time whose payload signatures are looked for in.
    #[serde(default = "default_streams")]
    pub streams: u32,
    /// Whether events of signatures show the beginning of the payload.
    #[serde(default = "default_show_payload")]
    pub show_payload: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortConfig {
    pub name: String,
    pub side: Side,
    #[serde(default)]
    pub forwarding: Forwarding,
}

/// How frames that pass get from one port to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forwarding {
    /// Straight to the other port where that is sure to do no harm, else by the bridge.
    #[default]
    Auto,
    /// The same, also on a virtual link: its other end finishes checksums and leaves
    /// VLAN tags in the frames.
    Fast,
    /// By the bridge.
    Bridge,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlConfig {
    #[serde(default = "default_socket")]
    pub socket: PathBuf,
    /// Group whose members may read; root alone when not given.
    pub group: Option<String>,
    /// Group whose members may also apply policies; root alone when not given.
    pub write_group: Option<String>,
}

impl Default for ControlConfig {
    fn default() -> Self {
        Self {
            socket: default_socket(),
            group: None,
            write_group: None,
        }
    }
}

/// The hospital's choice between availability and isolation, made explicit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnNoPolicy {
    Pass,
    Drop,
}

fn default_state_directory() -> PathBuf {
    "/var/lib/enforcer".into()
}

fn default_bpffs() -> PathBuf {
    "/sys/fs/bpf/enforcer".into()
}

fn default_socket() -> PathBuf {
    "/run/enforcer/control.sock".into()
}

fn default_metrics() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9464))
}

fn default_policy_mib() -> u32 {
    64
}

fn default_flows() -> u32 {
    limits::FLOWS
}

fn default_observe_days() -> u32 {
    90
}

fn default_observe_rows() -> u32 {
    10_000
}

fn default_streams() -> u32 {
    limits::STREAMS
}

fn default_show_payload() -> bool {
    true
}

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// One line that names the file and, where there is one, the line in it.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let config: Self =
            serde_yaml::from_str(&text).with_context(|| path.display().to_string())?;
        config.check().with_context(|| path.display().to_string())?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        ensure!(!self.ports.is_empty(), "ports: at least one port is needed");
        ensure!(
            self.ports.len() <= limits::PORTS as usize,
            "ports: at most {} are possible",
            limits::PORTS
        );
        let mut names = BTreeSet::new();
        for port in &self.ports {
            ensure!(
                names.insert(&port.name),
                "ports: {} is listed twice",
                port.name
            );
            ensure!(
                port.name != self.bridge,
                "ports: {} is the bridge itself; list its ports",
                port.name
            );
        }
        ensure!(
            (1..=2048).contains(&self.policy_mib),
            "policy_mib: between 1 and 2048"
        );
        ensure!(
            (1024..=16 << 20).contains(&self.flows),
            "flows: between 1024 and {}",
            16 << 20
        );
        ensure!(
            (1024..=4 << 20).contains(&self.streams),
            "streams: between 1024 and {}",
            4 << 20
        );
        ensure!(
            (1..=3_650).contains(&self.observe_days),
            "observe_days: between 1 and 3650"
        );
        ensure!(
            (1..=1_000_000).contains(&self.observe_rows),
            "observe_rows: between 1 and 1000000"
        );
        Ok(())
    }

    /// Capacities of the maps.
    pub fn capacity(&self) -> Capacity {
        Capacity {
            policy_lines: self.policy_mib << 14,
            flows: self.flows,
            streams: self.streams,
        }
    }
}
