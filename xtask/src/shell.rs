//! Runs external commands: echoes them, checks how they end, and gains root
//! through sudo where a command needs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// A program that cargo built, wherever that puts what it builds: this one stands there too.
pub(crate) fn built(profile: &str, name: &str) -> PathBuf {
    let this = std::env::current_exe().ok();
    let target = this.as_deref().and_then(|this| this.parent()?.parent());
    let target = target.map_or_else(|| root().join("target"), Path::to_path_buf);
    target.join(profile).join(name)
}

/// The cargo that runs this command, in the root of the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Cargo by way of rustup, so that `+toolchain` selections are obeyed.
pub(crate) fn rustup_run(toolchain: &str, program: &str) -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", toolchain, program])
        .current_dir(root());
    // The outer cargo's own choice of compiler must not leak into the inner.
    for name in [
        "CARGO",
        "RUSTC",
        "RUSTUP_TOOLCHAIN",
        "RUSTC_WORKSPACE_WRAPPER",
    ] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// A command that runs as root: itself when we are root, else through sudo.
pub(crate) fn as_root(program: impl AsRef<std::ffi::OsStr>, why: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    eprintln!("xtask: root is needed {why}; asking through sudo");
    let mut command = Command::new("sudo");
    command.arg("--preserve-env").arg(program);
    command
}

/// Prints and runs a command; an error when it cannot start or does not end with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    eprintln!("xtask: $ {}", describe(command));
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{} failed: {status}", describe(command));
    }
    Ok(())
}

/// Standard output of a command that ended with 0, else nothing.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn describe(command: &Command) -> String {
    let mut words = vec![command.get_program().display().to_string()];
    words.extend(command.get_args().map(|word| word.display().to_string()));
    words.join(" ")
}
