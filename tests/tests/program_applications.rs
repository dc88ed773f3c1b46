//! What is said over a rule's flows: held to what the rule lists, however it is cut.

use std::sync::atomic::{AtomicU16, Ordering};

use enforcer_common::port::Side;
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::ward::{self, FAMILIES, Family};
use enforcer_tests::program::{Outcome, Rig, Talk};

const DICOM: u16 = 104;
const MODBUS: u16 = 502;
const BACNET: u16 = 47_808;

/// The ward, whose pumps also speak these.
fn policy() -> String {
    let rules = r#"      - {name: store, to: engine, tcp: 104, dicom: {called: [PACS, ARCHIVE 2], calling: PUMP_1}}
      - {name: control, to: engine, tcp: 502, modbus: {functions: [reading, 16]}}
      - {name: building, to: engine, udp: 47808, bacnet: {services: [reading, i-am, register-foreign-device]}}
      - {name: hl7, to: engine, tcp: 2575, hl7: {application: [PUMP, VENT], message: [ORU^R01, ACK]}}
"#;
    ward::POLICY.replacen("      - {name: hl7, to: engine, tcp: 2575}\n", rules, 1)
}

fn rig() -> Rig {
    Rig::new(&policy())
}

fn passes(outcome: &Outcome) {
    assert_eq!(outcome.fate, Fate::Allow, "{outcome:?}");
}

fn denied(outcome: &Outcome, reason: Reason) {
    assert_eq!(
        (outcome.fate, outcome.reason),
        (Fate::Deny, reason),
        "{outcome:?}"
    );
}

/// The request for an association, with one presentation context (PS3.8, 9.3.2).
fn associate(called: &str, calling: &str) -> Vec<u8> {
    let context = b"\x10\x00\x00\x151.2.840.10008.3.1.1.1";
    let mut variable = vec![0, 1, 0, 0];
    variable.extend(format!("{called:<16}{calling:<16}").bytes());
    variable.extend([0; 32]);
    variable.extend(context);
    let mut pdu = vec![1, 0];
    pdu.extend((variable.len() as u32).to_be_bytes());
    pdu.extend(variable);
    pdu
}

fn modbus(function: u8, data: &[u8]) -> Vec<u8> {
    let mut request = vec![0, 1, 0, 0];
    request.extend((data.len() as u16 + 2).to_be_bytes());
    request.extend([17, function]);
    request.extend(data);
    request
}

fn hl7(application: &str, kind: &str, body: &str) -> Vec<u8> {
    let header =
        format!("MSH|^~\\&|{application}|ICU^2^L|ENGINE|HOSPITAL|20261124||{kind}|7|P|2.5.1");
    format!("\x0b{header}\r{body}\r\x1c\r").into_bytes()
}

/// Sends a text in two segments, cut at every place: the last segment that the text's
/// first `decided` bytes reach into must bring the verdict.
fn cut_everywhere(
    rig: &mut Rig,
    service: u16,
    text: &[u8],
    decided: usize,
    verdict: Option<Reason>,
) {
    // A port whose connection has not ended begins none.
    static NEXT: AtomicU16 = AtomicU16::new(10_000);
    for cut in 1..text.len() {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut talk = Talk::open_to(rig, ward::BOUND, Family::V4, port, service);
        let first = talk.client_goes_on(rig, &text[..cut]);
        let Some(reason) = verdict else {
            passes(&first);
            passes(&talk.client_goes_on(rig, &text[cut..]));
            continue;
        };
        if cut >= decided {
            denied(&first, reason);
        } else {
            passes(&first);
            denied(&talk.client_goes_on(rig, &text[cut..]), reason);
        }
    }
}

/// Sends a text byte by byte, up to the first that does not pass.
fn byte_by_byte(rig: &mut Rig, talk: &mut Talk, text: &[u8]) -> Option<(usize, Outcome)> {
    for (place, byte) in text.iter().enumerate() {
        let outcome = talk.client_goes_on(rig, &[*byte]);
        if outcome.fate != Fate::Allow {
            return Some((place, outcome));
        }
    }
    None
}

