//! The compiled policy in force, opened once a frame: every later look-up goes
//! to the same epoch, so a frame is judged by one whole policy, never by a mix.

use super::trace::Step;
use crate::addr::{Ip, Mac, Vlan};
use crate::application::ApplicationLine;
use crate::counter::seconds;
use crate::signature::{GroupLine, InspectionLine, SignatureLine};
use crate::table::{
    Alternatives, Bucket, Control, DeviceEntry, DeviceLine, Direction, FIXED_LINES, LAYOUT_LINE,
    LAYOUT_VERSION, Layout, Line, PORT_LINES, PortLine, PortPlaces, ProfileLine, Row, RuleLine,
    SETTINGS_LINE, Settings, TRIE_CHILD, TrieNode, bucket_pair, device_key, row_key,
};
use crate::tables::Tables;

/// Nibbles in the longest address.
const TRIE_DEPTH: u32 = 32;

/// Constant for each look-up: two buckets, one path of a trie, one cell.
#[derive(Debug)]
pub struct Policy<'t, T: Tables> {
    pub tables: &'t T,
    pub epoch: u32,
    pub layout: &'t Layout,
    pub settings: &'t Settings,
    now: u64,
    first: u32,
}

/// When a frame is judged, and by which policy: taken once, so that every stage
/// judges alike.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Epoch and first line of the policy in force; 0: none.
    pub active: u64,
    /// Monotonic clock, ns.
    pub now: u64,
    /// [`Tables::ticks`], no later than `now`.
    pub ticks: u64,
    /// [`Control::generation`].
    pub generation: u32,
    /// Whether what is found now holds until the next second: 1, else 0.
    pub lasts: u32,
}

impl Moment {
    pub const EMPTY: Self = Self {
        active: 0,
        now: 0,
        ticks: 0,
        generation: 0,
        lasts: 0,
    };

    #[inline(always)]
    pub fn take<T: Tables>(tables: &T) -> Self {
        let (ticks, control) = (tables.ticks(), tables.control());
        let now = if control.clock != 0 {
            control.clock
        } else {
            tables.now()
        };
        Self {
            active: control.active_at(now),
            now,
            ticks,
            generation: control.generation(),
            // A trial does not end with a second.
            lasts: u32::from(control.fallback_at == 0),
        }
    }
}

impl<'t, T: Tables> Policy<'t, T> {
    /// The policy in force; `None` while none is loaded.
    #[inline(always)]
    pub fn open(tables: &'t T) -> Option<Self> {
        Self::at(tables, Moment::take(tables))
    }

    /// The policy in force at a moment; `None` where none was loaded.
    #[inline(always)]
    pub fn at(tables: &'t T, moment: Moment) -> Option<Self> {
        if moment.active == 0 {
            return None;
        }
        let first = Control::first_line(moment.active);
        let layout: &Layout = tables.line(first + LAYOUT_LINE)?;
        let settings: &Settings = tables.line(first + SETTINGS_LINE)?;
        if layout.version != LAYOUT_VERSION || layout.lines < FIXED_LINES {
            return None;
        }
        Some(Self {
            tables,
            epoch: Control::epoch(moment.active),
            layout,
            settings,
            now: moment.now,
            first,
        })
    }

    /// Monotonic clock at this frame, ns.
    #[inline(always)]
    pub const fn now(&self) -> u64 {
        self.now
    }

    /// Policy time, in seconds.
    #[inline(always)]
    pub fn time(&self) -> u32 {
        seconds(self.now).wrapping_add(self.tables.control().clock_offset)
    }

    /// The monotonic clock's second at a policy time.
    #[inline(always)]
    pub fn monotonic(&self, time: u32) -> u32 {
        time.wrapping_sub(self.tables.control().clock_offset)
    }

    /// Whether live sessions are adopted, whosever they are.
    #[inline(always)]
    pub fn adopts(&self) -> bool {
        self.now < self.tables.control().adopt_until
    }

    /// Whether flows that a policy of this epoch judged are followed as they are.
    #[inline(always)]
    pub fn drains(&self, epoch: u32) -> bool {
        let control = self.tables.control();
        self.now < control.drain_until && epoch >= control.drain_from
    }

    #[inline(always)]
    pub fn device(&self, mac: Mac, vlan: Vlan) -> Option<DeviceEntry> {
        let layout = self.layout;
        self.find(
            layout.devices,
            layout.devices_mask,
            device_key(mac, vlan),
            vlan.inner,
        )
        .map(DeviceEntry)
    }

