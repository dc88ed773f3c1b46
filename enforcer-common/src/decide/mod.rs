//! The decision: identify → admit → flow → guard → match → look closer → verdict. The same code runs
//! in the kernel, in `explain` and in the tests; it reads the world through
//! [`Frame`] and [`Tables`] alone, and changes nothing but flows and budgets.

mod admit;
pub mod cache;
mod condition;
pub mod control;
mod dhcp;
mod flow;
mod fragment;
pub mod guard;
pub mod identify;
mod inspect;
mod lesson;
mod limit;
mod permit;
mod policy;
mod sanity;
mod services;
pub mod stage;
pub mod trace;

pub use inspect::{Inspection, PIECE};
pub use policy::{Moment, Policy};
pub use sanity::Walk;

use crate::addr::{Ip, Mac};
use crate::flow::{Flow, FlowKey};
use crate::fragment::{Fragment, FragmentKey};
use crate::learned::LearnedKey;
use crate::packet::{self, Packet, ethertype};
use crate::port::Port;
use crate::table::ProfileLine;
use crate::tables::{Frame, Tables};
use crate::verdict::{Mode, Reason, Tolerance, Verdict};
use identify::Party;

/// Scratch of one decision; in the kernel it lives per CPU, off the stack.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Work {
    pub packet: Packet,
    pub key: FlowKey,
    pub flow: Flow,
    /// Scratch of the flow table: where the flow is put.
    pub chosen: u64,
    /// The ends of the frame: source first.
    pub parties: [Party; 2],
    /// What was found for each end.
    pub findings: [Finding; 2],
    pub plan: flow::Plan,
    /// When, and by which policy, the frame is judged.
    pub moment: Moment,
    pub fragment_key: FragmentKey,
    pub fragment: Fragment,
    pub learned_key: LearnedKey,
    /// Policy that judged, 0 where none was loaded.
    pub epoch: u32,
    /// Events a second that the policy grants a device.
    pub events_per_second: u32,
    /// Whether user space is shown the frame, to learn from it: 1, else 0.
    pub teaches: u32,
    pub followed: flow::Followed,
    /// Set by the host once the decision is made.
    pub verdict: Verdict,
    pub inspection: Inspection,
    /// Where the look at header fields stands.
    pub walk: Walk,
}

impl Work {
    pub const EMPTY: Self = Self {
        packet: Packet::EMPTY,
        key: FlowKey::EMPTY,
        flow: Flow::EMPTY,
        chosen: 0,
        parties: [Party::NOBODY; 2],
        findings: [Finding::of(Reason::Rule); 2],
        plan: flow::Plan::EMPTY,
        moment: Moment::EMPTY,
        fragment_key: FragmentKey::EMPTY,
        fragment: Fragment::EMPTY,
        learned_key: LearnedKey::EMPTY,
        epoch: 0,
        events_per_second: 0,
        teaches: 0,
        followed: flow::Followed::NONE,
        verdict: Verdict {
            reason: Reason::Rule,
            mode: Mode::Audit,
            tolerance: Tolerance::NONE,
            reserved: 0,
            rule: 0,
            device: 0,
        },
        inspection: Inspection::EMPTY,
        walk: Walk::EMPTY,
    };

    /// One end of the frame: 0 the source, else the destination.
    #[inline(always)]
    const fn party(&self, end: u8) -> Party {
        if end == 0 {
            self.parties[0]
        } else {
            self.parties[1]
        }
    }

    /// The address of the other end.
    #[inline(always)]
    const fn peer(&self, end: u8) -> Ip {
        if end == 0 {
            self.packet.destination
        } else {
            self.packet.source
        }
    }

    #[inline(always)]
    const fn finding(&self, end: u8) -> Finding {
        if end == 0 {
            self.findings[0]
        } else {
            self.findings[1]
        }
    }

    #[inline(always)]
    const fn find(&mut self, end: u8, finding: Finding) {
        if end == 0 {
            self.findings[0] = finding;
        } else {
            self.findings[1] = finding;
        }
    }
}

/// What was found for one end of a frame.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that allows, 0 where none does.
    pub rule: u16,
    pub reason: Reason,
    /// Whether the rule grants a limited rate.
    pub limited: bool,
}

