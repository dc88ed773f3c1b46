//! Loads and exchanges that the compiler does not make by itself. A crate of its own, for it
//! alone needs an unstable feature.
#![no_std]
#![feature(asm_experimental_arch)]

use core::arch::asm;

/// Bytes at an address in a packet. Those of a word are one load, which the verifier allows
/// on the machines that take it at any address, and refuses on others; the compiler would
/// put it together byte by byte.
///
/// # Safety
/// The bytes lie within the packet.
#[inline(always)]
pub unsafe fn fetch<const N: usize>(start: usize) -> [u8; N] {
    let word: u64;
    // SAFETY: as the caller says; the instruction does nothing but load.
    unsafe {
        match N {
            8 => {
                asm!("{0} = *(u64 *)({1} + 0)", out(reg) word, in(reg) start, options(pure, readonly, nostack))
            }
            4 => {
                asm!("{0} = *(u32 *)({1} + 0)", out(reg) word, in(reg) start, options(pure, readonly, nostack))
            }
            2 => {
                asm!("{0} = *(u16 *)({1} + 0)", out(reg) word, in(reg) start, options(pure, readonly, nostack))
            }
            _ => return (start as *const [u8; N]).read_unaligned(),
        }
        const { assert!(cfg!(target_endian = "little")) };
        // The first bytes of the number; what is no word has returned.
        core::mem::transmute_copy(&word)
    }
}

/// Writes a word if it is what it was taken for; what it was. No other access is moved past
/// it.
///
/// # Safety
/// The word is in shared memory, aligned, and valid with any value.
#[inline(always)]
pub unsafe fn exchange(word: *mut u64, before: u64, after: u64) -> u64 {
    let found: u64;
    // SAFETY: as the caller says.
    unsafe {
        asm!(
            "r0 = cmpxchg_64({0} + 0, r0, {1})",
            in(reg) word,
            in(reg) after,
            inout("r0") before => found,
            options(nostack),
        );
    }
    found
}
