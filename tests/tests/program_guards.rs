//! Guards of the link layer: whom a device may believe about its network, which
//! port it is seen on, and which tags a port may carry.

use std::net::{IpAddr, Ipv4Addr};

use enforcer_common::port::Side::{Core, Device};
use enforcer_common::verdict::Reason;
use enforcer_tests::program::frame::{Link, SYN};
use enforcer_tests::program::ward::{self, FAMILIES, Family};
use enforcer_tests::program::{Rig, frame};

/// The ward with `text` in its defaults, which all profiles inherit.
fn ward_with(text: &str) -> String {
    ward::POLICY.replace("defaults:\n", &format!("defaults:\n  {text}\n"))
}

#[test]
fn dhcp_answers_come_from_named_servers() {
    let mut rig = Rig::new(&ward_with("guards: {dhcp_servers: [dns, 10.40.0.0/24]}"));
    let own = ward::device(Family::V4, ward::FREE);
    let link = ward::inward(ward::FREE);
    let offered = Ipv4Addr::new(10, 10, 0, 4);
    for server in [ward::dns(Family::V4), "10.40.0.9".parse().unwrap()] {
        let reply = link.dhcp_reply(server, own, offered);
        rig.allowed(Core, &reply, Reason::Dhcp);
    }
    let rogue = link.dhcp_reply("10.41.0.9".parse().unwrap(), own, offered);
    rig.denied(Core, &rogue, Reason::RogueDhcpServer);
    // To everybody: the guards of the defaults hold.
    let everybody = Link::new(ward::ROUTER, frame::BROADCAST);
    let broadcast = IpAddr::V4(Ipv4Addr::BROADCAST);
    let reply = everybody.dhcp_reply(ward::dns(Family::V4), broadcast, offered);
    rig.allowed(Core, &reply, Reason::Dhcp);
    let rogue = everybody.dhcp_reply("10.41.0.9".parse().unwrap(), broadcast, offered);
    rig.denied(Core, &rogue, Reason::RogueDhcpServer);
    // DHCPv6 as well.
    let own = ward::device(Family::V6, ward::BOUND);
    let answer =
        |server: &str| ward::inward(ward::BOUND).udp((server.parse().unwrap(), 547), (own, 546));
    rig.allowed(Core, &answer("fd00:20::53"), Reason::Dhcp);
    rig.denied(Core, &answer("fd00:20::54"), Reason::RogueDhcpServer);
}

#[test]
fn with_the_guard_a_client_asks_for_itself_alone() {
    let mut rig = Rig::new(&ward_with("guards: {dhcp_servers: dns}"));
    let (own, server) = (ward::device(Family::V4, ward::FREE), ward::dns(Family::V4));
    let link = ward::outward(ward::FREE);
    rig.allowed(Device, &link.dhcp_request(own, server), Reason::Dhcp);
    let message = frame::dhcp(1, Ipv4Addr::UNSPECIFIED, ward::STRANGER);
    let starving = link.datagram((own, 68), (server, 67), &message);
    rig.denied(Device, &starving, Reason::BadDhcp);
}

#[test]
fn a_rule_may_not_allow_what_the_guards_refuse() {
    let policy = ward_with("guards: {dhcp_servers: dns, routers: \"fe80::1\"}").replace(
        "    allow:\n      - {name: hl7",
        "    allow:\n      - {name: all, from: any, protocol: any}\n      - {name: hl7",
    );
    let mut rig = Rig::new(&policy);
    let link = ward::inward(ward::FREE);
    let own = ward::device(Family::V4, ward::FREE);
    let rogue = link.dhcp_reply("10.41.0.9".parse().unwrap(), own, [10, 10, 0, 4].into());
    rig.denied(Core, &rogue, Reason::RogueDhcpServer);
    let own = ward::device(Family::V6, ward::FREE);
    let rogue = link.neighbour("fe80::2".parse().unwrap(), own, 134, &[0; 8]);
    rig.denied(Core, &rogue, Reason::RogueRouter);
}

