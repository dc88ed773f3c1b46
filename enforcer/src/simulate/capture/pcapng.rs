//! The pcapng format (draft-ietf-opsawg-pcapng): sections of blocks. Blocks with
//! frames and interfaces are read, all others passed over.

use super::pcap::Order;
use super::source::{Source, grouped};
use super::{Damage, Interface, LARGEST, Record, check_lengths};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
/// Of drafts before 2009.
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Type and length before the body, the length again behind it.
const AROUND: u32 = 12;
/// The largest block that is held: a frame, and options beside it.
const LARGEST_BLOCK: u32 = LARGEST + (1 << 20);
const INTERFACES: usize = 1 << 16;

const OPTION_NAME: u16 = 2;
const OPTION_RESOLUTION: u16 = 9;
const OPTION_OFFSET: u16 = 14;

#[derive(Debug, Default)]
pub(super) struct PcapNg {
    /// Whether the magic number was handed out, which is the first block's type.
    begun: bool,
    order: Option<Order>,
    /// Of the section.
    interfaces: Vec<Described>,
    body: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Described {
    interface: Interface,
    snapshot_length: u32,
    clock: Clock,
}

/// Whether a file that begins so is of this format.
pub(super) fn begins(magic: [u8; 4]) -> bool {
    magic == SECTION.to_be_bytes()
}

impl PcapNg {
    pub(super) fn interface(&self, index: usize) -> &Interface {
        const NONE: &Interface = &Interface {
            name: String::new(),
            link: u16::MAX,
        };
        self.interfaces
            .get(index)
            .map_or(NONE, |described| &described.interface)
    }

    pub(super) fn next(
        &mut self,
        source: &mut Source,
        bytes: &mut Vec<u8>,
        number: u64,
    ) -> Result<Option<Record>, Damage> {
        loop {
            let byte = if self.begun { source.offset } else { 0 };
            let fault = |frame: bool, message: String| Damage {
                frame: frame.then_some(number),
                byte,
                message,
            };
            let Some(kind) = self
                .block(source)
                .map_err(|message| fault(false, message))?
            else {
                return Ok(None);
            };
            match kind {
                INTERFACE => {
                    self.describe().map_err(|message| fault(false, message))?;
                }
                ENHANCED_PACKET | SIMPLE_PACKET | OLD_PACKET => {
                    let record = self.packet(kind, bytes);
                    return record.map(Some).map_err(|message| fault(true, message));
                }
                _ => {}
            }
        }
    }

    /// Reads one block, its body only where it is needed; the block's type.
    fn block(&mut self, source: &mut Source) -> Result<Option<u32>, String> {
        let kind = if self.begun {
            match source.array::<4>()? {
                Some(kind) => kind,
                None => return Ok(None),
            }
        } else {
            self.begun = true;
            SECTION.to_be_bytes()
        };
        if kind == SECTION.to_be_bytes() {
            return self.section(source).map(|()| Some(SECTION));
        }
        let order = self.order.unwrap_or(Order::Little);
        let kind = order.word(kind);
        let length = order.word(some(source.array()?)?);
        check_block(length)?;
        let body = length - AROUND;
        if matches!(
            kind,
            INTERFACE | OLD_PACKET | SIMPLE_PACKET | ENHANCED_PACKET
        ) {
            if length > LARGEST_BLOCK {
                return Err(format!(
                    "a block claims {} bytes, more than any frame needs: the length is wrong",
                    grouped(length.into())
                ));
            }
            self.body.resize(body as usize, 0);
            source.exactly(&mut self.body)?;
        } else {
            source.skip(body.into())?;
        }
        check_end(length, order.word(some(source.array()?)?))?;
        Ok(Some(kind))
    }

    /// A section begins: it has an order of bytes and interfaces of its own.
    fn section(&mut self, source: &mut Source) -> Result<(), String> {
        let length: [u8; 4] = some(source.array()?)?;
        let mark: [u8; 4] = some(source.array()?)?;
        let order = [Order::Little, Order::Big]
            .into_iter()
            .find(|order| order.word(mark) == BYTE_ORDER)
            .ok_or("a section begins without the mark of its byte order: the file is damaged")?;
        let length = order.word(length);
        check_block(length)?;
        // Type, length and mark were read.
        let rest = length.checked_sub(AROUND + 4);
        source.skip(rest.ok_or("the header of a section is too short")?.into())?;
        check_end(length, order.word(some(source.array()?)?))?;
        self.order = Some(order);
        self.interfaces.clear();
        Ok(())
    }

