//! Headers that no proper sender sends, fragments and extension headers: each
//! with its own reason.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use enforcer_common::addr::Mac;
use enforcer_common::port::Side::Device;
use enforcer_common::verdict::Reason;
use enforcer_tests::program::Rig;
use enforcer_tests::program::frame::{
    ACK, FIN, Ip, PSH, RST, SYN, URG, extension, protocol, tcp, udp,
};
use enforcer_tests::program::ward::{self, FAMILIES, Family};

/// A packet that passes, to be spoilt.
fn proper(family: Family) -> Ip {
    let (own, engine) = (ward::device(family, ward::BOUND), ward::engine(family));
    Ip::new(own, engine, protocol::TCP, &tcp(40_000, 2575, SYN, b""))
}

fn denied(rig: &mut Rig, packet: &Ip, reason: Reason) {
    rig.denied(Device, &ward::outward(ward::BOUND).ip(packet), reason);
}

#[test]
fn ethernet() {
    let mut rig = Rig::new(ward::POLICY);
    let link = ward::outward(ward::BOUND);
    for source in [Mac::ZERO, Mac::BROADCAST, Mac([3, 0, 0, 0, 0, 1])] {
        let mut link = link.clone();
        link.source = source;
        rig.denied(Device, &link.ip(&proper(Family::V4)), Reason::BadSourceMac);
    }
    rig.denied(
        Device,
        &link.clone().vlan(4095).ip(&proper(Family::V4)),
        Reason::BadVlan,
    );
    let three = link.clone().vlan(1).vlan(2).vlan(3);
    rig.denied(Device, &three.ip(&proper(Family::V4)), Reason::TooManyTags);
    for kind in [0x0805, 0x8035, 0x8137, 0x88f7, 0x0040] {
        rig.denied(Device, &link.carry(kind, &[0; 46]), Reason::EtherType);
    }
}

#[test]
fn ipv4_header() {
    let mut rig = Rig::new(ward::POLICY);
    for version in [0x55, 0x44, 0x40, 0x65] {
        denied(
            &mut rig,
            &Ip {
                version: Some(version),
                ..proper(Family::V4)
            },
            Reason::BadIpv4,
        );
    }
    denied(
        &mut rig,
        &Ip {
            length: Some(19),
            ..proper(Family::V4)
        },
        Reason::BadIpv4,
    );
    denied(
        &mut rig,
        &Ip {
            length: Some(41),
            ..proper(Family::V4)
        },
        Reason::Truncated,
    );
    denied(
        &mut rig,
        &Ip {
            length: Some(39),
            ..proper(Family::V4)
        },
        Reason::Truncated,
    );
    let longest = Ip {
        options: vec![1; 40],
        ..proper(Family::V4)
    };
    rig.allowed(
        Device,
        &ward::outward(ward::BOUND).ip(&longest),
        Reason::Rule,
    );
    // Ethernet pads short packets.
    let mut padded = ward::outward(ward::BOUND).ip(&proper(Family::V4));
    padded.extend([0; 20]);
    rig.allowed(Device, &padded, Reason::Established);
}

#[test]
fn ipv6_header() {
    let mut rig = Rig::new(ward::POLICY);
    denied(
        &mut rig,
        &Ip {
            version: Some(0x40),
            ..proper(Family::V6)
        },
        Reason::BadIpv6,
    );
    denied(
        &mut rig,
        &Ip {
            length: Some(21),
            ..proper(Family::V6)
        },
        Reason::Truncated,
    );
    denied(
        &mut rig,
        &Ip {
            length: Some(19),
            ..proper(Family::V6)
        },
        Reason::Truncated,
    );
}

