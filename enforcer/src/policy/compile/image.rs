//! Lays the tables out one behind the other, as lines.

use enforcer_common::addr::Ip;
use enforcer_common::table::{
    Alternatives, Bucket, DEVICE_BOUND, DEVICE_DHCP_ADDRESS, DEVICE_ENFORCE, DEVICE_HELD,
    DEVICE_LIMITED, DIGEST_LINE, DeviceEntry, DeviceLine, Digest, FIXED_LINES, LAYOUT_LINE,
    LAYOUT_VERSION, Layout, Line, ProfileLine, Row, SETTINGS_LINE, Settings, Slot, device_key,
};
use enforcer_common::verdict::Mode;

use super::cells::Cells;
use super::devices::fill;
use super::groups::Groups;
use super::peers::PeerClasses;
use super::profile_number;
use super::services::ServiceClasses;
use crate::policy::model::{Device, Limit, Model};

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

    /// `ports` are the names of the ports in the order of their numbers.
    pub(super) fn place_devices(&mut self, model: &Model, groups: &Groups, ports: &[String]) {
        let devices = || model.devices.iter().enumerate();
        let lines: Vec<DeviceLine> = devices()
            .map(|(index, device)| device_line(device, groups.of_device(index)))
            .collect();
        self.layout.device_lines = self.place(&lines);
        self.slots_of_devices = devices()
            .map(|(index, device)| device_slot(model, device, index as u32 + 1, ports))
            .collect();
    }

    pub(super) fn place_ports(&mut self, line: u32) {
        self.layout.ports = line;
    }

    pub(super) fn place_rules(&mut self, line: u32, count: usize) {
        self.layout.rule_lines = line;
        self.layout.rule_count = count as u16;
    }

    pub(super) fn place_alternatives(&mut self, alternatives: &[Alternatives]) {
        self.layout.alternatives = self.place(alternatives);
    }

    pub(super) fn place_profiles(&mut self, profiles: &[ProfileLine]) {
        self.layout.profiles = self.place(profiles);
    }

    pub(super) fn place_peers(&mut self, peers: &PeerClasses) {
        self.layout.trie = self.place(&peers.nodes);
    }

    pub(super) fn place_services(&mut self, services: &ServiceClasses) {
        self.layout.services = self.place(&rows(&services.table));
    }

    /// Places the rows of cells, then both hash tables under one seed.
    pub(super) fn place_cells(&mut self, cells: &Cells) {
        let lines: Vec<Vec<Row>> = cells.rows.iter().map(|row| rows(row)).collect();
        self.layout.cell_lines = lines.first().map_or(0, |row| row.len() as u16);
        self.layout.cells = self.place(&lines.concat());
        let devices = std::mem::take(&mut self.slots_of_devices);
        for seed in 1_u32.. {
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

    /// Lines so far.
    pub(super) fn length(&self) -> usize {
        self.lines.len()
    }

    /// Appends a table and returns its first line.
    pub(super) fn place<L: Line>(&mut self, table: &[L]) -> u32 {
        let first = self.lines.len() as u32;
        self.lines.extend(table.iter().map(words));
        first
    }
}

/// A line as the words of policy memory.
pub(super) fn words<L: Line>(line: &L) -> [u64; 8] {
    // SAFETY: `Line` promises 64 bytes without padding; any bytes are valid words.
    unsafe { std::mem::transmute_copy(line) }
}

/// Where the tables of a compiled policy stand.
pub(super) fn layout(lines: &[[u64; 8]]) -> Layout {
    // SAFETY: as above, the other way round: any bytes are a valid layout.
    unsafe { std::mem::transmute_copy(&lines[LAYOUT_LINE as usize]) }
}

pub(super) fn rows(values: &[u16]) -> Vec<Row> {
    let chunks = values.chunks(32);
    chunks
        .map(|chunk| {
            let mut row = Row([0; 32]);
            row.0[..chunk.len()].copy_from_slice(chunk);
            row
        })
        .collect()
}

/// What holds for a compiled policy as a whole.
pub(super) fn settings(lines: &[[u64; 8]]) -> Settings {
    // SAFETY: as for the layout.
    unsafe { std::mem::transmute_copy(&lines[SETTINGS_LINE as usize]) }
}

fn device_line(device: &Device, group: u32) -> DeviceLine {
    let mut line = DeviceLine {
        group,
        ..DeviceLine::default()
    };
    for (place, address) in line.ipv4.iter_mut().zip(&device.ipv4) {
        *place = address.to_bits();
    }
    for (place, address) in line.ipv6.iter_mut().zip(&device.ipv6) {
        let ip = Ip::v6(address.octets());
        *place = [ip.high, ip.low];
    }
    line
}

fn device_slot(model: &Model, device: &Device, number: u32, ports: &[String]) -> Slot {
    let profile = &model.profiles[device.profile];
    let flags = [
        (device.mode == Mode::Enforce, DEVICE_ENFORCE),
        (device.addresses().next().is_some(), DEVICE_BOUND),
        (device.dhcp_address, DEVICE_DHCP_ADDRESS),
        (profile.limit != Limit::default(), DEVICE_LIMITED),
        (!profile.guards.hold_port.is_zero(), DEVICE_HELD),
    ];
    let port = device
        .port
        .as_ref()
        .and_then(|name| ports.binary_search(name).ok())
        .map_or(0, |index| index as u8 + 1);
    let entry = DeviceEntry::new(
        device.vlan.inner,
        profile_number(device.profile),
        flags
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, flag)| flag)
            .sum(),
        port,
        number,
    );
    Slot {
        key: device_key(device.mac, device.vlan),
        value: entry.0,
    }
}
