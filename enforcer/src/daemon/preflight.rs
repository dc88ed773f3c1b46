//! What must hold before the daemon starts, checked without changing anything.
//! One line for each thing wrong, each saying what to do.

use std::path::Path;

use nix::sys::statfs::{FsType, statfs};
use nix::unistd::Group;

use super::config::{Config, Forwarding};
use super::forwarding;
use super::links::{self, Link};
use super::switch::{self, Switch};
use crate::control::api::VlanTags;
use crate::datapath::features;

/// `BPF_FS_MAGIC` of linux/magic.h.
const BPF_FS: i64 = 0xcafe_4a11;
/// Capability numbers of linux/capability.h.
const CAP_NET_ADMIN: u32 = 12;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_BPF: u32 = 39;

/// One observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether the daemon refuses to start because of it.
    pub fatal: bool,
    pub line: String,
}

fn fatal(line: impl Into<String>) -> Finding {
    Finding {
        fatal: true,
        line: line.into(),
    }
}

fn warning(line: impl Into<String>) -> Finding {
    Finding {
        fatal: false,
        line: line.into(),
    }
}

/// Everything that is wrong, or that the operator should know.
pub async fn check(config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> = check_capabilities()
        .into_iter()
        .chain(check_jit())
        .collect();
    findings.extend(check_bpffs(&config.bpffs));
    findings.extend(check_state_directory(&config.state_directory));
    match links::list().await {
        Ok(links) => findings.extend(check_interfaces(config, &links)),
        Err(error) => findings.push(fatal(format!("{error:#}"))),
    }
    findings.extend(check_groups(config));
    findings.extend(check_bridge_netfilter());
    if let Ok(switch) = switch::look(&config.bridge).await {
        findings.extend(check_forwarding(config, &switch));
    }
    if !config.metrics.ip().is_loopback() {
        findings.push(warning(format!(
            "metrics: {} can be read from the network without authentication; 127.0.0.1 cannot",
            config.metrics
        )));
    }
    findings
}

fn check_capabilities() -> Option<Finding> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    let effective = u64::from_str_radix(effective.trim(), 16).ok()?;
    let has = |capability: u32| effective >> capability & 1 != 0;
    let mut missing = Vec::new();
    if !has(CAP_BPF) && !has(CAP_SYS_ADMIN) {
        missing.push("CAP_BPF");
    }
    if !has(CAP_NET_ADMIN) {
        missing.push("CAP_NET_ADMIN");
    }
    if missing.is_empty() {
        return None;
    }
    Some(fatal(format!(
        "permission: {} missing: run as root, or grant it to the service",
        missing.join(" and ")
    )))
}

fn check_jit() -> Option<Finding> {
    // The file is there in the first network namespace only.
    let enabled = std::fs::read_to_string("/proc/sys/net/core/bpf_jit_enable").ok()?;
    judge_jit(&enabled)
}

fn judge_jit(setting: &str) -> Option<Finding> {
    (setting.trim() == "0").then(|| fatal("BPF JIT is off: `sysctl net.core.bpf_jit_enable=1`"))
}

fn check_bpffs(directory: &Path) -> Option<Finding> {
    let existing = directory.ancestors().find(|path| path.exists())?;
    match statfs(existing) {
        Ok(info) if info.filesystem_type() == FsType(BPF_FS as _) => None,
        Ok(_) => Some(fatal(format!(
            "bpffs: {} is not on a BPF file system: `mount -t bpf bpf /sys/fs/bpf`, or set `bpffs`",
            directory.display()
        ))),
        Err(error) => Some(fatal(format!(
            "bpffs: cannot look at {}: {error}",
            existing.display()
        ))),
    }
}

fn check_state_directory(directory: &Path) -> Option<Finding> {
    let existing = directory.ancestors().find(|path| path.exists())?;
    if !existing.is_dir() {
        return Some(fatal(format!(
            "state_directory: {} is not a directory",
            existing.display()
        )));
    }
    let writable = nix::unistd::access(existing, nix::unistd::AccessFlags::W_OK);
    let error = writable.err()?;
    Some(fatal(format!(
        "state_directory: cannot write to {}: {error}",
        existing.display()
    )))
}

fn check_interfaces(config: &Config, links: &[Link]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let find = |name: &str| links.iter().find(|link| link.name == name);
    let bridge = find(&config.bridge);
    if bridge.is_none() {
        findings.push(fatal(format!(
            "bridge: there is no interface {}; there are {}",
            config.bridge,
            names(links)
        )));
    }
    for port in &config.ports {
        let Some(link) = find(&port.name) else {
            findings.push(fatal(format!(
                "ports: there is no interface {}; there are {}",
                port.name,
                names(links)
            )));
            continue;
        };
        if let Some(bridge) = bridge
            && link.master != Some(bridge.index)
        {
            findings.push(fatal(format!(
                "ports: {} is not a port of {}: `ip link set {} master {}`",
                port.name, config.bridge, port.name, config.bridge
            )));
        }
        findings.extend(check_native_xdp(link));
    }
    for link in links {
        let unlisted = !config.ports.iter().any(|port| port.name == link.name);
        if bridge.is_some_and(|bridge| link.master == Some(bridge.index)) && unlisted {
            findings.push(warning(format!(
                "ports: {} belongs to {} but is not listed: frames that enter there are not judged",
                link.name, config.bridge
            )));
        }
    }
    findings
}

/// What is in the way of forwarding that the configuration asks for, where the ports are
/// as they must be.
fn check_forwarding(config: &Config, switch: &Switch) -> Vec<Finding> {
    let Some(bridge) = &switch.bridge else {
        return Vec::new();
    };
    let is_port = |name: &str| {
        let mut links = switch.links.iter();
        links.any(|link| link.name == name && link.master == Some(bridge.index))
    };
    let ports = config.ports.iter();
    let asked = ports.filter(|port| port.forwarding == Forwarding::Fast && is_port(&port.name));
    asked
        .filter_map(|port| {
            let reason = forwarding::judge(port, config, VlanTags::Unproven, switch).err()?;
            Some(warning(forwarding::refused(&port.name, &reason)))
        })
        .collect()
}

fn check_native_xdp(link: &Link) -> Option<Finding> {
    // Where the kernel does not tell, attaching will.
    let native = features::has_native_xdp(link.index).unwrap_or(true);
    (!native).then(|| {
        fatal(format!(
            "ports: the driver of {} has generic XDP only; native XDP is needed",
            link.name
        ))
    })
}

/// A group that is not there would end the start.
fn check_groups(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let control = &config.control;
    for (key, name) in [
        ("group", &control.group),
        ("write_group", &control.write_group),
    ] {
        if let Some(name) = name
            && !matches!(Group::from_name(name), Ok(Some(_)))
        {
            findings.push(fatal(format!("control.{key}: there is no group {name}")));
        }
    }
    findings
}

fn names(links: &[Link]) -> String {
    let names: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
    names.join(", ")
}

fn check_bridge_netfilter() -> Option<Finding> {
    let setting = std::fs::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables").ok()?;
    (setting.trim() != "0").then(|| {
        warning("bridge-nf-call-iptables is on and costs the bridge about 40 %: `sysctl net.bridge.bridge-nf-call-iptables=0`")
    })
}

#[cfg(test)]
mod tests {
    use super::judge_jit;

    #[test]
    fn a_jit_that_is_off_is_fatal() {
        assert!(judge_jit("0\n").is_some_and(|finding| finding.fatal));
        assert_eq!(judge_jit("1\n"), None);
        assert_eq!(judge_jit("2\n"), None);
    }
}
