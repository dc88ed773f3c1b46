//! The set `dns`.

use enforcer_tests::program::frame::{protocol, udp};

use super::{BOTH, FAMILIES, Ward, packet};

/// A message with so many questions and answers, and these bytes behind its header.
fn message(questions: u16, answers: u16, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 7, 0x81, 0x80];
    bytes.extend(questions.to_be_bytes());
    bytes.extend(answers.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(rest);
    bytes
}

/// A question for `pump.example`.
const QUESTION: &[u8] = b"\x04pump\x07example\x00\x00\x01\x00\x01";

/// A record of a type, by a pointer to the name of the question.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    record_of(&[0xc0, 12], kind, data.len() as u16, data)
}

fn record_of(name: &[u8], kind: u16, length: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = name.to_vec();
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 1, 0]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(data);
    bytes
}

fn answer(record: &[u8]) -> Vec<u8> {
    message(1, 1, &[QUESTION, record].concat())
}

#[track_caller]
fn check(ward: &mut Ward, predicate: Option<&str>, message: &[u8]) {
    for port in [53, 5353, 5355] {
        for (source, destination) in [(port, 40_000), (40_000, port)] {
            let datagram = udp(source, destination, message);
            ward.check(&FAMILIES, &BOTH, predicate, &|link, from, to| {
                packet(link, from, to, protocol::UDP, &datagram, |_| {})
            });
        }
    }
}

#[test]
fn ordinary_messages_pass() {
    let mut ward = Ward::new();
    check(&mut ward, None, &message(1, 0, QUESTION));
    check(&mut ward, None, &answer(&record(1, &[10, 0, 0, 1])));
    check(&mut ward, None, &answer(&record(5, b"\x05pumps\xc0\x11")));
    check(
        &mut ward,
        None,
        &answer(&record(15, b"\x00\x0a\x04mail\xc0\x11")),
    );
    check(
        &mut ward,
        None,
        &answer(&record(33, b"\0\0\0\0\x08\xae\xc0\x0c")),
    );
    check(&mut ward, None, &answer(&record(16, b"\xff\xff\xff")));
    // The root, as EDNS asks by it; and nothing at all.
    let edns = record_of(&[0], 41, 0, &[]);
    check(&mut ward, None, &answer(&edns));
    check(&mut ward, None, &message(0, 0, &[]));
    // By another port it is none.
    let datagram = udp(5000, 161, b"\xff\xff\xff\xff");
    ward.miss(&FAMILIES, &|link, from, to| {
        packet(link, from, to, protocol::UDP, &datagram, |_| {})
    });
}

#[test]
fn names_have_255_bytes_at_most() {
    let mut ward = Ward::new();
    // Three labels of 63, and one that fills up: with the end, 255 bytes and 256.
    let name = |last: usize| {
        let mut name = Vec::new();
        for length in [63, 63, 63, last] {
            name.push(length as u8);
            name.extend(vec![b'a'; length]);
        }
        name.push(0);
        name
    };
    let asked = |name: &[u8]| message(1, 0, &[name, &[0, 1, 0, 1]].concat());
    check(&mut ward, None, &asked(&name(61)));
    check(&mut ward, Some("dns/name-too-long"), &asked(&name(62)));
    let labels = |count: usize| [&b"\x01a".repeat(count)[..], &[0]].concat();
    check(&mut ward, None, &asked(&labels(127)));
    check(&mut ward, Some("dns/name-too-long"), &asked(&labels(128)));
    // By a pointer: 253 bytes behind two.
    let long = message(
        1,
        1,
        &[
            &name(61)[..],
            &[0, 1, 0, 1],
            &record_of(b"\x01a\xc0\x0c", 1, 4, &[10, 0, 0, 1]),
        ]
        .concat(),
    );
    check(&mut ward, Some("dns/name-too-long"), &long);
}

#[test]
fn pointers_lead_to_earlier_names() {
    let mut ward = Ward::new();
    let pointing = |at: u8| answer(&record_of(&[0xc0, at], 1, 4, &[10, 0, 0, 1]));
    let here = 12 + QUESTION.len() as u8;
    check(&mut ward, None, &pointing(12));
    check(&mut ward, None, &pointing(17));
    for at in [here, here + 1, here + 2, 200, 0, 11] {
        check(&mut ward, Some("dns/pointer"), &pointing(at));
    }
    // Back into its own name, and around by way of two.
    let own = answer(&record_of(&[1, b'a', 0xc0, here], 1, 4, &[10, 0, 0, 1]));
    check(&mut ward, Some("dns/pointer"), &own);
    let around = answer(&record(5, &[0xc0, here + 12]));
    check(&mut ward, Some("dns/pointer"), &around);
    let far = answer(&record_of(&[0xff, 0xff], 1, 4, &[10, 0, 0, 1]));
    check(&mut ward, Some("dns/pointer"), &far);
}

#[test]
fn labels_are_of_a_known_type() {
    let mut ward = Ward::new();
    for first in [0x40, 0x41, 0x7f, 0x80, 0xbf] {
        let mut bad = message(1, 0, &[&[first], QUESTION].concat());
        check(&mut ward, Some("dns/label-type"), &bad);
        bad = answer(&record(5, &[first, 0, 0]));
        check(&mut ward, Some("dns/label-type"), &bad);
    }
}

#[test]
fn a_message_holds_all_that_it_says() {
    let mut ward = Ward::new();
    let bad = Some("dns/record-overrun");
    check(&mut ward, bad, b"short");
    check(&mut ward, bad, &message(1, 0, QUESTION)[..11]);
    check(
        &mut ward,
        bad,
        &message(1, 0, &QUESTION[..QUESTION.len() - 1]),
    );
    check(&mut ward, bad, &message(1, 0, b"\x3fname"));
    check(&mut ward, bad, &message(2, 0, QUESTION));
    check(&mut ward, bad, &message(1, 1, QUESTION));
    let far = record_of(&[0xc0, 12], 1, 5, &[10, 0, 0, 1]);
    check(&mut ward, bad, &answer(&far));
    let far = record_of(&[0xc0, 12], 16, u16::MAX, &[0; 900]);
    check(&mut ward, bad, &answer(&far));
    // A name that is longer than its record.
    let within = [
        &record_of(&[0xc0, 12], 5, 3, b"\x05pumps\x00")[..],
        &[0; 20],
    ]
    .concat();
    check(&mut ward, bad, &answer(&within));
}

/// Messages of above four KiB are looked at as far as that.
#[test]
fn long_messages_are_looked_at_from_their_beginning() {
    let mut ward = Ward::new();
    let texts = |count: usize| vec![record(16, &[b'x'; 200]); count].concat();
    let mut check = |predicate: Option<&str>, count: u16, rest: &[u8]| {
        let whole = message(1, count, &[QUESTION, rest].concat());
        let datagram = udp(53, 40_000, &whole);
        ward.check(&FAMILIES, &BOTH, predicate, &|link, from, to| {
            packet(link, from, to, protocol::UDP, &datagram, |_| {})
        });
    };
    let looped = record_of(&[0xff, 0xff], 1, 4, &[10, 0, 0, 1]);
    for before in [0, 4, 9, 10, 18] {
        let rest = [texts(before), looped.clone()].concat();
        check(Some("dns/pointer"), before as u16 + 1, &rest);
    }
    for before in [4, 9, 10, 20] {
        check(None, before as u16, &texts(before));
    }
    let rest = [texts(20), looped].concat();
    check(None, 21, &rest);
}
