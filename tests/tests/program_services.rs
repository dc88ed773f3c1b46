//! What a device needs to live on its network: ARP, neighbour discovery, DHCP,
//! and the bridges' own control frames.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use enforcer_common::addr::Mac;
use enforcer_common::port::Side::{Core, Device};
use enforcer_common::verdict::Reason;
use enforcer_tests::program::Rig;
use enforcer_tests::program::frame::{Link, arp};
use enforcer_tests::program::ward::{self, Family};

const ARP: u16 = 0x0806;
const ROUTER_IP: Ipv4Addr = Ipv4Addr::new(10, 10, 0, 254);

fn v4(device: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 10, 0, device)
}

fn v6(text: &str) -> IpAddr {
    IpAddr::V6(text.parse::<Ipv6Addr>().expect("an IPv6 address"))
}

fn octets(text: &str) -> [u8; 16] {
    text.parse::<Ipv6Addr>().expect("an IPv6 address").octets()
}

fn broadcast(device: u8) -> Link {
    let mut link = ward::outward(device);
    link.destination = Mac::BROADCAST;
    link
}

#[test]
fn arp_passes_with_the_devices_own_address() {
    let mut rig = Rig::new(ward::POLICY);
    for device in [ward::BOUND, ward::TAGGED, ward::DOUBLY] {
        rig.allowed(
            Device,
            &broadcast(device).arp(1, v4(device), ROUTER_IP),
            Reason::Arp,
        );
        rig.allowed(
            Device,
            &broadcast(device).arp(1, Ipv4Addr::UNSPECIFIED, v4(device)),
            Reason::Arp,
        );
        rig.allowed(
            Core,
            &ward::inward(device).arp(2, ROUTER_IP, v4(device)),
            Reason::Arp,
        );
        let spoofed = broadcast(device).arp(2, ROUTER_IP, v4(device));
        rig.denied(Device, &spoofed, Reason::SpoofedSource);
        let mut asked = ward::inward(device);
        asked.destination = Mac::BROADCAST;
        rig.allowed(Core, &asked.arp(1, ROUTER_IP, v4(device)), Reason::Arp);
    }
    rig.denied(
        Device,
        &broadcast(ward::CLOSED).arp(1, v4(7), ROUTER_IP),
        Reason::ArpDenied,
    );
    rig.denied(
        Device,
        &broadcast(ward::BOUND).arp(3, v4(1), ROUTER_IP),
        Reason::ArpDenied,
    );
    let mut odd = arp(1, ward::mac(1), v4(1), ROUTER_IP);
    odd[1] = 6;
    rig.denied(
        Device,
        &broadcast(ward::BOUND).carry(ARP, &odd),
        Reason::ArpDenied,
    );
}

/// Clusters and redundant gateways (NLB, GLBP) answer with another hardware
/// address than they send from; a managed device has no business to.
#[test]
fn arp_senders_must_be_honest_on_the_device_side_alone() {
    let mut rig = Rig::new(ward::POLICY);
    let virtual_mac = Mac([0x00, 0x07, 0xb4, 0, 1, 2]);
    let reply = arp(2, virtual_mac, ROUTER_IP, v4(1));
    rig.allowed(
        Core,
        &ward::inward(ward::BOUND).carry(ARP, &reply),
        Reason::Arp,
    );
    let reply = arp(2, virtual_mac, v4(1), ROUTER_IP);
    rig.denied(
        Device,
        &ward::outward(ward::BOUND).carry(ARP, &reply),
        Reason::ArpDenied,
    );
}

