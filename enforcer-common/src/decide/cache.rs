//! Cache stage, around all others: packets that are judged like the one before them pass
//! without being judged ([`recall`]); what may be said so of is kept ([`keep`]). No verdict
//! but an allowed one is kept, and nothing of what each packet is asked anew: what may be
//! said, rates, predicates. What has signatures is looked through where it lies
//! ([`glance`](super::inspect::glance)).

use super::{Moment, Policy, Work, inspect, limit};
use crate::cache::{
    FROM_JUMBO, FROM_PORT, FROM_RESPONDER, LOOK_AT, LOOK_STRICTLY, LiveEntry, Plain, set_flow_key,
};
use crate::control::Control;
use crate::flow::FlowKey;
use crate::forward::Way;
use crate::tables::{Frame, Tables};
use crate::verdict::{Fate, Reason};

/// Nanoseconds.
const SECOND: u32 = 1_000_000_000;

/// What is known of a packet that need not be judged.
#[derive(Clone, Copy, Debug)]
pub struct Known<'t> {
    entry: &'t LiveEntry,
    plain: Plain,
    active: u64,
    /// Place of the port that it came in by.
    pub port: u32,
    /// Place of the port that it leaves by; `None`: the bridge has it.
    pub exit: Option<u32>,
    /// Rules that are counted, 0 for none.
    pub rules: [u16; 2],
}

impl Known<'_> {
    /// Policy that it was judged by.
    #[inline(always)]
    pub const fn epoch(&self) -> u32 {
        Control::epoch(self.active)
    }

    /// Bytes in the frame.
    #[inline(always)]
    pub const fn length(&self) -> u32 {
        self.plain.length
    }

    #[inline(always)]
    pub const fn is_tagged(&self) -> bool {
        self.plain.tagged
    }

    /// Whether what it carries must be looked through before it passes.
    #[inline(always)]
    pub fn must_be_looked_at(&self) -> bool {
        self.entry.look() & LOOK_AT != 0
    }

    /// Puts down what [`inspect::glance`] needs to know.
    #[inline(always)]
    pub fn put_down(&self, work: &mut Work) {
        set_flow_key(self.plain.key, &mut work.key);
        work.moment.active = self.active;
        let inspection = &mut work.inspection;
        let sender = u32::from(self.entry.from() & FROM_RESPONDER != 0);
        inspection.sender = sender;
        inspection.groups[sender as usize & 1] = self.entry.group().into();
        inspection.strict = u32::from(self.entry.look() & LOOK_STRICTLY != 0);
        let packet = &mut work.packet;
        packet.length = self.plain.length;
        packet.protocol = work.key.protocol;
        packet.transport = self.plain.transport as u16;
        packet.next = self.plain.payload;
        packet.end = self.plain.end;
    }

    /// Counts the packet, which its flow learns of later.
    #[inline(always)]
    pub fn count(&self) {
        self.entry.count(self.plain.length);
    }
}

/// What is known of a packet by the last one of its kind; `None`: it must be judged. The
/// frame came in by the interface; its length here is that of its first buffer.
#[inline(always)]
pub fn recall<'t, F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &'t T,
    interface: u32,
) -> Option<Known<'t>> {
    let plain = Plain::see(frame, interface)?;
    if !plain.settled {
        return None;
    }
    let (ticks, (active, generation)) = (tables.ticks(), tables.in_force());
    let first = plain.place(tables.cache_mask()?);
    let mut entry = tables.cached(first)?;
    if !entry.is_of(&plain) {
        entry = tables.cached(first + 1)?;
        if !entry.is_of(&plain) {
            return None;
        }
    }
    let fits = plain.length <= u32::from(entry.longest());
    if !fits || !entry.is_good(ticks, generation) {
        return None;
    }
    let from = entry.from();
    if from & FROM_JUMBO != 0 && !frame.is_whole() {
        return None;
    }
    Some(Known {
        entry,
        plain,
        active,
        port: u32::from(from & FROM_PORT),
        exit: u32::from(entry.exit()).checked_sub(1),
        rules: entry.rules(),
    })
}

/// Whether there is something to keep of a packet that was judged, or to forget.
#[inline(always)]
pub fn concerns(work: &Work, way: Way) -> bool {
    let judged = work.followed.settled != 0
        && work.moment.lasts != 0
        && way != Way::BridgeNow
        && matches!(work.verdict.reason, Reason::Established)
        && matches!(work.verdict.fate(), Fate::Allow)
        && work.packet.remarks == 0
        && work.packet.fragment == 0
        && work.inspection.signature == 0
        && work.teaches == 0
        && !work.parties[0].is_held()
        && !limit::concerns(work);
    judged || work.followed.has_begun_again()
}

