//! Forward stage: hands a frame that passes to another port's device, or leaves it to the
//! bridge. Which, [`enforcer_common::forward`] says.

use aya_ebpf::bindings::{xdp_action, xdp_md};
use aya_ebpf::programs::XdpContext;
use enforcer_common::addr::Mac;
use enforcer_common::counter::{Statistic, seconds};
use enforcer_common::decide::Work;
use enforcer_common::forward::{self, Exit, Line, Ports};

use crate::{maps, record};

struct KernelPorts;

impl Ports for KernelPorts {
    #[inline(always)]
    fn exit(&self, place: u32) -> Exit {
        Exit(word(place))
    }

    #[inline(always)]
    fn vouched_until(&self) -> u32 {
        word(forward::VOUCHED_UNTIL) as u32
    }

    #[inline(always)]
    fn line(&self, number: u32) -> Option<&Line> {
        // SAFETY: a line is eight words, made for memory that other CPUs write too.
        unsafe { maps::ADDRESSES.get_ptr(number)?.cast::<Line>().as_ref() }
    }

    #[inline(always)]
    fn is_reserved(&self, mac: Mac) -> bool {
        maps::RESERVED.get_ptr(mac).is_some()
    }
}

#[inline(always)]
fn word(place: u32) -> u64 {
    let Some(word) = maps::EXITS.get_ptr(place) else {
        return 0;
    };
    // SAFETY: the word is read whole; user space writes it as one store.
    unsafe { word.read_volatile() }
}

/// A global function, as those in [`crate::stages`]; `place` is that of the port. Says
/// what the program returns.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn stage_forward(context: *mut xdp_md, work: *mut Work, place: u32) -> u32 {
    // SAFETY: as for the stages.
    let Some(work) = (unsafe { work.as_mut() }) else {
        return xdp_action::XDP_DROP;
    };
    let context = XdpContext::new(context);
    // Not every driver sends a frame of several buffers.
    let whole = (context.data_end() - context.data()) as u32 == work.packet.length;
    let second = seconds(work.moment.now);
    let Some(exit) = forward::choose(&KernelPorts, place, &work.packet, whole, second) else {
        return xdp_action::XDP_PASS;
    };
    match maps::DEVICES.redirect(exit, xdp_action::XDP_PASS.into()) {
        Ok(action) => {
            record::count_fast(place);
            action
        }
        Err(_) => {
            record::count_statistic(Statistic::WaysMissing);
            xdp_action::XDP_PASS
        }
    }
}