#[test]
fn associations_by_the_titles_that_are_listed() {
    let mut rig = rig();
    for (number, family) in FAMILIES.into_iter().enumerate() {
        let cases = [
            ("PACS", "PUMP_1", true),
            ("ARCHIVE 2", "PUMP_1", true),
            ("  PACS", "  PUMP_1  ", true),
            ("PACS\0\0\0", "PUMP_1", true),
            ("PACS", "PUMP_2", false),
            ("PACS", "PUMP_1X", false),
            ("PACS", "PUMP_", false),
            ("PACS", "pump_1", false),
            ("PAC", "PUMP_1", false),
            ("ARCHIVE  2", "PUMP_1", false),
            ("", "PUMP_1", false),
        ];
        for (case, (called, calling, listed)) in cases.into_iter().enumerate() {
            let port = 5000 + (number * 100 + case) as u16;
            let mut talk = Talk::open_to(&mut rig, ward::TAGGED, family, port, DICOM);
            let outcome = talk.client_goes_on(&mut rig, &associate(called, calling));
            if listed {
                passes(&outcome);
                passes(&talk.server_goes_on(&mut rig, b"\x02\x00\x00\x00\x00\x04abcd"));
                passes(&talk.client_goes_on(&mut rig, b"\x04\x00whatever comes in its data"));
            } else {
                denied(&outcome, Reason::ApplicationDenied);
            }
        }
    }
    cut_everywhere(
        &mut rig,
        DICOM,
        &associate("PACS", "PUMP_2"),
        42,
        Some(Reason::ApplicationDenied),
    );
    cut_everywhere(&mut rig, DICOM, &associate("PACS", "PUMP_1"), 42, None);
    cut_everywhere(
        &mut rig,
        DICOM,
        b"GET / HTTP/1.1\r\n",
        1,
        Some(Reason::WrongProtocol),
    );
    let mut talk = Talk::open_to(&mut rig, ward::BOUND, Family::V4, 6000, DICOM);
    let (place, outcome) = byte_by_byte(&mut rig, &mut talk, &associate("PACS", "PUMP_2")).unwrap();
    assert_eq!((place, outcome.reason), (41, Reason::ApplicationDenied));
}

#[test]
fn functions_of_every_request_in_a_segment() {
    let mut rig = rig();
    let reads = modbus(3, &[0, 0, 0, 10]);
    let writes = modbus(6, &[0, 1, 0, 3]);
    for (port, family) in (5000..).zip(FAMILIES) {
        let mut talk = Talk::open_to(&mut rig, ward::DOUBLY, family, port, MODBUS);
        passes(&talk.client_goes_on(&mut rig, &reads));
        passes(&talk.server_goes_on(&mut rig, b"\0\x01\0\0\0\x03\x11\x06\x00"));
        passes(&talk.client_goes_on(&mut rig, &modbus(16, &[0, 1, 0, 1, 2, 0, 3])));
        denied(
            &talk.client_goes_on(&mut rig, &writes),
            Reason::ApplicationDenied,
        );
    }
    // Behind others, and behind the longest piece that is looked at in one go.
    for before in [1, 2, 40, 85, 86, 110] {
        let talk = Talk::open_to(
            &mut rig,
            ward::BOUND,
            Family::V4,
            6000 + before as u16,
            MODBUS,
        );
        let mut text = reads.repeat(before);
        passes(&talk.client_says(&mut rig, 0, &text));
        let mut talk = Talk::open_to(
            &mut rig,
            ward::BOUND,
            Family::V4,
            7000 + before as u16,
            MODBUS,
        );
        text.extend(&writes);
        text.extend(&reads);
        denied(
            &talk.client_goes_on(&mut rig, &text),
            Reason::ApplicationDenied,
        );
    }
    let mut text = reads.clone();
    text.extend(&writes);
    let decided = reads.len() + 8;
    cut_everywhere(
        &mut rig,
        MODBUS,
        &text,
        decided,
        Some(Reason::ApplicationDenied),
    );
    let mut talk = Talk::open_to(&mut rig, ward::BOUND, Family::V4, 8000, MODBUS);
    let (place, outcome) = byte_by_byte(&mut rig, &mut talk, &text).unwrap();
    assert_eq!(
        (place, outcome.reason),
        (decided - 1, Reason::ApplicationDenied)
    );
    for (port, broken) in (9000..).zip([
        b"\0\x01\0\x01\0\x06\x11\x03\0\0\0\x01".as_slice(),
        b"\0\x01\0\0\0\x01\x11\x03",
        b"\0\x01\0\0\x01\0\x11\x03",
        b"GET / HTTP/1.1\r\n",
    ]) {
        let mut talk = Talk::open_to(&mut rig, ward::BOUND, Family::V4, port, MODBUS);
        denied(
            &talk.client_goes_on(&mut rig, broken),
            Reason::WrongProtocol,
        );
    }
}

