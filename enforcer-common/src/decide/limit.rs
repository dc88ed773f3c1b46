//! Limit stage: packets, bytes and new flows a second, for each device by itself,
//! in all and by rule.

use super::identify::Party;
use super::{Finding, Policy, Work};
use crate::counter::seconds;
use crate::rate::{LiveRate, RateKey};
use crate::tables::Tables;
use crate::verdict::Reason;

/// Takes a packet that passes from what its ends are granted; a finding says so
/// where that was too much.
#[inline(always)]
pub(super) fn spend_packet<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    if is_limited(&work.parties[0], work.findings[0])
        && !end_spends(policy, work, &work.parties[0], work.findings[0], false)
    {
        work.findings[0].reason = Reason::RateLimit;
    }
    if is_limited(&work.parties[1], work.findings[1])
        && !end_spends(policy, work, &work.parties[1], work.findings[1], false)
    {
        work.findings[1].reason = Reason::RateLimit;
    }
}

/// Whether an end of the frame is granted a limited rate.
#[inline(always)]
pub(super) fn concerns(work: &Work) -> bool {
    is_limited(&work.parties[0], work.findings[0]) || is_limited(&work.parties[1], work.findings[1])
}

/// Takes a new flow from what its ends are granted; false when that was too much.
#[inline(always)]
pub(super) fn spend_flow<T: Tables>(policy: &Policy<'_, T>, work: &Work) -> bool {
    let [source, destination] = &work.parties;
    let [first, second] = work.findings;
    let mut granted = true;
    if is_limited(source, first) {
        granted &= end_spends(policy, work, source, first, true);
    }
    if is_limited(destination, second) {
        granted &= end_spends(policy, work, destination, second, true);
    }
    granted
}

#[inline(always)]
fn is_limited(party: &Party, finding: Finding) -> bool {
    party.judged && finding.reason.allows() && (party.is_limited() || finding.limited)
}

#[inline(never)]
fn end_spends<T: Tables>(
    policy: &Policy<'_, T>,
    work: &Work,
    party: &Party,
    finding: Finding,
    flow: bool,
) -> bool {
    let mut granted = true;
    if party.is_limited()
        && let Some(line) = policy.profile(party.profile)
    {
        let limits = [line.packets, line.bytes, line.flows];
        granted &= take(policy, work, party.number, 0, limits, flow);
    }
    if finding.limited
        && let Some(line) = policy.rule_line(finding.rule)
    {
        let limits = [line.packets, line.bytes, line.flows];
        granted &= take(policy, work, party.number, finding.rule, limits, flow);
    }
    granted
}

#[inline(always)]
fn take<T: Tables>(
    policy: &Policy<'_, T>,
    work: &Work,
    device: u32,
    rule: u16,
    limits: [u32; 3],
    flow: bool,
) -> bool {
    let key = RateKey {
        device,
        rule: u32::from(rule),
    };
    let (cpu, second) = (policy.tables.cpu(), seconds(policy.now()));
    let [packets, bytes, flows] = limits;
    // A table that takes no entry cannot limit.
    let Some(rate): Option<&LiveRate> = policy.tables.rate(&key) else {
        return true;
    };
    if flow {
        return rate.flows.spend(cpu, 1, second, flows);
    }
    rate.packets.spend(cpu, 1, second, packets)
        & rate.bytes.spend(cpu, work.packet.length, second, bytes)
}
