//! What becomes of frames that go straight to a port, seen where the kernel tells of it: a
//! device that refuses them is closed to them at once, and the bridge takes over. And the
//! trial by which user space finds out whether a device takes any.
//!
//! The tracepoints tell of the whole machine. A device is known by where the kernel keeps
//! it, since numbers of interfaces repeat in other network namespaces; its trial binds the
//! one to the other.

use aya_ebpf::bindings::xdp_action;
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use aya_ebpf::macros::{raw_tracepoint, xdp};
use aya_ebpf::programs::{RawTracePointContext, XdpContext};
use enforcer_common::counter::{Redirected, Trial};
use enforcer_common::forward::Exit;
use enforcer_common::limits;

use crate::maps;

/// Places in the map TRIED.
const DEVICES_MAP: u32 = 0;
const PORT: u32 = 1;
/// For how long a trial is under way, ns.
const AT_MOST: u64 = 1_000_000_000;

/// Sends the frames that user space makes to the port that is tried. The kernel lets
/// programs share a map of devices only if they are alike in taking frames of several
/// buffers.
#[xdp(frags)]
fn try_port(_context: XdpContext) -> u32 {
    let Some(place) = tried(PORT) else {
        return xdp_action::XDP_DROP;
    };
    let Ok(action) = maps::DEVICES.redirect(place, xdp_action::XDP_DROP.into()) else {
        return xdp_action::XDP_DROP;
    };
    if let Some(trial) = maps::TRIALS.get_ptr_mut(0) {
        // SAFETY: the entry belongs to this CPU, which hands the frames over before it
        // takes any others.
        unsafe {
            (*trial).began = now();
            (*trial).port = place + 1;
        }
    }
    action
}

/// `xdp_devmap_xmit`: a device was given frames. Arguments: the device they came in by, the
/// device, frames that it took and did not take, an error.
#[raw_tracepoint(tracepoint = "xdp_devmap_xmit")]
fn watch_sent(context: RawTracePointContext) -> i32 {
    let device: u64 = context.arg(1);
    let sent = context.arg::<u64>(2) as u32;
    let dropped = context.arg::<u64>(3) as u32;
    let error = context.arg::<u64>(4) as i32;
    if let Some(trial) = under_way() {
        if trial.sent == 0 && error == 0 {
            // A port whose device is not noted is not used.
            let _ = maps::KNOWN_DEVICES.insert(device, trial.port - 1, 0);
        }
        note(trial, sent, dropped, error);
        return 0;
    }
    // SAFETY: the value is copied.
    if let Some(place) = unsafe { maps::KNOWN_DEVICES.get(device) }.copied() {
        count(place, sent, dropped, error);
    }
    0
}

/// `xdp_redirect_err`: a frame did not get as far as a device. Arguments: the device it
/// came in by, the program, the target, an error, kind and number of the map, the place.
#[raw_tracepoint(tracepoint = "xdp_redirect_err")]
fn watch_refused(context: RawTracePointContext) -> i32 {
    let error = context.arg::<u64>(3) as i32;
    let map = context.arg::<u64>(5) as u32;
    let place = context.arg::<u64>(6) as u32;
    if tried(DEVICES_MAP) != Some(map) {
        return 0;
    }
    if let Some(trial) = under_way() {
        note(trial, 0, 1, error);
        return 0;
    }
    count(place, 0, 1, error);
    0
}

/// The trial on this CPU that user space has not read yet. One whose daemon died would
/// else hide what becomes of other frames.
#[inline(always)]
fn under_way() -> Option<&'static mut Trial> {
    // SAFETY: the entry belongs to this CPU, and all-zero bytes are a valid `Trial`.
    let trial = unsafe { maps::TRIALS.get_ptr_mut(0)?.as_mut() }?;
    (trial.port != 0 && now().wrapping_sub(trial.began) < AT_MOST).then_some(trial)
}

/// What became of a trial's frames. They are told of once, but perhaps to two programs:
/// that of an earlier daemon is detached some time after it gave way. So nothing is added.
#[inline(always)]
fn note(trial: &mut Trial, sent: u32, dropped: u32, error: i32) {
    if trial.sent == 0 {
        trial.sent = sent;
        trial.dropped = dropped;
        trial.error = error;
    }
}

/// Counts frames of a port, and closes it if its device refuses them.
#[inline(always)]
fn count(place: u32, sent: u32, dropped: u32, error: i32) {
    if let Some(redirected) = maps::REDIRECTED.get_ptr_mut(place) {
        // SAFETY: the entry belongs to this CPU.
        let Redirected {
            sent: all_sent,
            dropped: all_dropped,
            refused,
        } = unsafe { &mut *redirected };
        *all_sent += u64::from(sent);
        if error == 0 {
            *all_dropped += u64::from(dropped);
        } else {
            *refused += u64::from(dropped);
        }
    }
    if error != 0
        && place < limits::PORTS
        && let Some(exit) = maps::EXITS.get_ptr_mut(place)
    {
        // SAFETY: one aligned load and store. User space writes the word too; what it
        // writes at the same moment is refused by the next frames.
        unsafe { exit.write_volatile(Exit(exit.read_volatile()).closed().0) };
        maps::note_moved(crate::tables::cpu());
    }
}

/// Tracepoints have no coarse clock; this is for trials alone.
#[inline(always)]
fn now() -> u64 {
    // SAFETY: the helper takes nothing and reads a clock.
    unsafe { bpf_ktime_get_ns() }
}

#[inline(always)]
fn tried(index: u32) -> Option<u32> {
    // SAFETY: one aligned load; user space writes it before the trial.
    maps::TRIED
        .get_ptr(index)
        .map(|value| unsafe { value.read_volatile() })
}
