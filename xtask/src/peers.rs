//! `cargo xtask bench --install-peers`: installs what the bench compares the enforcer with.
//! Says what it will do before it does it; does nothing when nothing is missing.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::setup::{absent, install_packages};
use crate::shell::{as_root, output};

/// What each package is known by.
const PEERS: &[(&str, &str)] = &[
    ("/usr/sbin/nft", "nftables"),
    ("/usr/sbin/iptables-nft-restore", "iptables"),
    ("/usr/sbin/xdp-filter", "xdp-tools"),
    ("/usr/bin/iperf3", "iperf3"),
];
const SURICATA: &[(&str, &str)] = &[("/usr/bin/suricata", "suricata")];
/// Debian 12 itself has no Suricata 7. Packages of backports are taken only where they are
/// asked for, so that this file changes nothing else; deleting it undoes it.
const SOURCE: &str = "/etc/apt/sources.list.d/enforcer-bench-backports.list";
const BACKPORTS: &str = "bookworm-backports";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

pub(crate) fn install() -> Result<()> {
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("peers are installed with apt-get alone: see docs/benchmarks.md for what is needed");
    }
    let mut packages: Vec<&str> = absent(PEERS).collect();
    let suricata = absent(SURICATA).next().is_some();
    if packages.is_empty() && !suricata {
        eprintln!("xtask: every peer is installed already");
        return Ok(());
    }
    let backports = suricata && bookworm();
    let source = backports && output("grep", &["-rqs", BACKPORTS, "/etc/apt"]).is_none();
    if suricata && !backports {
        packages.push("suricata");
    }
    eprintln!("xtask: --install-peers will, in this order:");
    if source {
        eprintln!("xtask:   - write {SOURCE}, which makes {BACKPORTS} known to apt");
    }
    if suricata && Path::new("/run/systemd/system").exists() {
        eprintln!("xtask:   - mask the service suricata, so that it watches nothing by itself");
    }
    if !packages.is_empty() {
        eprintln!(
            "xtask:   - install the Debian packages {}",
            packages.join(" ")
        );
    }
    if backports {
        eprintln!("xtask:   - install the Debian package suricata from {BACKPORTS}");
    }
    if source {
        add_source()?;
    }
    if !packages.is_empty() {
        install_packages(&packages, None)?;
    }
    if backports {
        install_packages(&["suricata"], Some(BACKPORTS))?;
    }
    Ok(())
}

fn bookworm() -> bool {
    fs::read_to_string("/etc/os-release")
        .is_ok_and(|text| text.contains("VERSION_CODENAME=bookworm"))
}

fn add_source() -> Result<()> {
    let signed = if Path::new(KEYRING).exists() {
        format!(" [signed-by={KEYRING}]")
    } else {
        String::new()
    };
    let line = format!("deb{signed} http://deb.debian.org/debian {BACKPORTS} main\n");
    let mut command = as_root("tee", "to write a source for apt");
    command
        .arg(SOURCE)
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut tee = command.spawn().context("cannot start tee")?;
    if let Some(mut input) = tee.stdin.take() {
        std::io::Write::write_all(&mut input, line.as_bytes())?;
    }
    if !tee.wait()?.success() {
        bail!("cannot write {SOURCE}");
    }
    Ok(())
}
