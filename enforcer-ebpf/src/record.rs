//! Record stage: counts every verdict, and sends an event for each denial that
//! the device's budget covers. Sent, lost and suppressed add up to all denials.

use aya_ebpf::maps::PerCpuArray;
use aya_ebpf::programs::XdpContext;
use enforcer_common::counter::{Statistic, Traffic, tagged_index, verdict_index};
use enforcer_common::decide::Work;
use enforcer_common::event::Event;
use enforcer_common::limits;
use enforcer_common::port::Port;
use enforcer_common::verdict::Fate;

use crate::maps;
use crate::tables::now;

#[inline(always)]
pub(crate) fn record(_context: &XdpContext, port: &Port, work: &Work) {
    let fate = work.verdict.fate();
    let length = work.packet.length;
    count(
        &maps::VERDICTS,
        verdict_index(port.index, fate, work.verdict.reason),
        length,
    );
    if work.packet.tags != 0 {
        count_one(tagged_index(port.index));
    }
    if fate == Fate::Allow {
        count_rules(work, length);
    } else {
        send(_context, port, work, fate);
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

#[inline(always)]
fn count_statistic(statistic: Statistic) {
    count_one(statistic as u32);
}

#[inline(always)]
fn count_one(place: u32) {
    if let Some(counter) = maps::STATISTICS.get_ptr_mut(place) {
        // SAFETY: the entry belongs to this CPU.
        unsafe { *counter += 1 };
    }
}

#[inline(always)]
fn send(_context: &XdpContext, port: &Port, work: &Work, fate: Fate) {
    let now = now();
    if let Some(budget) = maps::BUDGETS.get_ptr_mut(work.verdict.device) {
        // SAFETY: the entry belongs to this CPU.
        if !unsafe { (*budget).spend_event(work.events_per_second, now) } {
            return count_statistic(Statistic::EventsSuppressed);
        }
    }
    #[cfg(feature = "log")]
    aya_log_ebpf::debug!(
        _context,
        "denied: reason {}, device {}",
        work.verdict.reason as u8,
        work.verdict.device
    );
    let Some(mut event) = maps::EVENTS.reserve::<Event>(0) else {
        return count_statistic(Statistic::EventsLost);
    };
    let packet = &work.packet;
    event.write(Event {
        time: now,
        source: packet.source,
        destination: packet.destination,
        epoch: work.epoch,
        device: work.verdict.device,
        length: packet.length,
        port: port.index,
        vlan: packet.vlan,
        source_port: packet.source_port,
        destination_port: packet.destination_port,
        ethertype: packet.ethertype,
        rule: work.verdict.rule,
        source_mac: packet.source_mac,
        destination_mac: packet.destination_mac,
        protocol: packet.protocol,
        reason: work.verdict.reason as u8,
        fate: fate as u8,
        icmp_type: packet.icmp_type,
        reserved: 0,
    });
    event.submit(0);
    count_statistic(Statistic::EventsSent);
}
