//! DICOM: associations by their titles.

use enforcer_common::verdict::Reason;
use enforcer_tests::program::Talk;
use enforcer_tests::program::ward::{self, FAMILIES, Family};

use super::{byte_by_byte, cut_everywhere, denied, passes, rig};

pub(crate) const DICOM: u16 = 104;

/// The request for an association, with one presentation context (PS3.8, 9.3.2).
pub(crate) fn associate(called: &str, calling: &str) -> Vec<u8> {
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
