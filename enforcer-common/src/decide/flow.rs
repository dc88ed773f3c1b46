//! Flow stage: packets of a flow that the policy in force allowed follow it;
//! any other packet is guarded, matched, and may begin a flow.

use super::identify::Party;
use super::permit::{Initiator, permit};
use super::trace::Step;
use super::{Finding, Policy, Work, guard};
use crate::counter::seconds;
use crate::flow::{
    FLAG_ADOPTED, FLAG_BROADCAST, FLAG_FIN_INITIATOR, FLAG_FIN_RESPONDER, FLAG_INITIATOR_HIGH,
    Flow, LiveFlow, idle_timeout, protocol, state,
};
use crate::packet::icmp::{self, Kind};
use crate::packet::transport::flags;
use crate::packet::{Packet, ethertype};
use crate::tables::{Frame, Tables};
use crate::verdict::{Fate, Reason};

/// What a packet can do to a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// May begin a flow, and always asks the policy: a TCP SYN.
    Opens,
    /// May begin a flow, or follow one.
    Any,
    /// Follows a flow only.
    Follows,
    /// Is about a flow of others: an ICMP error.
    Reports,
    /// Stands alone.
    Single,
}

/// What is known of a packet's flow before the policy is asked. Lives in the
/// scratch, so that the verifier sees one state between the steps and not the
/// product of them all.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Monotonic clock, ns.
    now: u64,
    role: Role,
    /// The end that starts: 0 the source, 1 the destination. A plain number,
    /// because the verifier does not know that an enum in memory is in range.
    initiator: u8,
    source_is_high: bool,
    /// An older policy has judged the flow.
    outdated: bool,
    /// The session may be a live one that enforcement found.
    adopting: bool,
    /// Either end may have started it.
    either: bool,
    reserved: [u8; 2],
}

impl Plan {
    pub const EMPTY: Self = Self {
        now: 0,
        role: Role::Single,
        initiator: 0,
        source_is_high: false,
        outdated: false,
        adopting: false,
        either: false,
        reserved: [0; 2],
    };

    #[inline(always)]
    const fn initiator(&self) -> Initiator {
        if self.initiator == 0 {
            Initiator::Source
        } else {
            Initiator::Destination
        }
    }
}

/// Whether the flow already answers for the packet.
#[derive(PartialEq, Eq)]
enum Recalled {
    Answered,
    MustAsk,
}

#[inline(always)]
pub(super) fn judge<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) {
    let recalled = if role_of(&work.packet) == Role::Reports {
        relate(frame, policy, work)
    } else {
        recall(policy, work)
    };
    if recalled == Recalled::Answered {
        return;
    }
    ask(policy, work);
    settle(policy, work);
}

/// Looks the flow up, and follows it where it is current.
#[inline(never)]
fn recall<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) -> Recalled {
    let packet = &work.packet;
    let role = role_of(packet);
    let now = policy.tables.now();
    let source_is_high = work.key.set(
        packet.vlan,
        packet.protocol,
        (packet.source, packet.source_port),
        (packet.destination, packet.destination_port),
    );
    work.key.query = icmp::query_of(
        packet.ethertype,
        packet.protocol,
        packet.icmp_type,
        source_is_high,
    );
    work.plan = Plan {
        now,
        role,
        source_is_high,
        ..Plan::EMPTY
    };
    if let Some(flow) = find(policy, work, seconds(now)) {
        let from_initiator = (flow.flags() & FLAG_INITIATOR_HIGH != 0) == source_is_high;
        // A SYN of the same initiator follows a flow that has not ended: it is sent
        // again, or forged, or the client lost its memory. None may age the flow.
        let repeated = flow.state() < state::CLOSING && from_initiator;
        if role != Role::Opens || repeated {
            if is_current(policy, work, flow, from_initiator) {
                follow(policy, work, flow, from_initiator, seconds(now));
                return Recalled::Answered;
            }
            policy.tables.note(Step::FlowOutdated);
            work.plan.outdated = true;
            work.plan.initiator = u8::from(!from_initiator);
            // Who was seen first need not have begun: in audit, a stream may be met
            // anywhere.
            work.plan.either = role == Role::Any && !from_initiator;
            return Recalled::MustAsk;
        }
    } else {
        policy.tables.note(Step::FlowMissing);
    }
    work.plan.adopting = matches!(role, Role::Any | Role::Follows) && now < policy.adopt_until;
    work.plan.either = work.plan.adopting;
    if role == Role::Follows && !work.plan.adopting {
        work.findings = [Finding::of(Reason::NoFlow); 2];
        return Recalled::Answered;
    }
    Recalled::MustAsk
}

