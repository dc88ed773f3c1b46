//! Forward stage: hands a frame that passes to another port's device, or leaves it to the
//! bridge. Which, [`enforcer_common::forward`] says.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::bindings::{xdp_action, xdp_md};
use aya_ebpf::programs::XdpContext;
use enforcer_common::addr::Mac;
use enforcer_common::counter::{Statistic, seconds};
use enforcer_common::decide::{Work, cache};
use enforcer_common::forward::{self, Exit, Line, Ports, Way};

use crate::frame::XdpFrame;
use crate::tables::KernelTables;
use crate::{maps, record};

/// Frames up to this length come in one buffer, whatever the driver.
const ONE_BUFFER: u32 = 1600;

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
    fn moved(&self) {
        maps::note_moved(crate::tables::cpu());
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

/// A global function, as those in [`crate::stages`]; `place` is that of the port that the
/// frame came in by. Says what the program returns.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn stage_forward(context: *mut xdp_md, work: *mut Work, place: u32) -> u32 {
    // SAFETY: as for the stages.
    let Some(work) = (unsafe { work.as_mut() }) else {
        return xdp_action::XDP_DROP;
    };
    let context = XdpContext::new(context);
    // Not every driver sends a frame of several buffers.
    let whole = is_whole(&context, work.packet.length);
    let second = seconds(work.moment.now);
    let way = forward::choose(&KernelPorts, place, &work.packet, whole, second);
    if whole && cache::concerns(work, way) {
        let tables = KernelTables {
            context: context.as_ptr().cast(),
        };
        let interface = context.ingress_ifindex() as u32;
        let frame = XdpFrame::new(&context);
        let jumbo = KernelPorts.exit(place).longest() > ONE_BUFFER;
        cache::keep(&frame, &tables, work, (place, interface, jumbo), way);
    }
    match way {
        Way::Exit { place: exit, .. } => send(place, exit),
        Way::Bridge | Way::BridgeNow => xdp_action::XDP_PASS,
    }
}

/// Hands a frame to the port at `exit`.
#[inline(always)]
pub(crate) fn send(place: u32, exit: u32) -> u32 {
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

/// Whether a frame of this length lies in one buffer.
#[inline(always)]
pub(crate) fn is_whole(context: &XdpContext, length: u32) -> bool {
    (context.data_end() - context.data()) as u32 == length
}
