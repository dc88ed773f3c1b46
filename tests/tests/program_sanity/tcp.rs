//! The set `tcp-stack`.

use enforcer_tests::program::frame::{ACK, PSH, SYN, URG, protocol, tcp};

use super::{FAMILIES, Ward, packet};

/// A segment with these options, of a multiple of four bytes, and an urgent pointer.
fn segment(flags: u8, options: &[u8], urgent: u16, payload: &[u8]) -> Vec<u8> {
    assert!(options.len().is_multiple_of(4));
    let mut bytes = tcp(50_000, 2575, flags, &[]);
    bytes[12] = (((20 + options.len()) / 4) << 4) as u8;
    bytes[18..20].copy_from_slice(&urgent.to_be_bytes());
    bytes.extend(options);
    bytes.extend(payload);
    bytes
}

#[track_caller]
fn check(ward: &mut Ward, predicate: Option<&str>, segment: &[u8]) {
    ward.check(&FAMILIES, &super::BOTH, predicate, &|link, from, to| {
        packet(link, from, to, protocol::TCP, segment, |_| {})
    });
}

#[test]
fn urgent_data_ends_within_its_segment() {
    let mut ward = Ward::new();
    let zero = "tcp-stack/urgent-pointer-zero";
    check(&mut ward, Some(zero), &segment(ACK | URG, &[], 0, b"data"));
    check(
        &mut ward,
        Some(zero),
        &segment(ACK | URG | PSH, &[], 0, b""),
    );
    let beyond = "tcp-stack/urgent-pointer-beyond";
    check(
        &mut ward,
        Some(beyond),
        &segment(ACK | URG, &[], 5, b"data"),
    );
    check(&mut ward, Some(beyond), &segment(ACK | URG, &[], 1, b""));
    let opening = "tcp-stack/urgent-in-syn";
    check(&mut ward, Some(opening), &segment(SYN | URG, &[], 0, b""));
    check(
        &mut ward,
        Some(opening),
        &segment(SYN | ACK | URG, &[], 1, b"x"),
    );
    // As Telnet does; and a pointer that no flag speaks of.
    check(&mut ward, None, &segment(ACK | URG, &[], 1, b"\xff\xf2"));
    check(&mut ward, None, &segment(ACK | URG, &[], 4, b"data"));
    check(&mut ward, None, &segment(ACK, &[], 9, b"data"));
    check(&mut ward, None, &segment(ACK, &[], 0, b"data"));
}

#[test]
fn options_end_within_the_header() {
    let mut ward = Ward::new();
    let overrun = "tcp-stack/option-overrun";
    for options in [
        // Of length 0 and 1, of a kind that is known, and of one that is not.
        &[1, 1, 8, 0][..],
        &[254, 0, 1, 1],
        &[254, 1, 1, 1],
        &[3, 1, 1, 1],
        // Beyond the header; and without a length.
        &[254, 5, 1, 1],
        &[1, 2, 4, 5],
        &[1, 1, 1, 2],
        &[254, 255, 0, 0, 0, 0, 0, 0],
    ] {
        check(&mut ward, Some(overrun), &segment(SYN, options, 0, b""));
        check(&mut ward, Some(overrun), &segment(ACK, options, 0, b"data"));
    }
    for options in [
        &[][..],
        &[1, 1, 1, 1],
        &[0, 0, 0, 0],
        // What stands behind the end is padding.
        &[0, 8, 0, 0],
        &[254, 4, 1, 2],
        &[254, 2, 1, 1],
        &[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
        &[8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1],
        // As Linux and Windows open connections.
        &[
            2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7,
        ],
        &[2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2],
        &[1; 40],
    ] {
        check(&mut ward, None, &segment(SYN, options, 0, b""));
        check(&mut ward, None, &segment(ACK, options, 0, b"data"));
    }
}

#[test]
fn options_have_the_length_of_their_kind() {
    let mut ward = Ward::new();
    let option = |kind: u8, length: u8| {
        let mut options = vec![kind, length];
        options.resize(usize::from(length).next_multiple_of(4), 0);
        options
    };
    for (kind, proper) in [
        (2, &[4][..]),
        (3, &[3]),
        (4, &[2]),
        (5, &[10, 18, 26, 34]),
        (8, &[10]),
        (19, &[18]),
    ] {
        for length in 2..=40 {
            let of = (!proper.contains(&length)).then_some("tcp-stack/option-length");
            check(&mut ward, of, &segment(ACK, &option(kind, length), 0, b""));
        }
    }
    for (length, of) in [(2, true), (3, true), (4, false), (16, false), (40, false)] {
        let of = of.then_some("tcp-stack/option-length");
        check(&mut ward, of, &segment(SYN, &option(29, length), 0, b""));
    }
    // Of kinds that nobody knows, nothing is known.
    check(&mut ward, None, &segment(SYN, &option(34, 10), 0, b""));
}
