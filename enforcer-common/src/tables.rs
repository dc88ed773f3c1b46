//! The decision's view of the world besides the frame: compiled policy, flows,
//! clock and budgets. The kernel implements it over BPF maps, user space over
//! slices and collections.

use crate::decide::trace::Step;
use crate::flow::{Flow, FlowKey, LiveFlow};
use crate::table::{Control, Line};

pub trait Tables {
    /// The control line, read once a frame.
    fn control(&self) -> Control;

    /// A line of policy memory, by absolute index; `None` past its end.
    fn line<L: Line>(&self, index: u32) -> Option<&L>;

    /// Monotonic time in nanoseconds; coarse is enough.
    fn now(&self) -> u64;

    fn flow(&self, key: &FlowKey) -> Option<&LiveFlow>;

    /// Writes a new or replaced flow; false when the table took it not.
    fn remember(&self, key: &FlowKey, flow: &Flow) -> bool;

    /// Takes one new flow from the device's budget for this second; false when spent.
    fn spend_flow(&self, device: u32, per_second: u32, now: u64) -> bool;

    /// Tells a watcher what the decision did. The kernel watches nothing.
    #[inline(always)]
    fn note(&self, _step: Step) {}
}

/// A frame's bytes. Reads are by value, so that only the kernel's implementation
/// touches packet pointers.
pub trait Frame {
    /// Bytes in the frame, all buffers included.
    fn length(&self) -> u32;

    /// `N` bytes at an offset; `None` where the frame is shorter.
    fn read<const N: usize>(&self, offset: u32) -> Option<[u8; N]>;
}

impl Frame for [u8] {
    fn length(&self) -> u32 {
        self.len() as u32
    }

    fn read<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        let start = offset as usize;
        self.get(start..start.checked_add(N)?)?.try_into().ok()
    }
}
