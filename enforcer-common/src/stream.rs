//! What is remembered of a TCP connection whose bytes are looked at: for each end where
//! it stands, and what the bytes to come may have begun with.

use core::cell::UnsafeCell;

use crate::signature::SPAN;

/// Segments under way whose beginnings are remembered, so that they can be told from
/// others when they come again.
pub const UNDER_WAY: usize = 512;
/// Hits that wait for more of the text.
pub const PENDING: usize = 8;

/// The beginning of a segment that was let through.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Sequence number of its first byte.
    pub sequence: u32,
    /// What its bytes hash to, by a key that nobody knows.
    pub hash: u32,
}

/// A signature whose pattern was found, and whose other parts may be to come.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Number of the signature; 0 where the place is free.
    pub signature: u32,
    /// Sequence number of the first byte after the pattern.
    pub end: u32,
}

/// Where one end stands.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Policy that looked at the last bytes; 0: nothing is known of this end.
    pub epoch: u32,
    /// Sequence number of the next byte.
    pub next: u32,
    /// Which protocol's messages are followed, one of `SPEAKS_…`, and how; 0: none.
    pub spoken: u32,
    /// Bytes seen, from the first one on.
    pub length: u32,
    /// 1 where the beginning was seen, else 0.
    pub from_start: u32,
    /// Bytes of the tail that are known, at its end.
    pub known: u32,
    /// Sequence number from which on the bytes were looked at by this policy.
    pub floor: u32,
    /// Sequence number at which a message of the application's protocol begins.
    pub message: u32,
    /// Place of the checkpoint to be written next, without end.
    pub checkpoint: u32,
    /// Oldest checkpoint that may be needed, likewise.
    pub oldest: u32,
    pub pending: [Pending; PENDING],
    /// Names that the beginning of the connection told, by [`crate::application::said_hash`].
    pub said: [u64; 2],
    /// Sequence number at which the sender began to speak after the other end.
    pub turn: u32,
    /// What the other end had said by then, as [`Side::said`].
    pub answered: u32,
    /// Bytes that are looked at in all; 0: all that there are.
    pub limit: u32,
    pub reserved: u32,
}

/// One end's bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    pub head: Head,
    /// Sequence number up to which the other end has said to have received; written by
    /// its packets.
    pub acknowledged: u32,
    /// Sequence number behind the last byte that came from this end, looked at or not.
    pub said: u32,
    /// The last bytes.
    pub tail: [u8; SPAN],
    pub checkpoints: [Checkpoint; UNDER_WAY],
}

impl Side {
    pub const EMPTY: Self = Self {
        head: Head {
            epoch: 0,
            next: 0,
            spoken: 0,
            length: 0,
            from_start: 0,
            known: 0,
            floor: 0,
            message: 0,
            checkpoint: 0,
            oldest: 0,
            pending: [Pending {
                signature: 0,
                end: 0,
            }; PENDING],
            said: [0; 2],
            turn: 0,
            answered: 0,
            limit: 0,
            reserved: 0,
        },
        acknowledged: 0,
        said: 0,
        tail: [0; SPAN],
        checkpoints: [Checkpoint {
            sequence: 0,
            hash: 0,
        }; UNDER_WAY],
    };
}

/// Both ends: who began the flow first.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream(pub [Side; 2]);

impl Stream {
    pub const EMPTY: Self = Self([Side::EMPTY; 2]);
}

/// A stream in shared memory. Each side is written by the packets of one direction
/// alone, but for what the other end acknowledges; a side that two CPUs write at once
/// may be mixed, and then reads as bytes that do not follow each other.
#[repr(transparent)]
#[derive(Debug)]
pub struct LiveStream(UnsafeCell<Stream>);

impl LiveStream {
    pub const fn new(stream: Stream) -> Self {
        Self(UnsafeCell::new(stream))
    }

    /// One side's place in memory: 0 who began, else the other.
    #[inline(always)]
    pub fn side(&self, end: u32) -> *mut Side {
        // SAFETY: the pointer comes from a reference, and both indices are in range.
        unsafe {
            let sides = &raw mut (*self.0.get()).0;
            sides.cast::<Side>().add(end as usize & 1)
        }
    }

    /// A copy of the whole.
    pub fn snapshot(&self) -> Stream {
        // SAFETY: plain integers, valid whatever is written meanwhile.
        unsafe { self.0.get().read_volatile() }
    }
}
