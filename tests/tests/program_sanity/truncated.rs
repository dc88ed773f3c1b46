//! Packets that end anywhere: both hosts say the same of each, and none is taken for more
//! than it is.

use enforcer_common::port::Side::{Core, Device};
use enforcer_common::verdict::Fate;
use enforcer_tests::program::frame::{Ip, SYN, protocol, tcp, udp};

use super::ward::{Level, ends};
use super::{FAMILIES, Ward};

/// What was captured is cut off; and what IP says is shorter than what there is.
#[test]
fn packets_that_end_anywhere_are_judged_alike() {
    let mut ward = Ward::new();
    let mut segment = tcp(50_000, 2575, SYN, &[]);
    segment[12] = 0xa0;
    segment.extend([
        2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7,
    ]);
    let question = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x04pump\x07example\0\0\x01\0\x01";
    for family in FAMILIES {
        let (link, own, other) = ends(family, Level::Drop, 2);
        for (number, payload) in [
            (protocol::TCP, segment.clone()),
            (protocol::UDP, udp(40_000, 53, question)),
        ] {
            let mut packet = Ip::new(own, other, number, &payload);
            if own.is_ipv4() {
                packet.options = vec![148, 4, 0, 0];
            } else {
                packet.extensions = vec![(0, vec![0, 0, 5, 2, 0, 0, 1, 0])];
            }
            let whole = link.ip(&packet);
            assert_eq!(ward.rig.send(Device, &whole).fate, Fate::Allow);
            for length in 0..whole.len() {
                let outcome = ward.rig.send(Device, &whole[..length]);
                assert_eq!(outcome.fate, Fate::Deny, "{length} {outcome:?}");
                ward.rig.send(Core, &whole[..length]);
            }
            let stated = packet.bytes().len() - if own.is_ipv4() { 0 } else { 40 };
            for length in 0..stated {
                packet.length = Some(length as u16);
                ward.rig.send(Device, &link.ip(&packet));
            }
        }
    }
}
