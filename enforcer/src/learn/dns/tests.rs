//! What the resolver's shadow believes, and the many things that it does not.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;
use enforcer_common::addr::{Mac, Vlan};
use enforcer_common::packet::Packet;

mod hostile;

const DEVICE: Identity = Identity {
    mac: Mac([2, 0, 0, 0, 0, 1]),
    vlan: Vlan::UNTAGGED,
};
const CLIENT: Ip = Ip::v4([10, 0, 0, 1]);
const SERVER: Ip = Ip::v4([10, 0, 0, 53]);
const SECOND: u64 = 1_000_000_000;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

fn labels(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// A message with these flags, question and sections of records.
fn message(flags: u16, name: &str, kind: u16, sections: [&[Vec<u8>]; 3]) -> Vec<u8> {
    let mut bytes = vec![0x1b, 0xad];
    bytes.extend(flags.to_be_bytes());
    bytes.extend([0, 1]);
    for section in sections {
        bytes.extend((section.len() as u16).to_be_bytes());
    }
    bytes.extend(labels(name));
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend(sections.concat().concat());
    bytes
}

fn record(owner: &[u8], kind: u16, seconds: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = owner.to_vec();
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend(seconds.to_be_bytes());
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
    bytes
}

/// The question's name, by pointer.
const ASKED: [u8; 2] = [0xc0, 12];

fn query(name: &str, kind: u16) -> Vec<u8> {
    message(0x0100, name, kind, [&[], &[], &[]])
}

fn answer(name: &str, kind: u16, answers: &[Vec<u8>]) -> Vec<u8> {
    message(0x8180, name, kind, [answers, &[], &[]])
}

fn pacs() -> Vec<u8> {
    answer(
        "pacs.example.org",
        A,
        &[record(&ASKED, A, 300, &[10, 1, 0, 7])],
    )
}

fn datagram(from: (Ip, u16), to: (Ip, u16), payload: &[u8]) -> Datagram<'_> {
    Datagram {
        packet: Packet {
            source: from.0,
            source_port: from.1,
            destination: to.0,
            destination_port: to.1,
            ..Packet::EMPTY
        },
        payload,
    }
}

fn ask(resolver: &mut Resolver, payload: &[u8], now: u64) -> Result<(), Refusal> {
    let datagram = datagram((CLIENT, 40_000), (SERVER, PORT), payload);
    resolver.ask(DEVICE, &datagram, &Message::parse(payload)?, now)
}

fn answered_at(
    resolver: &mut Resolver,
    from: (Ip, u16),
    to: (Ip, u16),
    payload: &[u8],
    now: u64,
) -> Result<Answered, Refusal> {
    let datagram = datagram(from, to, payload);
    resolver.answer(DEVICE, &datagram, &Message::parse(payload)?, now)
}

fn answered(resolver: &mut Resolver, payload: &[u8]) -> Result<Answered, Refusal> {
    answered_at(resolver, (SERVER, PORT), (CLIENT, 40_000), payload, SECOND)
}

/// What a resolver that was asked the answer's question believes of it.
fn believed(payload: &[u8]) -> Result<Vec<Given>, Refusal> {
    let mut resolver = Resolver::default();
    let mut question = payload.to_vec();
    let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    question.truncate(end);
    question[2..4].copy_from_slice(&[1, 0]);
    question[6..12].fill(0);
    ask(&mut resolver, &question, SECOND)?;
    answered(&mut resolver, payload).map(|answered| answered.given)
}

fn v4(address: [u8; 4], seconds: u32) -> Given {
    let address = Ipv4Addr::from(address).into();
    Given { address, seconds }
}

#[test]
fn an_answer_teaches_once() {
    let mut resolver = Resolver::default();
    ask(&mut resolver, &query("PACS.example.org", A), 0).unwrap();
    let first = answered(&mut resolver, &pacs()).unwrap();
    assert_eq!(first.name.text().as_deref(), Some("pacs.example.org"));
    assert_eq!(first.given, [v4([10, 1, 0, 7], 300)]);
    assert_eq!(answered(&mut resolver, &pacs()), Err(Refusal::Unasked));
}