#[test]
fn messages_by_their_sender_and_type() {
    let mut rig = rig();
    let body = "PID|1||4711\rOBX|1|NM|8867-4||72".repeat(60);
    for (number, family) in FAMILIES.into_iter().enumerate() {
        let cases = [
            (hl7("PUMP", "ORU^R01^ORU_R01", &body), true),
            (hl7("PUMP^0003^DNS", "ORU^R01", &body), true),
            (hl7("VENT", "ACK", "MSA|AA|7"), true),
            (hl7("VENT", "ACK^R01^ACK", "MSA|AA|7"), true),
            (hl7("PUMPS", "ORU^R01", ""), false),
            (hl7("PUM", "ORU^R01", ""), false),
            (hl7("", "ORU^R01", ""), false),
            (hl7("PUMP", "ORU^R30", ""), false),
            (hl7("PUMP", "ADT^A01", ""), false),
            (hl7("PUMP", "", ""), false),
            // The segment ends before what is asked for.
            (b"\x0bMSH|^~\\&|PUMP|ICU\rPID|1\r\x1c\r".to_vec(), false),
        ];
        for (case, (text, listed)) in cases.into_iter().enumerate() {
            let port = 5000 + (number * 100 + case) as u16;
            let mut talk = Talk::open(&mut rig, ward::BOUND, family, port);
            passes(&talk.client_goes_on(&mut rig, &hl7("VENT", "ORU^R01", "OBX|1")));
            let outcome = talk.client_goes_on(&mut rig, &text[..text.len().min(1400)]);
            if listed {
                passes(&outcome);
                passes(&talk.server_goes_on(&mut rig, &hl7("ENGINE", "ADT^A01", "")));
                passes(&talk.client_goes_on(&mut rig, &text[text.len().min(1400)..]));
                passes(&talk.client_goes_on(&mut rig, &hl7("PUMP", "ORU^R01", "OBX|2")));
                let other = hl7("OTHER", "ORU^R01", "OBX|2");
                denied(
                    &talk.client_goes_on(&mut rig, &other),
                    Reason::ApplicationDenied,
                );
            } else {
                denied(&outcome, Reason::ApplicationDenied);
            }
        }
    }
    let mut text = hl7("PUMP", "ORU^R01", "OBX|1");
    passes(&Talk::open(&mut rig, ward::BOUND, Family::V4, 6000).client_goes_on(&mut rig, &text));
    let first = text.len();
    text.extend(hl7("PUMP", "ADT^A01", "OBX|1"));
    let decided = first
        + 1
        + text[first..]
            .windows(5)
            .position(|at| at == b"^A01|")
            .unwrap()
        + 4;
    cut_everywhere(
        &mut rig,
        2575,
        &text,
        decided,
        Some(Reason::ApplicationDenied),
    );
    text.truncate(first);
    cut_everywhere(&mut rig, 2575, &text, 0, None);
    cut_everywhere(
        &mut rig,
        2575,
        b"MSH|^~\\&|PUMP|",
        1,
        Some(Reason::WrongProtocol),
    );
    cut_everywhere(
        &mut rig,
        2575,
        b"\x0bMSA|AA|4711",
        4,
        Some(Reason::WrongProtocol),
    );
    // A message in the head of another, which a receiver begins anew with.
    for nested in ["\x0bMSH\x0b", "\x0bMSH|\x0b", "\x0bMSH|^~\\&|PU\x0b"] {
        let text = [nested.as_bytes(), &hl7("OTHER", "ORU^R01", "")[1..]].concat();
        cut_everywhere(
            &mut rig,
            2575,
            &text,
            nested.len(),
            Some(Reason::WrongProtocol),
        );
    }
    let endless = [b"\x0bMSH|^~\\&|".as_slice(), &[b'A'; 400]].concat();
    let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 6001);
    denied(
        &talk.client_goes_on(&mut rig, &endless),
        Reason::WrongProtocol,
    );
}

