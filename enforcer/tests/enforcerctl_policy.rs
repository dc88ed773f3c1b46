//! What the client says of a policy by itself: lint, explanations with their lines,
//! and the schema for editors. As its users meet it: the built program.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

const POLICY: &str = "version: 1
peers: {engine: 10.0.0.100}
profiles:
  pump:
    allow:
      - {name: hl7, to: engine, tcp: 2575}
      - {name: again, to: 10.0.0.100, tcp: 2575}
devices:
  - {name: pump-1, mac: 02:00:00:00:00:01, vlan: 10, ip: 10.1.0.1, profile: pump}
";

/// A folder with a policy in it.
fn folder(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ward.yaml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

/// Exit code, output and complaints.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_enforcerctl"))
        .args(arguments)
        .env_remove("ENFORCER_SOCKET")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn check_warns_and_strictly_refuses() {
    let (_folder, path) = folder(POLICY);
    let path = path.to_str().unwrap();
    let line = format!(
        "{path}:7:9: warning: profiles.pump.allow[1]: rule \"again\" allows the same as rule \"hl7\" at {path}:6 [duplicate]"
    );
    let (code, printed, _) = run(&["check", path]);
    assert_eq!(code, 0, "{printed}");
    assert!(
        printed.contains(&line) && printed.contains("valid: "),
        "{printed}"
    );
    let (code, printed, complained) = run(&["check", "--strict", path]);
    assert_eq!((code, printed.as_str()), (3, ""), "{complained}");
    assert!(
        complained.contains(&line) && complained.contains("error: the policy has 1 warning\n"),
        "{complained}"
    );
    let (code, printed, _) = run(&["check", "-o", "json", path]);
    let checked: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(code, 0);
    assert_eq!(checked["warnings"]["items"][0]["code"], "duplicate");
}

#[test]
fn a_strict_check_is_silent_about_a_clean_policy() {
    let again = POLICY.lines().find(|line| line.contains("again")).unwrap();
    let (_folder, path) = folder(&POLICY.replace(&format!("{again}\n"), ""));
    let (code, printed, complained) = run(&["check", "--strict", path.to_str().unwrap()]);
    assert_eq!((code, complained.as_str()), (0, ""), "{printed}");
}

#[test]
fn explain_names_lines_and_what_would_have_to_change() {
    let (_folder, path) = folder(POLICY);
    let path = path.to_str().unwrap();
    let ask = |port| {
        let ends = ["--from", "pump-1", "--to", "10.0.0.100", "--tcp", port];
        run(&[&["explain", "--policy", path], &ends[..]].concat())
    };
    let (code, printed, _) = ask("2575");
    assert_eq!(code, 0);
    assert!(
        printed.contains(&format!("allow (rule) by pump/hl7 ({path}:6): "))
            && printed.contains(&format!(
                "To deny it:\n  - remove or narrow pump/hl7 ({path}:6) and pump/again ({path}:7)\n"
            )),
        "{printed}"
    );
    let (code, printed, _) = ask("443");
    assert_eq!(code, 0);
    assert!(
        printed.contains(&format!(
            "To allow it:\n  - add to profile pump ({path}:4): `- {{to: 10.0.0.100, tcp: 443}}`\n"
        )),
        "{printed}"
    );
}

#[test]
fn explain_takes_circumstances() {
    let (_folder, path) = folder(POLICY);
    let path = path.to_str().unwrap();
    let ask = |given: &[&str]| {
        let ends = ["--from", "pump-1", "--to", "10.0.0.100", "--tcp", "2575"];
        let asked = ["explain", "-o", "json", "--policy", path];
        let (code, printed, complained) = run(&[&asked, &ends[..], given].concat());
        let answer: Value = serde_json::from_str(&printed).unwrap_or_default();
        (code, answer["reason"].clone(), complained)
    };
    let (code, reason, _) = ask(&["--address", "10.1.0.9"]);
    assert_eq!((code, reason), (0, "spoofed-source".into()));
    let (code, reason, _) = ask(&["--vlan", "20", "--port", "eth3"]);
    assert_eq!((code, reason), (0, "unknown-device".into()));
    let (code, _, complained) = ask(&["--at", "tomorrow"]);
    assert!(
        code == 2 && complained.contains("2027-03-01T22:00:00+01:00"),
        "{complained}"
    );
}

#[test]
fn schema_prints_a_schema() {
    let (code, printed, complained) = run(&["schema"]);
    assert_eq!((code, complained.as_str()), (0, ""));
    let schema: Value = serde_json::from_str(&printed).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let policy: Value = serde_yaml::from_str(POLICY).unwrap();
    assert!(validator.is_valid(&policy));
}
