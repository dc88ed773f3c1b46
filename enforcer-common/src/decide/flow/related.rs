//! ICMP errors: allowed with the flow that they are about.

use super::entry::is_fresh;
use super::plan::{Plan, Role};
use crate::counter::seconds;
use crate::decide::identify::Party;
use crate::decide::{Finding, Policy, Work, guard};
use crate::flow::LiveFlow;
use crate::packet::icmp;
use crate::tables::{Frame, Tables};
use crate::verdict::Reason;

/// An ICMP error passes when the flow that it is about is allowed, and of the
/// devices judged; else a rule may allow it. True when none needs to be asked.
#[inline(always)]
pub(in crate::decide) fn relate<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) -> bool {
    work.plan = Plan {
        role: Role::Reports,
        ..Plan::EMPTY
    };
    let related = match icmp::quoted_flow(frame, &work.packet, &mut work.key) {
        Ok(()) => match policy.tables.flow(&work.key) {
            Some(flow)
                if is_fresh(policy, work, flow, seconds(policy.now()))
                    && flow.epoch() == policy.epoch
                    && concerns(work, flow) =>
            {
                Reason::Related
            }
            _ => Reason::NoFlow,
        },
        Err(reason) => reason,
    };
    work.findings = [Finding::of(related); 2];
    if let Err(reason) = guard::check_source(policy, &work.parties[0], &work.packet) {
        work.findings[0] = Finding::of(reason);
        return true;
    }
    !matches!(related, Reason::NoFlow)
}

/// Whether every end judged is an end of the flow.
#[inline(always)]
fn concerns(work: &Work, flow: &LiveFlow) -> bool {
    let [first, second] = flow.devices();
    let end = |party: &Party| !party.judged || party.number == first || party.number == second;
    end(&work.parties[0]) && end(&work.parties[1])
}
