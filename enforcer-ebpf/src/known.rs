//! Packets that are like one that was judged just before: let pass, and counted, without
//! another judgement; those with signatures if a glance at them finds nothing.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::bindings::xdp_action;
use aya_ebpf::programs::XdpContext;
use enforcer_common::decide::cache;

use crate::frame::FirstBuffer;
use crate::tables::KernelTables;
use crate::{forward, maps, record, stages};

/// What the program returns for a packet that need not be judged.
#[inline(always)]
pub(crate) fn pass_known(context: &XdpContext) -> Option<u32> {
    let tables = KernelTables {
        context: context.as_ptr().cast(),
    };
    let interface = context.ingress_ifindex() as u32;
    let known = cache::recall(&FirstBuffer(context), &tables, interface)?;
    if known.must_be_looked_at() {
        let work = maps::work()?;
        known.put_down(work);
        if stages::stage_glance(context.as_ptr().cast(), work) == 0 {
            return None;
        }
    }
    known.count();
    record::record_known(&known);
    Some(match known.exit {
        Some(exit) => forward::send(known.port, exit),
        None => xdp_action::XDP_PASS,
    })
}
