//! The set `ip-stack`.

use std::net::IpAddr;

use enforcer_tests::program::frame::{Ip, Link, icmp, part, protocol, udp};

use super::{FAMILIES, V4, Ward, packet};

const IGMP: u8 = 2;

#[track_caller]
fn options(ward: &mut Ward, predicate: Option<&str>, options: &[u8]) {
    let datagram = udp(5000, 161, b"data");
    ward.check(&V4, &super::BOTH, predicate, &|link, from, to| {
        packet(link, from, to, protocol::UDP, &datagram, |packet| {
            packet.options = options.to_vec();
        })
    });
}

#[test]
fn nobody_chooses_the_route() {
    let mut ward = Ward::new();
    for kind in [131, 137] {
        let route = [kind, 7, 4, 10, 30, 0, 1, 0];
        options(&mut ward, Some("ip-stack/source-route"), &route);
        let late = [1, 1, kind, 3, 4, 0, 0, 0];
        options(&mut ward, Some("ip-stack/source-route"), &late);
    }
    // Record route, and security options, as they are.
    options(&mut ward, None, &[7, 7, 4, 0, 0, 0, 0, 0]);
    options(&mut ward, None, &[130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    options(&mut ward, None, &[68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    // Behind the end of the list.
    options(&mut ward, None, &[0, 131, 3, 4]);
}

#[test]
fn options_end_within_the_header() {
    let mut ward = Ward::new();
    for bad in [
        &[148, 0, 0, 0][..],
        &[148, 1, 0, 0],
        &[148, 5, 0, 0],
        &[1, 1, 1, 148],
        &[7, 2, 0, 0],
        &[68, 3, 0, 0],
        &[131, 8, 4, 0],
    ] {
        options(&mut ward, Some("ip-stack/option-overrun"), bad);
    }
    // The router alert of IGMP and RSVP.
    options(&mut ward, None, &[148, 4, 0, 0]);
    options(&mut ward, None, &[1; 40]);
    options(&mut ward, None, &[148, 4, 0, 0, 1, 1, 1, 0]);
}

#[test]
fn ip_is_not_carried_in_ip() {
    let mut ward = Ward::new();
    let within = |from: IpAddr, to: IpAddr, number: u8| {
        Ip::new(from, to, number, &udp(5000, 161, b"data")).bytes()
    };
    for number in [4, 41] {
        ward.hit(&FAMILIES, "ip-stack/tunnel", &|link, from, to| {
            let inner = within(from, to, protocol::UDP);
            packet(link, from, to, number, &inner, |_| {})
        });
        // What comes of fragments of it is told of the first one.
        ward.hit(&V4, "ip-stack/tunnel", &|link, from, to| {
            let whole = Ip::new(from, to, number, &within(from, to, protocol::UDP));
            link.ip(&part(&whole, 7, 0, 24, true))
        });
    }
    for number in [47, 50, 89, 103] {
        ward.miss(&FAMILIES, &|link, from, to| {
            packet(link, from, to, number, &[0; 40], |_| {})
        });
    }
}

#[test]
fn icmp_is_as_long_as_its_type_demands() {
    let mut ward = Ward::new();
    let message = |kind: u8, length: usize| {
        let mut message = icmp(kind, 0, 7, &[]);
        message.resize(length, 0);
        message
    };
    let mut check = |predicate: Option<&str>, kind: u8, length: usize| {
        ward.check(&V4, &super::BOTH, predicate, &|link, from, to| {
            packet(
                link,
                from,
                to,
                protocol::ICMP,
                &message(kind, length),
                |_| {},
            )
        });
    };
    let short = Some("ip-stack/icmp-length");
    for kind in [4, 5] {
        check(short, kind, 35);
        check(short, kind, 8);
        check(None, kind, 36);
    }
    check(short, 13, 19);
    check(None, 13, 20);
    check(None, 8, 8);
    check(None, 8, 64);
    for kind in [17, 18] {
        check(Some("ip-stack/address-mask"), kind, 12);
        check(Some("ip-stack/address-mask"), kind, 8);
    }
    check(None, 15, 8);
}

/// An error about a flow that there is, quoted wholly and not.
#[test]
fn icmp_errors_quote_a_header() {
    let mut ward = Ward::new();
    let error = |link: &Link, from: IpAddr, to: IpAddr, length: usize| {
        let about = Ip::new(to, from, protocol::UDP, &udp(5000, 161, b"data")).bytes();
        let message = icmp(3, 1, 0, &about[..length]);
        packet(link, from, to, protocol::ICMP, &message, |_| {})
    };
    for kind in [28, 32] {
        ward.miss(&V4, &|link, from, to| error(link, from, to, kind));
    }
    // What it quotes goes on in the padding of Ethernet.
    ward.hit(&V4, "ip-stack/icmp-length", &|link, from, to| {
        [error(link, from, to, 27), vec![0; 8]].concat()
    });
}

#[test]
fn igmp_is_whole() {
    let mut ward = Ward::new();
    let query = |sources: u16, there: usize| {
        let mut message = vec![0x11, 10, 0, 0, 224, 0, 0, 5, 2, 20];
        message.extend(sources.to_be_bytes());
        message.resize(12 + 4 * there, 1);
        message
    };
    let mut check = |predicate: Option<&str>, message: &[u8]| {
        ward.check(&V4, &super::BOTH, predicate, &|link, from, to| {
            packet(link, from, to, IGMP, message, |packet| {
                packet.options = vec![148, 4, 0, 0];
            })
        });
    };
    let bad = Some("ip-stack/igmp-length");
    check(bad, &query(3, 2));
    check(bad, &query(u16::MAX, 300));
    check(bad, &query(0, 0)[..11]);
    check(bad, &query(0, 0)[..9]);
    check(bad, &[0x16, 0, 0, 0]);
    check(None, &query(0, 0));
    check(None, &query(2, 2));
    check(None, &query(2, 5));
    // Version 2, a report of it, and one of version 3.
    check(None, &query(0, 0)[..8]);
    check(None, &[0x16, 0, 0, 0, 239, 1, 1, 1]);
    check(None, &[0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 239, 1, 1, 1]);
    ward.hit(&V4, "ip-stack/igmp-length", &|link, from, to| {
        let whole = Ip::new(from, to, IGMP, &query(40, 40));
        link.ip(&part(&whole, 9, 0, 24, true))
    });
}
