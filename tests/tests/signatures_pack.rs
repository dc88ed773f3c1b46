//! Every shipped signature between real sockets, with all of the pack set to drop: what
//! it is for is stopped, in one segment and byte by byte, from a device and towards it,
//! and its neighbours arrive.
//!
//! The rig says how many pieces pass before the one that completes a message that is to
//! be found; here exactly these arrive.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use enforcer_common::verdict::Fate;
use enforcer_tests::{
    Endpoint, Ward, inspected,
    pack::{self, Row, Said},
    program::pack::Bench,
    records::Event,
    traffic::{Pair, Speaker, pair::when_free, udp},
    wait,
};

const DEADLINE: Duration = Duration::from_secs(20);
/// More than what is refused of the messages of one row, its repetitions included.
const EVENTS: usize = 2_000;
const DEFAULTS: &str = "  events_per_second: 100000\n  new_flows_per_second: 0";
/// What is sent behind a datagram on the same way, and passes.
const PROOF: &[u8] = b"proof that datagrams get through";

/// Who talks to whom: monitor-1 to the core by IPv4, the core to monitor-1 by IPv6.
fn ways(ward: &Ward, port: u16) -> [(&Endpoint, &Endpoint, SocketAddr); 2] {
    let [device, core] = ["monitor-1", "engine"].map(|name| ward.endpoint(name).unwrap());
    [
        (device, core, core.at(port)),
        (core, device, device.at_v6(port)),
    ]
}

fn open(row: &Row, (from, to, at): (&Endpoint, &Endpoint, SocketAddr)) -> Pair {
    let who = match row.said {
        Said::Answered(_) => Speaker::Server,
        _ => Speaker::Client,
    };
    Pair::open(from, to, at, who).unwrap_or_else(|error| panic!("{}: {error:#}", row.name))
}

/// Refusals of what the first of two ports sent to the second.
fn refused(events: &[Event], (from, to): (u16, u16)) -> Vec<&Event> {
    let of_it = |event: &&Event| {
        event.fate == "deny"
            && (event.source_port, event.destination_port) == (Some(from), Some(to))
    };
    events.iter().filter(of_it).collect()
}

fn is_named(event: &Event, signature: &str) -> bool {
    event.reason == "signature"
        && event.device.as_deref() == Some("monitor-1")
        && event
            .signature
            .as_ref()
            .is_some_and(|of| of["name"] == signature)
}

/// Waits until it is reported for each of these that the signature was found, and then
/// that something of the flow was refused once more: what TCP repeated.
fn wait_until_told(ward: &Ward, row: &Row, ports: &[(u16, u16)], times: usize) {
    let what = format!("{} is told of {ports:?}", row.name);
    wait::until(&what, DEADLINE, || {
        let events = ward.client().events(EVENTS)?;
        let all = ports.iter().all(|ports| {
            let refused = refused(&events, *ports);
            refused.len() >= times && refused.iter().any(|event| is_named(event, row.name))
        });
        Ok(all.then_some(()))
    })
    .unwrap();
}

#[test]
fn what_a_signature_is_for_is_stopped_whole_and_byte_by_byte() {
    let ward = inspected::ward("pstop", DEFAULTS).unwrap();
    let mut bench = Bench::new(&pack::dropping().unwrap());
    for row in pack::rows() {
        if let Said::Datagram(port) = row.said {
            for way in ways(&ward, port) {
                datagrams_are_stopped(&ward, &row, way);
            }
            continue;
        }
        let mut stopped = Vec::new();
        for text in &row.found {
            for piece in [text.len(), 1] {
                let outcomes = bench.say(row.said, text, piece);
                let passing = outcomes.iter().take_while(|of| of.fate == Fate::Allow);
                let passing = passing.count() * piece;
                assert!(passing < text.len(), "{} stops nothing", row.name);
                for way in ways(&ward, row.said.port()) {
                    let mut pair = open(&row, way);
                    let told = pair.tell(&text[..passing], piece);
                    told.unwrap_or_else(|error| panic!("{}: {error:#}", row.name));
                    // The piece that is too much, and some behind it: a socket takes
                    // few that are not acknowledged.
                    for piece in text[passing..].chunks(piece).take(4) {
                        pair.say(piece).unwrap();
                    }
                    pair.say(b"and more").unwrap();
                    stopped.push(pair);
                }
            }
        }
        let ports: Vec<_> = stopped.iter().map(|pair| pair.ports().unwrap()).collect();
        wait_until_told(&ward, &row, &ports, 2);
        for mut pair in stopped {
            let nothing = pair.nothing_more();
            nothing.unwrap_or_else(|error| panic!("{}: {error:#}", row.name));
        }
    }
}

#[test]
fn neighbours_arrive_whole_and_byte_by_byte() {
    let ward = inspected::ward("ppass", DEFAULTS).unwrap();
    for row in pack::rows() {
        for way in ways(&ward, row.said.port()) {
            for text in &row.neighbours {
                if let Said::Datagram(_) = row.said {
                    let (client, server) = datagram_sockets(way);
                    client.send(text).unwrap();
                    assert_eq!(&receive(&server), text, "{}", row.name);
                    continue;
                }
                for piece in [text.len(), 1] {
                    let told = open(&row, way).tell(text, piece);
                    told.unwrap_or_else(|error| panic!("{}: {text:02x?}: {error:#}", row.name));
                }
            }
        }
    }
    let events = ward.events(|event| event.reason == "signature").unwrap();
    assert!(events.is_empty(), "{events:#?}");
}

fn datagrams_are_stopped(ward: &Ward, row: &Row, way: (&Endpoint, &Endpoint, SocketAddr)) {
    for text in &row.found {
        let (client, server) = datagram_sockets(way);
        client.send(text).unwrap();
        client.send(PROOF).unwrap();
        assert_eq!(receive(&server), PROOF, "{}", row.name);
        let ports = (client.local_addr().unwrap().port(), way.2.port());
        wait_until_told(ward, row, &[ports], 1);
    }
}

fn datagram_sockets((from, to, at): (&Endpoint, &Endpoint, SocketAddr)) -> (UdpSocket, UdpSocket) {
    let server = to
        .namespace
        .run(|| when_free(at, || UdpSocket::bind(at)))
        .unwrap();
    server.set_read_timeout(Some(DEADLINE)).unwrap();
    (udp::open(from, at, DEADLINE).unwrap(), server)
}

fn receive(server: &UdpSocket) -> Vec<u8> {
    let mut datagram = vec![0; 2048];
    let length = server.recv(&mut datagram).unwrap();
    datagram.truncate(length);
    datagram
}
