//! The parser on bytes that nobody meant for it: it never panics, never reads
//! past the end, and every offset it leaves lies within the frame.

use std::cell::Cell;

use enforcer_common::decide::PIECE;
use enforcer_common::flow::FlowKey;
use enforcer_common::packet::{Packet, arp, ethernet, ethertype, icmp, parse_ip};
use enforcer_common::tables::Frame;
use proptest::collection::vec;
use proptest::prelude::*;

/// A frame that remembers the farthest byte that was handed out.
struct Watched<'f> {
    bytes: &'f [u8],
    farthest: Cell<u32>,
}

impl Frame for Watched<'_> {
    fn length(&self) -> u32 {
        self.bytes.len() as u32
    }

    fn read<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        let read = self.bytes.read(offset)?;
        self.farthest
            .set(self.farthest.get().max(offset + N as u32));
        Some(read)
    }

    fn window<const N: usize>(&self, offset: u32) -> Option<&[u8; N]> {
        self.bytes.window(offset)
    }

    fn copy(&self, offset: u32, length: u32, into: &mut [u8; PIECE]) -> bool {
        self.bytes.copy(offset, length, into)
    }
}

fn parse(bytes: &[u8]) -> Result<(), TestCaseError> {
    let frame = Watched {
        bytes,
        farthest: Cell::new(0),
    };
    let mut packet = Packet::EMPTY;
    let parsed = ethernet::parse(&frame, &mut packet).and_then(|()| match packet.ethertype {
        ethertype::ARP => arp::parse(&frame, &mut packet).map(|_| ()),
        ethertype::IPV4 | ethertype::IPV6 => parse_ip(&frame, &mut packet),
        _ => Ok(()),
    });
    prop_assert_eq!(packet.length as usize, bytes.len());
    prop_assert!(frame.farthest.get() <= packet.length);
    if parsed.is_ok() {
        prop_assert!(
            packet.next <= packet.end && packet.end <= packet.length,
            "{:?}",
            packet
        );
        let mut key = FlowKey::EMPTY;
        let _ = icmp::quoted_flow(&frame, &packet, &mut key);
        prop_assert!(frame.farthest.get() <= packet.length);
    }
    Ok(())
}

/// An Ethernet header with up to three tags.
fn link() -> impl Strategy<Value = Vec<u8>> {
    let tags = vec(
        (prop_oneof![Just(0x8100u16), Just(0x88a8)], any::<u16>()),
        0..4,
    );
    let kind = prop_oneof![Just(0x0800u16), Just(0x86dd), Just(0x0806), any::<u16>()];
    (any::<[u8; 6]>(), any::<[u8; 5]>(), tags, kind).prop_map(|(to, from, tags, kind)| {
        let mut bytes = [&to[..], &[2], &from].concat();
        for (tag, identifier) in tags {
            bytes.extend(tag.to_be_bytes());
            bytes.extend(identifier.to_be_bytes());
        }
        bytes.extend(kind.to_be_bytes());
        bytes
    })
}

/// The start of an IP header with a length that may fit.
fn network() -> impl Strategy<Value = Vec<u8>> {
    let next = prop_oneof![
        Just(0u8),
        Just(6),
        Just(17),
        Just(1),
        Just(58),
        Just(44),
        Just(60)
    ];
    (
        prop_oneof![Just(0x45u8), Just(0x4f), Just(0x60), any::<u8>()],
        any::<u8>(),
        next,
    )
        .prop_map(|(version, length, next)| match version >> 4 {
            6 => vec![version, 0, 0, 0, 0, length, next, 255],
            _ => vec![version, 0, 0, length, 0, 0, 0, 0, 64, next, 0, 0],
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        parse(&bytes)?;
    }

    #[test]
    fn headers_and_then_anything(
        link in link(),
        network in network(),
        rest in vec(any::<u8>(), 0..200),
    ) {
        parse(&[link, network, rest].concat())?;
    }
}