#[test]
fn neighbour_discovery_passes_as_itself() {
    let mut rig = Rig::new(ward::POLICY);
    let own = ward::device(Family::V6, ward::BOUND);
    let all = v6("ff02::1");
    let link = ward::outward(ward::BOUND);
    for (source, kind, target) in [
        (own, 135, "fd00:10::9"),
        (v6("::"), 135, "fd00:10::1"),
        (v6("fe80::1"), 133, "::"),
        (own, 136, "fd00:10::1"),
        (v6("fe80::1"), 143, "::"),
    ] {
        rig.allowed(
            Device,
            &link.neighbour(source, all, kind, &octets(target)),
            Reason::NeighbourDiscovery,
        );
    }
    let forged = link.neighbour(own, all, 136, &octets("fd00:10::9"));
    rig.denied(Device, &forged, Reason::SpoofedSource);
    let forged = link.neighbour(v6("fd00:10::9"), all, 135, &octets("fd00:10::1"));
    rig.denied(Device, &forged, Reason::SpoofedSource);
    // No device is a router, and nobody redirects one.
    let denied = Reason::NeighbourDiscoveryDenied;
    rig.denied(
        Device,
        &link.neighbour(v6("fe80::1"), all, 134, &[0; 8]),
        denied,
    );
    rig.denied(
        Core,
        &link.back().neighbour(v6("fe80::1"), own, 137, &[0; 32]),
        denied,
    );
    rig.allowed(
        Core,
        &link.back().neighbour(v6("fe80::1"), own, 134, &[0; 8]),
        Reason::NeighbourDiscovery,
    );
    // From beyond the link.
    let far = link.back().icmp(v6("fd00:99::1"), own, 135, 0);
    rig.denied(Core, &far, denied);
    let closed = ward::outward(ward::CLOSED);
    rig.denied(
        Device,
        &closed.neighbour(v6("fe80::1"), all, 133, &[]),
        denied,
    );
}

#[test]
fn dhcp_passes_as_a_client() {
    let mut rig = Rig::new(ward::POLICY);
    let everybody = IpAddr::V4(Ipv4Addr::BROADCAST);
    let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let server = ward::dns(Family::V4);
    for device in [ward::BOUND, ward::FREE, ward::TAGGED] {
        rig.allowed(
            Device,
            &broadcast(device).dhcp_request(nobody, everybody),
            Reason::Dhcp,
        );
        let own = ward::device(Family::V4, device);
        rig.allowed(
            Device,
            &ward::outward(device).dhcp_request(own, server),
            Reason::Dhcp,
        );
        let offered = Ipv4Addr::new(10, 10, 0, device);
        let reply = ward::inward(device).dhcp_reply(server, own, offered);
        rig.allowed(Core, &reply, Reason::Dhcp);
        // A server of its own.
        let offer = broadcast(device).dhcp_reply(own, everybody, offered);
        rig.denied(Device, &offer, Reason::NoRule);
    }
    let spoofed = ward::device(Family::V4, ward::TAGGED);
    rig.denied(
        Device,
        &ward::outward(ward::BOUND).dhcp_request(spoofed, server),
        Reason::SpoofedSource,
    );
    rig.denied(
        Device,
        &broadcast(ward::CLOSED).dhcp_request(nobody, everybody),
        Reason::NoRule,
    );
    // What is no DHCP has no business on its ports, and an address that no device
    // can have is not offered.
    let own = ward::device(Family::V4, ward::FREE);
    let garbage = ward::outward(ward::FREE).udp((own, 68), (server, 67));
    rig.denied(Device, &garbage, Reason::BadDhcp);
    for offered in [[224, 0, 0, 1], [127, 0, 0, 1], [255, 255, 255, 255]] {
        let reply = ward::inward(ward::FREE).dhcp_reply(server, own, offered.into());
        rig.denied(Core, &reply, Reason::BadDhcp);
    }
    // A device that is bound to addresses is offered none but these.
    let bound = ward::device(Family::V4, ward::BOUND);
    let reply = ward::inward(ward::BOUND).dhcp_reply(server, bound, [10, 10, 0, 99].into());
    rig.denied(Core, &reply, Reason::BadDhcp);
    let solicit = ((v6("fe80::1"), 546), (v6("ff02::1:2"), 547));
    rig.allowed(
        Device,
        &ward::outward(ward::BOUND).udp(solicit.0, solicit.1),
        Reason::Dhcp,
    );
}

