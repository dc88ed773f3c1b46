//! The frame behind an XDP context. Headers are read through packet pointers;
//! what lies beyond the first buffer of a jumbo frame is read by the kernel.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::generated::{bpf_xdp_get_buff_len, bpf_xdp_load_bytes};
use aya_ebpf::programs::XdpContext;
use enforcer_common::decide::PIECE;
use enforcer_common::tables::Frame;

/// Offsets up to here are read through packet pointers; the verifier needs a bound.
const DIRECT: usize = 2048;

pub(crate) struct XdpFrame<'c> {
    context: &'c XdpContext,
}

impl<'c> XdpFrame<'c> {
    #[inline(always)]
    pub(crate) const fn new(context: &'c XdpContext) -> Self {
        Self { context }
    }
}

impl Frame for XdpFrame<'_> {
    #[inline(always)]
    fn length(&self) -> u32 {
        // Not asked before it is needed: most stages do not need it, and a call costs them
        // as much as a look-up.
        // SAFETY: the context is the one the program was called with.
        unsafe { bpf_xdp_get_buff_len(self.context.as_ptr().cast()) as u32 }
    }

    #[inline(always)]
    fn read<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        // A bound check of a single byte compiles to a comparison from which the
        // verifier learns nothing.
        const { assert!(N > 1) };
        let offset = offset as usize;
        if offset < DIRECT {
            let start = self.context.data() + offset;
            if start + N <= self.context.data_end() {
                // SAFETY: the N bytes from `start` lie before `data_end`.
                return Some(unsafe { (start as *const [u8; N]).read_unaligned() });
            }
        }
        load(self.context, offset as u32)
    }

    #[inline(always)]
    fn copy(&self, offset: u32, length: u32, into: &mut [u8; PIECE]) -> bool {
        if length == 0 || length > PIECE as u32 {
            return false;
        }
        // SAFETY: the context is the program's own, and the buffer holds that many bytes.
        let failed = unsafe {
            bpf_xdp_load_bytes(
                self.context.as_ptr().cast(),
                offset,
                into.as_mut_ptr().cast(),
                length,
            )
        };
        failed == 0
    }
}

/// Reads bytes that packet pointers do not reach; fails past the end of the frame.
#[inline(always)]
fn load<const N: usize>(context: &XdpContext, offset: u32) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    // SAFETY: the context is the program's own, and the buffer holds N bytes.
    let failed = unsafe {
        bpf_xdp_load_bytes(
            context.as_ptr().cast(),
            offset,
            bytes.as_mut_ptr().cast(),
            N as u32,
        )
    };
    (failed == 0).then_some(bytes)
}
