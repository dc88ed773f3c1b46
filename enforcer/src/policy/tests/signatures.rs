//! Signatures as policies write them.

use super::super::model::Service;
use super::super::signature::{
    Action, Begin, Part, Quarantine, Sender, Severity, Signature, TcpFlags, What,
};
use super::*;

mod hit;
mod hostile;
mod parts;
mod refused;
mod shape;
mod told;

/// A policy whose signatures stand from line 4 on.
fn with(signatures: &str) -> String {
    format!("version: 1\nprofiles: {{pump: {{}}, monitor: {{}}}}\nsignatures:\n{signatures}")
}

/// The only one, from its settings.
fn signature(settings: &str) -> Signature {
    let (model, _) = model(&with(&format!("  - {{{settings}}}\n")));
    model.signatures[0].clone()
}

/// What is said of the only one, behind its place.
#[track_caller]
fn refused(settings: &str, expected: &str) {
    let told = errors(&with(&format!("  - {{{settings}}}\n")));
    let [line] = told.as_slice() else {
        panic!("{told:#?}")
    };
    assert!(line.starts_with("p.yaml:4:"), "{line}");
    let (_, message) = line.split_once(" error: signatures[0]").unwrap();
    assert_eq!(message, expected);
}

fn bytes(bytes: &[u8]) -> What {
    What::Bytes {
        bytes: bytes.to_vec(),
        nocase: false,
    }
}

fn part(what: What, relative: bool, first: i32, last: Option<i32>) -> Part {
    Part {
        what,
        relative,
        first,
        last,
    }
}

#[test]
fn what_is_left_out_has_a_default() {
    let expected = Signature {
        name: "s".to_owned(),
        id: 1,
        message: String::new(),
        references: Vec::new(),
        severity: Severity::Medium,
        action: Action::Drop,
        sender: Sender::Client,
        begin: Begin::default(),
        threshold: None,
        tcp_flags: TcpFlags::default(),
        quarantine: None,
        tags: Vec::new(),
        absent: Vec::new(),
        length: None,
        ends: false,
        services: vec![Service::Tcp(80, 80)],
        profiles: Vec::new(),
        parts: vec![part(bytes(b"abc"), false, 0, None)],
    };
    assert_eq!(signature("name: s, tcp: 80, find: [{text: abc}]"), expected);
}

#[test]
fn every_key_is_read() {
    let full = signature(
        "name: cve-2017-0144, id: 7001, message: 'Echo, too long', references: [CVE-2017-0144, 'https://x.example'], \
         severity: critical, action: cut, quarantine: 2h5m, from: either, begin: turn, tcp: [139, 445, 8000-8010], udp: any, \
         profiles: [monitor, pump, monitor], find: [{text: abc}]",
    );
    let services = vec![
        Service::Tcp(139, 139),
        Service::Tcp(445, 445),
        Service::Tcp(8000, 8010),
        Service::Udp(0, u16::MAX),
    ];
    let parts = vec![part(bytes(b"abc"), false, 0, None)];
    let expected = Signature {
        message: "Echo, too long".to_owned(),
        references: vec!["CVE-2017-0144".to_owned(), "https://x.example".to_owned()],
        severity: Severity::Critical,
        action: Action::Cut,
        sender: Sender::Either,
        begin: Begin::Turn,
        quarantine: Some(Quarantine::Seconds(7_500)),
        profiles: vec![0, 1],
        ..Signature::of("cve-2017-0144", 7001, services, parts)
    };
    assert_eq!(full, expected);
    let rest = "name: s, tcp: 80, find: [{text: abc}]";
    for (word, severity) in [
        ("info", Severity::Info),
        ("low", Severity::Low),
        ("medium", Severity::Medium),
        ("high", Severity::High),
    ] {
        let read = signature(&format!("{rest}, severity: {word}"));
        assert_eq!(read.severity, severity);
    }
    for (word, action) in [("alert", Action::Alert), ("drop", Action::Drop)] {
        assert_eq!(signature(&format!("{rest}, action: {word}")).action, action);
    }
    for (word, sender) in [("client", Sender::Client), ("server", Sender::Server)] {
        assert_eq!(signature(&format!("{rest}, from: {word}")).sender, sender);
    }
    let one = signature(&format!("{rest}, references: one, profiles: pump"));
    assert_eq!((one.references.len(), one.profiles), (1, vec![0]));
}

