//! The kernel half: hands every frame that enters a port to the shared decision,
//! records the verdict, and drops the frame or lets it pass, to the bridge or straight to
//! another port. Decides nothing itself.
#![no_std]
#![no_main]

mod forward;
mod frame;
mod known;
mod lesson;
mod maps;
mod record;
mod report;
mod stages;
mod tables;
mod trial;

use aya_ebpf::EbpfContext as _;
use aya_ebpf::bindings::xdp_action;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use enforcer_common::decide;
use enforcer_common::tables::Tables as _;
use enforcer_common::verdict::Fate;

use crate::frame::XdpFrame;
use crate::tables::KernelTables;

#[xdp(frags)]
fn enforcer(context: XdpContext) -> u32 {
    if let Some(action) = known::pass_known(&context) {
        return action;
    }
    // A program without its scratch cannot judge, and what is not judged does
    // not pass. An array of one entry always has entry 0.
    let Some(work) = maps::work() else {
        return xdp_action::XDP_DROP;
    };
    let frame = XdpFrame::new(&context);
    let tables = KernelTables {
        context: context.as_ptr().cast(),
    };
    let port = maps::port(context.ingress_ifindex() as u32, tables.in_force().1);
    work.verdict = decide::judge(&frame, &tables, &port, work);
    record::record(&context, &port, work);
    if work.teaches != 0 {
        lesson::stage_teach(context.as_ptr().cast(), work);
    }
    match work.verdict.fate() {
        Fate::Allow | Fate::Audit | Fate::FailOpen => {
            forward::stage_forward(context.as_ptr().cast(), work, port.index)
        }
        Fate::Deny => xdp_action::XDP_DROP,
    }
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The kernel lets GPL-compatible programs alone use some of its helpers.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
