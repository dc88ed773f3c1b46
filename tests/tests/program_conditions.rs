//! Conditions of rules besides peers and services: expiry and schedule, DNS names,
//! rates. What holds until a moment, holds for running flows until then.

use enforcer_common::addr::{Ip, Vlan};
use enforcer_common::learned::{LearnedKey, name_hash};
use enforcer_common::port::Side::{Core, Device};
use enforcer_common::table::device_key;
use enforcer_common::verdict::Reason;
use enforcer_tests::program::Rig;
use enforcer_tests::program::frame::{ACK, SYN};
use enforcer_tests::program::ward::{self, FAMILIES, Family};

/// 2026-12-01T12:00:00Z, a Tuesday.
const NOON: u32 = 1_796_126_400;

fn policy(rules: &str) -> String {
    format!(
        r#"
version: 1
defaults: {{new_flows_per_second: 0}}
peers: {{engine: [10.20.0.10, "fd00:20::10"]}}
profiles:
  pump:
    allow:
{rules}
devices:
  - {{name: pump-1, mac: "02:00:00:00:00:01", ip: [10.10.0.1, "fd00:10::1"], profile: pump}}
  - {{name: pump-2, mac: "02:00:00:00:00:04", ip: [10.10.0.4, "fd00:10::4"], profile: pump}}
"#
    )
}

fn rig_at(rules: &str, time: u32) -> Rig {
    let mut rig = Rig::without_policy(true);
    rig.set_time(1_000, time);
    rig.apply(&policy(rules));
    rig
}

fn send(family: Family, port: u16, to: u16, flags: u8) -> Vec<u8> {
    ward::outward(1).tcp(
        (ward::device(family, 1), port),
        (ward::engine(family), to),
        flags,
    )
}

#[test]
fn a_rule_ends_at_its_second() {
    let rule = "      - {name: service, to: engine, tcp: 443, expires: 2026-12-01T12:01:00Z}";
    let mut rig = rig_at(rule, NOON);
    for family in FAMILIES {
        let outcome = rig.allowed(Device, &send(family, 5000, 443, SYN), Reason::Rule);
        assert_eq!(outcome.rule.as_deref(), Some("service"));
    }
    rig.set_time(1_059, NOON + 59);
    for family in FAMILIES {
        rig.allowed(Device, &send(family, 5000, 443, ACK), Reason::Established);
        rig.allowed(Device, &send(family, 5001, 443, SYN), Reason::Rule);
    }
    rig.set_time(1_060, NOON + 60);
    for family in FAMILIES {
        rig.denied(Device, &send(family, 5000, 443, ACK), Reason::RuleAsleep);
        rig.denied(Device, &send(family, 5002, 443, SYN), Reason::RuleAsleep);
    }
}

#[test]
fn another_rule_takes_over_where_one_ends() {
    let rules = "      - {name: first, to: engine, tcp: 443, expires: 2026-12-01T12:01:00Z}
      - {name: second, to: engine, tcp: 443, expires: 2026-12-01T12:02:00Z}";
    let mut rig = rig_at(rules, NOON);
    let syn = send(Family::V4, 5000, 443, SYN);
    let ack = send(Family::V4, 5000, 443, ACK);
    assert_eq!(
        rig.allowed(Device, &syn, Reason::Rule).rule.as_deref(),
        Some("first")
    );
    rig.set_time(1_050, NOON + 50);
    rig.allowed(Device, &ack, Reason::Established);
    rig.set_time(1_070, NOON + 70);
    // Judged again, and allowed by the other.
    assert_eq!(
        rig.allowed(Device, &ack, Reason::Rule).rule.as_deref(),
        Some("second")
    );
    rig.allowed(Device, &ack, Reason::Established);
    rig.set_time(1_120, NOON + 120);
    rig.denied(Device, &ack, Reason::RuleAsleep);
    // One that always holds comes before those that do not, wherever it is written.
    let always = format!("{rules}\n      - {{name: always, to: any, tcp: 443}}");
    rig.apply(&policy(&always));
    assert_eq!(
        rig.allowed(Device, &syn, Reason::Rule).rule.as_deref(),
        Some("always")
    );
}