#[test]
fn fragments() {
    let mut rig = Rig::new(ward::POLICY);
    for field in [0x2000, 0x0001, 0x2001, 0x1fff] {
        denied(
            &mut rig,
            &Ip {
                fragment: field,
                ..proper(Family::V4)
            },
            Reason::Fragment,
        );
    }
    let whole = Ip {
        fragment: 0x4000,
        ..proper(Family::V4)
    };
    rig.allowed(Device, &ward::outward(ward::BOUND).ip(&whole), Reason::Rule);
    for (place, value) in [(2, 0x01), (3, 0x08), (3, 0x01)] {
        let (number, mut bytes) = extension(protocol::FRAGMENT);
        bytes[place] = value;
        denied(
            &mut rig,
            &Ip {
                extensions: vec![(number, bytes)],
                ..proper(Family::V6)
            },
            Reason::Fragment,
        );
    }
    let atomic = Ip {
        extensions: vec![extension(protocol::FRAGMENT)],
        ..proper(Family::V6)
    };
    rig.allowed(
        Device,
        &ward::outward(ward::BOUND).ip(&atomic),
        Reason::Rule,
    );
}

#[test]
fn extension_headers() {
    let mut rig = Rig::new(ward::POLICY);
    let with = |numbers: &[u8]| Ip {
        extensions: numbers.iter().map(|number| extension(*number)).collect(),
        ..proper(Family::V6)
    };
    for numbers in [
        &[0][..],
        &[60],
        &[43, 60],
        &[51],
        &[0, 60, 43, 44, 51, 60, 60],
    ] {
        rig.clear_flows();
        rig.allowed(
            Device,
            &ward::outward(ward::BOUND).ip(&with(numbers)),
            Reason::Rule,
        );
    }
    denied(&mut rig, &with(&[60; 8]), Reason::TooManyExtensions);
    denied(&mut rig, &with(&[60, 0]), Reason::BadIpv6);
    let mut long = with(&[60]);
    long.extensions[0].1[1] = 200;
    denied(&mut rig, &long, Reason::Truncated);
}

#[test]
fn addresses() {
    let mut rig = Rig::new(ward::POLICY);
    let (own, engine) = (
        ward::device(Family::V4, ward::BOUND),
        ward::engine(Family::V4),
    );
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let group = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 1));
    let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    for (source, destination) in [
        (own, own),
        (local, engine),
        (own, local),
        (group, engine),
        (own, nowhere),
    ] {
        denied(
            &mut rig,
            &Ip {
                source,
                destination,
                ..proper(Family::V4)
            },
            Reason::BadAddress,
        );
    }
    let own = ward::device(Family::V6, ward::BOUND);
    let mapped = Ipv4Addr::new(10, 20, 0, 10).to_ipv6_mapped();
    for destination in [mapped, Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED] {
        let destination = IpAddr::V6(destination);
        denied(
            &mut rig,
            &Ip {
                source: own,
                destination,
                ..proper(Family::V6)
            },
            Reason::BadAddress,
        );
    }
}

#[test]
fn transport_headers() {
    let mut rig = Rig::new(ward::POLICY);
    for family in FAMILIES {
        for flags in [
            0,
            FIN,
            SYN | FIN,
            SYN | RST,
            FIN | PSH | URG,
            0xff,
            SYN | ACK | FIN,
        ] {
            let payload = tcp(40_000, 2575, flags, b"");
            denied(
                &mut rig,
                &Ip {
                    payload,
                    ..proper(family)
                },
                Reason::BadTcpFlags,
            );
        }
        let mut short = tcp(40_000, 2575, SYN, b"");
        short[12] = 0x40;
        denied(
            &mut rig,
            &Ip {
                payload: short,
                ..proper(family)
            },
            Reason::BadTcp,
        );
        let mut long = tcp(40_000, 2575, SYN, b"");
        long[12] = 0x60;
        denied(
            &mut rig,
            &Ip {
                payload: long,
                ..proper(family)
            },
            Reason::Truncated,
        );
        for length in [0, 7, 13] {
            let mut payload = udp(40_000, 53, b"data");
            payload[5] = length;
            let packet = Ip {
                protocol: protocol::UDP,
                payload,
                ..proper(family)
            };
            denied(&mut rig, &packet, Reason::BadUdp);
        }
    }
}
