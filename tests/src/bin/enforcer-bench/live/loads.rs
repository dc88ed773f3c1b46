//! Loads: what comes in by the near port. The same frames for every contender.

use std::sync::OnceLock;

use enforcer_tests::live::{Order, Stream};

use super::firewall::thousands;
use super::policy::{ALLOWED, ALLOWED_TCP, DENIED, INSPECTED, SHIPPED};
use super::signatures::{letters, pattern};

/// Devices that the policies know of.
static DEVICES: OnceLock<u32> = OnceLock::new();

/// How many devices the policies know of, in every load: said once, before all else.
pub(super) fn devices() -> u32 {
    *DEVICES.get_or_init(|| 200_000)
}

pub(super) fn set_devices(number: u32) {
    // Said twice, the first holds.
    let _ = DEVICES.set(number);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// Allowed datagrams of known flows: length of a frame with its checksum, and flows.
    Allowed(usize, u32),
    /// Datagrams that nothing allows, of a thousand devices.
    Denied,
    /// A new flow each packet, allowed or not, of a thousand devices.
    Flood(bool),
    /// Of eight frames five of known flows, one new flow, one flood and one denied datagram.
    Mixed,
    /// Datagrams that signatures are looked for in: length, and whether each must walk
    /// through the automaton.
    Inspected(usize, bool),
    /// Datagrams that the shipped signatures of BACnet are looked for in: length.
    Shipped(usize),
}

impl Load {
    pub(super) fn name(self) -> String {
        match self {
            Self::Allowed(_, 1) => "allowed, 1 flow".to_owned(),
            Self::Allowed(_, flows @ 2..=1000) => format!("allowed, {} flows", thousands(flows)),
            Self::Allowed(_, flows) => format!("allowed, {} flows at random", thousands(flows)),
            Self::Denied => "denied, 1,000 flows".to_owned(),
            Self::Flood(true) => "new flow each packet, allowed".to_owned(),
            Self::Flood(false) => "new flow each packet, denied".to_owned(),
            Self::Mixed => "mixed".to_owned(),
            Self::Inspected(_, false) => "looked into, clean".to_owned(),
            Self::Inspected(_, true) => "looked into, forced".to_owned(),
            Self::Shipped(_) => "looked into, shipped signatures".to_owned(),
        }
    }

    /// Bytes of a frame with its checksum.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Allowed(length, _) | Self::Inspected(length, _) | Self::Shipped(length) => length,
            _ => 64,
        }
    }

    pub(super) fn streams(self) -> Vec<Stream> {
        let known = |devices, port| Stream::datagrams(devices, order(devices), port);
        match self {
            Self::Allowed(_, devices) => vec![known(devices, ALLOWED)],
            Self::Denied => vec![known(1000, DENIED)],
            Self::Flood(allowed) => vec![flood(allowed)],
            Self::Inspected(..) => vec![known(1000, INSPECTED)],
            Self::Shipped(_) => vec![known(1000, SHIPPED)],
            Self::Mixed => {
                let mut streams = vec![known(1000, ALLOWED); 5];
                streams.extend([flood(true), flood(false), known(1000, DENIED)]);
                streams
            }
        }
    }

    /// The payload behind the head. A forced one begins with most of a pattern, behind which
    /// all of it is walked through.
    pub(super) fn body(self) -> Vec<u8> {
        let length = self.length() - 4 - enforcer_tests::live::generator::HEAD;
        let mut body = letters(2, length);
        if let Self::Inspected(_, true) = self
            && let Some(most) = body.get_mut(..16)
        {
            most.copy_from_slice(pattern(0).as_bytes());
            most[15] = b'0';
        }
        body
    }

    /// Whether its flows are so many that none comes again soon.
    pub(super) fn is_of_many(self) -> bool {
        self.flows() > 10_000
    }

    /// Flows that are known before anything is measured.
    pub(super) fn flows(self) -> u32 {
        match self {
            Self::Allowed(_, flows) => flows,
            Self::Flood(_) => 0,
            _ => 1000,
        }
    }

    /// The part of the frames that an allow-list lets arrive.
    pub(super) fn arriving(self) -> f64 {
        match self {
            Self::Denied | Self::Flood(false) => 0.0,
            Self::Mixed => 6.0 / 8.0,
            _ => 1.0,
        }
    }
}

fn order(devices: u32) -> Order {
    if devices > 1000 {
        Order::Random
    } else {
        Order::InTurn
    }
}

fn flood(allowed: bool) -> Stream {
    Stream::flood(0, 1000, if allowed { ALLOWED_TCP } else { DENIED })
}