#[test]
fn routers_are_named() {
    let mut rig = Rig::new(&ward_with(
        "guards: {routers: [\"fe80::1\", \"fe80::a/127\"]}",
    ));
    let all = "ff02::1".parse().unwrap();
    let own = ward::device(Family::V6, ward::BOUND);
    for (router, known) in [("fe80::1", true), ("fe80::b", true), ("fe80::c", false)] {
        let router = router.parse().unwrap();
        let to_one = ward::inward(ward::BOUND).neighbour(router, own, 134, &[0; 8]);
        let group = Link::new(ward::ROUTER, frame::ALL_NODES);
        let to_all = group.neighbour(router, all, 134, &[0; 8]);
        for advertisement in [to_one, to_all] {
            if known {
                rig.allowed(Core, &advertisement, Reason::NeighbourDiscovery);
            } else {
                rig.denied(Core, &advertisement, Reason::RogueRouter);
            }
        }
    }
    // No device is a router, whatever its address.
    let own = ward::outward(ward::FREE).neighbour("fe80::1".parse().unwrap(), all, 134, &[0; 8]);
    rig.denied(Device, &own, Reason::NeighbourDiscoveryDenied);
}

#[test]
fn reverse_arp_is_refused() {
    let mut rig = Rig::new(ward::POLICY);
    let own = Ipv4Addr::new(10, 10, 0, 1);
    for side in [Device, Core] {
        let link = if side == Device {
            ward::outward(ward::BOUND)
        } else {
            ward::inward(ward::BOUND)
        };
        for operation in [3, 4] {
            rig.denied(side, &link.arp(operation, own, own), Reason::ArpDenied);
        }
        let message = frame::arp(3, ward::mac(ward::BOUND), own, own);
        rig.denied(side, &link.carry(0x8035, &message), Reason::EtherType);
    }
}

#[test]
fn a_device_is_bound_to_its_port() {
    let bind = |port: &str| {
        ward::POLICY.replace("{name: bound,", &format!("{{name: bound, port: {port},"))
    };
    let syn = ward::outward(ward::BOUND).tcp(
        (ward::device(Family::V4, ward::BOUND), 5000),
        (ward::engine(Family::V4), 2575),
        SYN,
    );
    let arp = ward::outward(ward::BOUND).arp(1, [10, 10, 0, 1].into(), [10, 10, 0, 9].into());
    let mut rig = Rig::new(&bind("device0"));
    rig.allowed(Device, &syn, Reason::Rule);
    rig.allowed(Device, &arp, Reason::Arp);
    // The same address from the other port is somebody else.
    let between = Link::new(ward::mac(ward::BOUND), ward::mac(ward::GATEWAY));
    let forged = between.arp(1, [10, 10, 0, 1].into(), [10, 10, 0, 6].into());
    rig.allowed(Device, &forged, Reason::Arp);
    rig.denied(Core, &forged, Reason::WrongPort);
    rig.apply(&bind("elsewhere"));
    rig.denied(Device, &syn, Reason::WrongPort);
    rig.denied(Device, &arp, Reason::WrongPort);
    // What comes to it is judged as ever.
    let answer = ward::inward(ward::BOUND).arp(2, [10, 10, 0, 9].into(), [10, 10, 0, 1].into());
    rig.allowed(Core, &answer, Reason::Arp);
}

/// A source that is only audited does not open a destination that is enforced.
#[test]
fn a_wrong_port_in_audit_leaves_the_other_end_closed() {
    let policy = ward::POLICY.replace("{name: watched,", "{name: watched, port: elsewhere,");
    let mut rig = Rig::new(&policy);
    let from = (ward::device(Family::V4, ward::WATCHED), 5000);
    let to = (ward::device(Family::V4, ward::GATEWAY), 23);
    let between = Link::new(ward::mac(ward::WATCHED), ward::mac(ward::GATEWAY));
    rig.denied(Device, &between.tcp(from, to, SYN), Reason::WrongPort);
    let outward = ward::outward(ward::WATCHED).tcp(from, (ward::engine(Family::V4), 23), SYN);
    let outcome = rig.send(Device, &outward);
    assert_eq!(outcome.fate, enforcer_common::verdict::Fate::Audit);
}

#[test]
fn an_address_is_held_to_the_port_it_was_seen_on() {
    let mut rig = Rig::new(&ward_with("guards: {hold_port: 30s}"));
    rig.set_time(1_000, 1_800_000_000);
    let between = Link::new(ward::mac(ward::FREE), ward::mac(ward::GATEWAY));
    let arp = between.arp(1, [10, 10, 0, 4].into(), [10, 10, 0, 6].into());
    rig.allowed(Device, &arp, Reason::Arp);
    rig.denied(Core, &arp, Reason::HeldElsewhere);
    // What is refused does not move it.
    rig.set_time(1_029, 1_800_000_029);
    rig.denied(Core, &arp, Reason::HeldElsewhere);
    rig.allowed(Device, &arp, Reason::Arp);
    rig.set_time(1_058, 1_800_000_058);
    rig.denied(Core, &arp, Reason::HeldElsewhere);
    // Silent for as long as it is held, it may turn up elsewhere.
    rig.set_time(1_059, 1_800_000_059);
    rig.allowed(Core, &arp, Reason::Arp);
    rig.denied(Device, &arp, Reason::HeldElsewhere);
}

