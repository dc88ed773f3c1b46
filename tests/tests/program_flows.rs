//! Flows: the life of a TCP connection, replies of UDP and ICMP, ICMP errors,
//! idle timeouts and budgets. What a change of policy does is program_change.rs.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use enforcer_common::flow::state;
use enforcer_common::port::Side::{Core, Device};
use enforcer_common::verdict::Reason;
use enforcer_tests::program::frame::{ACK, FIN, Ip, PSH, RST, SYN, protocol, tcp, udp};
use enforcer_tests::program::ward::{self, FAMILIES, Family, connection};
use enforcer_tests::program::{Outcome, Rig};

fn state_of(outcome: &Outcome) -> u8 {
    outcome.flow.expect("a flow").state
}

#[test]
fn a_connection_lives_and_ends() {
    let mut rig = Rig::new(ward::POLICY);
    for family in FAMILIES {
        let (out, back) = connection(family);
        rig.denied(Device, &out(ACK), Reason::NoFlow);
        rig.denied(Core, &back(SYN | ACK), Reason::NoFlow);
        assert_eq!(
            state_of(&rig.allowed(Device, &out(SYN), Reason::Rule)),
            state::OPENING
        );
        // A SYN that is sent again.
        rig.allowed(Device, &out(SYN), Reason::Established);
        let answered = rig.allowed(Core, &back(SYN | ACK), Reason::Established);
        assert_eq!(
            (state_of(&answered), answered.rule.as_deref()),
            (state::ANSWERED, Some("hl7"))
        );
        assert_eq!(
            state_of(&rig.allowed(Device, &out(ACK), Reason::Established)),
            state::ESTABLISHED
        );
        rig.allowed(Core, &back(ACK | PSH), Reason::Established);
        assert_eq!(
            state_of(&rig.allowed(Device, &out(ACK | FIN), Reason::Established)),
            state::CLOSING
        );
        rig.allowed(Core, &back(ACK | PSH), Reason::Established);
        assert_eq!(
            state_of(&rig.allowed(Core, &back(ACK | FIN), Reason::Established)),
            state::CLOSED
        );
        let last = rig.allowed(Device, &out(ACK), Reason::Established);
        assert_eq!(last.flow.expect("a flow").packets, [5, 4]);
        // The same ports again: a new connection.
        assert_eq!(
            state_of(&rig.allowed(Device, &out(SYN), Reason::Rule)),
            state::OPENING
        );
        assert_eq!(
            state_of(&rig.allowed(Core, &back(RST | ACK), Reason::Established)),
            state::CLOSED
        );
    }
}

/// A client that lost power comes back on the same port; and nobody can turn an
/// established flow into a short-lived one by sending a SYN in its name.
#[test]
fn a_syn_does_not_age_an_established_flow() {
    let mut rig = Rig::new(ward::POLICY);
    let (out, back) = connection(Family::V4);
    rig.allowed(Device, &out(SYN), Reason::Rule);
    rig.allowed(Core, &back(SYN | ACK), Reason::Established);
    rig.allowed(Device, &out(ACK), Reason::Established);
    let again = rig.allowed(Device, &out(SYN), Reason::Established);
    assert_eq!(state_of(&again), state::ESTABLISHED);
}

#[test]
fn the_other_end_may_not_begin() {
    let mut rig = Rig::new(ward::POLICY);
    let (out, back) = connection(Family::V4);
    rig.denied(Core, &back(SYN), Reason::NoRule);
    rig.allowed(Device, &out(SYN), Reason::Rule);
    rig.denied(Core, &back(SYN), Reason::NoRule);
    rig.allowed(Core, &back(SYN | ACK), Reason::Established);
}

#[test]
fn datagrams_are_answered() {
    let mut rig = Rig::new(ward::POLICY);
    for family in FAMILIES {
        let (own, dns) = (
            (ward::device(family, ward::BOUND), 40_000),
            (ward::dns(family), 53),
        );
        let ask = ward::outward(ward::BOUND).udp(own, dns);
        let reply = ward::inward(ward::BOUND).udp(dns, own);
        rig.denied(Core, &reply, Reason::NoRule);
        rig.allowed(Device, &ask, Reason::Rule);
        rig.allowed(Core, &reply, Reason::Established);
        rig.allowed(Device, &ask, Reason::Established);
    }
}

#[test]
fn pings_are_answered() {
    let mut rig = Rig::new(ward::POLICY);
    for (family, request, reply) in [(Family::V4, 8, 0), (Family::V6, 128, 129)] {
        let (own, engine) = (ward::device(family, ward::BOUND), ward::engine(family));
        let (out, into) = (ward::outward(ward::BOUND), ward::inward(ward::BOUND));
        rig.denied(Core, &into.icmp(engine, own, reply, 7), Reason::NoFlow);
        rig.allowed(Device, &out.icmp(own, engine, request, 7), Reason::Rule);
        rig.allowed(Core, &into.icmp(engine, own, reply, 7), Reason::Established);
        rig.denied(Core, &into.icmp(engine, own, reply, 8), Reason::NoFlow);
    }
}

