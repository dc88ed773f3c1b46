//! The flow table's entries: found, followed, renewed and begun.

use super::life::advance;
use super::passes;
use super::plan::{Plan, Role};
use crate::cache::FROM_RESPONDER;
use crate::counter::seconds;
use crate::decide::trace::Step;
use crate::decide::{Finding, Policy, Work, limit};
use crate::flow::{
    FLAG_ADOPTED, FLAG_BROADCAST, FLAG_INITIATOR_HIGH, FLAG_LIMITED, Flow, LiveFlow, idle_timeout,
    state,
};
use crate::tables::Tables;
use crate::verdict::Reason;

/// Whether a flow has not been idle for too long.
#[inline(always)]
pub(super) fn is_fresh<T: Tables>(
    policy: &Policy<'_, T>,
    work: &Work,
    flow: &LiveFlow,
    second: u32,
) -> bool {
    let idle = second.wrapping_sub(flow.last_seen());
    // Another CPU's clock may be a tick ahead: a small negative age is none.
    idle as i32 <= idle_timeout(policy.settings, work.key.protocol, flow.state()) as i32
}

/// Whether a flow's judgement still holds: by the policy in force, for these
/// devices, and not only until a moment that has passed. While a change drains, so
/// do flows that an earlier policy judged, whose devices had other numbers.
#[inline(always)]
pub(super) fn is_current<T: Tables>(
    policy: &Policy<'_, T>,
    work: &Work,
    flow: &LiveFlow,
    from_initiator: bool,
) -> bool {
    let (epoch, until) = (flow.epoch(), flow.valid_until());
    let [first, second] = by_initiator(numbers(work), from_initiator);
    let [one, other] = flow.devices();
    let judged = if epoch == policy.epoch {
        one == first && other == second
    } else {
        policy.drains(epoch) && (one != 0) == (first != 0) && (other != 0) == (second != 0)
    };
    judged
        && (until == 0 || seconds(policy.now()) < until)
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
pub(super) fn follow<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    flow: &LiveFlow,
    from_initiator: bool,
    second: u32,
) {
    policy.tables.note(Step::FlowKnown);
    let reasons = by_initiator(flow.reasons(), from_initiator);
    // Rules of an earlier policy have other numbers.
    let rules = if flow.epoch() == policy.epoch {
        by_initiator(flow.rules(), from_initiator)
    } else {
        [0; 2]
    };
    let limited = flow.flags() & FLAG_LIMITED != 0;
    work.findings = [
        remembered(reasons[0], rules[0], limited),
        remembered(reasons[1], rules[1], limited),
    ];
    if passes(work) && advance(flow, &work.packet, from_initiator, second) {
        let protocol = work.key.protocol;
        policy.tables.note_flow(protocol, flow, policy.now());
    }
    // So have what is looked for and what may be said.
    if flow.epoch() == policy.epoch {
        let (groups, applications) = (flow.groups(), flow.applications());
        look_for(work, groups, applications, from_initiator, false);
        let asks = applications != [0; 2] || limited;
        work.followed.settled = u8::from(flow.state() == state::ESTABLISHED && !asks);
        work.followed.incarnation = flow.incarnation();
        work.followed.end = if from_initiator { 0 } else { FROM_RESPONDER };
    }
}

/// Groups of signatures and what may be said, by the judgement of a flow.
#[inline(always)]
fn sought<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) -> [[u16; 2]; 2] {
    policy.tables.seek(policy, work);
    work.inspection.sought
}

/// What is looked for in the packet.
#[inline(always)]
fn look_for(
    work: &mut Work,
    groups: [u16; 2],
    applications: [u16; 2],
    from_initiator: bool,
    fresh: bool,
) {
    let inspection = &mut work.inspection;
    let [one, other] = applications;
    inspection.applications = [one.into(), other.into()];
    let [client, server] = groups;
    inspection.groups = [client.into(), server.into()];
    inspection.sender = u32::from(!from_initiator);
    inspection.fresh = fresh.into();
}

/// Writes a new judgement into a flow that an older policy had judged.
#[inline(always)]
pub(super) fn renew<T: Tables>(
    policy: &Policy<'_, T>,
    work: &mut Work,
    flow: &LiveFlow,
    from_initiator: bool,
) {
    let [first, second] = by_initiator(work.findings, from_initiator);
    flow.set_devices(by_initiator(numbers(work), from_initiator));
    flow.set_rules([first.rule, second.rule]);
    flow.set_reasons([first.reason as u8, second.reason as u8]);
    flow.set_flags(flow.flags() & !(FLAG_BROADCAST | FLAG_LIMITED) | marks(work));
    flow.set_valid_until(valid_until(work));
    let [groups, applications] = sought(policy, work);
    flow.set_groups(groups);
    flow.set_applications(applications);
    flow.set_epoch(policy.epoch);
    look_for(work, groups, applications, from_initiator, true);
}

/// Marks of a flow that come of its judgement.
#[inline(always)]
const fn marks(work: &Work) -> u8 {
    let mut marks = 0;
    if is_broadcast(work) {
        marks |= FLAG_BROADCAST;
    }
    if work.findings[0].limited || work.findings[1].limited {
        marks |= FLAG_LIMITED;
    }
    marks
}

/// The plan's deadline as a flow keeps it.
#[inline(always)]
const fn valid_until(work: &Work) -> u32 {
    match work.plan.valid_until {
        u32::MAX => 0,
        second => second,
    }
}

/// Begins a flow that is to be remembered, within its device's budget.
#[inline(always)]
pub(super) fn begin<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, plan: &Plan) {
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
    if !limit::spend_flow(policy, work) {
        work.findings = [Finding::of(Reason::RateLimit); 2];
        return;
    }
    let mut marks = marks(work);
    if plan.source_is_high == from_initiator {
        marks |= FLAG_INITIATOR_HIGH;
    }
    let [groups, applications] = sought(policy, work);
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
        valid_until: valid_until(work),
        groups,
        applications,
        incarnation: plan.incarnation,
        ..Flow::EMPTY
    };
    work.followed.began_again = u8::from(plan.incarnation != 0);
    work.flow.packets = by_initiator([1, 0], from_initiator);
    work.flow.bytes = by_initiator([u64::from(work.packet.length), 0], from_initiator);
    if plan.incarnation != 0
        && let Some(earlier) = policy.tables.flow(&work.key)
        && (earlier.flags() ^ marks) & FLAG_INITIATOR_HIGH != 0
    {
        // What is known of packets of the other direction is what their end was then.
        policy.tables.forget_known();
    }
    work.plan.begins = true;
    look_for(work, groups, applications, from_initiator, true);
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

/// What a flow's entry says of one end: the rule that allowed it, or the denial
/// that audit mode let pass.
#[inline(always)]
fn remembered(reason: u8, rule: u16, limited: bool) -> Finding {
    match Reason::from_number(reason) {
        Some(reason) if !reason.allows() => Finding {
            rule,
            reason,
            limited: false,
        },
        _ => Finding {
            rule,
            reason: Reason::Established,
            limited: limited && rule != 0,
        },
    }
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