#[test]
fn a_port_carries_the_tags_that_are_declared() {
    let ports = |text: &str| format!("{}ports:\n  device0: {text}\n", ward::POLICY);
    let frame = |device: u8| {
        ward::outward(device).tcp(
            (ward::device(Family::V4, device), 5000),
            (ward::engine(Family::V4), 2575),
            SYN,
        )
    };
    let priority = Link::new(ward::mac(ward::FREE), ward::ROUTER).vlan(0).tcp(
        (ward::device(Family::V4, ward::FREE), 5001),
        (ward::engine(Family::V4), 2575),
        SYN,
    );
    // Nothing said: everything is carried, and judged by its device.
    let mut rig = Rig::new(ward::POLICY);
    for device in [ward::BOUND, ward::TAGGED, ward::DOUBLY] {
        rig.allowed(Device, &frame(device), Reason::Rule);
    }
    rig.allowed(Device, &priority, Reason::Rule);

    let mut rig = Rig::new(&ports("{vlans: [untagged, 10, 100]}"));
    rig.allowed(Device, &frame(ward::BOUND), Reason::Rule);
    rig.allowed(Device, &frame(ward::TAGGED), Reason::Rule);
    rig.denied(Device, &frame(ward::DOUBLY), Reason::TagNotCarried);
    rig.denied(Device, &priority, Reason::TagNotCarried);

    rig.apply(&ports("{vlans: [10, 99-101], double_tags: allow}"));
    rig.denied(Device, &frame(ward::BOUND), Reason::VlanNotCarried);
    rig.allowed(Device, &frame(ward::TAGGED), Reason::Rule);
    rig.allowed(Device, &frame(ward::DOUBLY), Reason::Rule);
    let stranger = Link::new(ward::STRANGER, ward::ROUTER).vlan(102);
    rig.denied(
        Device,
        &stranger.carry(0x0806, &[0; 28]),
        Reason::VlanNotCarried,
    );
    // The other port was not spoken of.
    let inward = ward::inward(ward::BOUND).arp(2, [10, 10, 0, 9].into(), [10, 10, 0, 1].into());
    rig.allowed(Core, &inward, Reason::Arp);

    rig.apply(&ports("{vlans: [untagged, 4094], priority_tags: allow}"));
    rig.allowed(Device, &priority, Reason::Rule);
    let highest = Link::new(ward::STRANGER, ward::ROUTER).vlan(4094);
    rig.denied(
        Device,
        &highest.carry(0x0806, &[0; 28]),
        Reason::UnknownDevice,
    );
}

#[test]
fn ethertypes_by_list() {
    let policy = ward::POLICY.replace("  pump:\n", "  pump:\n    ethertypes: [goose, 0x88f7]\n");
    let mut rig = Rig::new(&policy);
    let link = ward::outward(ward::BOUND);
    for ethertype in [0x88b8, 0x88f7] {
        rig.allowed(
            Device,
            &link.carry(ethertype, &[1; 46]),
            Reason::EtherTypeListed,
        );
        rig.allowed(
            Core,
            &link.back().carry(ethertype, &[1; 46]),
            Reason::EtherTypeListed,
        );
    }
    rig.denied(Device, &link.carry(0x88b9, &[1; 46]), Reason::EtherType);
    // A length is no EtherType, and zero is no entry of the list.
    rig.denied(Device, &link.carry(0, &[1; 46]), Reason::EtherType);
    let gateway = ward::outward(ward::GATEWAY);
    rig.denied(Device, &gateway.carry(0x88b8, &[1; 46]), Reason::EtherType);
}