/// Keeps what was found for a packet, so that others like it need not be judged. The frame
/// lies in one buffer; it came in by the port at this place, which is the interface, and
/// may take frames of several buffers.
#[inline(always)]
pub fn keep<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    work: &mut Work,
    (port, interface, jumbo): (u32, u32, bool),
    way: Way,
) {
    let (Some(plain), Some(mask)) = (Plain::see(frame, interface), tables.cache_mask()) else {
        return;
    };
    let Moment {
        active,
        now,
        ticks,
        generation,
        ..
    } = work.moment;
    // A machine may read in another order than it is told to.
    if tables.in_force() != (active, generation) {
        return;
    }
    let Some(entry) = find(tables, &plain, plain.place(mask), (ticks, generation)) else {
        return;
    };
    let look = look_at(tables, work);
    let Some((group, look)) = look.filter(|_| !work.followed.has_begun_again()) else {
        // What begins again is another flow.
        if entry.is_of(&plain) {
            entry.set_until(0);
        }
        return;
    };
    if !plain.settled {
        return;
    }
    if entry.packets() != 0 {
        hand_over(tables, entry, &mut work.key);
    }
    entry.set_until(0);
    entry.set_packets(0);
    entry.set_bytes(0);
    entry.set_key(plain.key);
    let [source, destination] = work.findings;
    entry.set_rules([source.rule, destination.rule]);
    let (exit, longest) = match way {
        Way::Exit { place, longest } => (place + 1, longest),
        Way::Bridge | Way::BridgeNow => (0, u32::MAX),
    };
    entry.set_exit(exit as u8);
    entry.set_longest(if longest < u16::MAX.into() {
        longest as u16
    } else {
        u16::MAX
    });
    let jumbo = if jumbo { FROM_JUMBO } else { 0 };
    entry.set_from(port as u8 & FROM_PORT | work.followed.end | jumbo);
    entry.set_incarnation(work.followed.incarnation as u8);
    entry.set_group(group);
    entry.set_look(look);
    entry.set_generation(generation);
    // All that depends on time turns with a second.
    let left = SECOND.wrapping_sub((now % u64::from(SECOND)) as u32);
    if let Some(left) = left.checked_div(tables.tick()) {
        entry.set_until(ticks.wrapping_add(left.into()));
    }
}

/// The group of signatures that are looked for in packets like this one, and how; `None`
/// where a glance is not worth it: what bore a pattern is seldom followed by what bears none.
#[inline(always)]
fn look_at<T: Tables>(tables: &T, work: &Work) -> Option<(u16, u8)> {
    if !inspect::concerns(work) {
        return Some((0, 0));
    }
    if work.inspection.bears != 0 {
        return None;
    }
    let policy = &Policy::at(tables, work.moment)?;
    let strictly = if inspect::stream::is_strict(policy, work) {
        LOOK_STRICTLY
    } else {
        0
    };
    let inspection = &work.inspection;
    let group = inspection.groups[inspection.sender as usize & 1];
    Some((group as u16, LOOK_AT | strictly))
}

/// The entry of packets like this one, or one that may be theirs: such that is no longer
/// good, or else the second.
#[inline(always)]
fn find<'t, T: Tables>(
    tables: &'t T,
    plain: &Plain,
    first: u32,
    (ticks, generation): (u64, u32),
) -> Option<&'t LiveEntry> {
    let (one, other) = (tables.cached(first)?, tables.cached(first + 1)?);
    if one.is_of(plain) {
        Some(one)
    } else if other.is_of(plain) || one.is_good(ticks, generation) {
        Some(other)
    } else {
        Some(one)
    }
}

/// Tells the flow of an entry what was counted for it, if it is still the same.
#[inline(always)]
fn hand_over<T: Tables>(tables: &T, entry: &LiveEntry, key: &mut FlowKey) {
    set_flow_key(entry.key(), key);
    if let Some(flow) = tables.flow(key)
        && flow.incarnation() as u8 == entry.incarnation()
    {
        let responder = entry.from() & FROM_RESPONDER != 0;
        flow.count(
            usize::from(responder),
            entry.packets(),
            entry.bytes().into(),
        );
    }
}