#[test]
fn ipv6_addresses_answer_their_own_question() {
    let address: Ipv6Addr = "fd00::7".parse().unwrap();
    let both = [
        record(&ASKED, AAAA, 300, &address.octets()),
        record(&ASKED, A, 300, &[10, 1, 0, 7]),
    ];
    let given = believed(&answer("pacs.example.org", AAAA, &both)).unwrap();
    assert_eq!(given.len(), 1);
    assert_eq!(given[0].address, IpAddr::from(address));
    let given = believed(&answer("pacs.example.org", A, &both)).unwrap();
    assert_eq!(given, [v4([10, 1, 0, 7], 300)]);
}

#[test]
fn only_what_was_asked_is_believed() {
    let other = Ip::v4([10, 0, 0, 54]);
    let right = ((SERVER, PORT), (CLIENT, 40_000));
    let mut wrong_id = pacs();
    wrong_id[1] ^= 1;
    let wrong_name = answer(
        "pacs.example.com",
        A,
        &[record(&ASKED, A, 300, &[10, 1, 0, 7])],
    );
    let wrong_kind = answer(
        "pacs.example.org",
        AAAA,
        &[record(&ASKED, A, 300, &[10, 1, 0, 7])],
    );
    for (what, from, to, payload) in [
        ("id", right.0, right.1, &wrong_id),
        ("name", right.0, right.1, &wrong_name),
        ("kind", right.0, right.1, &wrong_kind),
        ("server", (other, PORT), right.1, &pacs()),
        ("server's port", (SERVER, 5353), right.1, &pacs()),
        ("client", right.0, (other, 40_000), &pacs()),
        ("client's port", right.0, (CLIENT, 40_001), &pacs()),
    ] {
        let mut resolver = Resolver::default();
        ask(&mut resolver, &query("pacs.example.org", A), 0).unwrap();
        let result = answered_at(&mut resolver, from, to, payload, SECOND);
        assert_eq!(result, Err(Refusal::Unasked), "another {what}");
        // The right answer still teaches.
        assert!(answered(&mut resolver, &pacs()).is_ok(), "another {what}");
    }
    assert_eq!(
        answered(&mut Resolver::default(), &pacs()),
        Err(Refusal::Unasked)
    );
}

#[test]
fn another_devices_question_is_not_this_ones() {
    let mut resolver = Resolver::default();
    ask(&mut resolver, &query("pacs.example.org", A), 0).unwrap();
    let payload = pacs();
    let datagram = datagram((SERVER, PORT), (CLIENT, 40_000), &payload);
    let stranger = Identity {
        mac: Mac([2, 0, 0, 0, 0, 2]),
        ..DEVICE
    };
    let message = Message::parse(&payload).unwrap();
    let result = resolver.answer(stranger, &datagram, &message, SECOND);
    assert_eq!(result, Err(Refusal::Unasked));
}

#[test]
fn a_late_answer_teaches_nothing() {
    let mut resolver = Resolver::default();
    ask(&mut resolver, &query("pacs.example.org", A), 0).unwrap();
    let (from, to) = ((SERVER, PORT), (CLIENT, 40_000));
    let late = answered_at(&mut resolver, from, to, &pacs(), PATIENCE);
    assert_eq!(late, Err(Refusal::Unasked));
    ask(&mut resolver, &query("pacs.example.org", A), 0).unwrap();
    assert!(answered_at(&mut resolver, from, to, &pacs(), PATIENCE - 1).is_ok());
}

#[test]
fn failures_teach_nothing() {
    let address = record(&ASKED, A, 300, &[10, 1, 0, 7]);
    for (flags, refusal) in [
        (0x8183, Refusal::Failed),    // NXDOMAIN
        (0x8182, Refusal::Failed),    // SERVFAIL
        (0x8380, Refusal::Failed),    // truncated
        (0xa180, Refusal::Malformed), // another operation
    ] {
        let answer = message(
            flags,
            "pacs.example.org",
            A,
            [std::slice::from_ref(&address), &[], &[]],
        );
        assert_eq!(believed(&answer), Err(refusal), "{flags:04x}");
    }
    let empty = answer("pacs.example.org", A, &[]);
    assert_eq!(believed(&empty), Err(Refusal::NoAddress));
}

/// The error's upper bits stand in the additional section (RFC 6891, 6.1.3).
#[test]
fn an_extended_error_is_an_error() {
    let address = record(&ASKED, A, 300, &[10, 1, 0, 7]);
    let extended = |upper: u8| {
        let mut opt = record(&[0], 41, u32::from(upper) << 24, &[]);
        opt[3..5].copy_from_slice(&[0x04, 0xd0]);
        message(
            0x8180,
            "pacs.example.org",
            A,
            [std::slice::from_ref(&address), &[], &[opt]],
        )
    };
    assert!(believed(&extended(0)).is_ok());
    assert_eq!(believed(&extended(1)), Err(Refusal::Malformed));
}

