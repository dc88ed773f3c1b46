//! What the exact-match cache sees of a frame is what the parser finds in it.

use enforcer_common::cache::{Plain, set_flow_key};
use enforcer_common::flow::FlowKey;
use enforcer_common::packet::transport::flags;
use enforcer_common::packet::{Packet, REMARK_UDP, ethernet, parse_ip};
use enforcer_common::verdict::Reason;
use proptest::prelude::*;

const TCP: [u8; 54] = [
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1,
    10, 0, 0, 2, 0x9c, 0x40, 10, 15, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 32, 0, 0, 0, 0, 0,
];
const UDP: [u8; 42] = [
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0,
    1, 10, 0, 0, 2, 0x9c, 0x40, 0, 161, 0, 8, 0, 0,
];

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let base = prop_oneof![Just(TCP.to_vec()), Just(UDP.to_vec())];
    let changes = prop::collection::vec((0..70_usize, any::<u8>()), 0..4);
    (base, any::<bool>(), 0..20_usize, changes).prop_map(|(mut frame, tagged, padding, changes)| {
        if tagged {
            frame.splice(12..12, [0x81, 0, 0, 10]);
        }
        frame.resize(frame.len() + padding, 0);
        for (place, byte) in changes {
            if let Some(old) = frame.get_mut(place) {
                *old = byte;
            }
        }
        frame
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn what_is_settled_the_parser_takes_for_the_same(frame in frames()) {
        let plain = Plain::see(&frame[..], 7);
        let mut packet = Packet::EMPTY;
        let parsed = ethernet::parse(&frame[..], &mut packet);
        let Some(plain) = plain.filter(|plain| plain.settled) else {
            return Ok(());
        };
        // What it refuses is refused by what stands in the key, so that no entry, which is
        // made of what passed, can be of it.
        if let Err(reason) = parsed.and_then(|()| parse_ip(&frame[..], &mut packet)) {
            let by_key = matches!(
                reason,
                Reason::BadSourceMac | Reason::BadVlan | Reason::BadAddress
            );
            prop_assert!(by_key, "{:?}", reason);
            return Ok(());
        }
        prop_assert_eq!(packet.fragment, 0);
        prop_assert_eq!(packet.remarks & !REMARK_UDP, 0);
        prop_assert_eq!(packet.length, plain.length);
        prop_assert_eq!(packet.tags != 0, plain.tagged);
        if packet.protocol == 6 {
            prop_assert_eq!(packet.tcp_flags & (flags::SYN | flags::FIN | flags::RST | flags::ACK), flags::ACK);
        }
        let (mut seen, mut found) = (FlowKey::EMPTY, FlowKey::EMPTY);
        set_flow_key(plain.key, &mut seen);
        found.set(
            packet.vlan,
            packet.protocol,
            (packet.source, packet.source_port),
            (packet.destination, packet.destination_port),
        );
        prop_assert_eq!(seen, found);
    }
}
