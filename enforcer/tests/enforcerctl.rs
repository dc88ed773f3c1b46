//! The client as its users meet it: the built program, its output and exit codes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const POLICY: &str = "version: 1
peers: {engine: 10.0.0.100}
profiles:
  pump:
    allow:
      - {name: hl7, to: engine, tcp: 2575}
devices:
  - {name: pump-1, mac: 02:00:00:00:00:01, vlan: 10, ip: 10.1.0.1, profile: pump}
";

/// A folder with the policy in it.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ward.yaml");
    std::fs::write(&path, POLICY).unwrap();
    (folder, path)
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enforcerctl"));
    command
        .args(arguments)
        .env_remove("NO_COLOR")
        .env_remove("ENFORCER_SOCKET")
        .stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// Asserts the exit code, and hands back what was printed and complained.
#[track_caller]
fn expect(arguments: &[&str], code: i32) -> (String, String) {
    let output = run(arguments);
    let texts = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{texts:?}");
    texts
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn named(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn check_accepts_a_right_policy() {
    let (_folder, path) = folder();
    let (printed, complained) = expect(&["check", named(&path)], 0);
    assert!(
        printed.starts_with("valid: ") && printed.contains("1 device, 1 profile, 1 rule;"),
        "{printed}"
    );
    assert_eq!(complained, "", "hints are for terminals");
    let (printed, _) = expect(&["check", named(&path), "-o", "json"], 0);
    assert_eq!(json(&printed)["devices"], 1);
}

#[test]
fn check_tells_every_error_with_its_place() {
    let (_folder, path) = folder();
    std::fs::write(
        &path,
        POLICY
            .replace("profile: pump}", "profile: pmup}")
            .replace("2575", "99999"),
    )
    .unwrap();
    let (printed, complained) = expect(&["check", named(&path)], 3);
    assert_eq!(printed, "");
    for part in [
        "ward.yaml:6:",
        "ward.yaml:8:",
        "did you mean \"pump\"?",
        "error: the policy has 2 errors",
    ] {
        assert!(complained.contains(part), "{part} in {complained}");
    }
    let (printed, complained) = expect(&["-o", "json", "check", named(&path)], 3);
    assert_eq!(json(&printed)["diagnostics"]["errors"], 2);
    assert_eq!(complained, "");
}

#[test]
fn check_of_no_file_is_an_error_of_the_policy() {
    let (_, complained) = expect(&["check", "/nonexistent/ward.yaml"], 3);
    assert!(complained.contains("there is no such file"), "{complained}");
}

#[test]
fn explain_judges_by_a_file() {
    let (_folder, path) = folder();
    let ask = |more: &[&str]| {
        let common = [
            "explain",
            "--policy",
            named(&path),
            "--from",
            "pump-1",
            "--to",
            "10.0.0.100",
        ];
        expect(&[&common, more].concat(), 0).0
    };
    let allowed = ask(&["--tcp", "2575"]);
    assert!(
        allowed.contains("\nallow (rule) by pump/hl7 (") && allowed.contains("/ward.yaml:6): "),
        "{allowed}"
    );
    let denied = ask(&["--tcp", "23"]);
    assert!(denied.contains("\ndeny (no-rule): "), "{denied}");
    let answer = json(&ask(&["--tcp", "2575", "-o", "json"]));
    assert_eq!(
        (&answer["fate"], &answer["rule"]),
        (&"allow".into(), &"pump/hl7".into())
    );

    let wrong = [
        "explain",
        "--policy",
        named(&path),
        "--from",
        "pmup-1",
        "--to",
        "10.0.0.100",
        "--tcp",
        "1",
    ];
    let (_, complained) = expect(&wrong, 1);
    assert!(
        complained.contains("did you mean `pump-1`?"),
        "{complained}"
    );
}

#[test]
fn wrong_usage_is_code_2() {
    for wrong in [
        &["explain", "--from", "a", "--to", "b"][..],
        &[
            "explain", "--from", "a", "--to", "b", "--tcp", "1", "--udp", "1",
        ],
        &["explain", "--from", "a", "--to", "b", "--tcp", "65536"],
        &["flows", "--limit", "many"],
        &["frobnicate"],
        &[],
    ] {
        expect(wrong, 2);
    }
}

#[test]
fn an_unreachable_daemon_is_code_4() {
    let (folder, path) = folder();
    let socket = folder.path().join("none.sock");
    let socket = named(&socket);
    for command in [
        &["status"][..],
        &["devices"],
        &["events"],
        &["apply", named(&path)],
        &["diff", named(&path)],
    ] {
        let (printed, complained) = expect(&[&["--socket", socket], command].concat(), 4);
        assert_eq!(printed, "");
        assert!(complained.contains("is enforcerd running?"), "{complained}");
    }
    let (printed, _) = expect(&["--socket", socket, "-o", "json", "status"], 4);
    assert!(
        json(&printed)["error"].as_str().unwrap().contains(socket),
        "{printed}"
    );
    let output = command(&["status"])
        .env("ENFORCER_SOCKET", socket)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
}

/// A daemon that gives one answer to whatever it is asked.
fn with_daemon(status: &str, body: &str, arguments: &[&str], code: i32) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let daemon = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // All small requests of these tests come in one piece.
        let read = stream.read(&mut [0; 65_536]).unwrap();
        assert!(read > 0);
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let texts = expect(&[&["--socket", named(&socket)], arguments].concat(), code);
    daemon.join().unwrap();
    texts
}

#[test]
fn refusals_have_their_codes() {
    let (_folder, path) = folder();
    let apply = ["apply", named(&path), "-o", "json"];
    let body =
        r#"{"error": "it has errors", "diagnostics": {"items": [], "errors": 1, "warnings": 0}}"#;
    let (printed, _) = with_daemon("422 No", body, &apply, 3);
    assert_eq!(json(&printed)["error"], "it has errors");
    with_daemon("422 No", r#"{"error": "it does not fit"}"#, &apply, 1);
    with_daemon("403 No", r#"{"error": "only root may"}"#, &apply, 5);
    let (_, complained) = with_daemon("200 OK", "<html>", &["status"], 1);
    assert!(
        complained.contains("not one of enforcerd's"),
        "{complained}"
    );
}

#[test]
fn answers_are_tables_or_what_the_daemon_said() {
    let devices = r#"[{"name": "pump-1", "mac": "02:00:00:00:00:01", "vlan": "10", "addresses": ["10.1.0.1"], "profile": "pump", "mode": "enforce"}]"#;
    let (printed, _) = with_daemon("200 OK", devices, &["devices"], 0);
    assert!(
        printed.contains("NAME") && printed.contains("pump-1") && !printed.contains('\x1b'),
        "{printed}"
    );
    let (printed, _) = with_daemon("200 OK", devices, &["devices", "-o", "json"], 0);
    assert_eq!(json(&printed), json(devices));
    let (printed, _) = with_daemon("200 OK", devices, &["devices", "--color", "always"], 0);
    assert!(printed.contains("\x1b["), "{printed:?}");
    let applied = r#"{"epoch": 7, "entry": 12, "hash": "ab", "devices": 1, "profiles": 1, "rules": 1, "changes": [{"action": "add", "subject": "peer dns", "after": "10.0.0.53"}], "warnings": {"items": [], "errors": 0, "warnings": 0}, "milliseconds": 3}"#;
    let (_folder, path) = folder();
    let (printed, _) = with_daemon("200 OK", applied, &["apply", named(&path)], 0);
    assert!(
        printed.contains("peer dns") && printed.contains("epoch 7 is in force after 3 ms"),
        "{printed}"
    );
    let (printed, _) = with_daemon("200 OK", applied, &["apply", named(&path), "-o", "json"], 0);
    assert_eq!(json(&printed), json(applied));
}

#[test]
fn events_are_one_a_line() {
    let event = r#"{"time":"2026-03-01T12:34:56.789012Z","port":"p0","fate":"deny","reason":"no-rule","device":"pump-1","profile":"pump","vlan":"10","source_mac":"02:00:00:00:00:01","destination_mac":"02:00:00:00:00:02","ethertype":"0x0800","source":"10.1.0.1","destination":"10.0.0.9","protocol":"tcp","source_port":40000,"destination_port":23,"icmp_type":null,"length":60}"#;
    let body = format!("{event}\n{event}\n");
    let (printed, _) = with_daemon("200 OK", &body, &["events", "-o", "json"], 0);
    assert_eq!(printed.lines().count(), 2);
    assert_eq!(json(printed.lines().next().unwrap()), json(event));
    let (printed, _) = with_daemon("200 OK", &body, &["events"], 0);
    assert!(
        printed.contains("12:34:56.789Z deny  no-rule")
            && printed.contains("10.1.0.1:40000 -> 10.0.0.9:23"),
        "{printed}"
    );
}

#[test]
fn help_teaches_and_lists_the_exit_codes() {
    let (printed, _) = expect(&["--help"], 0);
    for part in [
        "Exit codes:",
        "4  the daemon cannot be reached",
        "enforcerctl check ward.yaml",
    ] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    assert!(expect(&["explain", "--help"], 0).0.contains("--icmp 8"));
    assert!(expect(&["--version"], 0).0.starts_with("enforcerctl "));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(expect(&["completions", shell], 0).0.contains("enforcerctl"));
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut child = command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(0), String::new())
    );
}

#[test]
fn top_needs_a_terminal() {
    let (_, complained) = expect(&["top"], 1);
    assert!(complained.contains("needs a terminal"), "{complained}");
    expect(&["top", "-o", "json"], 1);
}
