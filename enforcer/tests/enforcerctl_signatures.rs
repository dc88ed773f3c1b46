//! `enforcerctl signatures` as its users meet it: the built program, its output and exit
//! codes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

const RULES: &str = r#"# Two of these are loaded.
alert tcp $EXTERNAL_NET any -> $HOME_NET 445 (msg:"SMB: \"ping\""; flow:established,to_server; content:"|ff|SMB"; content:"PC NETWORK"; nocase; distance:-2; within:64; byte_test:2,>,16,0,relative,little; reference:cve,2017-0144; classtype:attempted-admin; sid:2001; rev:2;)
alert http any any -> any any (msg:"web"; content:"GET"; sid:2002;)
alert tcp any any -> any 80 (msg:"pattern"; pcre:"/a+/"; sid:2003;)
#alert udp any any -> any 69 (msg:"off"; content:"|00 02|"; depth:2; sid:2004;)
alert tcp any any -> any 21 (content:"a"; pcre:"/b+/"; sid:2005;)
alert tcp any any -> any 4000 (content:"0123456789012345678901234567890123456789"; content:"b"; distance:0; content:"c"; distance:0; content:"d"; distance:0; content:"e"; distance:0; content:"f"; distance:0; content:"g"; distance:0; content:"h"; distance:0; content:"i"; distance:0; sid:2006;)
reject udp any any -> any !53 (msg:"far"; content:"a"; offset:4; content:"b"; distance:0; sid:2007;)
"#;

const LOADED: &str = r#"signatures:
- name: sid-2001
  id: 2001
  message: 'SMB: "ping"'
  references:
  - CVE-2017-0144
  severity: high
  action: alert
  from: client
  tcp: 445
  find:
  - bytes: ff 53 4d 42
  - text: PC NETWORK
    nocase: true
    after: -2..52
  - u16: '> 16'
    endian: little
    after: 0
- name: sid-2007
  id: 2007
  message: far
  severity: medium
  action: drop
  from: client
  udp:
  - 0-52
  - 54-65535
  find:
  - text: a
    at: 4..
  - text: b
"#;

const TOLD: &str = "ward.rules: 2 of 6 loaded, 1 of them narrowed; 1 disabled
 REFUSED  BY
       2  pcre
       1  parts
       1  protocol http
";

/// A folder with rules in it.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ward.rules");
    std::fs::write(&path, RULES).unwrap();
    (folder, path)
}

/// Exit code, output and complaints of `signatures import` in a folder.
fn import(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    run(folder, &[&["signatures", "import"], arguments].concat())
}

fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_enforcerctl"))
        .args(arguments)
        .current_dir(folder)
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
fn what_is_loaded_is_printed_and_the_rest_is_told() {
    let (folder, _) = folder();
    let (code, printed, told) = import(folder.path(), &["ward.rules"]);
    assert_eq!((code, printed.as_str(), told.as_str()), (0, LOADED, TOLD));
}

#[test]
fn a_policy_includes_what_was_printed() {
    let (folder, _) = folder();
    let folder = folder.path();
    let (_, printed, _) = import(folder, &["ward.rules", "--disabled"]);
    assert!(printed.contains("sid-2004"), "{printed}");
    std::fs::write(folder.join("rules.yaml"), printed).unwrap();
    std::fs::write(
        folder.join("ward.yaml"),
        "version: 1\ninclude: rules.yaml\n",
    )
    .unwrap();
    let (code, printed, told) = run(folder, &["check", "ward.yaml"]);
    assert_eq!(code, 0, "{told}");
    // One of the rules looks for a single letter.
    let (warning, verdict) = printed.split_once('\n').unwrap();
    assert!(warning.ends_with("[weak-pattern]"), "{printed}");
    assert!(verdict.starts_with("valid: ward.yaml"), "{printed}");
}