/// Groups are peers like any other, and what the core sends to all is judged by the
/// profile that the policy names for it.
#[test]
fn multicast_and_other_protocols_by_rule() {
    let policy = r#"
version: 1
defaults: {core_broadcast: everybody}
profiles:
  monitor:
    allow:
      - {name: discovery, to: "group:mdns", udp: 5353}
      - {name: groups, to: "group:igmp", protocol: igmp}
      - {name: redundancy, to: "group:vrrp", protocol: vrrp}
      - {name: announce, to: "group:broadcast", udp: 24005}
  everybody:
    allow:
      - {name: ws, from: 10.20.0.0/16, udp: 3702}
devices:
  - {name: bound, mac: "02:00:00:00:00:01", ip: [10.10.0.1, "fd00:10::1"], profile: monitor}
"#;
    let mut rig = Rig::new(policy);
    let own = ward::device(Family::V4, ward::BOUND);
    let group = |last| {
        Link::new(
            ward::mac(1),
            enforcer_common::addr::Mac([1, 0, 0x5e, 0, 0, last]),
        )
    };
    let to = |text: &str| -> IpAddr { text.parse().unwrap() };
    rig.allowed(
        Device,
        &group(0xfb).udp((own, 5353), (to("224.0.0.251"), 5353)),
        Reason::Rule,
    );
    rig.denied(
        Device,
        &group(0xfb).udp((own, 5353), (to("224.0.0.251"), 5354)),
        Reason::NoRule,
    );
    rig.denied(
        Device,
        &group(0xfc).udp((own, 5353), (to("224.0.0.252"), 5353)),
        Reason::NoRule,
    );
    let igmp = |group: &str| frame::Ip::new(own, group.parse().unwrap(), 2, &[0x16; 8]);
    rig.allowed(Device, &group(0x16).ip(&igmp("224.0.0.22")), Reason::Rule);
    rig.denied(Device, &group(0x05).ip(&igmp("224.0.0.5")), Reason::NoRule);
    let vrrp = frame::Ip::new(own, to("224.0.0.18"), 112, &[0x31; 20]);
    rig.allowed(Device, &group(0x12).ip(&vrrp), Reason::Rule);
    let all = Link::new(ward::mac(1), frame::BROADCAST);
    rig.allowed(
        Device,
        &all.udp((own, 24005), (to("255.255.255.255"), 24005)),
        Reason::Rule,
    );
    rig.denied(
        Device,
        &all.udp((own, 24005), (to("10.10.0.255"), 24005)),
        Reason::NoRule,
    );
    let core = Link::new(
        ward::ROUTER,
        enforcer_common::addr::Mac([1, 0, 0x5e, 0x7f, 0xff, 0xfa]),
    );
    let (probe, far) = (to("239.255.255.250"), to("10.30.0.1"));
    rig.allowed(
        Core,
        &core.udp((to("10.20.0.9"), 3702), (probe, 3702)),
        Reason::Rule,
    );
    rig.denied(Core, &core.udp((far, 3702), (probe, 3702)), Reason::NoRule);
}

/// What cannot be judged is denied, or passes where the profile says so; both are
/// counted by what they are.
#[test]
fn on_error_lets_pass_what_cannot_be_judged() {
    use enforcer_common::verdict::Fate;
    let policy = ward::POLICY.replace(
        "  gateway:\n",
        "  gateway:\n    on_error: {bad_frame: allow, flow_table_full: allow}\n",
    );
    let mut rig = Rig::new(&policy);
    for family in FAMILIES {
        let (strict, lenient) = (ward::BOUND, ward::GATEWAY);
        let bad = |device: u8| {
            let own = ward::device(family, device);
            let header = frame::tcp(5000, 443, SYN | frame::FIN, b"");
            let packet =
                frame::Ip::new(own, ward::elsewhere(family), frame::protocol::TCP, &header);
            ward::outward(device).ip(&packet)
        };
        rig.denied(Device, &bad(strict), Reason::BadTcpFlags);
        rig.check(Device, &bad(lenient), Fate::FailOpen, Reason::BadTcpFlags);
        // A denial by rule is no error.
        let own = ward::device(family, lenient);
        let other = ward::outward(lenient).tcp((own, 5000), (ward::elsewhere(family), 444), SYN);
        rig.denied(Device, &other, Reason::NoRule);
    }
    // No device answers for it: the defaults do.
    let bad = Link::new(enforcer_common::addr::Mac::ZERO, ward::ROUTER).carry(0x0800, &[0; 20]);
    rig.denied(Device, &bad, Reason::BadSourceMac);
    rig.apply(&ward_with("on_error: allow"));
    rig.check(Device, &bad, Fate::FailOpen, Reason::BadSourceMac);
}
