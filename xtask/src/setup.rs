//! `cargo xtask setup`: finds or installs the BPF toolchain, the linker and the
//! programs that the lab talks to. Says what it will do before it does it, and
//! does nothing when nothing is missing.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell::{as_root, output, run as run_command};

/// Name under which rustup knows Debian's compiler; `enforcer/build.rs` looks for it.
const DEBIAN_TOOLCHAIN: &str = "debian-bpf";
const BPF_LINKER: &str = "bpf-linker@^0.13";
const DEBIAN_BPF_LIBRARY: &str = "/usr/lib/rustlib/bpfel-unknown-none";
const DEBIAN_LLVM: &str = "/usr/lib/llvm-22";

/// The compiler that builds the BPF half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BpfToolchain {
    /// Debian's rustc-web, which brings `core` for BPF ready built.
    Debian,
    /// rustup's nightly with rust-src, which builds `core` itself.
    Nightly,
}

impl BpfToolchain {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Debian => DEBIAN_TOOLCHAIN,
            Self::Nightly => "nightly",
        }
    }
}

/// One thing that may be missing, and how to get it.
struct Step {
    what: String,
    install: Box<dyn Fn() -> Result<()>>,
}

pub(crate) fn run() -> Result<()> {
    let toolchain = ensure()?;
    println!(
        "set up: the BPF half is built by the {} toolchain",
        toolchain.name()
    );
    Ok(())
}

/// Installs whatever is missing and returns the toolchain that builds the BPF half.
pub(crate) fn ensure() -> Result<BpfToolchain> {
    let toolchain = choose_toolchain()?;
    let steps = missing(toolchain);
    if steps.is_empty() {
        return Ok(toolchain);
    }
    eprintln!("xtask: set-up will, in this order:");
    for step in &steps {
        eprintln!("xtask:   - {}", step.what);
    }
    for step in &steps {
        eprintln!("xtask: {}", step.what);
        (step.install)()?;
    }
    Ok(toolchain)
}

/// A toolchain at hand is taken as it is; else Debian's is installed where Debian is.
fn choose_toolchain() -> Result<BpfToolchain> {
    let toolchains = output("rustup", &["toolchain", "list"]).unwrap_or_default();
    if toolchains
        .lines()
        .any(|line| line.starts_with(DEBIAN_TOOLCHAIN))
        && debian_core_present()
    {
        return Ok(BpfToolchain::Debian);
    }
    let nightly = toolchains.lines().any(|line| line.starts_with("nightly"));
    if nightly && nightly_has_source() {
        return Ok(BpfToolchain::Nightly);
    }
    if Path::new("/usr/bin/apt-get").exists() {
        return Ok(BpfToolchain::Debian);
    }
    bail!(
        "no compiler for the BPF target: install one with \
         `rustup toolchain install nightly --component rust-src` and run this again"
    )
}

fn debian_core_present() -> bool {
    Path::new("/usr/bin/rustc").exists() && Path::new(DEBIAN_BPF_LIBRARY).exists()
}

fn nightly_has_source() -> bool {
    output(
        "rustup",
        &["component", "list", "--toolchain", "nightly", "--installed"],
    )
    .is_some_and(|list| list.lines().any(|line| line.starts_with("rust-src")))
}

fn missing(toolchain: BpfToolchain) -> Vec<Step> {
    let mut steps = Vec::new();
    let packages = missing_packages(toolchain);
    if !packages.is_empty() {
        steps.push(Step {
            what: format!("install the Debian packages {}", packages.join(" ")),
            install: Box::new(move || install_packages(&packages, None)),
        });
    }
    let linked = output("rustup", &["run", DEBIAN_TOOLCHAIN, "rustc", "--version"]).is_some();
    if toolchain == BpfToolchain::Debian && !linked {
        steps.push(Step {
            what: format!("link Debian's compiler as rustup toolchain {DEBIAN_TOOLCHAIN}"),
            install: Box::new(|| {
                run_command(Command::new("rustup").args([
                    "toolchain",
                    "link",
                    DEBIAN_TOOLCHAIN,
                    "/usr",
                ]))
            }),
        });
    }
    if output("bpf-linker", &["--version"]).is_none() {
        steps.push(Step {
            what: format!("build {BPF_LINKER} with cargo install (about a minute)"),
            install: Box::new(move || install_linker(toolchain)),
        });
    }
    steps
}