#[test]
fn a_schedule_wakes_a_rule_and_lets_it_sleep() {
    let rule = "      - {name: backup, to: engine, tcp: 22, schedule: {days: [tue], from: \"13:00\", until: \"13:30\", zone: UTC}}";
    let mut rig = rig_at(rule, NOON);
    let (syn, ack) = (
        send(Family::V4, 5000, 22, SYN),
        send(Family::V4, 5000, 22, ACK),
    );
    let hour = 3_600;
    rig.denied(Device, &syn, Reason::RuleAsleep);
    rig.set_time(1_000 + hour - 1, NOON + hour - 1);
    rig.denied(Device, &syn, Reason::RuleAsleep);
    rig.set_time(1_000 + hour, NOON + hour);
    rig.allowed(Device, &syn, Reason::Rule);
    rig.set_time(1_000 + hour + 30, NOON + hour + 30);
    rig.allowed(Device, &ack, Reason::Established);
    // A flow that lives on is judged again when the time is over.
    for minute in 1..=30 {
        let now = hour + 60 * minute - 30;
        rig.set_time(1_000 + now, NOON + now);
        rig.allowed(Device, &ack, Reason::Established);
    }
    rig.set_time(1_000 + hour + 1_800, NOON + hour + 1_800);
    rig.denied(Device, &ack, Reason::RuleAsleep);
    // A week later again, without anybody's help.
    let week = 7 * 24 * hour;
    rig.set_time(1_000 + week + hour, NOON + week + hour);
    rig.allowed(Device, &send(Family::V4, 6000, 22, SYN), Reason::Rule);
}

/// A clock that is put forward wakes and ends rules at once; policy time does not
/// run backwards, which is the daemon's part.
#[test]
fn policy_time_is_apart_from_the_monotonic_clock() {
    let rule = "      - {name: service, to: engine, tcp: 443, expires: 2026-12-01T12:01:00Z}";
    let mut rig = rig_at(rule, NOON);
    rig.allowed(Device, &send(Family::V4, 5000, 443, SYN), Reason::Rule);
    rig.set_time(1_001, NOON + 100);
    rig.denied(
        Device,
        &send(Family::V4, 5001, 443, SYN),
        Reason::RuleAsleep,
    );
}

fn given(device: u8, name: &str, address: std::net::IpAddr) -> LearnedKey {
    LearnedKey {
        address: Ip::from(address),
        name: name_hash(name.as_bytes()),
        device: device_key(ward::mac(device), Vlan::UNTAGGED),
        ..LearnedKey::EMPTY
    }
}

#[test]
fn a_name_stands_for_what_was_answered_for_it() {
    let rules = "      - {name: update, to: [\"dns:update.example.org\", \"dns:*.vendor.example\", 10.99.0.1], tcp: 443}";
    let mut rig = rig_at(rules, NOON);
    for family in FAMILIES {
        let engine = ward::engine(family);
        rig.denied(
            Device,
            &send(family, 5000, 443, SYN),
            Reason::NameNotLearned,
        );
        // To another device, and for another name.
        rig.learn(given(4, "update.example.org", engine), 1_100);
        rig.learn(given(1, "other.example.org", engine), 1_100);
        rig.denied(
            Device,
            &send(family, 5000, 443, SYN),
            Reason::NameNotLearned,
        );
        rig.learn(given(1, "*.vendor.example", engine), 1_100);
        rig.allowed(Device, &send(family, 5000, 443, SYN), Reason::Rule);
        rig.denied(Device, &send(family, 5000, 80, SYN), Reason::NoRule);
    }
    for now in [50, 99] {
        rig.set_time(1_000 + now, NOON + now);
        for family in FAMILIES {
            rig.allowed(Device, &send(family, 5000, 443, ACK), Reason::Established);
        }
    }
    // Forgotten, unless it was answered again.
    rig.set_time(1_100, NOON + 100);
    rig.denied(
        Device,
        &send(Family::V4, 5000, 443, ACK),
        Reason::NameNotLearned,
    );
    rig.learn(
        given(1, "update.example.org", ward::engine(Family::V6)),
        1_400,
    );
    rig.allowed(Device, &send(Family::V6, 5000, 443, ACK), Reason::Rule);
    // An address in the same rule needs no name.
    let plain = ward::outward(1).tcp(
        (ward::device(Family::V4, 1), 5000),
        ([10, 99, 0, 1].into(), 443),
        SYN,
    );
    rig.allowed(Device, &plain, Reason::Rule);
}

