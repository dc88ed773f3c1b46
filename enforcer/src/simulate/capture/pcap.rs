//! The pcap format (draft-ietf-opsawg-pcap): one header, then records.

use super::source::Source;
use super::{Damage, Interface, Record, check_lengths};

/// What is left of the header behind its magic number.
const HEADER: usize = 20;
const RECORD: usize = 16;
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// A variant of the nineties whose records have a longer header.
const PATCHED: u32 = 0xa1b2_cd34;
const SECOND: u64 = 1_000_000_000;

#[derive(Debug)]
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in one unit of a record's fraction of a second.
    unit: u64,
    interface: Interface,
}

/// Order of the bytes in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) fn word(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(super) fn short(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }
}

impl Pcap {
    /// Reads the header behind its magic number.
    pub(super) fn open(magic: [u8; 4], source: &mut Source) -> Result<Self, Damage> {
        let fault = |message: String| Damage {
            frame: None,
            byte: 0,
            message,
        };
        let (order, unit) = kind(magic).map_err(fault)?;
        let mut header = [0; HEADER];
        source
            .exactly(&mut header)
            .map_err(|error| fault(format!("the header of the capture: {error}")))?;
        let [.., l0, l1, l2, l3] = header;
        // The upper bits tell of checksums behind the frames.
        let link = order.word([l0, l1, l2, l3]) as u16;
        Ok(Self {
            order,
            unit,
            interface: Interface {
                name: String::new(),
                link,
            },
        })
    }

    pub(super) fn interface(&self) -> &Interface {
        &self.interface
    }

    pub(super) fn next(
        &mut self,
        source: &mut Source,
        bytes: &mut Vec<u8>,
        number: u64,
    ) -> Result<Option<Record>, Damage> {
        let byte = source.offset;
        let fault = |message: String| Damage {
            frame: Some(number),
            byte,
            message,
        };
        let Some(header) = source.array::<RECORD>().map_err(fault)? else {
            return Ok(None);
        };
        let word = |at: usize| {
            let [a, b, c, d] = [header[at], header[at + 1], header[at + 2], header[at + 3]];
            self.order.word([a, b, c, d])
        };
        let (seconds, fraction, captured, length) = (word(0), word(4), word(8), word(12));
        check_lengths(captured, length).map_err(fault)?;
        bytes.resize(captured as usize, 0);
        source.exactly(bytes).map_err(fault)?;
        Ok(Some(Record {
            time: Some(u64::from(seconds) * SECOND + u64::from(fraction) * self.unit),
            length,
            interface: 0,
        }))
    }
}

fn kind(magic: [u8; 4]) -> Result<(Order, u64), String> {
    for order in [Order::Little, Order::Big] {
        match order.word(magic) {
            MICROSECONDS => return Ok((order, 1_000)),
            NANOSECONDS => return Ok((order, 1)),
            PATCHED => {
                return Err(
                    "is a pcap of a patched libpcap of old, which is not read: convert it with \
                     `editcap -F pcap`"
                        .to_owned(),
                );
            }
            _ => {}
        }
    }
    Err("is neither pcap nor pcapng, plain or gzip: it is no capture".to_owned())
}