#[test]
fn names_and_numbers_are_unique() {
    expect(
        &with(
            "  - {name: a, tcp: 80, find: [{text: abc}]}\n  \
             - {name: a, tcp: 80, find: [{text: abc}]}\n  \
             - {name: b, id: 2, tcp: 80, find: [{text: abc}]}\n  \
             - {name: c, id: 7, tcp: 80, find: [{text: abc}]}\n  \
             - {name: d, id: 7, tcp: 80, find: [{text: abc}]}\n",
        ),
        &[
            "p.yaml:5:12: error: signatures[1].name: another signature is named \"a\" at p.yaml:4",
            "p.yaml:6:19: error: signatures[2].id: another signature has the number 2 at p.yaml:5",
            "p.yaml:8:19: error: signatures[4].id: another signature has the number 7 at p.yaml:7",
        ],
    );
}

#[test]
fn signatures_of_all_files_are_one_list() {
    let main = with("  - {name: a, tcp: 80, find: [{text: abc}]}\n");
    let more = "signatures:\n  - {name: b, udp: 53, profiles: monitor, find: [{text: abc}]}\n";
    let (model, warnings) = parse(&with_devices(&main, "s.yaml", more)).unwrap();
    assert!(
        warnings
            .iter()
            .all(|line| !line.to_string().contains("signature"))
    );
    let of = |signature: &Signature| {
        (
            signature.name.clone(),
            signature.id,
            signature.profiles.clone(),
        )
    };
    let listed: Vec<_> = model.signatures.iter().map(of).collect();
    assert_eq!(
        listed,
        [("a".to_owned(), 1, vec![]), ("b".to_owned(), 2, vec![1])]
    );
    let again = "signatures:\n  - {name: a, id: 1, udp: 53, profiles: montior, find: [{text: abc}]}\n  - {name: a, id: 1, udp: 53, find: [{text: abc}]}\n";
    assert_eq!(
        failures(&with_devices(&main, "s.yaml", again)),
        [
            "s.yaml:2:41: error: signatures[0].profiles: no profile \"montior\"; did you mean \"monitor\"?",
            "s.yaml:3:12: error: signatures[1].name: another signature is named \"a\" at p.yaml:4",
            "s.yaml:3:19: error: signatures[1].id: another signature has the number 1 at p.yaml:4",
        ]
    );
    assert_eq!(
        failures(&with_devices(HEAD, "s.yaml", "signatures: {a: b}\n")),
        ["s.yaml:1:13: error: signatures: expected a list, found a mapping"]
    );
    expect(
        "version: 1\nsignatures: [7]\n",
        &["p.yaml:2:14: error: signatures[0]: expected a mapping, found 7"],
    );
}

#[test]
fn tags_are_those_of_devices() {
    let text = |tags: &str| {
        format!(
            "version: 1
profiles: {{pump: {{}}}}
signatures:
  - {{name: s, tcp: 80, find: [{{text: abc}}], tags: {tags}}}
devices:
  - {{name: a, mac: 02:00:00:00:00:01, profile: pump, tags: [icu, old]}}
"
        )
    };
    assert_eq!(
        model(&text("[old, icu, old]")).0.signatures[0].tags,
        ["icu", "old"]
    );
    assert_eq!(
        errors(&text("[icu, odl]")),
        [
            "p.yaml:4:57: error: signatures[0].tags[1]: no device has the tag \"odl\"; did you mean \"old\"?"
        ]
    );
}