/// Being pinged back by the peer one pings is not an answer.
#[test]
fn a_request_is_no_reply() {
    let mut rig = Rig::new(ward::POLICY);
    let (own, engine) = (
        ward::device(Family::V4, ward::BOUND),
        ward::engine(Family::V4),
    );
    for identifier in [1, 8] {
        let ask = ward::outward(ward::BOUND).icmp(own, engine, 8, identifier);
        let asked = ward::inward(ward::BOUND).icmp(engine, own, 8, identifier);
        let answer = ward::inward(ward::BOUND).icmp(engine, own, 0, identifier);
        rig.allowed(Device, &ask, Reason::Rule);
        rig.denied(Core, &asked, Reason::NoRule);
        rig.allowed(Core, &answer, Reason::Established);
        let unasked = ward::outward(ward::BOUND).icmp(own, engine, 0, identifier);
        rig.denied(Device, &unasked, Reason::NoFlow);
    }
}

/// Both ends ping each other under one identifier, as Windows hosts do (always 1).
#[test]
fn pings_in_both_directions_do_not_mix() {
    let policy = ward::POLICY.replace("name: ping-in, from: station", "name: ping-in, from: any");
    let mut rig = Rig::new(&policy);
    let (own, engine) = (
        ward::device(Family::V4, ward::BOUND),
        ward::engine(Family::V4),
    );
    let (out, into) = (ward::outward(ward::BOUND), ward::inward(ward::BOUND));
    rig.allowed(Device, &out.icmp(own, engine, 8, 1), Reason::Rule);
    rig.allowed(Core, &into.icmp(engine, own, 8, 1), Reason::Rule);
    rig.allowed(Core, &into.icmp(engine, own, 0, 1), Reason::Established);
    rig.allowed(Device, &out.icmp(own, engine, 0, 1), Reason::Established);
}

/// A rule for one type of query lets no other type through in its flow.
#[test]
fn a_timestamp_cannot_ride_on_a_ping() {
    let mut rig = Rig::new(ward::POLICY);
    let (own, engine) = (
        ward::device(Family::V4, ward::BOUND),
        ward::engine(Family::V4),
    );
    let out = ward::outward(ward::BOUND);
    rig.allowed(Device, &out.icmp(own, engine, 8, 7), Reason::Rule);
    rig.denied(Device, &out.icmp(own, engine, 13, 7), Reason::NoRule);
    rig.denied(Core, &out.back().icmp(engine, own, 14, 7), Reason::NoFlow);
}

#[test]
fn errors_about_allowed_flows_pass() {
    let mut rig = Rig::new(ward::POLICY);
    for family in FAMILIES {
        let (own, engine) = (ward::device(family, ward::BOUND), ward::engine(family));
        let about = Ip::new(own, engine, protocol::TCP, &tcp(40_000, 2575, SYN, b""));
        let into = ward::inward(ward::BOUND);
        let router = ward::elsewhere(family);
        rig.denied(Core, &into.icmp_error(router, own, &about), Reason::NoFlow);
        rig.allowed(Device, &ward::outward(ward::BOUND).ip(&about), Reason::Rule);
        rig.allowed(Core, &into.icmp_error(router, own, &about), Reason::Related);
        let another = Ip::new(own, engine, protocol::TCP, &tcp(40_001, 2575, SYN, b""));
        rig.denied(
            Core,
            &into.icmp_error(router, own, &another),
            Reason::NoFlow,
        );
        // It must go to the sender of what it is about.
        let mut lost = about.clone();
        lost.source = ward::device(family, ward::TAGGED);
        rig.denied(Core, &into.icmp_error(router, own, &lost), Reason::NoFlow);
        let ping = Ip::new(
            own,
            engine,
            if family == Family::V4 {
                protocol::ICMP
            } else {
                protocol::ICMPV6
            },
            &enforcer_tests::program::frame::icmp(
                if family == Family::V4 { 8 } else { 128 },
                0,
                7,
                b"",
            ),
        );
        rig.allowed(Device, &ward::outward(ward::BOUND).ip(&ping), Reason::Rule);
        rig.allowed(Core, &into.icmp_error(router, own, &ping), Reason::Related);
    }
}

/// A device may not report on the flows of others, least of all to end them.
#[test]
fn errors_come_from_those_concerned() {
    let mut rig = Rig::new(ward::POLICY);
    let (own, engine) = (
        ward::device(Family::V4, ward::BOUND),
        ward::engine(Family::V4),
    );
    let about = Ip::new(engine, own, protocol::TCP, &tcp(2575, 40_000, ACK, b""));
    let (out, _) = connection(Family::V4);
    rig.allowed(Device, &out(SYN), Reason::Rule);
    let free = ward::outward(ward::FREE);
    rig.denied(
        Device,
        &free.icmp_error(own, engine, &about),
        Reason::NoFlow,
    );
    rig.allowed(
        Device,
        &ward::outward(ward::BOUND).icmp_error(own, engine, &about),
        Reason::Related,
    );
}

