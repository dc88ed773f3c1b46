//! Forward stage: whether a frame that passes may go straight to another port, without
//! the bridge. Comes after the verdict. The bridge forwards whatever is not sure here,
//! and learns from it: nothing goes to a port where the bridge would not send it.
//!
//! What is remembered of an address is the port by which its frames come, and when one
//! of them was last left to the bridge. That second is also the age of the bridge's own
//! entry, so this one never outlives it.

use crate::addr::Mac;
use crate::packet::Packet;
use crate::shared::Word;

/// Lines of the table of addresses: eight MiB.
pub const LINES: u32 = 1 << 17;
/// Addresses in a line.
const SLOTS: usize = 4;
/// Bytes that a VLAN tag adds to a frame of the longest kind; a device takes one tag
/// above its MTU, whatever it carries.
const TAG: u32 = 4;

/// Addresses whose hash is the same, in one line of memory.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Line([Slot; SLOTS]);

/// One address. Written only when a frame of it is left to the bridge, so that CPUs which
/// see the same device share the line without contending for it.
#[repr(C)]
#[derive(Debug, Default)]
struct Slot {
    /// The address, the port's place plus one, and its generation; 0: empty. See [`home`].
    home: Word,
    /// Second of the monotonic clock when a frame was last left to the bridge.
    told: Word,
}

/// Place of the second until which the exits hold, behind those of the ports.
pub const VOUCHED_UNTIL: u32 = crate::limits::PORTS;

/// What the program may do with a port, by its place: one word, which user space writes
/// as one store.
///
/// | bits | |
/// |---|---|
/// | 0–31 | longest frame that may go out there without a tag; 0: none may |
/// | 32–47 | seconds for which an address is known |
/// | 48–55 | seconds after which a frame of an address is left to the bridge; 0: nothing is learned |
/// | 56–63 | generation: what was learned in another one is forgotten |
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exit(pub u64);

impl Exit {
    pub const fn new(longest: u32, known: u16, refresh: u8, generation: u8) -> Self {
        Self(
            longest as u64
                | (known as u64) << 32
                | (refresh as u64) << 48
                | (generation as u64) << 56,
        )
    }

    /// The same port, to which nothing may go any more.
    #[inline(always)]
    pub const fn closed(self) -> Self {
        Self(self.0 >> 32 << 32)
    }

    /// Bytes of the longest frame without a tag; 0 where none may go.
    #[inline(always)]
    pub const fn longest(self) -> u32 {
        self.0 as u32
    }

    #[inline(always)]
    pub const fn known(self) -> u32 {
        (self.0 >> 32) as u32 & 0xffff
    }

    #[inline(always)]
    pub const fn refresh(self) -> u32 {
        (self.0 >> 48) as u32 & 0xff
    }

    #[inline(always)]
    pub const fn generation(self) -> u8 {
        (self.0 >> 56) as u8
    }
}

/// What the stage sees of the world.
pub trait Ports {
    fn exit(&self, place: u32) -> Exit;

    /// Second of the monotonic clock until which what the exits say holds. User space,
    /// which follows the bridge, moves it on; without it the bridge forwards.
    fn vouched_until(&self) -> u32;

    /// A line of the table of addresses, by its number below [`LINES`].
    fn line(&self, number: u32) -> Option<&Line>;

    /// Notes that an address has gone to another port.
    fn moved(&self);

    /// Whether the address belongs to the enforcer's own host, or the bridge was told
    /// where it is: the bridge alone knows what to do with its frames.
    fn is_reserved(&self, mac: Mac) -> bool;
}

/// Where a frame goes that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the port at this place, which takes frames of up to `longest` bytes like this one.
    Exit { place: u32, longest: u32 },
    /// To the bridge, as others of the same second will.
    Bridge,
    /// To the bridge, because of this frame or this moment.
    BridgeNow,
}

