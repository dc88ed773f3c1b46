//! The demo as a user starts it: succeeds with the example policy, fails with a
//! broken one, and leaves nothing behind however it ends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use enforcer_tests::{Ward, sweep, wait, ward};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/ward.yaml");
const DEADLINE: Duration = Duration::from_secs(10);

fn demo(prefix: &str, policy: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enforcer-lab"));
    command.args(["demo", "--prefix", prefix, "--policy", policy]);
    command.stdin(Stdio::null());
    command
}

#[test]
fn everything_comes_out_as_expected() {
    let output = demo("ndgood", POLICY).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("attempts came out as expected"), "{said}");
    assert!(!said.contains("DIFFERENT"), "{said}");
    assert!(said.contains("enforcer_rule_packets_total{"), "{said}");
    assert_eq!(traces("ndgood"), [""; 0]);
}

/// Without the pump's rule, one attempt fails and only that one.
#[test]
fn a_missing_rule_makes_it_fail() {
    let rule = "      - name: systems-manager\n        to: systems-manager\n        tcp: 3613\n";
    fails("ndless", &ward::policy_with(rule, "").unwrap());
}

/// With one rule too many, what should be refused passes.
#[test]
fn a_rule_too_many_makes_it_fail() {
    let rule = "      - name: systems-manager\n";
    let more =
        "      - name: telnet\n        from: any\n        tcp: 23\n      - name: systems-manager\n";
    fails("ndmore", &ward::policy_with(rule, more).unwrap());
}

fn fails(prefix: &str, policy: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("broken.yaml");
    fs::write(&path, policy).unwrap();
    let list = POLICY.replace("ward.yaml", "ward-devices.csv");
    fs::copy(list, directory.path().join("ward-devices.csv")).unwrap();
    let output = demo(prefix, path.to_str().unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("1 of 13 attempts came out DIFFERENT"),
        "{said}"
    );
    assert_eq!(traces(prefix), [""; 0]);
}

#[test]
fn interrupted_under_enforcement_it_leaves_nothing() {
    let mut program = start("ndint");
    kill(Pid::from_raw(program.id().cast_signed()), Signal::SIGINT).unwrap();
    let status = program.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    // A client that was just asking ends when it finds nobody to answer.
    wait::until("nothing is left", DEADLINE, || {
        Ok(traces("ndint").is_empty().then_some(()))
    })
    .unwrap();
}

#[test]
fn killed_under_enforcement_it_is_removed_by_the_next() {
    let mut program = start("ndkill");
    program.kill().unwrap();
    program.wait().unwrap();
    let left = traces("ndkill");
    assert!(
        left.iter().any(|trace| trace.contains("enforcerd")),
        "{left:?}"
    );
    let ward = Ward::enforced("ndkill").unwrap();
    assert!(!ward.lab().leftovers().is_empty());
    assert_eq!(ward.in_force().unwrap().0, 1);
    drop(ward);
    assert_eq!(traces("ndkill"), [""; 0]);
}

/// Starts the demo and waits until it is in the middle of its attempts.
fn start(prefix: &str) -> Child {
    let mut child = demo(prefix, POLICY).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("enforcerctl apply")));
    assert!(lines.any(|line| line.unwrap().contains("HL7 result")));
    // The rest of its output is nobody's, and must not stop it.
    std::thread::spawn(move || lines.count());
    child
}

/// Namespaces, the directory, and processes of a lab.
fn traces(prefix: &str) -> Vec<String> {
    let directory = sweep::directory(prefix).display().to_string();
    let mut traces = Vec::new();
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&format!("{prefix}-")) {
            traces.push(format!("namespace {name}"));
        }
    }
    if fs::exists(&directory).unwrap() {
        traces.push(format!("directory {directory}"));
    }
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&words).replace('\0', " ");
        if line.contains(&directory) {
            traces.push(format!("process {line}"));
        }
    }
    traces
}
