//! The bench as it is called, with few frames: every case is measured or left out by name,
//! frames arrive where they should, and nothing stays behind. What anything took is not
//! looked at.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Parts, and contenders or figures of each; those that need other programs may be left out.
const EXPECTED: &[(&str, &[&str])] = &[
    (
        "forward",
        &[
            "XDP_DROP",
            "bare bridge",
            "bare bridge, XDP_PASS on its ports",
            "bare bridge, br_netfilter on",
            "bare redirect",
            "enforcer, past the bridge",
            "enforcer, by the bridge",
            "enforcer with signatures",
            "nftables, 1,000 rules",
            "nftables, set of 2,000",
            "nftables, map of 2,000",
            "ebtables, 1,000 rules",
            "iptables, 64 strings",
            "xdp-filter",
            "Suricata inline",
        ],
    ),
    (
        "program",
        &["enforcer's program", "enforcer's program, 10,000 rules"],
    ),
    (
        "flood",
        &[
            "rate kept by others",
            "rate kept by others, bare redirect",
            "flows of others evicted",
        ],
    ),
    ("tcp", ENDS),
    ("latency", ENDS),
];

/// From end to end.
const ENDS: &[&str] = &[
    "bare bridge",
    "bare bridge, XDP_PASS on its ports",
    "enforcer, past the bridge",
    "enforcer, by the bridge",
];

#[test]
fn every_case_is_measured_or_left_out_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("deep/bench.json");
    let output = Command::new(env!("CARGO_BIN_EXE_enforcer-bench"))
        .args([
            "live",
            "--quick",
            "--devices",
            "2000",
            "--lab",
            "tbench",
            "--json",
        ])
        .arg(&json)
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");

    let report: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    assert_eq!(report["version"], 1);
    let figures = report["figures"].as_array().unwrap();
    let skipped = report["skipped"].as_array().unwrap();
    for (part, names) in EXPECTED {
        for name in *names {
            let measured = figures.iter().any(|figure| {
                figure["part"] == *part && text(&figure["contender"]).starts_with(name)
            });
            let left_out = skipped
                .iter()
                .find(|skipped| text(&skipped["what"]).starts_with(name));
            assert!(
                measured || left_out.is_some() || (*part == "tcp" && left_out_tcp(skipped)),
                "{part}: {name} is nowhere"
            );
            if let Some(skipped) = left_out {
                assert!(text(&skipped["why"]).contains("not installed"), "{skipped}");
            }
        }
    }
    for figure in figures {
        assert_eq!(figure["rounds"].as_array().unwrap().len(), 1, "{figure}");
        assert_eq!(figure["as_expected"], true, "{figure}");
        if figure["contender"] == "enforcer, by the bridge" && figure["part"] == "forward" {
            assert_eq!(figure["past_bridge"], 0.0, "{figure}");
        }
        if figure["contender"] == "enforcer, past the bridge" && figure["arrived"] == 1.0 {
            assert!(figure["past_bridge"].as_f64().unwrap() > 0.8, "{figure}");
        }
    }
    let targets = report["targets"].as_array().unwrap();
    assert!(targets.len() > 20);
    for target in targets.iter().filter(|target| target["reached"].is_null()) {
        assert!(
            !skipped.is_empty(),
            "not measured, and nothing left out: {target}"
        );
    }
    let chart = fs::read_to_string(json.with_extension("svg")).unwrap();
    assert!(chart.contains("enforcer, past the bridge") && chart.ends_with("</svg>\n"));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        table.contains("bare redirect") && table.contains("to reach"),
        "{table}"
    );
    nothing_stays("tbench");
}

#[test]
fn an_interrupted_bench_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Command::new(env!("CARGO_BIN_EXE_enforcer-bench"))
        .args([
            "live",
            "--quick",
            "--devices",
            "2000",
            "--lab",
            "ibench",
            "--json",
        ])
        .arg(folder.path().join("bench.json"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(bench.stderr.take().unwrap()).lines();
    // By then all that may stay has been made: namespaces, pins, Suricata.
    let measuring = told.any(|line| line.unwrap().starts_with("bench: from port to port"));
    assert!(measuring);
    kill(Pid::from_raw(bench.id().cast_signed()), Signal::SIGINT).unwrap();
    // Whatever it says meanwhile is read, or it could not go on.
    told.for_each(drop);
    assert_eq!(bench.wait().unwrap().code(), Some(130));
    nothing_stays("ibench");
}

/// Nothing at all of TCP is measured where iperf3 is not installed.
fn left_out_tcp(skipped: &[Value]) -> bool {
    skipped
        .iter()
        .any(|skipped| text(&skipped["what"]).starts_with("TCP throughput"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[track_caller]
fn nothing_stays(lab: &str) {
    for entry in fs::read_dir("/run/netns").unwrap() {
        let name = entry.unwrap().file_name();
        let name = name.to_string_lossy();
        assert!(!name.starts_with(lab), "{name} is left");
    }
    let folder = format!("/run/enforcer-lab-{lab}");
    for entry in fs::read_dir("/run").unwrap() {
        let path = entry.unwrap().path();
        assert!(
            !path.to_string_lossy().starts_with(&folder),
            "{path:?} is left"
        );
    }
    // Whatever runs of it was started from its folder.
    for entry in fs::read_dir("/proc").unwrap() {
        let line = fs::read_to_string(entry.unwrap().path().join("cmdline"));
        assert!(
            !line.unwrap_or_default().contains(&folder),
            "a process is left"
        );
    }
}
