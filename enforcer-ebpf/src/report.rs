//! Report stage: sends an event, with the beginning of the payload where a signature was
//! found, if the device's budget covers it. Sent, lost and suppressed add up to all that
//! was to be told.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::generated::bpf_xdp_load_bytes;
use enforcer_common::counter::Statistic;
use enforcer_common::decide::Work;
use enforcer_common::event::{Event, Hit, SHOWN};
use enforcer_common::sanity::is_of_headers;

use crate::maps;
use crate::record::count_statistic;
use crate::tables::now;

/// A global function, as those in [`crate::stages`]; `port` is its place in the counters.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn stage_report(context: *mut xdp_md, work: *mut Work, port: u32) -> u32 {
    // SAFETY: as for the stages.
    let Some(work) = (unsafe { work.as_mut() }) else {
        return 0;
    };
    let now = now();
    if let Some(budget) = maps::BUDGETS.get_ptr_mut(work.verdict.device) {
        // SAFETY: the entry belongs to this CPU.
        if !unsafe { (*budget).spend_event(work.events_per_second, now) } {
            count_statistic(Statistic::EventsSuppressed);
            return 0;
        }
    }
    #[cfg(feature = "log")]
    aya_log_ebpf::debug!(
        &aya_ebpf::programs::XdpContext::new(context),
        "reason {}, device {}",
        work.verdict.reason as u8,
        work.verdict.device
    );
    let shows = work.inspection.signature != 0 || work.verdict.reason.is_of_speech();
    let sent = if !shows {
        match maps::EVENTS.reserve::<Event>(0) {
            Some(mut place) => {
                place.write(event(work, port, now));
                place.submit(0);
                true
            }
            None => false,
        }
    } else {
        send_hit(context, work, port, now)
    };
    count_statistic(if sent {
        Statistic::EventsSent
    } else {
        Statistic::EventsLost
    });
    0
}

/// Sends the first bytes of the payload as well, or of the headers where a predicate is met
/// that is about them.
#[inline(always)]
fn send_hit(context: *mut xdp_md, work: &Work, port: u32, now: u64) -> bool {
    let Some(mut place) = maps::EVENTS.reserve::<Hit>(0) else {
        return false;
    };
    let packet = &work.packet;
    let start = first_shown(work);
    let payload = packet.end.wrapping_sub(start);
    // SAFETY: a value of this function's own. Read from memory it is a number of 32 bits
    // to the verifier, which it does not know of a difference.
    let payload = unsafe { (&raw const payload).read_volatile() };
    let shown = if payload > SHOWN as u32 {
        SHOWN as u32
    } else {
        payload
    };
    let hit = place.as_mut_ptr();
    // SAFETY: the place is reserved for a hit; the bytes are as many as it holds at most,
    // and the context is the program's own. Bytes beyond those shown stay as they were.
    unsafe {
        (&raw mut (*hit).event).write(event(work, port, now));
        (&raw mut (*hit).event.shown).write(shown as u16);
        if shown != 0 {
            bpf_xdp_load_bytes(context, start, (&raw mut (*hit).payload).cast(), shown);
        }
    }
    place.submit(0);
    true
}

/// Offset of the first byte that is shown.
#[inline(always)]
fn first_shown(work: &Work) -> u32 {
    if is_of_headers(work.inspection.signature) {
        work.packet.network()
    } else {
        work.packet.next
    }
}

#[inline(always)]
fn event(work: &Work, port: u32, now: u64) -> Event {
    let packet = &work.packet;
    Event {
        time: now,
        source: packet.source,
        destination: packet.destination,
        epoch: work.epoch,
        device: work.verdict.device,
        length: packet.length,
        port,
        vlan: packet.vlan,
        source_port: packet.source_port,
        destination_port: packet.destination_port,
        ethertype: packet.ethertype,
        rule: work.verdict.rule,
        source_mac: packet.source_mac,
        destination_mac: packet.destination_mac,
        protocol: packet.protocol,
        reason: work.verdict.reason as u8,
        fate: work.verdict.fate() as u8,
        icmp_type: packet.icmp_type,
        signature: work.inspection.signature as u16,
        shown: 0,
    }
}
