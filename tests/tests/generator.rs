//! The bench's generator makes the flows that it says, with checksums that are right, from
//! a frame that is not: what it is compared by is worth nothing otherwise.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;

use enforcer_tests::live::stream::{SERVER, SERVER_MAC, ip, mac};
use enforcer_tests::live::{Generator, Order, Segment, Stream, bare, kernel};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};

const LOOPBACK: u32 = 1;
const PORT: u16 = 5000;

/// Source and destination: addresses and port of each.
type Ends = ([u8; 6], Ipv4Addr, u16, Ipv4Addr, u16);

/// The frames that follow, each made from one that nothing is right of.
fn frames(generator: &Generator, count: usize) -> Vec<Vec<u8>> {
    let mut spoilt = generator.frame().to_vec();
    spoilt[..54].fill(0xee);
    (0..count)
        .map(|_| {
            let (frame, action) = kernel::run(generator.program(), &spoilt, LOOPBACK, 1).unwrap();
            assert_eq!(action, bare::PASS.cast_unsigned());
            frame
        })
        .collect()
}

/// Takes a frame apart, if all its checksums and lengths are right.
#[track_caller]
fn ends(frame: &[u8]) -> Ends {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    let Some(NetSlice::Ipv4(ipv4)) = &packet.net else {
        panic!("no IPv4 in {frame:02x?}");
    };
    let header = ipv4.header();
    assert_eq!(
        header.header_checksum(),
        header.to_header().calc_header_checksum()
    );
    assert_eq!(usize::from(header.total_len()), frame.len() - 14);
    let (from, to) = match packet.transport.unwrap() {
        TransportSlice::Udp(udp) => {
            let right = udp
                .to_header()
                .calc_checksum_ipv4(&header.to_header(), udp.payload())
                .unwrap();
            assert_eq!(udp.checksum(), right);
            (udp.source_port(), udp.destination_port())
        }
        TransportSlice::Tcp(tcp) => {
            let right = tcp
                .to_header()
                .calc_checksum_ipv4(&header.to_header(), tcp.payload())
                .unwrap();
            assert_eq!(tcp.checksum(), right);
            (tcp.source_port(), tcp.destination_port())
        }
        other => panic!("{other:?}"),
    };
    let mac = frame[6..12].try_into().unwrap();
    (
        mac,
        header.source_addr(),
        from,
        header.destination_addr(),
        to,
    )
}

#[test]
fn flows_are_as_many_as_asked_for_and_come_in_turn() {
    let stream = Stream::datagrams(1000, Order::InTurn, PORT);
    let generator = Generator::new(&[stream], &[7; 6]).unwrap();
    let frames = frames(&generator, 2000);
    for (number, frame) in (0..).zip(&frames) {
        let device = number % 1000;
        let expected = (mac(device).0, ip(device), 40_000, SERVER, PORT);
        assert_eq!(ends(frame), expected);
    }
    generator.rewind().unwrap();
    let (first, _) = kernel::run(generator.program(), generator.frame(), LOOPBACK, 1).unwrap();
    assert_eq!(ends(&first).0, mac(0).0);
}

#[test]
fn random_flows_stay_in_their_range_and_are_spread() {
    let stream = Stream {
        first: 100,
        ..Stream::datagrams(50, Order::Random, PORT)
    };
    let generator = Generator::new(&[stream], &[0; 101]).unwrap();
    let seen: Vec<_> = frames(&generator, 1000)
        .iter()
        .map(|frame| ends(frame))
        .collect();
    let devices: BTreeSet<_> = seen.iter().map(|ends| ends.1).collect();
    let all: BTreeSet<_> = (100..150).map(ip).collect();
    assert_eq!(devices, all);
    assert!(seen.windows(2).any(|pair| pair[1].1 < pair[0].1), "in turn");
}

#[test]
fn a_flood_is_a_new_flow_each_time() {
    let stream = Stream::flood(3, 2, 443);
    let generator = Generator::new(&[stream], &[0; 6]).unwrap();
    // More than a port has room for: the server's address goes on.
    kernel::run(generator.program(), generator.frame(), LOOPBACK, 131_000).unwrap();
    let frames = frames(&generator, 200);
    let flows: BTreeSet<_> = frames.iter().map(|frame| ends(frame)).collect();
    assert_eq!(flows.len(), 200);
    let servers: BTreeSet<_> = flows.iter().map(|ends| ends.3).collect();
    assert_eq!(servers.len(), 2, "{servers:?}");
    assert!(frames.iter().all(|frame| frame[47] == 0x02), "all are SYN");
}

#[test]
fn streams_take_turns_and_the_server_answers() {
    let stream = |segment, answers, class| Stream {
        segment,
        answers,
        class,
        ..Stream::datagrams(3, Order::InTurn, 443)
    };
    let streams = [
        stream(Segment::Datagram, false, 0),
        stream(Segment::Syn, false, 1),
        stream(Segment::SynAck, true, 2),
        stream(Segment::Data, false, 3),
    ];
    let generator = Generator::new(&streams, b"seventeen letters").unwrap();
    for (number, frame) in (0..).zip(&frames(&generator, 24)) {
        let (class, device) = (number % 4, number / 4 % 3);
        assert_eq!(u32::from(frame[15]), class);
        let expected = match class {
            2 => (SERVER_MAC.0, SERVER, 443, ip(device), 40_000),
            _ => (mac(device).0, ip(device), 40_000, SERVER, 443),
        };
        assert_eq!(ends(frame), expected);
        let destination = if class == 2 { mac(device) } else { SERVER_MAC };
        assert_eq!(frame[..6], destination.0);
        assert!(frame.ends_with(b"seventeen letters"));
    }
}

#[test]
fn what_comes_after_the_generator_is_run() {
    let stream = Stream::datagrams(1, Order::InTurn, PORT);
    let generator = Generator::new(&[stream], &[0; 6]).unwrap();
    let drop = bare::always(bare::DROP).unwrap();
    for (next, action) in [(Some(drop.as_fd()), bare::DROP), (None, bare::PASS)] {
        generator.aim(next).unwrap();
        let (_, returned) =
            kernel::run(generator.program(), generator.frame(), LOOPBACK, 1).unwrap();
        assert_eq!(returned, action.cast_unsigned());
    }
}
