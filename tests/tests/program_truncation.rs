//! Frames cut at every byte: both hosts agree, and no cut frame passes.

use enforcer_common::port::Side::{Core, Device};
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::Rig;
use enforcer_tests::program::frame::{Ip, SYN, extension, icmp, protocol, tcp};
use enforcer_tests::program::ward::{self, FAMILIES, Family};

/// Cuts a frame that passes whole at every byte; nothing shorter may pass.
fn cut_everywhere(rig: &mut Rig, side: enforcer_common::port::Side, frame: &[u8]) {
    for length in 0..frame.len() {
        rig.clear_flows();
        let outcome = rig.send(side, &frame[..length]);
        assert_eq!(outcome.fate, Fate::Deny, "{length} bytes of {frame:02x?}");
    }
    rig.clear_flows();
    assert_eq!(rig.send(side, frame).fate, Fate::Allow, "{frame:02x?}");
}

#[test]
fn every_layer_with_every_tagging() {
    let mut rig = Rig::new(ward::POLICY);
    for device in [ward::BOUND, ward::TAGGED, ward::DOUBLY] {
        let link = ward::outward(device);
        for family in FAMILIES {
            let (own, engine) = (ward::device(family, device), ward::engine(family));
            cut_everywhere(
                &mut rig,
                Device,
                &link.tcp((own, 40_000), (engine, 2575), SYN),
            );
            cut_everywhere(
                &mut rig,
                Device,
                &link.udp((own, 40_000), (ward::dns(family), 53)),
            );
            let request = if family == Family::V4 { 8 } else { 128 };
            cut_everywhere(&mut rig, Device, &link.icmp(own, engine, request, 7));
            let mut longer = Ip::new(own, engine, protocol::TCP, &tcp(40_000, 2575, SYN, b"x"));
            longer.options = vec![1; 40];
            longer.extensions = vec![extension(0), extension(60), extension(43), extension(60)];
            cut_everywhere(&mut rig, Device, &link.ip(&longer));
        }
    }
}

#[test]
fn arp_and_control_frames() {
    let mut rig = Rig::new(ward::POLICY);
    let v4 = |device| match ward::device(Family::V4, device) {
        std::net::IpAddr::V4(v4) => v4,
        std::net::IpAddr::V6(_) => unreachable!("an address of the other family was asked for"),
    };
    let frame = ward::outward(ward::BOUND).arp(1, v4(ward::BOUND), v4(ward::FREE));
    cut_everywhere(&mut rig, Device, &frame);
    let mut link = ward::outward(ward::BOUND);
    link.destination.0 = [0x01, 0x80, 0xc2, 0, 0, 0];
    let stp = link.carry(38, &[0x42, 0x42]);
    cut_everywhere(&mut rig, Core, &stp);
}

#[test]
fn icmp_errors() {
    let mut rig = Rig::new(ward::POLICY);
    for family in FAMILIES {
        let (own, engine) = (ward::device(family, ward::BOUND), ward::engine(family));
        let syn = tcp(40_000, 2575, SYN, b"");
        // Only the first eight bytes of the transport header need be quoted.
        let about = Ip::new(own, engine, protocol::TCP, &syn);
        let begin = ward::outward(ward::BOUND).ip(&about);
        let whole = ward::inward(ward::BOUND).icmp_error(ward::elsewhere(family), own, &about);
        for length in 0..=whole.len() {
            rig.clear_flows();
            rig.allowed(Device, &begin, Reason::Rule);
            let outcome = rig.send(Core, &whole[..length]);
            let expected = if length == whole.len() {
                Fate::Allow
            } else {
                Fate::Deny
            };
            assert_eq!(outcome.fate, expected, "{length} bytes");
        }
        assert_eq!(icmp(3, 0, 0, &[]).len(), 8);
    }
}
