//! HL7 over MLLP: messages by their sender and type.

use enforcer_common::verdict::Reason;
use enforcer_tests::program::Talk;
use enforcer_tests::program::ward::{self, FAMILIES, Family};

use super::{cut_everywhere, denied, passes, rig};

pub(crate) fn hl7(application: &str, kind: &str, body: &str) -> Vec<u8> {
    let header =
        format!("MSH|^~\\&|{application}|ICU^2^L|ENGINE|HOSPITAL|20261124||{kind}|7|P|2.5.1");
    format!("\x0b{header}\r{body}\r\x1c\r").into_bytes()
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