#[test]
fn services_of_each_datagram_in_both_directions() {
    fn datagram(function: u8, rest: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0x81, function];
        datagram.extend((rest.len() as u16 + 4).to_be_bytes());
        datagram.extend(rest);
        datagram
    }
    let read = b"\x01\x04\x00\x05\x01\x0c\x0c\x02\x00\x00\x01\x19\x4d";
    let write = b"\x01\x04\x00\x05\x01\x0f\x0c\x02\x00\x00\x01\x19\x55";
    let cases = [
        (datagram(0x0a, read), None),
        (datagram(0x0b, b"\x01\x20\xff\xff\x00\xff\x10\x08"), None),
        (
            datagram(0x0a, b"\x01\x00\x10\x00\xc4\x02\x00\x00\x01"),
            None,
        ),
        (datagram(0x0a, b"\x01\x00\x30\x01\x0c\x0c"), None),
        (
            datagram(0x0a, b"\x01\x00\x50\x01\x0f\x91\x02\x91\x28"),
            None,
        ),
        (datagram(0x05, b"\x00\x3c"), None),
        (datagram(0x00, b"\x00\x00"), None),
        (
            datagram(0x04, &[b"\x0a\x0a\0\x07\xba\xc0".as_slice(), read].concat()),
            None,
        ),
        // Routed: a network, and the address of who asks.
        (
            datagram(0x0a, b"\x01\x0c\x00\x05\x02\x11\x22\x00\x05\x01\x0c\x0c"),
            None,
        ),
        // Longer than what is looked at in one go; and with more behind it than it says.
        (
            datagram(0x0a, &[read.as_slice(), &[0; 3_000]].concat()),
            None,
        ),
        ([datagram(0x0a, read).as_slice(), b"more"].concat(), None),
        (
            [datagram(0x0a, write).as_slice(), b"more"].concat(),
            Some(Reason::ApplicationDenied),
        ),
        (datagram(0x0a, write), Some(Reason::ApplicationDenied)),
        (
            datagram(
                0x0a,
                b"\x01\x2c\x00\x05\x01\x11\x00\x06\x01\x22\xff\x00\x05\x01\x0f\x0c",
            ),
            Some(Reason::ApplicationDenied),
        ),
        (
            datagram(
                0x04,
                &[b"\x0a\x0a\0\x07\xba\xc0".as_slice(), write].concat(),
            ),
            Some(Reason::ApplicationDenied),
        ),
        // Segmented: the sequence number and the window come before the service.
        (
            datagram(0x0a, b"\x01\x04\x08\x05\x01\x0c\x0c\x0f\x0c"),
            Some(Reason::ApplicationDenied),
        ),
        (
            datagram(0x0a, b"\x01\x00\x10\x06\xa4"),
            Some(Reason::ApplicationDenied),
        ),
        (
            datagram(0x0a, b"\x01\x04\x00\x05\x01\x4c\x0c"),
            Some(Reason::ApplicationDenied),
        ),
        (
            datagram(0x01, b"\x0a\x0a\0\x07\xba\xc0\xff\xff\xff\xff"),
            Some(Reason::ApplicationDenied),
        ),
        (
            datagram(0x0a, b"\x01\x80\x00"),
            Some(Reason::ApplicationDenied),
        ),
        (
            datagram(0x0a, b"\x02\x04\x00\x05\x01\x0c\x0c"),
            Some(Reason::WrongProtocol),
        ),
        (
            datagram(0x0a, b"\x01\x04\x00\x05"),
            Some(Reason::WrongProtocol),
        ),
        (
            datagram(0x0a, b"\x01\x04\x90\x05\x01\x0c"),
            Some(Reason::WrongProtocol),
        ),
        (
            b"\x81\x0a\x00\x20\x01\x04\x00\x05\x01\x0c\x0c".to_vec(),
            Some(Reason::WrongProtocol),
        ),
        (
            b"\x82\x0a\x00\x0b\x01\x04\x00\x05\x01\x0c\x0c".to_vec(),
            Some(Reason::WrongProtocol),
        ),
        (b"hello".to_vec(), Some(Reason::WrongProtocol)),
        (b"\x81".to_vec(), Some(Reason::WrongProtocol)),
    ];
    let mut rig = rig();
    for (number, family) in FAMILIES.into_iter().enumerate() {
        for (case, (payload, reason)) in cases.iter().enumerate() {
            let port = 5000 + (number * 100 + case) as u16;
            let device = (ward::device(family, ward::TAGGED), port);
            let engine = (ward::engine(family), BACNET);
            let out = ward::outward(ward::TAGGED).datagram(device, engine, payload);
            let back = ward::inward(ward::TAGGED).datagram(engine, device, payload);
            let good = ward::outward(ward::TAGGED).datagram(device, engine, &cases[0].0);
            passes(&rig.send(Side::Device, &good));
            for (side, frame) in [(Side::Device, out), (Side::Core, back)] {
                let outcome = rig.send(side, &frame);
                match reason {
                    None => passes(&outcome),
                    Some(reason) => denied(&outcome, *reason),
                }
            }
        }
    }
}

