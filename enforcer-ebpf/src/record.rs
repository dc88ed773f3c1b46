//! Record stage: counts every verdict, and has an event sent for each denial and each
//! signature that was found.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::maps::PerCpuArray;
use aya_ebpf::programs::XdpContext;
use enforcer_common::counter::{
    Statistic, Traffic, fast_index, signature_index, tagged_index, verdict_index,
};
use enforcer_common::decide::Work;
use enforcer_common::decide::cache::Known;
use enforcer_common::limits;
use enforcer_common::port::Port;
use enforcer_common::verdict::{Fate, Reason};

use crate::{maps, report};

#[inline(always)]
pub(crate) fn record(context: &XdpContext, port: &Port, work: &mut Work) {
    let fate = work.verdict.fate();
    let length = work.packet.length;
    count(
        &maps::VERDICTS,
        verdict_index(port.index, fate, work.verdict.reason),
        length,
    );
    if work.packet.tags != 0 {
        count_one(&maps::STATISTICS, tagged_index(port.index));
    }
    let signature = work.inspection.signature;
    if signature != 0 {
        count_one(&maps::SIGNATURES, signature_index(work.epoch, signature));
    }
    if fate == Fate::Allow {
        let [source, destination] = work.findings;
        count_rules(work.epoch, [source.rule, destination.rule], length);
    }
    if fate != Fate::Allow || signature != 0 {
        report::stage_report(context.as_ptr().cast(), work, port.index);
    }
}

/// Counts a packet that the cache lets pass.
#[inline(always)]
pub(crate) fn record_known(known: &Known<'_>) {
    let place = verdict_index(known.port, Fate::Allow, Reason::Established);
    count(&maps::VERDICTS, place, known.length());
    if known.is_tagged() {
        count_one(&maps::STATISTICS, tagged_index(known.port));
    }
    count_rules(known.epoch(), known.rules, known.length());
}

/// Rules of both ends, in the half of the counters that goes with the epoch.
#[inline(always)]
fn count_rules(epoch: u32, [source, destination]: [u16; 2], length: u32) {
    let half = (epoch & 1) * (limits::RULES + 1);
    if source != 0 {
        count(&maps::RULES, half + u32::from(source), length);
    }
    if destination != 0 {
        count(&maps::RULES, half + u32::from(destination), length);
    }
}

#[inline(always)]
fn count(counters: &PerCpuArray<Traffic>, index: u32, length: u32) {
    if let Some(traffic) = counters.get_ptr_mut(index) {
        // SAFETY: the entry belongs to this CPU.
        unsafe {
            (*traffic).packets += 1;
            (*traffic).bytes += u64::from(length);
        }
    }
}

#[inline(always)]
pub(crate) fn count_flow(created: bool) {
    count_statistic(if created {
        Statistic::FlowsCreated
    } else {
        Statistic::FlowsRefused
    });
}

/// Something for user space found no room.
#[inline(always)]
pub(crate) fn count_lost() {
    count_statistic(Statistic::LessonsLost);
}

/// A frame of a port went straight to another one.
#[inline(always)]
pub(crate) fn count_fast(port: u32) {
    count_one(&maps::STATISTICS, fast_index(port));
}

#[inline(always)]
pub(crate) fn count_statistic(statistic: Statistic) {
    count_one(&maps::STATISTICS, statistic as u32);
}

#[inline(always)]
fn count_one(counters: &PerCpuArray<u64>, place: u32) {
    if let Some(counter) = counters.get_ptr_mut(place) {
        // SAFETY: the entry belongs to this CPU.
        unsafe { *counter += 1 };
    }
}