/// Asks guards and profiles about a flow that the planned end starts; where
/// either may have, about the other one too. Where neither may, the sender of
/// the packet counts as the one that did.
#[inline(never)]
fn ask<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    for _ in 0..2 {
        work.findings = guarded_permit(policy, work, work.plan.initiator());
        if !work.plan.either || allows(work) {
            return;
        }
        work.plan.initiator ^= 1;
        // Begun by the other end, it is another flow than the one remembered.
        work.plan.outdated = false;
    }
    work.plan.initiator = 0;
}

/// Remembers what was found: renews the flow, or begins one.
#[inline(never)]
fn settle<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    let plan = work.plan;
    if plan.role == Role::Reports && !allows(work) {
        work.findings = [Finding::of(Reason::NoFlow); 2];
        return;
    }
    if matches!(plan.role, Role::Single | Role::Reports) || !passes(work) {
        return;
    }
    if plan.outdated {
        if let Some(flow) = policy.tables.flow(&work.key) {
            let from_initiator = plan.initiator == 0;
            renew(policy, work, flow, from_initiator);
            advance(flow, &work.packet, from_initiator, seconds(plan.now));
        }
    } else if plan.role != Role::Follows || allows(work) {
        begin(policy, work, &plan);
    }
}

#[inline(always)]
fn role_of(packet: &Packet) -> Role {
    match (packet.protocol, packet.ethertype) {
        (protocol::TCP, _) if packet.tcp_flags & (flags::SYN | flags::ACK) == flags::SYN => {
            Role::Opens
        }
        (protocol::TCP, _) => Role::Follows,
        (protocol::ICMP, ethertype::IPV4) | (protocol::ICMPV6, ethertype::IPV6) => {
            match icmp::kind_of(packet) {
                Kind::Request => Role::Any,
                Kind::Reply => Role::Follows,
                Kind::Error => Role::Reports,
                Kind::Neighbour | Kind::Other => Role::Single,
            }
        }
        _ => Role::Any,
    }
}

/// The flow under the key, unless it has been idle for too long.
#[inline(always)]
fn find<'t, T: Tables>(policy: &Policy<'t, T>, work: &Work, second: u32) -> Option<&'t LiveFlow> {
    let flow = policy.tables.flow(&work.key)?;
    let idle = second.wrapping_sub(flow.last_seen());
    // Another CPU's clock may be a tick ahead: a small negative age is none.
    let fresh =
        idle as i32 <= idle_timeout(policy.settings, work.key.protocol, flow.state()) as i32;
    fresh.then_some(flow)
}

/// Whether a flow was judged by the policy in force, for these devices.
#[inline(always)]
fn is_current<T: Tables>(
    policy: &Policy<'_, T>,
    work: &Work,
    flow: &LiveFlow,
    from_initiator: bool,
) -> bool {
    flow.epoch() == policy.epoch
        && flow.devices() == by_initiator(numbers(work), from_initiator)
        && (flow.flags() & FLAG_BROADCAST != 0) == is_broadcast(work)
}

/// Whether the profile for broadcast answers for the destination, so that what it
/// allows is not taken for what the profile of undeclared devices would.
#[inline(always)]
const fn is_broadcast(work: &Work) -> bool {
    work.parties[1].judged && work.packet.destination_mac.is_group()
}

/// A packet of a known flow passes as the flow was judged.
#[inline(always)]
fn follow<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    flow: &LiveFlow,
    from_initiator: bool,
    second: u32,
) {
    policy.tables.note(Step::FlowKnown);
    let reasons = by_initiator(flow.reasons(), from_initiator);
    let rules = by_initiator(flow.rules(), from_initiator);
    work.findings = [
        remembered(reasons[0], rules[0]),
        remembered(reasons[1], rules[1]),
    ];
    if passes(work) {
        advance(flow, &work.packet, from_initiator, second);
    }
}