#[test]
fn the_action_of_all_can_be_chosen() {
    let (folder, _) = folder();
    for action in ["alert", "drop", "cut"] {
        let (code, printed, _) = import(folder.path(), &["ward.rules", "--action", action]);
        assert_eq!(code, 0);
        let line = format!("  action: {action}\n");
        assert_eq!(printed.matches(&line).count(), 2, "{printed}");
    }
    let (code, ..) = import(folder.path(), &["ward.rules", "--action", "pass"]);
    assert_eq!(code, 2);
}

#[test]
fn every_refused_rule_with_its_line() {
    let (folder, _) = folder();
    let (code, printed, told) = import(folder.path(), &["--refused", "ward.rules"]);
    assert_eq!((code, printed.as_str()), (0, LOADED));
    let expected = "\
ward.rules:3: sid 2002: protocol http: only the payload of tcp and udp is looked at
ward.rules:4: sid 2003: pcre: this keyword is not supported
ward.rules:6: sid 2005: pcre: this keyword is not supported
ward.rules:7: sid 2006: parts: 9 parts, each of 40 bytes at most; a signature has 8
";
    assert_eq!(told, format!("{expected}{TOLD}"));
}

#[test]
fn strictly_no_rule_may_be_refused() {
    let (folder, _) = folder();
    let (code, printed, told) = import(folder.path(), &["--strict", "ward.rules"]);
    assert_eq!((code, printed.as_str()), (1, LOADED));
    assert_eq!(told, format!("{TOLD}error: 4 rules were refused\n"));
    let (code, printed, told) = import(folder.path(), &["--strict", "ward.rules", "-o", "json"]);
    assert_eq!((code, told.as_str()), (1, ""));
    serde_json::from_str::<Value>(&printed).unwrap();
    let rule = RULES.lines().nth(1).unwrap();
    std::fs::write(folder.path().join("good.rules"), rule).unwrap();
    let (code, _, told) = import(folder.path(), &["--strict", "good.rules"]);
    assert_eq!((code, told.as_str()), (0, "good.rules: 1 of 1 loaded\n"));
}

#[test]
fn all_of_it_as_json() {
    let (folder, _) = folder();
    let (code, printed, told) = import(folder.path(), &["ward.rules", "-o", "json"]);
    assert_eq!((code, told.as_str()), (0, ""));
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let refused =
        |line, sid, keyword, why| json!({"line": line, "sid": sid, "keyword": keyword, "why": why});
    let pcre = "this keyword is not supported";
    let expected = json!([{
        "file": "ward.rules",
        "loaded": 2,
        "refused": [
            refused(3, 2002, "protocol http", "only the payload of tcp and udp is looked at"),
            refused(4, 2003, "pcre", pcre),
            refused(6, 2005, "pcre", pcre),
            refused(7, 2006, "parts", "9 parts, each of 40 bytes at most; a signature has 8"),
        ],
        "disabled": 1,
        "narrowed": 1,
    }]);
    assert_eq!(printed["files"], expected);
    let counts = json!({"version": 1, "total": 6, "loaded": 2});
    for (key, count) in counts.as_object().unwrap() {
        assert_eq!(printed[key], *count, "{key}");
    }
    let by_keyword = json!({"parts": 1, "pcre": 2, "protocol http": 1});
    assert_eq!(printed["by_keyword"], by_keyword);
    let [_, second] = printed["signatures"].as_array().unwrap().as_slice() else {
        panic!("{printed}");
    };
    let bytes = |byte: u8| json!({"bytes": {"bytes": [byte], "nocase": false}});
    let expected = json!({
        "file": "ward.rules",
        "line": 8,
        "narrowed": true,
        "name": "sid-2007",
        "id": 2007,
        "message": "far",
        "references": [],
        "severity": "medium",
        "absent": [],
        "action": "drop",
        "ends": false,
        "length": null,
        "quarantine": null,
        "sender": "client",
        "tags": [],
        "begin": "connection",
        "tcp_flags": {"set": 0, "clear": 0, "any": 0},
        "threshold": null,
        "services": [{"udp": [0, 52]}, {"udp": [54, 65535]}],
        "profiles": [],
        "parts": [
            {"what": bytes(b'a'), "relative": false, "first": 4, "last": null},
            {"what": bytes(b'b'), "relative": true, "first": 0, "last": null},
        ],
    });
    assert_eq!(*second, expected);
}