/// The ports of DHCPv6 mean nothing in IPv4, nor those of DHCP in IPv6.
#[test]
fn dhcp_is_of_one_family() {
    let mut rig = Rig::new(ward::POLICY);
    for (family, client, server) in [(Family::V4, 546, 547), (Family::V6, 68, 67)] {
        let own = (ward::device(family, ward::BOUND), client);
        let link = ward::outward(ward::BOUND);
        let frame = link.udp(own, (ward::elsewhere(family), server));
        rig.denied(Device, &frame, Reason::NoRule);
    }
}

/// Where the services are off, or for a server, rules may say what is allowed.
#[test]
fn a_rule_may_allow_what_the_services_do_not() {
    let policy = r#"
version: 1
peers: {dhcp: 10.20.0.67}
profiles:
  strict:
    network: {arp: true, neighbour_discovery: false, dhcp: false}
    allow:
      - {name: lease, to: dhcp, udp: 67}
      - {name: resolve, to: any, icmpv6: neighbour-solicitation}
  server:
    allow: [{name: serve, to: any, udp: 68}, {name: served, from: any, udp: 67}]
  client: {}
devices:
  - {name: strict, mac: "02:00:00:00:00:01", ip: [10.10.0.1, "fd00:10::1"], profile: strict}
  - {name: server, mac: "02:00:00:00:00:02", ip: 10.10.0.2, profile: server}
  - {name: client, mac: "02:00:00:00:00:03", profile: client}
"#;
    let mut rig = Rig::new(policy);
    let own = ward::device(Family::V4, 1);
    let link = Link::new(ward::mac(1), ward::ROUTER);
    let lease = Ipv4Addr::new(10, 20, 0, 67).into();
    rig.allowed(Device, &link.udp((own, 68), (lease, 67)), Reason::Rule);
    rig.allowed(
        Core,
        &link.back().udp((lease, 67), (own, 68)),
        Reason::Established,
    );
    rig.denied(
        Device,
        &link.udp((own, 68), (ward::dns(Family::V4), 67)),
        Reason::NoRule,
    );
    let (own6, target) = (ward::device(Family::V6, 1), octets("fd00:10::9"));
    let solicit = |kind| link.neighbour(own6, v6("ff02::1"), kind, &target);
    rig.allowed(Device, &solicit(135), Reason::Rule);
    rig.denied(Device, &solicit(133), Reason::NeighbourDiscoveryDenied);
    // A server among the devices: the client needs no rule, the server has its own.
    let (server, client) = (ward::device(Family::V4, 2), ward::device(Family::V4, 3));
    let between = Link::new(ward::mac(2), ward::mac(3));
    let reply = between.dhcp_reply(server, client, [10, 10, 0, 3].into());
    rig.allowed(Device, &reply, Reason::Rule);
    let request = between.back().dhcp_request(client, server);
    rig.allowed(Device, &request, Reason::Established);
}

#[test]
fn control_frames_by_policy() {
    let mut rig = Rig::new(ward::POLICY);
    let group = |last| Link::new(ward::STRANGER, Mac([0x01, 0x80, 0xc2, 0, 0, last]));
    for side in [Device, Core] {
        rig.allowed(
            side,
            &group(0).carry(38, &[0x42, 0x42, 3]),
            Reason::ControlFrame,
        );
        rig.allowed(
            side,
            &group(0x0e).carry(0x88cc, &[2, 7]),
            Reason::ControlFrame,
        );
        for (last, kind) in [(2, 0x8809), (3, 0x888e), (0x0e, 0x88f7), (0x0f, 0x0800)] {
            rig.denied(
                side,
                &group(last).carry(kind, &[0; 8]),
                Reason::ControlFrameDenied,
            );
        }
        rig.denied(
            side,
            &group(0).carry(38, &[0xaa, 0xaa, 3]),
            Reason::ControlFrameDenied,
        );
    }
    rig.denied(
        Device,
        &group(0x10).carry(0x88cc, &[0; 8]),
        Reason::UnknownDevice,
    );
}