#[test]
fn a_device_may_use_the_address_that_it_was_given() {
    let text = policy("      - {name: hl7, to: engine, tcp: 2575}")
        .replace("ip: [10.10.0.1, \"fd00:10::1\"]", "ip: dhcp");
    let mut rig = Rig::without_policy(true);
    rig.set_time(1_000, NOON);
    rig.apply(&text);
    for family in FAMILIES {
        let syn = send(family, 5000, 2575, SYN);
        rig.denied(Device, &syn, Reason::SpoofedSource);
        let own = LearnedKey {
            name: 0,
            ..given(1, "", ward::device(family, 1))
        };
        rig.learn(own, 1_100);
        rig.allowed(Device, &syn, Reason::Rule);
        rig.denied(Device, &send_as(family, 4), Reason::SpoofedSource);
    }
    // Asking for the first address needs none.
    let nobody = [0, 0, 0, 0].into();
    let ask = ward::outward(1).dhcp_request(nobody, ward::dns(Family::V4));
    rig.allowed(Device, &ask, Reason::Dhcp);
    rig.set_time(1_100, NOON + 100);
    rig.denied(
        Device,
        &send(Family::V4, 5001, 2575, SYN),
        Reason::SpoofedSource,
    );
    rig.allowed(Device, &ask, Reason::Dhcp);
}

fn send_as(family: Family, other: u8) -> Vec<u8> {
    ward::outward(1).tcp(
        (ward::device(family, other), 5000),
        (ward::engine(family), 2575),
        SYN,
    )
}

#[test]
fn a_rule_grants_a_rate() {
    let rules = "      - {name: hl7, to: engine, tcp: 2575, limit: {packets: 3}}
      - {name: syslog, to: engine, udp: 514, limit: {bytes: 200}}
      - {name: web, to: engine, tcp: 443, limit: {flows: 2}}";
    let mut rig = rig_at(rules, NOON);
    // Packets of both directions and of all its flows count.
    rig.allowed(Device, &send(Family::V4, 5000, 2575, SYN), Reason::Rule);
    rig.allowed(Device, &send(Family::V4, 5001, 2575, SYN), Reason::Rule);
    let back = ward::inward(1).tcp(
        (ward::engine(Family::V4), 2575),
        (ward::device(Family::V4, 1), 5000),
        SYN | ACK,
    );
    rig.allowed(Core, &back, Reason::Established);
    rig.denied(Core, &back, Reason::RateLimit);
    rig.denied(
        Device,
        &send(Family::V4, 5002, 2575, SYN),
        Reason::RateLimit,
    );
    // Another device has its own, and so has another rule.
    let other = ward::outward(4).tcp(
        (ward::device(Family::V4, 4), 5000),
        (ward::engine(Family::V4), 2575),
        SYN,
    );
    rig.allowed(Device, &other, Reason::Rule);
    let datagram = ward::outward(1).datagram(
        (ward::device(Family::V4, 1), 5000),
        (ward::engine(Family::V4), 514),
        &[0; 50],
    );
    assert_eq!(datagram.len(), 92);
    rig.allowed(Device, &datagram, Reason::Rule);
    rig.allowed(Device, &datagram, Reason::Established);
    rig.denied(Device, &datagram, Reason::RateLimit);
    for port in [5000, 5001] {
        rig.allowed(Device, &send(Family::V4, port, 443, SYN), Reason::Rule);
    }
    rig.denied(Device, &send(Family::V4, 5002, 443, SYN), Reason::RateLimit);
    // What began goes on: flows are limited as they begin.
    rig.allowed(
        Device,
        &send(Family::V4, 5000, 443, ACK),
        Reason::Established,
    );
    rig.denied(Device, &send(Family::V4, 5002, 443, ACK), Reason::NoFlow);
    // The next second is a new one.
    rig.set_time(1_001, NOON + 1);
    rig.allowed(Core, &back, Reason::Established);
    rig.allowed(Device, &datagram, Reason::Established);
    rig.allowed(Device, &send(Family::V4, 5002, 443, SYN), Reason::Rule);
}

#[test]
fn a_profile_grants_a_rate_to_each_device() {
    let text = policy("      - {name: hl7, to: engine, tcp: any}").replace(
        "    allow:\n",
        "    limit: {packets: 2, flows: 1}\n    allow:\n",
    );
    let mut rig = Rig::without_policy(true);
    rig.set_time(1_000, NOON);
    rig.apply(&text);
    rig.allowed(Device, &send(Family::V4, 5000, 1, SYN), Reason::Rule);
    rig.denied(Device, &send(Family::V4, 5000, 2, SYN), Reason::RateLimit);
    rig.allowed(Device, &send(Family::V4, 5000, 1, ACK), Reason::Established);
    // ARP counts as well: it is the device's traffic.
    let arp = ward::outward(1).arp(1, [10, 10, 0, 1].into(), [10, 10, 0, 9].into());
    rig.denied(Device, &arp, Reason::RateLimit);
    rig.set_time(1_001, NOON + 1);
    rig.allowed(Device, &arp, Reason::Arp);
}
