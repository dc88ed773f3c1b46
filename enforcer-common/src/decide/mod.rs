//! The decision: identify → guard → flow → match → verdict. The same code runs
//! in the kernel, in `explain` and in the tests; it reads the world through
//! [`Frame`] and [`Tables`] alone, and changes nothing but flows and budgets.

pub mod control;
mod flow;
pub mod guard;
pub mod identify;
mod permit;
mod policy;
mod services;
pub mod trace;

pub use policy::Policy;

use crate::addr::Mac;
use crate::flow::{Flow, FlowKey};
use crate::packet::{self, Packet, ethertype};
use crate::port::Port;
use crate::tables::{Frame, Tables};
use crate::verdict::{Mode, Reason, Verdict};
use identify::Party;

/// Scratch of one decision; in the kernel it lives per CPU, off the stack.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Work {
    pub packet: Packet,
    pub key: FlowKey,
    pub flow: Flow,
    /// The ends of the frame: source first.
    pub parties: [Party; 2],
    /// What was found for each end.
    pub findings: [Finding; 2],
    pub plan: flow::Plan,
    /// Policy that judged, 0 where none was loaded.
    pub epoch: u32,
    /// Events a second that the policy grants a device.
    pub events_per_second: u32,
    /// Set by the host once the decision is made.
    pub verdict: Verdict,
}

impl Work {
    pub const EMPTY: Self = Self {
        packet: Packet::EMPTY,
        key: FlowKey::EMPTY,
        flow: Flow::EMPTY,
        parties: [Party::NOBODY; 2],
        findings: [Finding::of(Reason::Rule); 2],
        plan: flow::Plan::EMPTY,
        epoch: 0,
        events_per_second: 0,
        verdict: Verdict {
            reason: Reason::Rule,
            mode: Mode::Audit,
            rule: 0,
            device: 0,
        },
    };
}

/// What was found for one end of a frame.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that allows, 0 where none does.
    pub rule: u16,
    pub reason: Reason,
}

impl Finding {
    #[inline(always)]
    pub const fn of(reason: Reason) -> Self {
        Self { rule: 0, reason }
    }
}

/// Judges one frame that came in by `port`.
#[inline(always)]
pub fn judge<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    port: &Port,
    work: &mut Work,
) -> Verdict {
    work.packet = Packet::EMPTY;
    work.parties = [Party::NOBODY; 2];
    work.findings = [Finding::of(Reason::Rule); 2];
    work.epoch = 0;
    work.events_per_second = 1;
    let parsed = packet::ethernet::parse(frame, &mut work.packet);
    let Some(policy) = Policy::open(tables) else {
        let mode = if port.pass_without_policy != 0 {
            Mode::Audit
        } else {
            Mode::Enforce
        };
        return Verdict {
            reason: Reason::NoPolicy,
            mode,
            rule: 0,
            device: 0,
        };
    };
    work.epoch = policy.epoch;
    work.events_per_second = policy.settings.events_per_second;
    let judged = match parsed {
        Ok(()) => judge_parsed(frame, &policy, port, work),
        Err(reason) => Err(reason),
    };
    match judged {
        Ok(()) => conclude(work),
        Err(reason) => nobody(&policy, reason),
    }
}

/// Leaves a finding for each end that is judged. An error is a verdict that
/// concerns no declared device.
#[inline(always)]
fn judge_parsed<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    port: &Port,
    work: &mut Work,
) -> Result<(), Reason> {
    if control::is_link_local(work.packet.destination_mac) {
        return Err(control::judge(
            frame,
            &work.packet,
            policy.settings.control_frames,
        ));
    }
    if port.is_core() && is_bridge(port, work.packet.destination_mac) {
        return Err(Reason::ToEnforcer);
    }
    identify::identify(policy, port, work)?;
    match work.packet.ethertype {
        ethertype::ARP => services::judge_arp(frame, policy, work),
        ethertype::IPV4 | ethertype::IPV6 => match packet::parse_ip(frame, &mut work.packet) {
            Ok(()) => judge_ip(frame, policy, work),
            Err(reason) => work.findings = [Finding::of(reason); 2],
        },
        _ => work.findings = [Finding::of(Reason::EtherType); 2],
    }
    Ok(())
}

/// A bridge whose address is not known has the zero address, which is nobody's.
#[inline(always)]
fn is_bridge(port: &Port, mac: Mac) -> bool {
    mac == port.bridge && mac != Mac::ZERO
}

/// Network services come first; what they leave open, the rules may allow.
#[inline(always)]
fn judge_ip<F: Frame + ?Sized, T: Tables>(frame: &F, policy: &Policy<'_, T>, work: &mut Work) {
    if services::serve(frame, policy, work) {
        return;
    }
    flow::judge(frame, policy, work);
    if services::is_neighbour(&work.packet) {
        services::explain_neighbour(work);
    }
}

/// Joins the findings of both ends: the frame's verdict is the harsher one.
#[inline(always)]
fn conclude(work: &Work) -> Verdict {
    let [source, destination] = work.parties;
    let for_source = source.verdict(work.findings[0]);
    let for_destination = destination.verdict(work.findings[1]);
    if !source.judged {
        return for_destination;
    }
    if destination.judged && for_destination.fate() as u8 > for_source.fate() as u8 {
        return for_destination;
    }
    for_source
}

/// A verdict that concerns no declared device falls under the policy's own mode.
#[inline(always)]
fn nobody<T: Tables>(policy: &Policy<'_, T>, reason: Reason) -> Verdict {
    Verdict {
        reason,
        mode: policy.settings.default_mode(),
        rule: 0,
        device: 0,
    }
}
