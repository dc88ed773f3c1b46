//! BACnet: datagrams by their services.

use enforcer_common::port::Side;
use enforcer_common::verdict::Reason;
use enforcer_tests::program::ward::{self, FAMILIES};

use super::{denied, passes, rig};

const BACNET: u16 = 47_808;

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
