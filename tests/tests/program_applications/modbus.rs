//! Modbus: requests by their functions.

use enforcer_common::verdict::Reason;
use enforcer_tests::program::Talk;
use enforcer_tests::program::ward::{self, FAMILIES, Family};

use super::{byte_by_byte, cut_everywhere, denied, passes, rig};

pub(crate) const MODBUS: u16 = 502;

pub(crate) fn modbus(function: u8, data: &[u8]) -> Vec<u8> {
    let mut request = vec![0, 1, 0, 0];
    request.extend((data.len() as u16 + 2).to_be_bytes());
    request.extend([17, function]);
    request.extend(data);
    request
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
