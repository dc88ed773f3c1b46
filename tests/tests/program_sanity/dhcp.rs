//! The set `dhcp`.

use std::net::{IpAddr, Ipv4Addr};

use enforcer_common::port::Side::{Core, Device};
use enforcer_tests::program::frame::{dhcp, protocol, udp};

use super::{V4, V6, Ward, packet};

/// Answers and requests with these options, the end included.
#[track_caller]
fn check(ward: &mut Ward, predicate: Option<&str>, options: &[u8]) {
    ward.check(&V4, &[Core], predicate, &|link, from, to| {
        let IpAddr::V4(offered) = to else {
            return Vec::new();
        };
        let mut message = dhcp(2, offered, link.destination);
        message.pop();
        message.extend(options);
        let datagram = udp(67, 68, &message);
        packet(link, from, to, protocol::UDP, &datagram, |_| {})
    });
    ward.check(&V4, &[Device], predicate, &|link, from, to| {
        let mut message = dhcp(1, Ipv4Addr::UNSPECIFIED, link.source);
        message.pop();
        message.extend(options);
        let datagram = udp(68, 67, &message);
        packet(link, from, to, protocol::UDP, &datagram, |_| {})
    });
}

#[test]
fn options_end_within_the_message() {
    let mut ward = Ward::new();
    let bad = Some("dhcp/option-overrun");
    check(&mut ward, bad, &[]);
    check(&mut ward, bad, &[53, 1, 2]);
    check(&mut ward, bad, &[53, 1, 2, 12]);
    check(&mut ward, bad, &[53, 1, 2, 43, 10, 0, 0, 0, 255]);
    check(&mut ward, bad, &[43, 255, 255]);
    check(&mut ward, bad, &[0; 130]);
    check(&mut ward, None, &[53, 1, 2, 255]);
    check(
        &mut ward,
        None,
        &[53, 1, 2, 12, 4, b'p', b'u', b'm', b'p', 255],
    );
    check(&mut ward, None, &[53, 1, 2, 0, 0, 43, 0, 255]);
    // What stands behind the end is padding.
    check(&mut ward, None, &[53, 1, 2, 255, 43, 255, 0, 0]);
    let long = [&[53, 1, 2, 43, 250][..], &[7; 250], &[255]].concat();
    check(&mut ward, None, &long);
}

#[test]
fn options_have_the_length_of_their_kind() {
    let mut ward = Ward::new();
    let option = |kind: u8, length: u8| {
        let mut options = vec![53, 1, 2, kind, length];
        options.resize(5 + usize::from(length), 1);
        options.push(255);
        options
    };
    for (kind, proper) in [
        (53, &[1][..]),
        (26, &[2]),
        (57, &[2]),
        (1, &[4]),
        (28, &[4]),
        (50, &[4]),
        (51, &[4]),
        (54, &[4]),
        (58, &[4]),
        (59, &[4]),
        (3, &[4, 8, 12]),
        (6, &[4, 8, 12]),
        (42, &[4, 8, 12]),
    ] {
        for length in 0..=12 {
            let told = (!proper.contains(&length)).then_some("dhcp/option-length");
            check(&mut ward, told, &option(kind, length));
        }
    }
    for length in [0, 1, 5, 90] {
        check(&mut ward, None, &option(43, length));
    }
}

#[test]
fn a_message_has_its_fixed_part() {
    let mut ward = Ward::new();
    let mut check = |predicate: Option<&str>, change: &dyn Fn(&mut Vec<u8>)| {
        ward.check(&V4, &[Core], predicate, &|link, from, to| {
            let mut message = dhcp(2, Ipv4Addr::UNSPECIFIED, link.destination);
            change(&mut message);
            let datagram = udp(67, 68, &message);
            packet(link, from, to, protocol::UDP, &datagram, |_| {})
        });
    };
    check(Some("dhcp/option-overrun"), &|message| {
        message.truncate(239)
    });
    check(Some("dhcp/option-overrun"), &|message| message.truncate(60));
    // BOOTP without what DHCP marks its options by.
    check(None, &|message| {
        message[236..240].fill(0);
        message.resize(300, 9);
    });
}

#[test]
fn options_of_the_sixth_version_end_within_the_message() {
    let mut ward = Ward::new();
    let mut check = |predicate: Option<&str>, options: &[u8]| {
        for (side, ports) in [(Core, (547, 546)), (Device, (546, 547))] {
            ward.check(&V6, &[side], predicate, &|link, from, to| {
                let message = [&[2, 0, 0, 1][..], options].concat();
                let datagram = udp(ports.0, ports.1, &message);
                packet(link, from, to, protocol::UDP, &datagram, |_| {})
            });
        }
    };
    let bad = Some("dhcp/option-overrun");
    check(bad, &[0, 1, 0, 5, 0, 0, 0, 0]);
    check(bad, &[0, 1, 0]);
    check(bad, &[0, 1, 0, 0, 0, 23, 255, 255]);
    check(None, &[]);
    check(None, &[0, 1, 0, 0]);
    check(None, &[0, 1, 0, 4, 0, 3, 0, 1, 0, 23, 0, 0]);
}

/// What relays pass on has its options behind two addresses.
#[test]
fn relayed_messages_have_more_before_their_options() {
    let mut ward = Ward::new();
    for kind in [12, 13] {
        let mut check = |predicate: Option<&str>, options: &[u8]| {
            ward.check(&V6, &[Core, Device], predicate, &|link, from, to| {
                let mut message = vec![kind, 0];
                message.extend([0xfd; 32]);
                message.extend(options);
                let datagram = udp(547, 547, &message);
                packet(link, from, to, protocol::UDP, &datagram, |_| {})
            });
        };
        check(None, &[0, 9, 0, 4, 1, 0, 0, 1]);
        check(Some("dhcp/option-overrun"), &[0, 9, 0, 5, 1, 0, 0, 1]);
    }
}