#[test]
fn idle_flows_are_forgotten() {
    let mut rig = Rig::new(ward::POLICY);
    let (out, back) = connection(Family::V4);
    // Seconds are rounded: a margin of two on either side.
    for (handshake, timeout) in [(false, 60), (true, 7_500)] {
        rig.clear_flows();
        rig.allowed(Device, &out(SYN), Reason::Rule);
        if handshake {
            rig.allowed(Core, &back(SYN | ACK), Reason::Established);
            rig.allowed(Device, &out(ACK), Reason::Established);
        }
        let key = rig.last_key();
        rig.change_flow(&key, |flow| {
            flow.last_seen = flow.last_seen.wrapping_sub(timeout - 2)
        });
        rig.allowed(Core, &back(ACK), Reason::Established);
        rig.change_flow(&key, |flow| {
            flow.last_seen = flow.last_seen.wrapping_sub(timeout + 2)
        });
        rig.denied(Core, &back(ACK), Reason::NoFlow);
    }
    rig.clear_flows();
    let (own, dns) = (
        (ward::device(Family::V4, ward::BOUND), 4_000),
        (ward::dns(Family::V4), 53),
    );
    rig.allowed(
        Device,
        &ward::outward(ward::BOUND).udp(own, dns),
        Reason::Rule,
    );
    let key = rig.last_key();
    rig.change_flow(&key, |flow| {
        flow.last_seen = flow.last_seen.wrapping_sub(122)
    });
    rig.denied(
        Core,
        &ward::inward(ward::BOUND).udp(dns, own),
        Reason::NoRule,
    );
}

#[test]
fn a_flood_is_held_to_its_budget() {
    let policy = ward::POLICY.replace("new_flows_per_second: 0", "new_flows_per_second: 5");
    let mut rig = Rig::new(&policy);
    let (own, engine) = (
        ward::device(Family::V4, ward::BOUND),
        ward::engine(Family::V4),
    );
    let (mut made, mut refused) = (0, 0);
    for port in 1..=200 {
        let syn = ward::outward(ward::BOUND).tcp((own, port), (engine, 2575), SYN);
        match rig.send(Device, &syn).reason {
            Reason::Rule => made += 1,
            Reason::FlowBudget => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(made >= 5 && refused > 0, "{made} made, {refused} refused");
    let statistics = rig.datapath.statistics().expect("statistics");
    assert_eq!(
        (statistics.flows_created, statistics.flows_refused),
        (made, refused)
    );
    // Another device's budget is its own.
    let other = ward::outward(ward::TAGGED).udp(
        (ward::device(Family::V4, ward::TAGGED), 1),
        (ward::dns(Family::V4), 53),
    );
    rig.allowed(Device, &other, Reason::Rule);
    assert_eq!(udp(1, 2, b"").len(), 8);
}

#[test]
fn a_full_table_parts_with_what_nobody_answered_and_says_so_of_what_lived() {
    const ROOM: u32 = 1024;
    let mut rig = Rig::with_flows(ward::POLICY, ROOM);
    rig.set_time(1_000, 1_800_000_000);
    let (own, engine) = (
        ward::device(Family::V4, ward::BOUND),
        ward::engine(Family::V4),
    );
    let out = |port, flags| ward::outward(ward::BOUND).tcp((own, port), (engine, 2575), flags);
    let back = |port, flags| ward::inward(ward::BOUND).tcp((engine, 2575), (own, port), flags);
    let connect = |rig: &mut Rig, port| {
        rig.allowed(Device, &out(port, SYN), Reason::Rule);
        rig.allowed(Core, &back(port, SYN | ACK), Reason::Established);
        rig.allowed(Device, &out(port, ACK), Reason::Established);
    };
    let live = 1..=200;
    for port in live.clone() {
        connect(&mut rig, port);
    }
    for port in 10_000..16_000 {
        rig.allowed(Device, &out(port, SYN), Reason::Rule);
    }
    let of = |rig: &Rig| {
        let statistics = rig.datapath.statistics().expect("statistics");
        (statistics.flows_displaced, statistics.flows_evicted)
    };
    let (displaced, evicted) = of(&rig);
    // The table has four places for each flow that there is to be room for.
    assert!(displaced > 800, "{displaced} displaced");
    assert_eq!(evicted, 0);
    assert_eq!(rig.datapath.count_flows(), 6_200 - displaced);
    for port in live {
        rig.allowed(Core, &back(port, ACK | PSH), Reason::Established);
    }
    // More connections than there are places: some must go, and are counted.
    for port in 20_001..=24_200 {
        connect(&mut rig, port);
    }
    let (_, evicted) = of(&rig);
    let places = rig.datapath.count_flows();
    assert!(evicted >= 4_400 - places, "{evicted} evicted of {places}");
}
