//! What is learned from DNS and DHCP answers, in the program: denied before, allowed
//! while it holds, denied afterwards, also in the middle of a flow.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;

use enforcer::learn::Identity;
use enforcer_common::addr::Vlan;
use enforcer_common::learned::name_hash;
use enforcer_common::port::Side::{Core, Device};
use enforcer_common::verdict::Reason;
use enforcer_tests::program::frame::{ACK, SYN};
use enforcer_tests::program::rig::seconds_now;
use enforcer_tests::program::ward::{ROUTER, mac};
use enforcer_tests::program::{Link, Rig};

const POLICY: &str = r#"
version: 1
profiles:
  modality:
    allow:
      - {name: dns, to: 10.0.0.53, udp: 53}
      - {name: pacs, to: ["dns:pacs.example.org", "dns:*.archive.example.org"], tcp: 104}
  leased:
    allow:
      - {name: web, to: 10.0.0.80, tcp: 443}
devices:
  - {name: ct, mac: "02:00:00:00:00:01", profile: modality}
  - {name: mr, mac: "02:00:00:00:00:02", profile: modality}
  - {name: doubly, mac: "02:00:00:00:00:03", vlan: "100.10", profile: modality}
  - {name: pump, mac: "02:00:00:00:00:04", ip: dhcp, profile: leased}
"#;

const CT: u8 = 1;
const MR: u8 = 2;
const DOUBLY: u8 = 3;
const PUMP: u8 = 4;

fn address(host: u8) -> IpAddr {
    [10, 0, 0, host].into()
}

fn link(device: u8) -> Link {
    let link = Link::new(mac(device), ROUTER);
    match device {
        DOUBLY => link.provider_vlan(100).vlan(10),
        _ => link,
    }
}

/// Learns in both hosts.
fn learn(rig: &mut Rig, device: u8, address: IpAddr, name: &str, until: u32) {
    let vlan = match device {
        DOUBLY => Vlan {
            outer: 100,
            inner: 10,
        },
        _ => Vlan::UNTAGGED,
    };
    let identity = Identity {
        mac: mac(device),
        vlan,
    };
    let hash = if name.is_empty() {
        0
    } else {
        name_hash(name.as_bytes())
    };
    let key = identity.key(address.into(), hash);
    rig.datapath.learn(&key, until).unwrap();
    rig.host.learn(key, until);
}

#[test]
fn a_name_stands_for_what_the_device_was_given() {
    for (device, name) in [
        (CT, "pacs.example.org"),
        (CT, "*.archive.example.org"),
        (DOUBLY, "pacs.example.org"),
    ] {
        let mut rig = Rig::new(POLICY);
        let own = address(device);
        let to = |port| link(device).tcp((own, 40_000), (address(104), port), SYN);
        rig.denied(Device, &to(104), Reason::NameNotLearned);
        // Neither another name nor another address, nor what has passed.
        learn(
            &mut rig,
            device,
            address(104),
            "other.example.org",
            u32::MAX,
        );
        learn(&mut rig, device, address(105), name, u32::MAX);
        rig.denied(Device, &to(104), Reason::NameNotLearned);
        let now = seconds_now();
        learn(&mut rig, device, address(104), name, now - 1);
        rig.denied(Device, &to(104), Reason::NameNotLearned);
        learn(&mut rig, device, address(104), name, now + 1_000);
        let outcome = rig.allowed(Device, &to(104), Reason::Rule);
        assert_eq!(outcome.rule.as_deref(), Some("pacs"));
        assert_eq!(outcome.flow.unwrap().valid_until, now + 1_000);
        // The rule's service, and no other.
        rig.denied(Device, &to(105), Reason::NoRule);
    }
}

#[test]
fn what_one_device_was_given_is_no_others() {
    let mut rig = Rig::new(POLICY);
    learn(&mut rig, CT, address(104), "pacs.example.org", u32::MAX);
    let from = |device| link(device).tcp((address(device), 40_000), (address(104), 104), SYN);
    rig.allowed(Device, &from(CT), Reason::Rule);
    rig.denied(Device, &from(MR), Reason::NameNotLearned);
    rig.denied(Device, &from(DOUBLY), Reason::NameNotLearned);
}

#[test]
fn a_flow_is_judged_again_when_the_name_no_longer_holds() {
    let mut rig = Rig::new(POLICY);
    let (own, pacs) = ((address(CT), 40_000), (address(104), 104));
    let out = |flags| link(CT).tcp(own, pacs, flags);
    let back = |flags| link(CT).back().tcp(pacs, own, flags);
    let now = seconds_now();
    learn(&mut rig, CT, pacs.0, "pacs.example.org", now + 1_000);
    rig.allowed(Device, &out(SYN), Reason::Rule);
    let key = rig.last_key();
    rig.allowed(Core, &back(SYN | ACK), Reason::Established);
    rig.allowed(Device, &out(ACK), Reason::Established);
    // Time passes: the flow's judgement ends, and the name still holds.
    rig.change_flow(&key, |flow| flow.valid_until = now - 1);
    rig.allowed(Device, &out(ACK), Reason::Rule);
    rig.allowed(Core, &back(ACK), Reason::Established);
    // And again, when it holds no longer.
    rig.change_flow(&key, |flow| flow.valid_until = now - 1);
    learn(&mut rig, CT, pacs.0, "pacs.example.org", now - 1);
    rig.denied(Device, &out(ACK), Reason::NameNotLearned);
    rig.denied(Core, &back(ACK), Reason::NameNotLearned);
}

#[test]
fn a_device_is_held_to_the_address_that_it_was_given() {
    let mut rig = Rig::new(POLICY);
    let from = |host| link(PUMP).tcp((address(host), 40_000), (address(80), 443), SYN);
    let arp = |host: u8| link(PUMP).arp(1, [10, 0, 0, host].into(), [10, 0, 0, 80].into());
    rig.denied(Device, &from(40), Reason::SpoofedSource);
    assert!(!rig.send(Device, &arp(40)).reason.allows());
    learn(&mut rig, PUMP, address(40), "", seconds_now() + 1_000);
    rig.allowed(Device, &from(40), Reason::Rule);
    assert!(rig.send(Device, &arp(40)).reason.allows());
    rig.denied(Device, &from(41), Reason::SpoofedSource);
    assert!(!rig.send(Device, &arp(41)).reason.allows());
    let to = |host| {
        link(PUMP)
            .back()
            .tcp((address(80), 443), (address(host), 1), SYN)
    };
    rig.denied(Core, &to(41), Reason::WrongDestination);
    rig.denied(Core, &to(40), Reason::NoRule);
    rig.clear_flows();
    learn(&mut rig, PUMP, address(40), "", seconds_now() - 1);
    rig.denied(Device, &from(40), Reason::SpoofedSource);
}
