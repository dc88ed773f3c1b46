//! The compiled policy in force, opened once a frame: every later look-up goes
//! to the same epoch, so a frame is judged by one whole policy, never by a mix.

use super::trace::Step;
use crate::addr::{Ip, Mac, Vlan};
use crate::table::{
    Binding, Bucket, Control, DeviceEntry, Direction, FIXED_LINES, LAYOUT_LINE, LAYOUT_VERSION,
    Layout, ProfileLine, Row, SETTINGS_LINE, Settings, TRIE_CHILD, TrieNode, bucket_pair,
    device_key, row_key,
};
use crate::tables::Tables;

/// Nibbles in the longest address.
const TRIE_DEPTH: u32 = 32;

/// Constant for each look-up: two buckets, one path of a trie, one cell.
#[derive(Debug)]
pub struct Policy<'t, T: Tables> {
    pub tables: &'t T,
    pub epoch: u32,
    /// Monotonic clock, ns: until then live sessions are adopted.
    pub adopt_until: u64,
    pub layout: &'t Layout,
    pub settings: &'t Settings,
    first: u32,
}

impl<'t, T: Tables> Policy<'t, T> {
    /// The policy in force; `None` while none is loaded.
    #[inline(always)]
    pub fn open(tables: &'t T) -> Option<Self> {
        let control = tables.control();
        if control.active == 0 {
            return None;
        }
        let first = Control::first_line(control.active);
        let layout: &Layout = tables.line(first + LAYOUT_LINE)?;
        let settings: &Settings = tables.line(first + SETTINGS_LINE)?;
        if layout.version != LAYOUT_VERSION || layout.lines < FIXED_LINES {
            return None;
        }
        let epoch = Control::epoch(control.active);
        Some(Self {
            tables,
            epoch,
            adopt_until: control.adopt_until,
            layout,
            settings,
            first,
        })
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

    /// The addresses of a device, by number.
    #[inline(always)]
    pub fn binding(&self, number: u32) -> Option<&'t Binding> {
        self.tables
            .line(self.first + self.layout.bindings + number.wrapping_sub(1))
    }

    /// The class of a peer's address; 0 is "in no named peer".
    #[inline(always)]
    pub fn class(&self, ip: Ip) -> u32 {
        let (mut node, mut high, mut low) = if ip.is_v4() {
            (self.layout.trie_root_v4, ip.low << 32, 0)
        } else {
            (self.layout.trie_root_v6, ip.high, ip.low)
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

    /// The rule of a profile for a peer class and a service class, 0 where there is none.
    #[inline(always)]
    pub fn rule(&self, profile: u32, direction: Direction, class: u32, service: u16) -> u16 {
        let key = row_key(profile, direction, class);
        let row = match self.find(self.layout.rows, self.layout.rows_mask, key, 0) {
            Some(row) => row as u32,
            None => self.default_row(profile, direction),
        };
        let rule = self.short(
            self.layout.cells + row * self.layout.cell_lines,
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

    #[inline(always)]
    fn short(&self, table: u32, index: u32) -> u16 {
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
