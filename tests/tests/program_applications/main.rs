//! What is said over a rule's flows: held to what the rule lists, however it is cut.

mod bacnet;
mod dicom;
mod hl7;
mod modbus;

use std::sync::atomic::{AtomicU16, Ordering};

use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::ward::{self, Family};
use enforcer_tests::program::{Outcome, Rig, Talk};

use self::dicom::{DICOM, associate};
use self::hl7::hl7;
use self::modbus::{MODBUS, modbus};

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