#[test]
fn files_of_a_folder_by_name_and_each_sid_once() {
    let (folder, _) = folder();
    let folder = folder.path();
    let rule = |sid| format!("alert tcp any any -> any 1 (content:\"b\"; sid:{sid};)\n");
    std::fs::write(folder.join("a.rules"), rule(2007)).unwrap();
    std::fs::write(folder.join("z.rules"), rule(2001)).unwrap();
    std::fs::write(folder.join("notes.txt"), "no rules").unwrap();
    std::fs::create_dir(folder.join("old.rules")).unwrap();
    let (code, printed, told) = import(folder, &["."]);
    assert_eq!(code, 0);
    let names: Vec<_> = printed
        .lines()
        .filter(|line| line.contains("name:"))
        .collect();
    assert_eq!(names, ["- name: sid-2007", "- name: sid-2001"]);
    let expected = "\
./a.rules: 1 of 1 loaded
./ward.rules: 1 of 6 loaded; 1 disabled
./z.rules: 0 of 1 loaded
in total: 2 of 8 loaded; 1 disabled
 REFUSED  BY
       2  pcre
       2  sid
       1  parts
       1  protocol http
";
    assert_eq!(told, expected);
    let (code, printed, told) = import(folder, &["old.rules"]);
    assert_eq!((code, printed.as_str()), (1, ""));
    assert_eq!(told, "error: no file *.rules in old.rules\n");
}

#[test]
fn what_cannot_be_read() {
    let (folder, _) = folder();
    let folder = folder.path();
    let (code, printed, told) = import(folder, &["ward.rules", "none.rules"]);
    assert_eq!((code, printed.as_str()), (1, ""));
    assert!(
        told.starts_with("error: cannot read none.rules: No such file"),
        "{told}"
    );

    std::fs::write(folder.join("binary.rules"), b"\x7fELF\n\x02\x01\0\0\xff").unwrap();
    let (code, printed, told) = import(folder, &["binary.rules"]);
    assert_eq!((code, printed.as_str()), (1, ""));
    assert_eq!(
        told,
        "error: binary.rules:2: a byte of value 0: this is no file of rules\n"
    );
    let (code, printed, told) = import(folder, &["-o", "json", "binary.rules"]);
    assert_eq!((code, told.as_str()), (1, ""));
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert!(
        printed["error"]
            .as_str()
            .unwrap()
            .starts_with("binary.rules:2: ")
    );

    let (code, ..) = import(folder, &[]);
    assert_eq!(code, 2);
}

#[test]
fn files_without_any_rule_to_load() {
    let (folder, _) = folder();
    let folder = folder.path();
    std::fs::write(folder.join("empty.rules"), "").unwrap();
    let (code, printed, told) = import(folder, &["empty.rules", "--strict"]);
    assert_eq!((code, printed.as_str()), (0, "signatures: []\n"));
    assert_eq!(told, "empty.rules: 0 of 0 loaded\n");

    // A line in another encoding, and one that terminals would obey.
    let bad = b"alert tcp any any -> any 1 (msg:\"\xfc\"; content:\"a\"; sid:7;)\nalert tcp any any -> any 1 (\x1b[2J; sid:8;)\n";
    std::fs::write(folder.join("bad.rules"), bad).unwrap();
    let (code, printed, told) = import(folder, &["bad.rules", "--refused"]);
    assert_eq!((code, printed.as_str()), (1, "signatures: []\n"));
    let expected = "\
bad.rules:1: sid 7: utf-8: it is not text in UTF-8
bad.rules:2: sid 8: \u{fffd}[2J: this keyword is not supported
bad.rules: 0 of 2 loaded
 REFUSED  BY
       1  \u{fffd}[2J
       1  utf-8
error: no rule was loaded
";
    assert_eq!(told, expected);
}
