//! Flow stage: packets of a flow that the policy in force allowed follow it;
//! any other packet is guarded, matched, and may begin a flow. Recall → ask →
//! settle.

mod entry;
mod life;
mod plan;
mod related;

use self::entry::{begin, follow, is_current, is_fresh, renew};
use self::life::advance;
pub(super) use self::plan::{Followed, Plan};
use self::plan::{Role, role_of};
pub(super) use self::related::relate;
use super::identify::Party;
use super::permit::permit;
use super::trace::Step;
use super::{Finding, Policy, Work, guard};
use crate::counter::seconds;
use crate::flow::{FLAG_CUT, FLAG_INITIATOR_HIGH, state};
use crate::packet::icmp;
use crate::tables::{Frame, Tables};
use crate::verdict::{Fate, Reason, Tolerance};

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
    let answered = if role_of(&work.packet) == Role::Reports {
        policy.tables.relate(frame, policy, work)
    } else {
        recall(policy, work) == Recalled::Answered
    };
    if answered {
        return;
    }
    policy.tables.ask(policy, work);
    policy.tables.settle(policy, work);
    if work.plan.begins && !policy.tables.remember(work) {
        work.findings = [Finding::of(Reason::FlowTableFull); 2];
        // Nothing is looked for in what is of no flow.
        (work.inspection.groups, work.inspection.applications) = ([0; 2], [0; 2]);
    }
}

/// Looks the flow up, and follows it where it is current.
#[inline(never)]
fn recall<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) -> Recalled {
    let packet = &work.packet;
    let role = role_of(packet);
    let now = policy.now();
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
    let remembered = policy.tables.flow(&work.key);
    if let Some(flow) = remembered {
        work.plan.incarnation = flow.incarnation().wrapping_add(1);
    }
    if let Some(flow) = remembered.filter(|flow| is_fresh(policy, work, flow, seconds(now))) {
        let from_initiator = (flow.flags() & FLAG_INITIATOR_HIGH != 0) == source_is_high;
        // A SYN of the same initiator follows a flow that has not ended: it is sent
        // again, or forged, or the client lost its memory. None may age the flow.
        let repeated = flow.state() < state::CLOSING && from_initiator;
        if role != Role::Opens || repeated {
            if flow.flags() & FLAG_CUT != 0 {
                work.findings = [Finding::of(Reason::Signature); 2];
                return Recalled::Answered;
            }
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
    let adopts = policy.adopts() || work.parties[0].adopting || work.parties[1].adopting;
    work.plan.adopting = matches!(role, Role::Any | Role::Follows) && adopts;
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
#[inline(always)]
pub(super) fn ask<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    for _ in 0..2 {
        guarded_permit(policy, work);
        if !work.plan.either || allows(work) {
            return;
        }
        work.plan.initiator ^= 1;
        // Begun by the other end, it is another flow than the one remembered.
        work.plan.outdated = false;
    }
    work.plan.initiator = 0;
}

/// Puts down what was found: renews the flow, or begins one.
#[inline(always)]
pub(super) fn settle<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
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
            policy.tables.note_flow(work.key.protocol, flow, plan.now);
        }
    } else if plan.role != Role::Follows || allows(work) {
        begin(policy, work, &plan);
    }
}

/// Asks both profiles, and guards both ends.
#[inline(always)]
fn guarded_permit<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    permit(policy, work);
    let [source, destination] = &work.parties;
    let guarded = [
        guard::check_source(policy, source, &work.packet),
        guard::check_destination(policy, destination, &work.packet),
    ];
    if let Err(reason) = guarded[0] {
        work.findings[0] = Finding::of(reason);
    }
    if let Err(reason) = guarded[1] {
        work.findings[1] = Finding::of(reason);
    }
}

/// Whether the frame passes, be it because of audit mode.
#[inline(always)]
pub(super) fn passes(work: &Work) -> bool {
    let end = |party: &Party, finding: Finding| {
        !party.judged || !matches!(finding.reason.fate(party.mode, Tolerance::NONE), Fate::Deny)
    };
    end(&work.parties[0], work.findings[0]) && end(&work.parties[1], work.findings[1])
}

/// Whether the true verdict of every end judged is to allow.
#[inline(always)]
fn allows(work: &Work) -> bool {
    let end = |party: &Party, finding: Finding| !party.judged || finding.reason.allows();
    end(&work.parties[0], work.findings[0]) && end(&work.parties[1], work.findings[1])
}