/// Where a frame may go. `place` is that of the port it came in by, `whole` whether it
/// lies in one buffer.
#[inline(always)]
pub fn choose<T: Ports>(ports: &T, place: u32, packet: &Packet, whole: bool, second: u32) -> Way {
    let entry = ports.exit(place);
    let source = packet.source_mac;
    if entry.refresh() == 0 || source.is_group() || source == Mac::ZERO {
        return Way::Bridge;
    }
    let Some(line) = ports.line(number(source)) else {
        return Way::Bridge;
    };
    let home = home(source, place, entry.generation());
    let slot = line.slot(source);
    let mut way = Way::BridgeNow;
    if let Some(slot) = slot
        && slot.home.load() == home
        && second.wrapping_sub(slot.told()) < entry.refresh()
    {
        if entry.longest() == 0 || packet.destination_mac.is_group() {
            way = Way::Bridge;
        } else if whole
            && second < ports.vouched_until()
            && let Some(exit) = find(ports, packet, second)
            && exit.0 != place
        {
            let (place, longest) = exit;
            return Way::Exit { place, longest };
        }
    }
    learn(ports, line, slot, (source, home), second);
    way
}

/// Place of the port where the destination is, if that is known and the frame fits; and
/// what fits.
#[inline(always)]
fn find<T: Ports>(ports: &T, packet: &Packet, second: u32) -> Option<(u32, u32)> {
    let destination = packet.destination_mac;
    if destination.is_group() {
        return None;
    }
    let slot = ports.line(number(destination))?.slot(destination)?;
    let home = slot.home.load();
    let place = (home as u32 & 0xff).checked_sub(1)?;
    let exit = ports.exit(place);
    let room = if packet.tags == 0 { 0 } else { TAG };
    let known = (home >> 8) as u8 == exit.generation()
        && second.wrapping_sub(slot.told()) < exit.known()
        && exit.longest() != 0
        && packet.length <= exit.longest() + room;
    known.then_some((place, exit.longest() + room))
}

/// Notes that a frame of an address is left to the bridge, and by which port it came.
#[inline(always)]
fn learn<T: Ports>(
    ports: &T,
    line: &Line,
    slot: Option<&Slot>,
    (source, home): (Mac, u64),
    second: u32,
) {
    let slot = match slot {
        Some(slot) if slot.home.load() == home && slot.told() == second => return,
        Some(slot) => slot,
        None => line.oldest(second),
    };
    if ports.is_reserved(source) {
        if slot.home.load() >> 16 == source.to_u64() {
            slot.home.store(0);
        }
        return;
    }
    let before = slot.home.load();
    slot.told.store(second.into());
    slot.home.store(home);
    if before != 0 && before != home {
        ports.moved();
    }
}

/// What a slot says of an address.
#[inline(always)]
const fn home(mac: Mac, place: u32, generation: u8) -> u64 {
    mac.to_u64() << 16 | (generation as u64) << 8 | (place as u64 + 1) & 0xff
}

/// Number of the line where an address belongs.
#[inline(always)]
const fn number(mac: Mac) -> u32 {
    // Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4).
    (mac.to_u64().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - LINES.trailing_zeros())) as u32
}

impl Line {
    #[inline(always)]
    fn slot(&self, mac: Mac) -> Option<&Slot> {
        let [a, b, c, d] = &self.0;
        let mac = mac.to_u64();
        if a.holds(mac) {
            Some(a)
        } else if b.holds(mac) {
            Some(b)
        } else if c.holds(mac) {
            Some(c)
        } else if d.holds(mac) {
            Some(d)
        } else {
            None
        }
    }

    /// The slot that is given to another address when none is free.
    #[inline(always)]
    fn oldest(&self, second: u32) -> &Slot {
        let [a, b, c, d] = &self.0;
        let elder = |one, other| elder(one, other, second);
        elder(elder(a, b), elder(c, d))
    }
}

#[inline(always)]
fn elder<'l>(one: &'l Slot, other: &'l Slot, second: u32) -> &'l Slot {
    if other.age(second) > one.age(second) {
        other
    } else {
        one
    }
}

impl Slot {
    #[inline(always)]
    fn holds(&self, mac: u64) -> bool {
        self.home.load() >> 16 == mac
    }

    #[inline(always)]
    fn told(&self) -> u32 {
        self.told.load() as u32
    }

    #[inline(always)]
    fn age(&self, second: u32) -> u32 {
        if self.home.load() == 0 {
            return u32::MAX;
        }
        second.wrapping_sub(self.told())
    }
}

const _: () = assert!(size_of::<Line>() == 64 && LINES.is_power_of_two());