/// Debian packages that are needed and absent. `command` is what the package brings.
fn missing_packages(toolchain: BpfToolchain) -> Vec<&'static str> {
    const ALWAYS: &[(&str, &str)] = &[
        ("/usr/bin/cc", "gcc"),
        ("/usr/bin/nsenter", "util-linux"),
        ("/usr/sbin/dnsmasq", "dnsmasq-base"),
        ("/usr/sbin/udhcpc", "udhcpc"),
        ("/usr/bin/curl", "curl"),
        ("/usr/bin/python3", "python3"),
        ("/usr/bin/dig", "bind9-dnsutils"),
        ("/usr/bin/storescu", "dcmtk"),
        ("/usr/bin/smbclient", "smbclient"),
        ("/usr/sbin/smbd", "samba"),
    ];
    const DEBIAN: &[(&str, &str)] = &[
        ("/usr/bin/rustc", "rustc-web"),
        ("/usr/bin/cargo-clippy", "rust-web-clippy"),
        (DEBIAN_BPF_LIBRARY, "libstd-rust-web-dev-bpf"),
        ("/usr/lib/llvm-22/bin/llvm-config", "llvm-22-dev"),
        ("/usr/lib/llvm-22/lib/libPolly.a", "libpolly-22-dev"),
    ];
    let mut packages: Vec<&str> = absent(ALWAYS).collect();
    if output("ip", &["-V"]).is_none() {
        packages.push("iproute2");
    }
    if toolchain == BpfToolchain::Debian {
        packages.extend(absent(DEBIAN));
    }
    packages
}

pub(crate) fn absent(list: &'static [(&str, &str)]) -> impl Iterator<Item = &'static str> {
    list.iter()
        .filter(|(path, _)| !Path::new(path).exists())
        .map(|&(_, package)| package)
}

/// Installs packages of the release, or of another that apt knows.
pub(crate) fn install_packages(packages: &[&str], release: Option<&str>) -> Result<()> {
    let apt = || {
        let mut command = as_root("apt-get", "to install Debian packages");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    for (package, services) in SERVICES {
        if packages.contains(&package) && Path::new("/run/systemd/system").exists() {
            mask(services)?;
        }
    }
    run_command(apt().args(["-q", "update"]))?;
    let mut install = apt();
    install.args(["-q", "install", "--yes", "--no-install-recommends"]);
    if let Some(release) = release {
        install.arg(format!("--target-release={release}"));
    }
    run_command(install.args(packages))
}

/// The lab and the bench want programs of packages whose services shall not serve the
/// machine itself, neither now nor after its next start.
const SERVICES: [(&str, &[&str]); 2] = [
    ("samba", &["smbd", "nmbd", "samba-ad-dc"]),
    ("suricata", &["suricata"]),
];

/// `systemctl unmask` undoes it.
fn mask(services: &[&str]) -> Result<()> {
    let mut command = as_root("systemctl", "to keep services from starting");
    run_command(command.arg("mask").args(services))
}

fn install_linker(toolchain: BpfToolchain) -> Result<()> {
    let mut command = Command::new("cargo");
    command.args(["install", BPF_LINKER, "--locked"]);
    if toolchain == BpfToolchain::Debian {
        command.args(["--no-default-features", "--features=llvm-22"]);
        command.env("LLVM_PREFIX", DEBIAN_LLVM);
    }
    run_command(&mut command)
}
