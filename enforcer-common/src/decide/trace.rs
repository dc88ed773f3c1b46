//! What the decision did, step by step, for `explain`. The kernel's [`Tables`]
//! ignores steps, and the compiler removes them there.
//!
//! [`Tables`]: crate::tables::Tables

use crate::addr::Ip;
use crate::table::{DeviceEntry, Direction};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An end of the frame was looked up; 0 is the source, 1 the destination.
    Identified {
        end: u8,
        device: Option<DeviceEntry>,
    },
    /// No flow is known for the packet.
    FlowMissing,
    /// The packet belongs to a flow that the policy in force allowed.
    FlowKnown,
    /// The packet belongs to a flow that an older policy allowed; it is judged again.
    FlowOutdated,
    /// The class of a peer's address; 0 is "in no named peer".
    Class { ip: Ip, class: u32 },
    /// A service was looked up; class 0 is "in no rule".
    Service { index: u32, class: u16 },
    /// A signature was found, by number.
    Signature { number: u32 },
    /// A cell of the policy was read; rule 0 is "none".
    Cell {
        profile: u32,
        direction: Direction,
        class: u32,
        rule: u16,
    },
}
