//! Lays the tables out one behind the other, as lines.

use enforcer_common::addr::Ip;
use enforcer_common::table::{
    Binding, Bucket, DIGEST_LINE, DeviceEntry, Digest, FIXED_LINES, LAYOUT_LINE, LAYOUT_VERSION,
    Layout, Line, ProfileLine, Row, SETTINGS_LINE, Settings, Slot, device_key,
};

use super::cells::Cells;
use super::devices::fill;
use super::peers::PeerClasses;
use super::profile_number;
use super::services::ServiceClasses;
use crate::policy::model::{Device, Model};

pub(super) struct Image {
    lines: Vec<[u64; 8]>,
    layout: Layout,
    slots_of_devices: Vec<Slot>,
}

impl Image {
    pub(super) fn new() -> Self {
        Self {
            lines: vec![[0; 8]; FIXED_LINES as usize],
            layout: Layout {
                version: LAYOUT_VERSION,
                ..Layout::default()
            },
            slots_of_devices: Vec::new(),
        }
    }

    pub(super) fn place_devices(&mut self, model: &Model) {
        let bindings: Vec<Binding> = model.devices.iter().map(binding).collect();
        self.layout.bindings = self.place(&bindings);
        let numbered = model.devices.iter().zip(1..);
        self.slots_of_devices = numbered
            .map(|(device, number)| device_slot(device, number))
            .collect();
    }

    pub(super) fn place_profiles(&mut self, profiles: &[ProfileLine]) {
        self.layout.profiles = self.place(profiles);
    }

    pub(super) fn place_peers(&mut self, peers: &PeerClasses) {
        self.layout.trie = self.place(&peers.nodes);
        self.layout.trie_root_v4 = peers.root_v4;
        self.layout.trie_root_v6 = peers.root_v6;
    }

    pub(super) fn place_services(&mut self, services: &ServiceClasses) {
        self.layout.services = self.place(&rows(&services.table));
    }

    /// Places the rows of cells, then both hash tables under one seed.
    pub(super) fn place_cells(&mut self, cells: &Cells) {
        let lines: Vec<Vec<Row>> = cells.rows.iter().map(|row| rows(row)).collect();
        self.layout.cell_lines = lines.first().map_or(0, |row| row.len() as u32);
        self.layout.cells = self.place(&lines.concat());
        let devices = std::mem::take(&mut self.slots_of_devices);
        for seed in 1.. {
            let (Some(devices), Some(rows)) = (fill(&devices, seed), fill(&cells.slots, seed))
            else {
                continue;
            };
            self.layout.seed = seed;
            (self.layout.devices, self.layout.devices_mask) = self.place_buckets(&devices);
            (self.layout.rows, self.layout.rows_mask) = self.place_buckets(&rows);
            break;
        }
    }

    pub(super) fn finish(
        mut self,
        settings: Settings,
        digest: [u8; 32],
        model: &Model,
        rules: usize,
    ) -> Vec<[u64; 8]> {
        self.layout.lines = self.lines.len() as u32;
        self.lines[LAYOUT_LINE as usize] = words(&self.layout);
        self.lines[SETTINGS_LINE as usize] = words(&settings);
        self.lines[DIGEST_LINE as usize] = words(&Digest {
            sha256: digest,
            devices: model.devices.len() as u32,
            profiles: model.profiles.len() as u32,
            rules: rules as u32,
            reserved: [0; 5],
        });
        self.lines
    }

    fn place_buckets(&mut self, buckets: &[Bucket]) -> (u32, u32) {
        (self.place(buckets), buckets.len() as u32 - 1)
    }

    /// Appends a table and returns its first line.
    fn place<L: Line>(&mut self, table: &[L]) -> u32 {
        let first = self.lines.len() as u32;
        self.lines.extend(table.iter().map(words));
        first
    }
}

/// A line as the words of policy memory.
fn words<L: Line>(line: &L) -> [u64; 8] {
    // SAFETY: `Line` promises 64 bytes without padding; any bytes are valid words.
    unsafe { std::mem::transmute_copy(line) }
}

fn rows(values: &[u16]) -> Vec<Row> {
    let chunks = values.chunks(32);
    chunks
        .map(|chunk| {
            let mut row = Row([0; 32]);
            row.0[..chunk.len()].copy_from_slice(chunk);
            row
        })
        .collect()
}

fn binding(device: &Device) -> Binding {
    let mut binding = Binding::default();
    for (place, address) in binding.0.iter_mut().zip(device.addresses()) {
        *place = Ip::from(address);
    }
    binding
}

fn device_slot(device: &Device, number: u32) -> Slot {
    let bound = device.addresses().next().is_some();
    let entry = DeviceEntry::new(
        device.vlan.inner,
        profile_number(device.profile),
        device.mode,
        bound,
        number,
    );
    Slot {
        key: device_key(device.mac, device.vlan),
        value: entry.0,
    }
}
