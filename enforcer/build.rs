//! Builds the kernel half from source with whichever toolchain is at hand: the
//! one that `cargo xtask setup` linked, or rustup's nightly with rust-src.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use aya_build::{Package, Toolchain};

/// As `cargo xtask setup` names Debian's compiler.
const DEBIAN_TOOLCHAIN: &str = "debian-bpf";

fn main() -> Result<()> {
    for path in [
        "build.rs",
        "../enforcer-common",
        "../enforcer-ebpf",
        "../Cargo.toml",
    ] {
        println!("cargo::rerun-if-changed={path}");
    }
    let toolchain = toolchain()?;
    let log = std::env::var_os("CARGO_FEATURE_BPF_LOG").is_some();
    let package = Package {
        name: "enforcer-ebpf",
        root_dir: concat!(env!("CARGO_MANIFEST_DIR"), "/../enforcer-ebpf"),
        no_default_features: false,
        features: if log { &["log"] } else { &[] },
    };
    aya_build::build_ebpf([package], toolchain)
        .context("cannot build the kernel half of enforcer")?;
    Ok(())
}

fn toolchain() -> Result<Toolchain<'static>> {
    let listed = Command::new("rustup").args(["toolchain", "list"]).output();
    let list = listed
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let linked = list.lines().any(|line| line.starts_with(DEBIAN_TOOLCHAIN));
    if linked && works(DEBIAN_TOOLCHAIN) {
        return Ok(Toolchain::Custom(DEBIAN_TOOLCHAIN));
    }
    if list.lines().any(|line| line.starts_with("nightly")) {
        return Ok(Toolchain::Nightly);
    }
    bail!("no compiler for the BPF target is set up: run `cargo xtask setup`")
}

/// A linked toolchain stays listed when its compiler is gone.
fn works(toolchain: &str) -> bool {
    let compiler = Command::new("rustup")
        .args(["run", toolchain, "rustc", "--version"])
        .output();
    compiler.is_ok_and(|output| output.status.success())
}
