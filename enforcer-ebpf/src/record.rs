//! Record stage: counts every verdict, and has an event sent for each denial and each
//! signature that was found.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::maps::PerCpuArray;
use aya_ebpf::programs::XdpContext;
use enforcer_common::counter::{
    Statistic, Traffic, fast_index, signature_index, tagged_index, verdict_index,
};
use enforcer_common::decide::Work;
use enforcer_common::limits;
use enforcer_common::port::Port;
use enforcer_common::verdict::Fate;

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
        count_rules(work, length);
    }
    if fate != Fate::Allow || signature != 0 {
        report::stage_report(context.as_ptr().cast(), work, port.index);
    }
}

/// Rules of both ends, in the half of the counters that goes with the epoch.
#[inline(always)]
fn count_rules(work: &Work, length: u32) {
    let half = (work.epoch & 1) * (limits::RULES + 1);
    let [source, destination] = work.findings;
    if source.rule != 0 {
        count(&maps::RULES, half + u32::from(source.rule), length);
    }
    if destination.rule != 0 {
        count(&maps::RULES, half + u32::from(destination.rule), length);
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