#[test]
fn what_is_written_without_a_protocol_lets_anything_be_said() {
    let rules = "      - {name: free, to: engine, tcp: 104}\n      - {name: store";
    let mut rig = Rig::new(&policy().replacen("      - {name: store", rules, 1));
    let mut talk = Talk::open_to(&mut rig, ward::BOUND, Family::V4, 5000, DICOM);
    let outcome = talk.client_goes_on(&mut rig, &associate("OTHER", "OTHER"));
    passes(&outcome);
    assert_eq!(outcome.rule.as_deref(), Some("free"));
}

#[test]
fn in_audit_it_passes_and_is_told() {
    let mut rig = rig();
    let mut talk = Talk::open_to(&mut rig, ward::WATCHED, Family::V4, 5000, MODBUS);
    let writes = modbus(5, &[0, 1, 0xff, 0]);
    for _ in 0..3 {
        let outcome = talk.client_goes_on(&mut rig, &writes);
        assert_eq!(
            (outcome.fate, outcome.reason),
            (Fate::Audit, Reason::ApplicationDenied)
        );
        passes(&talk.client_goes_on(&mut rig, &modbus(1, &[0, 1, 0, 1])));
    }
    for _ in 0..2 {
        let outcome = talk.client_goes_on(&mut rig, b"no header of Modbus");
        assert_eq!(
            (outcome.fate, outcome.reason),
            (Fate::Audit, Reason::WrongProtocol)
        );
    }
}

#[test]
fn what_was_said_stands_after_a_change_of_policy() {
    let mut rig = rig();
    let mut store = Talk::open_to(&mut rig, ward::BOUND, Family::V4, 5000, DICOM);
    let mut control = Talk::open_to(&mut rig, ward::BOUND, Family::V4, 5001, MODBUS);
    let mut results = Talk::open(&mut rig, ward::BOUND, Family::V4, 5002);
    let reads = modbus(3, &[0, 0, 0, 10]);
    passes(&store.client_goes_on(&mut rig, &associate("PACS", "PUMP_1")));
    passes(&store.client_goes_on(&mut rig, b"\x04\0data"));
    passes(&control.client_goes_on(&mut rig, &reads));
    passes(&results.client_goes_on(&mut rig, &hl7("PUMP", "ORU^R01", "OBX|1")[..40]));
    rig.apply(&policy().replacen("name: poll", "name: other", 1));
    passes(&store.client_goes_on(&mut rig, b"\x04\0more data"));
    passes(&control.client_goes_on(&mut rig, &reads));
    passes(&results.client_goes_on(&mut rig, &hl7("PUMP", "ORU^R01", "OBX|1")[40..]));
    passes(&results.client_goes_on(&mut rig, &hl7("PUMP", "ORU^R01", "OBX|1")));
    rig.apply(
        &policy()
            .replacen("PUMP_1", "PUMP_3", 1)
            .replacen("[reading, 16]", "[1]", 1),
    );
    denied(
        &store.client_goes_on(&mut rig, b"\x04\0more data"),
        Reason::ApplicationDenied,
    );
    denied(
        &control.client_goes_on(&mut rig, &reads),
        Reason::ApplicationDenied,
    );
}
