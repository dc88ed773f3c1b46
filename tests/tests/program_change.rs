//! What a change of policy does to flows: live sessions adopted, permissions
//! revoked and kept.

use enforcer_common::port::Side::{Core, Device};
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::Rig;
use enforcer_tests::program::frame::{ACK, SYN};
use enforcer_tests::program::ward::{self, Family, connection};

#[test]
fn live_sessions_are_adopted_for_a_while() {
    for from_device in [true, false] {
        let mut rig = Rig::new(ward::POLICY);
        let (out, back) = connection(Family::V4);
        rig.denied(Device, &out(ACK), Reason::NoFlow);
        rig.adopt_until(u64::MAX);
        if from_device {
            rig.allowed(Device, &out(ACK), Reason::Adopted);
            rig.allowed(Core, &back(ACK), Reason::Established);
        } else {
            rig.allowed(Core, &back(ACK), Reason::Adopted);
            rig.allowed(Device, &out(ACK), Reason::Established);
        }
        // Adopting is no licence: a rule must allow the session.
        let (own, engine) = (
            ward::device(Family::V4, ward::BOUND),
            ward::engine(Family::V4),
        );
        let telnet = ward::outward(ward::BOUND).tcp((own, 40_000), (engine, 23), ACK);
        rig.denied(Device, &telnet, Reason::NoRule);
        rig.adopt_until(0);
        rig.allowed(Device, &out(ACK), Reason::Established);
    }
}

/// A ping is started by whoever asks; adopting does not turn it round.
#[test]
fn a_ping_is_not_adopted_the_other_way() {
    let mut rig = Rig::new(ward::POLICY);
    rig.adopt_until(u64::MAX);
    let (own, engine) = (
        ward::device(Family::V4, ward::BOUND),
        ward::engine(Family::V4),
    );
    let asked = ward::inward(ward::BOUND).icmp(engine, own, 8, 9);
    rig.denied(Core, &asked, Reason::NoRule);
    let answer = ward::inward(ward::BOUND).icmp(engine, own, 0, 9);
    rig.allowed(Core, &answer, Reason::Adopted);
}

#[test]
fn a_new_policy_ends_what_it_revokes_and_nothing_else() {
    let mut rig = Rig::new(ward::POLICY);
    let own = ward::device(Family::V4, ward::BOUND);
    let (out, back) = connection(Family::V4);
    let dns = (ward::dns(Family::V4), 53);
    let ask = ward::outward(ward::BOUND).udp((own, 4_000), dns);
    let reply = ward::inward(ward::BOUND).udp(dns, (own, 4_000));
    rig.allowed(Device, &out(SYN), Reason::Rule);
    rig.allowed(Device, &ask, Reason::Rule);
    rig.apply(&ward::POLICY.replace(
        "{name: dns, to: dns, udp: 53}",
        "{name: dns, to: dns, udp: 54}",
    ));
    rig.allowed(Core, &back(SYN | ACK), Reason::Rule);
    rig.allowed(Device, &out(ACK), Reason::Established);
    rig.denied(Core, &reply, Reason::NoRule);
    rig.denied(Device, &ask, Reason::NoRule);
    rig.apply(ward::POLICY);
    rig.allowed(Core, &reply, Reason::Rule);
}

/// A policy that is applied between a ping and its answer loses neither.
#[test]
fn a_reply_survives_a_new_policy() {
    let mut rig = Rig::new(ward::POLICY);
    for (family, request, reply) in [(Family::V4, 8, 0), (Family::V6, 128, 129)] {
        let (own, engine) = (ward::device(family, ward::BOUND), ward::engine(family));
        rig.allowed(
            Device,
            &ward::outward(ward::BOUND).icmp(own, engine, request, 7),
            Reason::Rule,
        );
        rig.apply(ward::POLICY);
        rig.allowed(
            Core,
            &ward::inward(ward::BOUND).icmp(engine, own, reply, 7),
            Reason::Rule,
        );
    }
}

/// In audit the first packet seen of a stream may be an answer. Once the policy
/// enforces, that must not count as the direction in which the stream began.
#[test]
fn a_stream_first_seen_from_its_far_end_survives_enforcement() {
    let mut rig = Rig::new(&ward::POLICY.replace("  new_flows", "  mode: audit\n  new_flows"));
    let (own, dns) = (
        (ward::device(Family::V4, ward::BOUND), 4_000),
        (ward::dns(Family::V4), 53),
    );
    let ask = ward::outward(ward::BOUND).udp(own, dns);
    let reply = ward::inward(ward::BOUND).udp(dns, own);
    rig.check(Core, &reply, Fate::Audit, Reason::NoRule);
    rig.apply(ward::POLICY);
    rig.allowed(Device, &ask, Reason::Rule);
    rig.allowed(Core, &reply, Reason::Established);
}
