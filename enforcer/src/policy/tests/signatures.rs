//! Signatures as policies write them.

use super::super::describe;
use super::super::model::Service;
use super::super::signature::{
    Absent, Action, Begin, Part, Per, Quarantine, Sender, Severity, Signature, TcpFlags, Threshold,
    What,
};
use super::*;

mod hostile;
mod parts;

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
    let expected = Signature {
        name: "cve-2017-0144".to_owned(),
        id: 7001,
        message: "Echo, too long".to_owned(),
        references: vec!["CVE-2017-0144".to_owned(), "https://x.example".to_owned()],
        severity: Severity::Critical,
        action: Action::Cut,
        sender: Sender::Either,
        begin: Begin::Turn,
        threshold: None,
        tcp_flags: TcpFlags::default(),
        quarantine: Some(Quarantine::Seconds(7_500)),
        tags: Vec::new(),
        absent: Vec::new(),
        length: None,
        ends: false,
        services: vec![
            Service::Tcp(139, 139),
            Service::Tcp(445, 445),
            Service::Tcp(8000, 8010),
            Service::Udp(0, u16::MAX),
        ],
        profiles: vec![0, 1],
        parts: vec![part(bytes(b"abc"), false, 0, None)],
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
fn signatures_are_refused_in_their_places() {
    let find = "find: [{text: abc}]";
    refused(
        &format!("name: s, {find}"),
        ": no service; name its ports by `tcp` or `udp`, or write any there",
    );
    refused("name: s, tcp: 80", ".find: missing");
    refused("name: s, tcp: 80, find: []", ".find: the list is empty");
    refused(
        "name: s, tcp: 80, find: abc",
        ".find: expected a list, found \"abc\"",
    );
    refused(&format!("tcp: 80, {find}"), ".name: missing");
    refused(
        &format!("name: Bad Name, tcp: 80, {find}"),
        ".name: \"Bad Name\" is no name for a signature: 1 to 64 of a-z, 0-9, dot, hyphen and underscore, a letter or digit first; did you mean \"bad-name\"?",
    );
    refused(
        &format!("name: any, tcp: 80, {find}"),
        ".name: \"any\" has a meaning of its own and cannot name a signature",
    );
    refused(
        &format!("name: s, id: 0, tcp: 80, {find}"),
        ".id: numbers of signatures begin at 1",
    );
    refused(
        &format!("name: s, id: 4294967296, tcp: 80, {find}"),
        ".id: expected a whole number from 0 to 4294967295, found 4294967296",
    );
    refused(
        &format!("name: s, severity: hgih, tcp: 80, {find}"),
        ".severity: expected info or low or medium or high or critical, found \"hgih\"; did you mean \"high\"?",
    );
    refused(
        &format!("name: s, action: reject, tcp: 80, {find}"),
        ".action: expected alert or drop or cut, found \"reject\"",
    );
    refused(
        &format!("name: s, from: clients, tcp: 80, {find}"),
        ".from: expected client or server or either, found \"clients\"; did you mean \"client\"?",
    );
    refused(
        &format!("name: s, tcp: 70000, {find}"),
        ".tcp: expected a port from 0 to 65535, a range such as 8000-8010, or any, found \"70000\"",
    );
    refused(
        &format!("name: s, udp: [53, 9-8], {find}"),
        ".udp[1]: the range 9-8 ends before it begins; did you mean \"8-9\"?",
    );
    refused(
        &format!("name: s, tcp: 80, profiles: [], {find}"),
        ".profiles: the list is empty; leave the key out for all profiles",
    );
    refused(
        &format!("name: s, tcp: 80, profiles: [pump, montior], {find}"),
        ".profiles[1]: no profile \"montior\"; did you mean \"monitor\"?",
    );
    refused(
        &format!("name: s, tcp: 80, profiles: 7, {find}"),
        ".profiles: expected the name of a profile, found 7",
    );
    refused(
        &format!("name: s, tcp: 80, message: [], {find}"),
        ".message: expected text, found a list",
    );
    refused(
        &format!("name: s, tcp: 80, references: [true], {find}"),
        ".references[0]: YAML reads this as true or false, where text is expected; put it in quotes",
    );
    refused(
        &format!("name: s, tcp: 80, messages: x, {find}"),
        ".messages: no such key; did you mean \"message\"?",
    );
}

#[test]
fn an_empty_list_of_ports_is_refused() {
    let find = "find: [{text: abc}]";
    for key in ["tcp", "udp"] {
        refused(
            &format!("name: s, {key}: [], {find}"),
            &format!(".{key}: the list is empty; leave the key out or write any"),
        );
    }
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
fn signatures_are_described() {
    let shown = |settings: &str| {
        let (model, _) = model(&with(&format!("  - {{{settings}}}\n")));
        describe::signature(&model, &model.signatures[0])
    };
    assert_eq!(
        shown("name: s, tcp: 80, find: [{text: abc}]"),
        "medium drop from client by tcp 80: \"abc\""
    );
    assert_eq!(
        shown(
            "name: s, tcp: [80, 8000-8010], udp: any, severity: high, action: cut, from: either, profiles: [pump, monitor], \
             find: [{bytes: '00 ff', at: 0-9}, {text: 'x\"', nocase: true, after: 3}, {u16: '> 0x10', mask: 0xff, endian: little}, {u8: '& 1', after: 0}]"
        ),
        "high cut from either by tcp 80, tcp 8000-8010, udp any: @0-9 [00 ff] +3 \"x\\\"\" nocase u16le&0xff>0x10 +0 u8&0x1, for pump, monitor"
    );
}

#[test]
fn changes_of_signatures_are_told() {
    let before = with(
        "  - {name: gone, tcp: 80, find: [{text: abc}]}\n  \
         - {name: kept, tcp: 80, find: [{text: abc}]}\n  \
         - {name: other, tcp: 80, find: [{text: abc}]}\n",
    );
    let after = with(
        "  - {name: other, tcp: 81, action: alert, find: [{text: abc}]}\n  \
         - {name: kept, tcp: 80, find: [{text: abc}]}\n  \
         - {name: new, udp: 53, find: [{text: abc, at: 0}]}\n",
    );
    let (before, after) = (model(&before).0, model(&after).0);
    let changes = super::super::diff::diff(Some(&before), &after);
    let lines: Vec<_> = changes
        .iter()
        .map(|change| {
            let (action, subject) = (change.action, &change.subject);
            format!(
                "{action:?} {subject}: {} -> {}",
                change.before, change.after
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "Remove signature gone: medium drop from client by tcp 80: \"abc\" -> ",
            "Add signature new:  -> medium drop from client by udp 53: @0 \"abc\"",
            "Change signature other: medium drop from client by tcp 80: \"abc\" -> medium alert from client by tcp 81: \"abc\"",
        ]
    );
}

#[test]
fn what_a_signature_tells_people_is_a_part_of_it() {
    let of = |rest: &str| {
        let settings = format!("  - {{name: s, tcp: 80, find: [{{text: abc}}]{rest}}}\n");
        model(&with(&settings)).0
    };
    let told = ", message: Told, references: [CVE-1, CVE-2]";
    let changes = super::super::diff::diff(Some(&of("")), &of(told));
    let after: Vec<_> = changes.iter().map(|change| change.after.as_str()).collect();
    assert_eq!(
        after,
        ["medium drop from client by tcp 80: \"abc\"; references CVE-1, CVE-2; \"Told\""]
    );
}

#[test]
fn what_must_not_be_there_stands_behind_what_is() {
    let found = signature(
        "name: s, udp: 80, length: 8.., ends: true, find: [{text: abc, at: 3}, {not: true, text: X, nocase: true, after: 0..9}, \
         {not: false, text: d}, {not: true, bytes: '0a 0d', after: 4}]",
    );
    assert_eq!((found.length, found.ends), (Some((8, u16::MAX)), true));
    assert_eq!(found.parts.len(), 2);
    let absent = |bytes: &[u8], nocase, behind, first, last| Absent {
        bytes: bytes.to_vec(),
        nocase,
        behind,
        first,
        last,
    };
    let expected = [absent(b"X", true, 0, 0, 9), absent(b"\n\r", false, 1, 4, 4)];
    assert_eq!(found.absent, expected);
    assert_eq!(
        describe::parts(&found),
        "@3 \"abc\" +0-9 not \"X\" nocase \"d\" +4 not [0a 0d] end of 8..65535 bytes"
    );
    let rest = "name: s, udp: 80";
    let refuse = |find: &str, message: &str| refused(&format!("{rest}, find: [{find}]"), message);
    refuse(
        "{text: a}, {not: true, text: b}",
        ".find[1]: what must not be there needs a range that ends; such as `after: 0..100`",
    );
    refuse(
        "{not: true, text: b, after: 0..4}, {text: a}",
        ".find[0]: what must not be there stands behind a part that is",
    );
    refuse(
        "{text: a}, {not: true, u8: 3, after: 0}",
        ".find[1]: only text and bytes must not be there; compare the number the other way",
    );
    refuse(
        "{text: a}, {not: true, text: b, after: 0..300}",
        ".find: it reaches over 302 bytes at least; 256 are possible",
    );
    refused(
        "name: s, tcp: 80, ends: true, find: [{text: a}]",
        ".ends: only datagrams, of `udp` alone, have a length and an end, and segments, with `begin: segment`",
    );
    refused(
        "name: s, udp: 80, length: 0, find: [{text: a}]",
        ".length: a datagram has 1 to 65535 bytes",
    );
}

#[test]
fn a_segment_has_a_length_an_end_and_flags() {
    let found = signature(
        "name: s, tcp: 80, begin: segment, length: 4..9, ends: true, tcp_flags: {set: [psh, ack], clear: fin, any: [ece, cwr]}, find: [{text: abc}]",
    );
    assert_eq!(found.begin, Begin::Segment);
    let flags = TcpFlags {
        set: 0x18,
        clear: 0x01,
        any: 0xc0,
    };
    assert_eq!(found.tcp_flags, flags);
    assert_eq!(
        describe::parts(&found),
        "\"abc\" end of 4..9 bytes flags set psh+ack flags clear fin flags any ece+cwr"
    );
    let rest = "name: s, begin: segment, find: [{text: abc}]";
    let refuse = |settings: &str, message: &str| refused(&format!("{rest}, {settings}"), message);
    let alone = ".tcp_flags: only segments, of `tcp` alone, have flags; write `begin: segment`";
    refuse("tcp: 80, udp: 80, tcp_flags: {set: ack}", alone);
    refuse(
        "tcp: 80, tcp_flags: {set: ack, clear: ack}",
        ".tcp_flags: a flag cannot be set and clear",
    );
    refuse(
        "tcp: 80, tcp_flags: {}",
        ".tcp_flags: no flag is named; such as `set: [psh, ack]`",
    );
    refuse(
        "tcp: 80, tcp_flags: {set: psk}",
        ".tcp_flags.set: expected fin or syn or rst or psh or ack or urg or ece or cwr, found \"psk\"; did you mean \"psh\"?",
    );
    refused(
        "name: s, tcp: 80, find: [{text: abc}], tcp_flags: {set: ack}",
        alone,
    );
}

#[test]
fn a_threshold_is_of_hits_in_a_time() {
    let found = signature(
        "name: s, tcp: 80, threshold: {hits: 5, within: 2m, per: destination, every: true}, find: [{text: abc}]",
    );
    let expected = Threshold {
        hits: 5,
        seconds: 120,
        per: Per::Destination,
        every: true,
    };
    assert_eq!(found.threshold, Some(expected));
    assert_eq!(
        describe::parts(&found),
        "\"abc\" every 5 hits in 2m per destination"
    );
    let found = signature(
        "name: s, tcp: 80, threshold: {hits: 5, within: 168h, per: source}, find: [{text: abc}]",
    );
    assert_eq!(
        describe::parts(&found),
        "\"abc\" from hit 5 in 7d per source"
    );
    let refuse = |threshold: &str, message: &str| {
        let rest = "name: s, tcp: 80, find: [{text: abc}]";
        refused(&format!("{rest}, threshold: {{{threshold}}}"), message);
    };
    let rest = "within: 1m, per: source";
    refuse(rest, ".threshold.hits: missing");
    refuse("hits: 3, per: source", ".threshold.within: missing");
    refuse("hits: 3, within: 1m", ".threshold.per: missing");
    refuse(
        &format!("hits: 0, {rest}"),
        ".threshold.hits: it acts at the first hit at the earliest",
    );
    refuse(
        "hits: 3, within: 169h, per: source",
        ".threshold.within: 169h is not from 1s to 168h",
    );
    refuse(
        "hits: 3, within: 1m, per: flow",
        ".threshold.per: expected source or destination, found \"flow\"",
    );
}

#[test]
fn a_quarantine_has_an_end_or_waits_for_a_person() {
    let rest = "name: s, tcp: 80, find: [{text: abc}]";
    let quarantine = signature(&format!("{rest}, quarantine: until-released")).quarantine;
    assert_eq!(quarantine, Some(Quarantine::UntilReleased));
    let refuse = |settings: &str, message: &str| refused(&format!("{rest}, {settings}"), message);
    refuse(
        "action: alert, quarantine: 1h",
        ".quarantine: what is only reported cuts nobody off; let its `action` be drop or cut",
    );
    refuse(
        "quarantine: 3",
        ".quarantine: 3 of what? a time has a unit: s, m or h; did you mean \"3s\"?",
    );
    refuse("quarantine: 0s", ".quarantine: 0s is not from 1s to 8784h");
    refuse(
        "begin: packet",
        ".begin: expected connection or turn or segment, found \"packet\"",
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

#[test]
fn runs_of_one_byte_are_warned_of() {
    let warnings = |find: &str| {
        let settings = format!("name: s, tcp: 80, find: [{find}]");
        model(&with(&format!("  - {{{settings}}}\n"))).1
    };
    let about = |warnings: &[String]| {
        warnings
            .iter()
            .filter(|line| line.contains("[weak-pattern]") || line.contains("stream-lost"))
            .count()
    };
    assert_eq!(about(&warnings("{bytes: '00 00 00 00', at: 4}")), 1);
    assert_eq!(about(&warnings("{text: aAaA, nocase: true}")), 1);
    assert_eq!(
        about(&warnings(
            "{bytes: '00 00 00 00'}, {bytes: '01 02', after: 0}"
        )),
        0
    );
    assert_eq!(about(&warnings("{bytes: '00 00 00 01'}")), 0);
}