/// Writes a new judgement into a flow that an older policy had judged.
#[inline(always)]
fn renew<T: Tables>(policy: &Policy<'_, T>, work: &Work, flow: &LiveFlow, from_initiator: bool) {
    let [first, second] = by_initiator(work.findings, from_initiator);
    flow.set_devices(by_initiator(numbers(work), from_initiator));
    flow.set_rules([first.rule, second.rule]);
    flow.set_reasons([first.reason as u8, second.reason as u8]);
    let marks = flow.flags() & !FLAG_BROADCAST;
    flow.set_flags(if is_broadcast(work) {
        marks | FLAG_BROADCAST
    } else {
        marks
    });
    flow.set_epoch(policy.epoch);
}

/// Turns a pair from "source first" to "initiator first", or back.
#[inline(always)]
const fn by_initiator<P: Copy>([first, second]: [P; 2], from_initiator: bool) -> [P; 2] {
    if from_initiator {
        [first, second]
    } else {
        [second, first]
    }
}

/// Numbers of the devices at both ends, source first.
#[inline(always)]
const fn numbers(work: &Work) -> [u32; 2] {
    [work.parties[0].number, work.parties[1].number]
}

/// What a flow's entry says of one end: the rule that allowed it, or the denial
/// that audit mode let pass.
#[inline(always)]
fn remembered(reason: u8, rule: u16) -> Finding {
    match Reason::from_number(reason) {
        Some(reason) if !reason.allows() => Finding { rule, reason },
        _ => Finding {
            rule,
            reason: Reason::Established,
        },
    }
}

/// Moves the flow on by one packet.
#[inline(always)]
fn advance(flow: &LiveFlow, packet: &Packet, from_initiator: bool, second: u32) {
    if packet.protocol == protocol::TCP {
        let (before, marks) = (flow.state(), flow.flags());
        let (after, new_marks) = next_state(before, marks, packet.tcp_flags, from_initiator);
        if after != before {
            flow.set_state(after);
        }
        if new_marks != marks {
            flow.set_flags(new_marks);
        }
    }
    if flow.last_seen() != second {
        flow.set_last_seen(second);
    }
    flow.count(usize::from(!from_initiator), packet.length);
}

/// TCP's life (RFC 9293, 3.3.2) as far as a middle box can see it.
#[inline(always)]
const fn next_state(before: u8, marks: u8, bits: u8, from_initiator: bool) -> (u8, u8) {
    const BOTH: u8 = FLAG_FIN_INITIATOR | FLAG_FIN_RESPONDER;
    if bits & flags::RST != 0 {
        return (state::CLOSED, marks);
    }
    if bits & flags::FIN != 0 {
        let marks = marks
            | if from_initiator {
                FLAG_FIN_INITIATOR
            } else {
                FLAG_FIN_RESPONDER
            };
        return (
            if marks & BOTH == BOTH {
                state::CLOSED
            } else {
                state::CLOSING
            },
            marks,
        );
    }
    let after = match (before, from_initiator) {
        (state::OPENING, false) if bits & flags::SYN != 0 => state::ANSWERED,
        (state::ANSWERED, true) if bits & flags::SYN == 0 => state::ESTABLISHED,
        _ => before,
    };
    (after, marks)
}

/// Guards both ends, then asks both profiles.
#[inline(always)]
fn guarded_permit<T: Tables>(
    policy: &Policy<'_, T>,
    work: &Work,
    initiator: Initiator,
) -> [Finding; 2] {
    let [source, destination] = &work.parties;
    let mut findings = permit(policy, &work.packet, &work.parties, initiator);
    if let Err(reason) = guard::check_source(policy, source, &work.packet) {
        findings[0] = Finding::of(reason);
    }
    if let Err(reason) = guard::check_destination(policy, destination, &work.packet) {
        findings[1] = Finding::of(reason);
    }
    findings
}

