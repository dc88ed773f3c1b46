//! Captures and policies that are wrong, and what is told of them.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use pcap_file::pcap::{PcapPacket, PcapWriter};
use serde_json::Value;

use crate::ward::*;

#[test]
fn a_file_that_is_cut_off_is_judged_up_to_there() {
    let ward = Ward::new(POLICY);
    let whole = ward.pcap("whole.pcap", &known());
    let content = std::fs::read(&whole).unwrap();
    let cut = ward.path("cut.pcap");
    std::fs::write(&cut, &content[..24 + 2 * (16 + 62) + 20]).unwrap();
    let report = ward.report(&[&cut, &whole], &["--adopt", "0"], 1);
    let file = &report["files"][0];
    assert_eq!(
        (
            &file["frames"],
            &file["error"]["frame"],
            &file["error"]["byte"]
        ),
        (&2.into(), &3.into(), &180.into())
    );
    assert_eq!(
        report["files"][1]["error"],
        Value::Null,
        "the other file is judged too"
    );
    assert_eq!(report["frames"]["judged"], 8);
    let (code, printed, complained) = ward.run(&[&cut], &[]);
    assert_eq!(code, Some(1));
    assert!(printed.contains("2 of 2 frames"), "{printed}");
    for words in [
        "cut.pcap, frame 3, at byte 180:",
        "the file ends",
        "2 frames before are in the report",
    ] {
        assert!(complained.contains(words), "no {words:?} in {complained}");
    }
}

#[test]
fn an_empty_file_and_one_that_is_missing_are_errors() {
    let ward = Ward::new(POLICY);
    let empty = ward.path("empty.pcap");
    std::fs::write(&empty, b"").unwrap();
    let report = ward.report(&[&empty, &ward.path("missing.pcap")], &[], 1);
    let message = |file: usize| report["files"][file]["error"]["message"].as_str().unwrap();
    assert!(message(0).contains("is empty") && message(1).contains("cannot be opened"));
    // A capture without frames is one.
    let none = ward.pcap("none.pcap", &[]);
    let (code, _, complained) = ward.run(&[&none], &[]);
    assert_eq!(code, Some(0));
    assert!(
        complained.contains("there is no frame in it"),
        "{complained}"
    );
}

#[test]
fn frames_cut_short_in_the_capture_are_judged_as_they_are_and_counted() {
    let ward = Ward::new(POLICY);
    let mut writer = PcapWriter::new(Vec::new()).unwrap();
    let syn = tcp(pump(40_000), engine(2575), "S");
    let packet = PcapPacket::new(after(0), 1514, &syn[..58]).unwrap();
    writer.write_packet(&packet).unwrap();
    let path = ward.path("short.pcap");
    std::fs::write(&path, writer.into_inner()).unwrap();
    let report = ward.report(&[&path], &[], 0);
    assert_eq!(
        (&report["frames"]["cut_short"], &report["frames"]["judged"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn fates_that_must_not_be_have_a_code_of_their_own() {
    let ward = Ward::new(POLICY);
    let capture = ward.pcap("known.pcap", &known());
    ward.report(&[&capture], &["--fail-on", "deny"], 6);
    let session = ward.pcap("session.pcap", &known()[..2]);
    ward.report(&[&session], &["--fail-on", "deny"], 0);
    let audited = Ward::new(&POLICY.replace("version: 1", "version: 1\ndefaults: {mode: audit}"));
    let capture = audited.pcap("known.pcap", &known());
    audited.report(&[&capture], &["--fail-on", "deny"], 0);
    audited.report(&[&capture], &["--fail-on", "audit"], 6);
}

#[test]
fn without_rights_the_kernel_engine_says_what_it_needs() {
    const NOBODY: u32 = 65_534;
    let ward = Ward::new(POLICY);
    let capture = ward.pcap("known.pcap", &known());
    let program = ward.path("enforcerctl");
    std::fs::copy(env!("CARGO_BIN_EXE_enforcerctl"), &program).unwrap();
    let readable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(ward.folder.path(), readable).unwrap();
    let run = |engine: &str| {
        let mut command = Command::new(&program);
        command.arg("simulate").arg(ward.path("ward.yaml"));
        command.args(["--engine", engine, "--pcap"]).arg(&capture);
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(NOBODY);
        }
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    for engine in ["kernel", "both"] {
        let (code, complained) = run(engine);
        assert_eq!(code, Some(1), "{complained}");
        assert!(complained.contains("which needs root"), "{complained}");
    }
    assert_eq!(run("model").0, Some(0));
}

#[test]
fn a_policy_with_errors_judges_nothing() {
    let ward = Ward::new("version: 1\nprofiles: [");
    let capture = ward.pcap("known.pcap", &known());
    let (code, _, complained) = ward.run(&[&capture], &[]);
    assert_eq!(code, Some(3), "{complained}");
}

/// The exit code of `check`, and what it printed and complained.
fn check(ward: &Ward) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_enforcerctl"))
        .arg("check")
        .arg(ward.path("ward.yaml"))
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn check_runs_the_tests_of_a_policy() {
    let tests = "tests:
  - {from: pump-1, to: 10.0.0.100, tcp: 2575, expect: allow, rule: pump/hl7}
  - {from: pump-1, to: 10.0.0.100, tcp: 80, expect: deny, reason: no-rule}
";
    let (code, text) = check(&Ward::new(&format!("{POLICY}{tests}")));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("2 tests pass"), "{text}");
    let failing = format!(
        "{POLICY}{tests}  - {{name: web, from: pump-1, to: 10.0.0.100, tcp: 443, expect: allow}}\n"
    );
    let (code, text) = check(&Ward::new(&failing));
    assert_eq!(code, Some(3), "{text}");
    let words = "ward.yaml:12:5: error: tests[2]: the test \"web\" fails: expected allow, found deny (no-rule) for pump-1";
    assert!(text.contains(words), "{text}");
}