    fn describe(&mut self) -> Result<(), String> {
        let order = self.order.unwrap_or(Order::Little);
        let Some((header, options)) = self.body.split_first_chunk::<8>() else {
            return Err("the description of an interface is too short".to_owned());
        };
        if self.interfaces.len() >= INTERFACES {
            return Err(format!(
                "there are more than {} interfaces: the file is damaged",
                grouped(INTERFACES as u64)
            ));
        }
        let [l0, l1, _, _, s0, s1, s2, s3] = *header;
        let mut described = Described {
            interface: Interface {
                name: String::new(),
                link: order.short([l0, l1]),
            },
            snapshot_length: order.word([s0, s1, s2, s3]),
            clock: Clock::default(),
        };
        let options = Options {
            order,
            bytes: options,
        };
        for (code, value) in options {
            match (code, value) {
                (OPTION_NAME, name) => {
                    let name = String::from_utf8_lossy(name);
                    name.trim_end_matches('\0')
                        .clone_into(&mut described.interface.name);
                }
                (OPTION_RESOLUTION, [resolution]) => described.clock.resolution = *resolution,
                (OPTION_OFFSET, [a, b, c, d, e, f, g, h]) => {
                    let bytes = [*a, *b, *c, *d, *e, *f, *g, *h];
                    described.clock.offset = match order {
                        Order::Little => i64::from_le_bytes(bytes),
                        Order::Big => i64::from_be_bytes(bytes),
                    };
                }
                _ => {}
            }
        }
        self.interfaces.push(described);
        Ok(())
    }

    fn packet(&self, kind: u32, bytes: &mut Vec<u8>) -> Result<Record, String> {
        let order = self.order.unwrap_or(Order::Little);
        let word = |at: usize| match self.body.get(at..at + 4) {
            Some(&[a, b, c, d]) => Ok(order.word([a, b, c, d])),
            _ => Err("the block is too short for a frame: the file is damaged".to_owned()),
        };
        let (interface, time, captured, length, start) = match kind {
            SIMPLE_PACKET => {
                let length = word(0)?;
                let limit = self.interfaces.first().map_or(0, |of| of.snapshot_length);
                let captured = if limit == 0 {
                    length
                } else {
                    length.min(limit)
                };
                (0, None, captured, length, 4)
            }
            OLD_PACKET => {
                let interface = match self.body.first_chunk() {
                    Some(number) => order.short(*number).into(),
                    None => 0,
                };
                let time = (word(4)?, word(8)?);
                (interface, Some(time), word(12)?, word(16)?, 20)
            }
            _ => (
                word(0)? as usize,
                Some((word(4)?, word(8)?)),
                word(12)?,
                word(16)?,
                20,
            ),
        };
        let Some(described) = self.interfaces.get(interface) else {
            return Err(format!(
                "it names interface {interface}, which the file does not describe"
            ));
        };
        check_lengths(captured, length)?;
        let Some(frame) = self.body.get(start..start + captured as usize) else {
            return Err(format!(
                "it claims {captured} captured bytes, and its block has room for {}",
                self.body.len().saturating_sub(start)
            ));
        };
        bytes.clear();
        bytes.extend_from_slice(frame);
        let time = time.map(|(high, low)| u64::from(high) << 32 | u64::from(low));
        Ok(Record {
            time: time.and_then(|time| described.clock.nanoseconds(time)),
            length,
            interface,
        })
    }
}

fn some<V>(value: Option<V>) -> Result<V, String> {
    value.ok_or_else(|| "the file ends within a block: it was cut off".to_owned())
}

fn check_block(length: u32) -> Result<(), String> {
    if length < AROUND || !length.is_multiple_of(4) {
        return Err(format!(
            "a block claims {length} bytes, which none can have: the file is damaged here"
        ));
    }
    Ok(())
}

fn check_end(length: u32, again: u32) -> Result<(), String> {
    if length != again {
        return Err(format!(
            "a block claims {length} bytes at its beginning and {again} at its end: the file is \
             damaged here"
        ));
    }
    Ok(())
}

/// How an interface counts time.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// Power of ten, or of two with the highest bit set, that a second is divided by.
    resolution: u8,
    /// Seconds to add.
    offset: i64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            resolution: 6,
            offset: 0,
        }
    }
}

impl Clock {
    fn nanoseconds(self, time: u64) -> Option<u64> {
        const SECOND: u128 = 1_000_000_000;
        let exponent = u32::from(self.resolution & 0x7f);
        let base: u128 = if self.resolution & 0x80 == 0 { 10 } else { 2 };
        let units = base.checked_pow(exponent)?;
        let nanoseconds = i128::try_from(u128::from(time) * SECOND / units).ok()?;
        let offset = i128::from(self.offset) * i128::try_from(SECOND).ok()?;
        u64::try_from(nanoseconds + offset).ok()
    }
}

/// Options up to the first that does not fit.
struct Options<'b> {
    order: Order,
    bytes: &'b [u8],
}

impl<'b> Iterator for Options<'b> {
    type Item = (u16, &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[c0, c1, l0, l1], rest) = self.bytes.split_first_chunk::<4>()?;
        let code = self.order.short([c0, c1]);
        let length = usize::from(self.order.short([l0, l1]));
        let value = rest.get(..length)?;
        self.bytes = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        (code != 0).then_some((code, value))
    }
}
