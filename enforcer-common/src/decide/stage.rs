//! The stages of a decision that a host may run as calls of their own: they take
//! what they need from [`Work`], and leave there what they found.

use super::{Policy, Work, flow, fragment, limit, permit, services};
use crate::tables::{Frame, Tables};
use crate::verdict::Reason;

/// Judges what the network services know; true when that leaves nothing to ask the rules.
#[inline(always)]
pub fn serve<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) -> bool {
    services::serve(frame, policy, work)
}

/// Whether a fragment is in its turn.
///
/// # Errors
/// Why it is not.
#[inline(always)]
pub fn admit_fragment<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) -> Result<(), Reason> {
    fragment::admit(policy, work)
}

/// Judges an ICMP error by the flow that it is about; true when that leaves
/// nothing to ask the rules.
#[inline(always)]
pub fn relate<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) -> bool {
    flow::relate(frame, policy, work)
}

/// Asks guards and profiles about the flow that is planned.
#[inline(always)]
pub fn ask<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    flow::ask(policy, work);
}

/// Looks up what the profile at one end says: 0 the source, 1 the destination.
#[inline(always)]
pub fn look_up<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, end: u8) {
    permit::look_up(policy, work, end);
}

/// Finds the first rule of a cell's alternatives whose conditions hold, for one end.
#[inline(always)]
pub fn choose<T: Tables>(policy: &Policy<'_, T>, work: &mut Work, cell: u16, end: u8) {
    permit::choose(policy, work, cell, end);
}

/// Remembers what was found: renews the flow, or begins one.
#[inline(always)]
pub fn settle<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    flow::settle(policy, work);
}

/// Takes a packet that passes from what its ends are granted.
#[inline(always)]
pub fn spend<T: Tables>(policy: &Policy<'_, T>, work: &mut Work) {
    limit::spend_packet(policy, work);
}
