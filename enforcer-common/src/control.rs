//! The control line: which compiled policy is in force, since when and until when.

/// Which compiled policy is in force; the one line that a change of policy writes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// Epoch in the upper half, first line of the policy in the lower; 0: no policy.
    pub active: u64,
    /// The policy that takes its place at `fallback_at` (monotonic clock, ns), in
    /// the same form; at 0 it never does.
    pub fallback: u64,
    pub fallback_at: u64,
    /// Until then (monotonic clock, ns) live sessions are adopted.
    pub adopt_until: u64,
    /// Until then (monotonic clock, ns) flows that an earlier policy judged, from
    /// the epoch in `drain_from` on, are followed as they are.
    pub drain_until: u64,
    pub drain_from: u32,
    /// Policy time less the monotonic clock, in seconds. Policy time is Unix time
    /// that never runs backwards.
    pub clock_offset: u32,
    /// Highest epoch ever given to a policy.
    pub issued: u32,
    /// Counts, without end, what user space writes that packets are judged by.
    pub written: u16,
    /// Moved on, by the kernel half, when an address has gone to another port.
    pub moved: u16,
    /// In simulations the monotonic clock, ns; 0: the kernel's own.
    pub clock: u64,
}

impl Control {
    /// What is in force at a moment of the monotonic clock, in ns.
    #[inline(always)]
    pub const fn active_at(&self, now: u64) -> u64 {
        if self.fallback_at != 0 && now >= self.fallback_at {
            self.fallback
        } else {
            self.active
        }
    }

    /// What packets are judged by, besides time, as far as judgements are told apart by it.
    #[inline(always)]
    pub const fn generation(&self) -> u32 {
        self.written as u32 | (self.moved as u32) << 16
    }

    pub const fn pack(epoch: u32, first_line: u32) -> u64 {
        (epoch as u64) << 32 | first_line as u64
    }

    pub const fn epoch(active: u64) -> u32 {
        (active >> 32) as u32
    }

    pub const fn first_line(active: u64) -> u32 {
        active as u32
    }
}
