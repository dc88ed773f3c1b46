//! The frame behind an XDP context. Headers are read through packet pointers;
//! what lies beyond the first buffer of a jumbo frame is read by the kernel.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::generated::{bpf_xdp_get_buff_len, bpf_xdp_load_bytes};
use aya_ebpf::programs::XdpContext;
use enforcer_common::decide::PIECE;
use enforcer_common::tables::Frame;
use enforcer_ebpf::fetch;

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
        match peek(self.context, offset) {
            Some(bytes) => Some(bytes),
            None => load(self.context, offset),
        }
    }

    #[inline(always)]
    fn window<const N: usize>(&self, offset: u32) -> Option<&[u8; N]> {
        window(self.context, offset)
    }

    #[inline(always)]
    fn copy(&self, offset: u32, length: u32, into: &mut [u8; PIECE]) -> bool {
        copy(self.context, offset, length, into)
    }
}

/// The first buffer of the frame behind an XDP context.
pub(crate) struct FirstBuffer<'c>(pub(crate) &'c XdpContext);

impl Frame for FirstBuffer<'_> {
    #[inline(always)]
    fn length(&self) -> u32 {
        (self.0.data_end() - self.0.data()) as u32
    }

    #[inline(always)]
    fn read<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        peek(self.0, offset)
    }

    #[inline(always)]
    fn is_whole(&self) -> bool {
        // SAFETY: the context is the one the program was called with.
        let length = unsafe { bpf_xdp_get_buff_len(self.0.as_ptr().cast()) } as u32;
        length == self.length()
    }

    #[inline(always)]
    fn window<const N: usize>(&self, offset: u32) -> Option<&[u8; N]> {
        window(self.0, offset)
    }

    #[inline(always)]
    fn copy(&self, offset: u32, length: u32, into: &mut [u8; PIECE]) -> bool {
        copy(self.0, offset, length, into)
    }
}

#[inline(always)]
fn copy(context: &XdpContext, offset: u32, length: u32, into: &mut [u8; PIECE]) -> bool {
    if length == 0 || length > PIECE as u32 {
        return false;
    }
    // SAFETY: the context is the program's own, and the buffer holds that many bytes.
    let failed = unsafe {
        bpf_xdp_load_bytes(
            context.as_ptr().cast(),
            offset,
            into.as_mut_ptr().cast(),
            length,
        )
    };
    failed == 0
}

/// Bytes behind a packet pointer.
#[inline(always)]
fn window<const N: usize>(context: &XdpContext, offset: u32) -> Option<&[u8; N]> {
    const { assert!(N > 1) };
    let offset = offset as usize;
    let start = context.data() + offset;
    if offset >= DIRECT || start + N > context.data_end() {
        return None;
    }
    // SAFETY: the N bytes from `start` lie before `data_end`, and stay there as long as the
    // program runs: it moves no frame's ends.
    unsafe { (start as *const [u8; N]).as_ref() }
}

/// Reads bytes through packet pointers.
#[inline(always)]
fn peek<const N: usize>(context: &XdpContext, offset: u32) -> Option<[u8; N]> {
    // A bound check of a single byte compiles to a comparison from which the
    // verifier learns nothing.
    const { assert!(N > 1) };
    let offset = offset as usize;
    let start = context.data() + offset;
    if offset >= DIRECT || start + N > context.data_end() {
        return None;
    }
    // SAFETY: the N bytes from `start` lie before `data_end`.
    Some(unsafe { fetch(start) })
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