    #[inline(always)]
    pub fn profile(&self, number: u32) -> Option<&'t ProfileLine> {
        self.tables.line(self.first + self.layout.profiles + number)
    }

    /// A line of the compiled policy that another one names.
    #[inline(always)]
    pub fn line<L: Line>(&self, number: u32) -> Option<&'t L> {
        self.tables.line(self.first + number)
    }

    /// What is seldom asked of a device, by its number.
    #[inline(always)]
    pub fn device_line(&self, number: u32) -> Option<&'t DeviceLine> {
        self.line(self.layout.device_lines + number.wrapping_sub(1))
    }

    /// What restricts a rule.
    #[inline(always)]
    pub fn rule_line(&self, rule: u16) -> Option<&'t RuleLine> {
        self.line(self.layout.rule_lines + u32::from(rule))
    }

    /// The rules that a cell above the last rule stands for.
    #[inline(always)]
    pub fn alternatives(&self, cell: u16) -> Option<&'t Alternatives> {
        let first = u32::from(self.layout.rule_count) + 2;
        self.line(self.layout.alternatives + u32::from(cell).wrapping_sub(first))
    }

    /// Number in the policy of a port, by its place in the counters; 0 where the
    /// policy says nothing of it.
    #[inline(always)]
    pub fn port_number(&self, place: u32) -> u8 {
        match self.line::<PortPlaces>(self.layout.ports) {
            Some(places) => places.0[place as usize & 63],
            None => 0,
        }
    }

    /// What a port may carry, by its number in the policy.
    #[inline(always)]
    pub fn port(&self, number: u8) -> Option<&'t PortLine> {
        self.line(self.port_line(number))
    }

    /// Whether a port's bitmap holds an outer VLAN; 0 is untagged.
    #[inline(always)]
    pub fn port_carries(&self, number: u8, vlan: u16) -> bool {
        let line = self.port_line(number) + 1 + u32::from(vlan >> 9 & 7);
        match self.line::<[u64; 8]>(line) {
            Some(bits) => bits[vlan as usize >> 6 & 7] >> (vlan & 63) & 1 != 0,
            None => false,
        }
    }

    #[inline(always)]
    fn port_line(&self, number: u8) -> u32 {
        let index = u32::from(number).wrapping_sub(1);
        (self.layout.ports + 1).wrapping_add(index.wrapping_mul(PORT_LINES))
    }

    /// The class of a peer's address; 0 is "in no named peer".
    #[inline(always)]
    pub fn class(&self, ip: Ip) -> u32 {
        let (mut node, mut high, mut low) = if ip.is_v4() {
            (0, ip.low << 32, 0)
        } else {
            (1, ip.high, ip.low)
        };
        for _ in 0..TRIE_DEPTH {
            let Some(line) = self
                .tables
                .line::<TrieNode>(self.first + self.layout.trie + node)
            else {
                break;
            };
            let entry = line.0[(high >> 60) as usize & 15];
            if entry & TRIE_CHILD == 0 {
                self.tables.note(Step::Class { ip, class: entry });
                return entry;
            }
            node = entry & !TRIE_CHILD;
            high = high << 4 | low >> 60;
            low <<= 4;
        }
        0
    }

    /// The class of a service index; 0 is "in no rule".
    #[inline(always)]
    pub fn service(&self, index: u32) -> u16 {
        self.short(self.layout.services, index)
    }

    /// The cell of a profile for a peer class and a service class: a rule, 0 where
    /// there is none, or [`Self::alternatives`].
    #[inline(always)]
    pub fn cell(&self, profile: u32, direction: Direction, class: u32, service: u16) -> u16 {
        let key = row_key(profile, direction, class);
        let row = match self.find(self.layout.rows, self.layout.rows_mask, key, 0) {
            Some(row) => row as u32,
            None => self.default_row(profile, direction),
        };
        let rule = self.short(
            self.layout.cells + row * u32::from(self.layout.cell_lines),
            u32::from(service),
        );
        self.tables.note(Step::Cell {
            profile,
            direction,
            class,
            rule,
        });
        rule
    }

    #[inline(always)]
    fn default_row(&self, profile: u32, direction: Direction) -> u32 {
        let [to, from] = self
            .profile(profile)
            .map_or([0; 2], |line| line.default_rows);
        match direction {
            Direction::To => to,
            Direction::From => from,
        }
    }

    /// What is inspected; `None` where nothing is.
    #[inline(always)]
    pub fn inspection(&self) -> Option<&'t InspectionLine> {
        match self.settings.inspection {
            0 => None,
            line => self.line(line),
        }
    }

    /// Signatures that are looked for together, by number; 0 is none.
    #[inline(always)]
    pub fn group(&self, number: u32) -> Option<&'t GroupLine> {
        if number == 0 {
            return None;
        }
        self.line(self.inspection()?.groups + number - 1)
    }

    /// A signature, by number from 1.
    #[inline(always)]
    pub fn signature(&self, number: u32) -> Option<&'t SignatureLine> {
        self.line(
            self.inspection()?
                .signatures
                .wrapping_add(number)
                .wrapping_sub(1),
        )
    }

    /// What a rule lets be said, by number from 1.
    #[inline(always)]
    pub fn application(&self, number: u32) -> Option<&'t ApplicationLine> {
        self.line(
            self.inspection()?
                .applications
                .wrapping_add(number)
                .wrapping_sub(1),
        )
    }

    /// A place in a table of [`Row`]s.
    #[inline(always)]
    pub(super) fn short(&self, table: u32, index: u32) -> u16 {
        match self.tables.line::<Row>(self.first + table + index / 32) {
            Some(row) => row.0[index as usize & 31],
            None => 0,
        }
    }

    /// The value under a key, in whichever of its two buckets it lives. `tag`
    /// must equal the value's upper 12 bits.
    #[inline(always)]
    fn find(&self, table: u32, mask: u32, key: u64, tag: u16) -> Option<u64> {
        let (first, second) = bucket_pair(key, tag, self.layout.seed, mask);
        match self.find_in(table + first, key, tag) {
            Some(value) => Some(value),
            None => self.find_in(table + second, key, tag),
        }
    }

    #[inline(always)]
    fn find_in(&self, bucket: u32, key: u64, tag: u16) -> Option<u64> {
        let bucket: &Bucket = self.tables.line(self.first + bucket)?;
        for slot in &bucket.0 {
            if slot.key == key && slot.value >> 52 == u64::from(tag) {
                return Some(slot.value);
            }
        }
        None
    }
}