/// Whether the frame passes, be it because of audit mode.
#[inline(always)]
fn passes(work: &Work) -> bool {
    let end = |party: &Party, finding: Finding| {
        !party.judged || !matches!(finding.reason.fate(party.mode), Fate::Deny)
    };
    end(&work.parties[0], work.findings[0]) && end(&work.parties[1], work.findings[1])
}

/// Whether the true verdict of every end judged is to allow.
#[inline(always)]
fn allows(work: &Work) -> bool {
    let end = |party: &Party, finding: Finding| !party.judged || finding.reason.allows();
    end(&work.parties[0], work.findings[0]) && end(&work.parties[1], work.findings[1])
}

/// Remembers a flow, within its device's budget.
#[inline(always)]
fn begin<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, plan: &Plan) {
    let from_initiator = plan.initiator == 0;
    let [first, second] = by_initiator(work.findings, from_initiator);
    let devices = by_initiator(numbers(work), from_initiator);
    // The device that starts pays; where it is not a managed one, the other.
    let payer = if devices[0] != 0 {
        devices[0]
    } else {
        devices[1]
    };
    if !policy
        .tables
        .spend_flow(payer, policy.settings.new_flows_per_second, plan.now)
    {
        work.findings = [Finding::of(Reason::FlowBudget); 2];
        return;
    }
    let mut marks = 0;
    if plan.source_is_high == from_initiator {
        marks |= FLAG_INITIATOR_HIGH;
    }
    if is_broadcast(work) {
        marks |= FLAG_BROADCAST;
    }
    let opening = plan.role == Role::Opens;
    let adopted = plan.role == Role::Follows || !from_initiator;
    if adopted {
        marks |= FLAG_ADOPTED;
    }
    work.flow = Flow {
        epoch: policy.epoch,
        state: if opening {
            state::OPENING
        } else {
            state::ESTABLISHED
        },
        flags: marks,
        reasons: [first.reason as u8, second.reason as u8],
        devices,
        rules: [first.rule, second.rule],
        created: seconds(plan.now),
        last_seen: seconds(plan.now),
        ..Flow::EMPTY
    };
    work.flow.packets = by_initiator([1, 0], from_initiator);
    work.flow.bytes = by_initiator([u64::from(work.packet.length), 0], from_initiator);
    if !policy.tables.remember(&work.key, &work.flow) {
        work.findings = [Finding::of(Reason::FlowTableFull); 2];
        return;
    }
    if adopted {
        work.findings[0].reason = as_adopted(work.findings[0].reason);
        work.findings[1].reason = as_adopted(work.findings[1].reason);
    }
}

#[inline(always)]
const fn as_adopted(reason: Reason) -> Reason {
    if matches!(reason, Reason::Rule) {
        Reason::Adopted
    } else {
        reason
    }
}

/// An ICMP error passes when the flow that it is about is allowed, and of the
/// devices judged; else a rule may allow it.
#[inline(never)]
fn relate<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) -> Recalled {
    work.plan = Plan {
        role: Role::Reports,
        ..Plan::EMPTY
    };
    let related = match icmp::quoted_flow(frame, &work.packet, &mut work.key) {
        Ok(()) => match find(policy, work, seconds(policy.tables.now())) {
            Some(flow) if flow.epoch() == policy.epoch && concerns(work, flow) => Reason::Related,
            _ => Reason::NoFlow,
        },
        Err(reason) => reason,
    };
    work.findings = [Finding::of(related); 2];
    if let Err(reason) = guard::check_source(policy, &work.parties[0], &work.packet) {
        work.findings[0] = Finding::of(reason);
        return Recalled::Answered;
    }
    if matches!(related, Reason::NoFlow) {
        Recalled::MustAsk
    } else {
        Recalled::Answered
    }
}

/// Whether every end judged is an end of the flow.
#[inline(always)]
fn concerns(work: &Work, flow: &LiveFlow) -> bool {
    let [first, second] = flow.devices();
    let end = |party: &Party| !party.judged || party.number == first || party.number == second;
    end(&work.parties[0]) && end(&work.parties[1])
}