impl Finding {
    #[inline(always)]
    pub const fn of(reason: Reason) -> Self {
        Self {
            rule: 0,
            reason,
            limited: false,
        }
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
    work.teaches = 0;
    work.followed = flow::Followed::NONE;
    work.inspection.groups = [0; 2];
    work.inspection.applications = [0; 2];
    work.inspection.signature = 0;
    work.inspection.action = 0;
    let parsed = packet::ethernet::parse(frame, &mut work.packet);
    let glanced = work.moment.active;
    work.moment = Moment::take(tables);
    inspect::glance::take_over(&mut work.inspection, glanced == work.moment.active);
    let Some(policy) = Policy::at(tables, work.moment) else {
        let mode = if port.pass_without_policy != 0 {
            Mode::Audit
        } else {
            Mode::Enforce
        };
        return Verdict {
            reason: Reason::NoPolicy,
            mode,
            tolerance: Tolerance::NONE,
            reserved: 0,
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
        Ok(()) => {
            if limit::concerns(work) {
                tables.spend(&policy, work);
            }
            let verdict = conclude(&policy, work);
            work.teaches = u32::from(lesson::teaches(&policy, work, &verdict));
            verdict
        }
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
    admit::check_tags(policy, port, &work.packet)?;
    identify::identify(policy, port, work)?;
    if admit::settles(policy, port, work) {
        return Ok(());
    }
    match work.packet.ethertype {
        ethertype::ARP => {
            policy.tables.serve(frame, policy, work);
        }
        ethertype::IPV4 | ethertype::IPV6 => match parse_ip(frame, policy, work) {
            Ok(()) => judge_ip(frame, policy, work),
            Err(reason) => {
                work.packet.remarks = 0;
                work.findings = [Finding::of(reason); 2];
            }
        },
        _ => {
            let [source, destination] = work.parties;
            work.findings = [
                by_ethertype(policy, &source, work.packet.ethertype),
                by_ethertype(policy, &destination, work.packet.ethertype),
            ];
        }
    }
    look_closer(frame, policy, work);
    Ok(())
}

#[inline(always)]
fn parse_ip<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    policy: &Policy<'_, T>,
    work: &mut Work,
) -> Result<(), Reason> {
    policy.tables.parse_network(frame, work)?;
    policy.tables.parse_transport(frame, work)
}

/// What a profile says of a protocol that is neither IP nor ARP.
#[inline(always)]
fn by_ethertype<T: Tables>(policy: &Policy<'_, T>, party: &Party, ethertype: u16) -> Finding {
    let listed = |line: &ProfileLine| {
        let [a, b, c, d, e, f, g, h] = line.ethertypes;
        // Lower ones are lengths; unused places are zero.
        ethertype >= ethertype::FIRST
            && (ethertype == a
                || ethertype == b
                || ethertype == c
                || ethertype == d
                || ethertype == e
                || ethertype == f
                || ethertype == g
                || ethertype == h)
    };
    Finding::of(if policy.profile(party.profile).is_some_and(listed) {
        Reason::EtherTypeListed
    } else {
        Reason::EtherType
    })
}

/// A bridge whose address is not known has the zero address, which is nobody's.
#[inline(always)]
fn is_bridge(port: &Port, mac: Mac) -> bool {
    mac == port.bridge && mac != Mac::ZERO
}

/// Network services come first; what they leave open, the rules may allow.
#[inline(always)]
fn judge_ip<F: Frame + ?Sized, T: Tables>(frame: &F, policy: &Policy<'_, T>, work: &mut Work) {
    if work.packet.is_fragment()
        && let Err(reason) = policy.tables.admit_fragment(policy, work)
    {
        work.findings = [Finding::of(reason); 2];
        return;
    }
    if services::concern(&work.packet) && policy.tables.serve(frame, policy, work) {
        return;
    }
    flow::judge(frame, policy, work);
    if services::is_neighbour(&work.packet) {
        services::explain_neighbour(work);
    }
}

/// Looks at what passes so far: at its headers, then at what it carries.
#[inline(always)]
fn look_closer<F: Frame + ?Sized, T: Tables>(frame: &F, policy: &Policy<'_, T>, work: &mut Work) {
    if sanity::concerns(&work.packet) && flow::passes(work) {
        policy.tables.check_sanity(frame, policy, work);
    }
    if inspect::concerns(work) && flow::passes(work) {
        let (signature, action) = (work.inspection.signature, work.inspection.action);
        policy.tables.inspect(frame, policy, work);
        if action > work.inspection.action {
            work.inspection.signature = signature;
            work.inspection.action = action;
        }
    }
}

/// Joins the findings of both ends: the frame's verdict is the harsher one.
#[inline(always)]
fn conclude<T: Tables>(policy: &Policy<'_, T>, work: &Work) -> Verdict {
    let [source, destination] = work.parties;
    let for_source = verdict(policy, &source, work.findings[0]);
    let for_destination = verdict(policy, &destination, work.findings[1]);
    if !source.judged {
        return for_destination;
    }
    let harsher = for_destination.fate().severity() > for_source.fate().severity();
    if destination.judged && harsher {
        return for_destination;
    }
    for_source
}

/// The verdict for one end; what could not be judged passes if its profile says so.
#[inline(always)]
fn verdict<T: Tables>(policy: &Policy<'_, T>, party: &Party, finding: Finding) -> Verdict {
    let failed = finding.reason.failure() != Tolerance::NONE;
    let tolerance = match policy.profile(party.profile) {
        Some(line) if failed => line.tolerance(),
        _ => Tolerance::NONE,
    };
    party.verdict(finding, tolerance)
}

/// A verdict that concerns no declared device falls under the policy's own mode.
#[inline(always)]
fn nobody<T: Tables>(policy: &Policy<'_, T>, reason: Reason) -> Verdict {
    Verdict {
        reason,
        mode: policy.settings.default_mode(),
        tolerance: Tolerance(policy.settings.tolerance as u8),
        reserved: 0,
        rule: 0,
        device: 0,
    }
}