#[test]
fn aliases_are_followed_and_other_owners_are_not() {
    let chained = answer(
        "pacs.example.org",
        A,
        &[
            record(&labels("c.example.net"), A, 900, &[10, 1, 0, 9]),
            record(&ASKED, CNAME, 600, &labels("b.example.net")),
            record(
                &labels("B.example.net"),
                CNAME,
                30,
                &labels("c.example.net"),
            ),
            record(&labels("evil.example.net"), A, 900, &[10, 66, 0, 1]),
            record(&ASKED, A, 900, &[10, 66, 0, 2]),
        ],
    );
    assert_eq!(believed(&chained).unwrap(), [v4([10, 1, 0, 9], 30)]);
    let foreign = record(&labels("evil.example.net"), A, 900, &[10, 66, 0, 1]);
    let answer = answer("pacs.example.org", A, &[foreign]);
    assert_eq!(believed(&answer), Err(Refusal::NoAddress));
}

#[test]
fn aliases_in_a_circle_or_too_many_teach_nothing() {
    let alias = |from: &str, to: &str| record(&labels(from), CNAME, 60, &labels(to));
    let circle = [
        alias("a.example.org", "b.example.org"),
        alias("b.example.org", "a.example.org"),
    ];
    assert_eq!(
        believed(&answer("a.example.org", A, &circle)),
        Err(Refusal::Malformed)
    );
    let chain = |length: u32| {
        let mut records: Vec<_> = (0..length)
            .map(|step| alias(&format!("n{step}.org"), &format!("n{}.org", step + 1)))
            .collect();
        records.push(record(
            &labels(&format!("n{length}.org")),
            A,
            60,
            &[10, 1, 0, 7],
        ));
        believed(&answer("n0.org", A, &records))
    };
    assert!(chain(8).is_ok());
    assert_eq!(chain(9), Err(Refusal::Malformed));
    let two = [
        alias("a.example.org", "b.example.org"),
        alias("a.example.org", "c.example.org"),
    ];
    assert_eq!(
        believed(&answer("a.example.org", A, &two)),
        Err(Refusal::Malformed)
    );
}

#[test]
fn other_sections_teach_nothing() {
    let address = || record(&ASKED, A, 300, &[10, 66, 0, 1]);
    for sections in [[&[][..], &[address()], &[]], [&[], &[], &[address()]]] {
        let answer = message(0x8180, "pacs.example.org", A, sections);
        assert_eq!(believed(&answer), Err(Refusal::NoAddress));
    }
}

#[test]
fn addresses_that_no_peer_has_teach_nothing() {
    let refused = [
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "169.254.0.7",
        "224.0.0.251",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::10.0.0.1",
        "fe80::1",
        "ff02::fb",
    ];
    for address in refused {
        assert!(!is_possible(address.parse().unwrap()), "{address}");
    }
    for address in [
        "10.0.0.1",
        "192.0.2.1",
        "223.255.255.255",
        "fd00::1",
        "2001:db8::1",
    ] {
        assert!(is_possible(address.parse().unwrap()), "{address}");
    }
    let own = IpAddr::from([10, 0, 0, 1]);
    assert!(!is_peer(own, [own]));
    assert!(is_peer([10, 0, 0, 2].into(), [own]));
}

#[test]
fn an_address_is_held_within_bounds() {
    for (stated, held) in [
        (0, 120),
        (60, 120),
        (300, 360),
        (86_400, 86_460),
        (i32::MAX as u32, 86_460),
    ] {
        assert_eq!(held_for(v4([10, 1, 0, 7], stated)), held, "{stated}");
    }
    // The highest bit makes it none (RFC 2181, 8).
    let odd = answer(
        "a.example.org",
        A,
        &[record(&ASKED, A, 1 << 31, &[10, 1, 0, 7])],
    );
    assert_eq!(believed(&odd).unwrap(), [v4([10, 1, 0, 7], 0)]);
}

#[test]
fn an_answer_teaches_only_so_many_addresses() {
    let many: Vec<_> = (0..40)
        .map(|host| record(&ASKED, A, 60, &[10, 1, 0, host]))
        .collect();
    assert_eq!(
        believed(&answer("a.example.org", A, &many)).unwrap().len(),
        32
    );
}
