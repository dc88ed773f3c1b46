//! Marks: what a compiled policy says of this moment and not of itself: deadlines of
//! exceptions and adoption, intervals of calendars. They are written into its lines,
//! be it before it is installed or in map memory, where each is one aligned store,
//! effective at once and without a new epoch. Times are policy time.

use std::mem::offset_of;

use enforcer_common::table::{
    Bucket, Control, DEVICE_MARKED, DeviceEntry, DeviceLine, LAYOUT_LINE, Layout, Line,
    ProfileLine, SETTINGS_LINE, Settings, bucket_pair, device_key,
};

use super::install::{PolicyMemory, WORDS_PER_LINE};
use crate::policy::calendar::Intervals;
use crate::policy::model::Device;

/// A compiled policy that can be marked.
pub trait Lines {
    /// The words of a line, counted from the start of the policy.
    fn words(&self, line: u32) -> [u64; WORDS_PER_LINE];

    /// Writes a word of a line, as one store.
    fn store(&mut self, line: u32, word: usize, value: u64);
}

impl Lines for [[u64; WORDS_PER_LINE]] {
    fn words(&self, line: u32) -> [u64; WORDS_PER_LINE] {
        self.get(line as usize).copied().unwrap_or_default()
    }

    fn store(&mut self, line: u32, word: usize, value: u64) {
        if let Some(words) = self.get_mut(line as usize) {
            words[word] = value;
        }
    }
}

/// Quarantines a device; 0 releases it, the highest time is for ever. `number` is the
/// device's in this policy, from 1.
pub fn quarantine(lines: &mut (impl Lines + ?Sized), device: &Device, number: u32, until: u32) {
    let offset = offset_of!(DeviceLine, quarantine_until);
    mark(lines, device, number, offset, until);
}

/// Adopts running sessions of a device.
pub fn adopt(lines: &mut (impl Lines + ?Sized), device: &Device, number: u32, until: u32) {
    mark(
        lines,
        device,
        number,
        offset_of!(DeviceLine, adopt_until),
        until,
    );
}

/// Until when running sessions of a device are adopted.
pub fn adopting(lines: &(impl Lines + ?Sized), number: u32) -> u32 {
    let layout: Layout = line(lines, LAYOUT_LINE);
    line::<DeviceLine>(lines, device_line(&layout, number)).adopt_until
}

/// Opens a profile, so that its denials pass; 0 closes it. `number` is the profile's
/// in this policy, from 1.
pub fn open(lines: &mut (impl Lines + ?Sized), number: u32, until: u32) {
    let layout: Layout = line(lines, LAYOUT_LINE);
    let offset = offset_of!(ProfileLine, open_until);
    put(lines, layout.profiles + number, offset, until);
    if until != 0 {
        put(lines, SETTINGS_LINE, offset_of!(Settings, opened), 1);
    }
}

/// Says when a rule with a schedule holds; `windows` is the line of its windows.
pub fn schedule(lines: &mut (impl Lines + ?Sized), windows: u32, intervals: &Intervals) {
    for (word, [from, until]) in intervals.iter().enumerate() {
        let both = u64::from(*from) | u64::from(*until) << 32;
        lines.store(windows, word, both);
    }
}

fn mark(
    lines: &mut (impl Lines + ?Sized),
    device: &Device,
    number: u32,
    offset: usize,
    until: u32,
) {
    let layout: Layout = line(lines, LAYOUT_LINE);
    put(lines, device_line(&layout, number), offset, until);
    let (key, tag) = (device_key(device.mac, device.vlan), device.vlan.inner);
    let pair = bucket_pair(key, tag, layout.seed, layout.devices_mask);
    for bucket in [pair.0, pair.1] {
        let bucket = layout.devices + bucket;
        for (place, slot) in line::<Bucket>(lines, bucket).0.iter().enumerate() {
            if slot.key == key && DeviceEntry(slot.value).inner_vlan() == tag {
                let marked = slot.value | u64::from(DEVICE_MARKED) << 32;
                lines.store(bucket, 2 * place + 1, marked);
                return;
            }
        }
    }
}

fn device_line(layout: &Layout, number: u32) -> u32 {
    (layout.device_lines + number).wrapping_sub(1)
}

fn line<L: Line>(lines: &(impl Lines + ?Sized), number: u32) -> L {
    let words = lines.words(number);
    // SAFETY: `Line` promises 64 bytes in which any bits are valid.
    unsafe { std::mem::transmute_copy(&words) }
}

/// Writes a 32-bit field of a line, as a part of the word that it lies in. The daemon
/// alone writes, so the other part cannot change meanwhile.
fn put(lines: &mut (impl Lines + ?Sized), line: u32, offset: usize, value: u32) {
    let (index, shift) = (offset / 8, offset % 8 * 8);
    let word = lines.words(line)[index] & !(u64::from(u32::MAX) << shift);
    lines.store(line, index, word | u64::from(value) << shift);
}

/// Which of the policies in map memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The one that judges, or that is on trial.
    Active,
    /// The one that the kernel returns to when a trial ends.
    Fallback,
}

/// A policy in map memory.
#[derive(Debug)]
pub struct Installed<'m> {
    memory: &'m PolicyMemory,
    first: u32,
}

impl Lines for Installed<'_> {
    fn words(&self, line: u32) -> [u64; WORDS_PER_LINE] {
        let start = self.memory.first_word(self.first + line);
        std::array::from_fn(|word| self.memory.policy.load(start + word))
    }

    fn store(&mut self, line: u32, word: usize, value: u64) {
        let start = self.memory.first_word(self.first + line);
        self.memory.policy.store(start + word, value);
        self.memory.touch();
    }
}

impl PolicyMemory {
    /// The policy in a half of map memory, to be marked; `None` where there is none.
    pub fn installed(&self, half: Half) -> Option<Installed<'_>> {
        let control = self.control.read();
        let active = match half {
            Half::Active => control.active,
            Half::Fallback if control.fallback_at != 0 => control.fallback,
            Half::Fallback => 0,
        };
        (active != 0).then(|| Installed {
            memory: self,
            first: Control::first_line(active),
        })
    }
}
