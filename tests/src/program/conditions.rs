//! The ward with everything that a policy can ask for besides addresses and ports,
//! and what happens to it without a new policy. For the differential test.

use enforcer::datapath::install::PolicyMemory;
use enforcer::datapath::marks::{self, Half, Installed};
use enforcer_common::addr::{Ip, Vlan};
use enforcer_common::learned::{LearnedKey, name_hash};
use enforcer_common::table::device_key;

use super::random::Random;
use super::rig::Rig;
use super::ward::{self, FAMILIES};

/// Policy time when a run begins: 2026-12-01T12:00:00Z, a Tuesday.
pub const START: u32 = 1_796_126_400;

/// The ward's policy with conditions, guards, limits and names.
pub fn policy() -> String {
    let profiles = r#"profiles:
  pump:
    fragments: track
    ethertypes: [goose]
    on_error: {bad_frame: allow}
    guards: {dhcp_servers: [dns, engine], routers: "fe80::1", hold_port: 2s}
    limit: {packets: 2000, flows: 300}
    allow:
      - {name: hl7, to: engine, tcp: 2575, limit: {packets: 40, bytes: 3000}}
      - {name: hl7-late, to: engine, tcp: 2575, expires: "2026-12-01T12:10:00Z"}
      - {name: dns, to: dns, udp: 53, schedule: {days: daily, from: "12:05", until: "13:00", zone: UTC}}
      - {name: dns-first, to: any, udp: 53, expires: "2026-12-01T12:06:00Z"}
      - {name: update, to: ["dns:update.example.org", "dns:*.vendor.example"], tcp: 443}
      - {name: ping, to: engine, icmp: echo-request, icmpv6: echo-request}
      - {name: tunnel, to: engine, protocol: esp}
      - {name: poll, from: station, tcp: [80, 8000-8010], udp: 161, limit: {flows: 3}}
      - {name: ping-in, from: station, icmp: echo-request, icmpv6: echo-request}
      - {name: collect, to: ["tag:collector", "device:free"], tcp: 8443}
  gateway:
    extends: pump
    allow:
      - {name: collected, from: "profile:pump", tcp: 8443}
      - {name: outward, to: any, tcp: 443}
  closed:
    network: {arp: false, neighbour_discovery: false, dhcp: false}
"#;
    let (before, rest) = ward::POLICY.split_once("profiles:\n").unwrap_or_default();
    let (_, devices) = rest.split_once("devices:\n").unwrap_or_default();
    let devices = devices
        .replace("{name: gateway,", "{name: gateway, tags: [collector],")
        .replace("{name: tagged,", "{name: tagged, port: device0,")
        .replace("{name: free,", "{name: free, ip: dhcp,");
    format!(
        "{before}ports:\n  device0: {{vlans: [untagged, 10, 100], double_tags: allow}}\n{profiles}devices:\n{devices}"
    )
}

/// Something that happens between two frames: time passes, a device learns, an
/// exception is made or ended.
pub fn happen(random: &mut Random, rig: &mut Rig, second: &mut u32) {
    let time = START + *second;
    match random.below(8) {
        0..=3 => {
            *second += random.below(20) as u32;
            rig.set_time(1_000 + *second, START + *second);
        }
        4 => learn(random, rig, 1_000 + *second + 60),
        5 => {
            let number = 1 + random.below(7) as u32;
            let until = random.pick(&[0, time + 10, u32::MAX]);
            rig.mark(|memory, model| {
                let device = &model.devices[number as usize - 1];
                marks::quarantine(&mut installed(memory), device, number, until);
            });
        }
        6 => {
            let (profile, until) = (1 + random.below(3) as u32, time + 5);
            rig.mark(|memory, _| marks::open(&mut installed(memory), profile, until));
        }
        _ => {
            let number = 1 + random.below(7) as u32;
            rig.mark(|memory, model| {
                let device = &model.devices[number as usize - 1];
                marks::adopt(&mut installed(memory), device, number, time + 5);
            });
        }
    }
}

/// The policy in force in the kernel.
pub fn installed(memory: &PolicyMemory) -> Installed<'_> {
    memory.installed(Half::Active).expect("a policy in force")
}

/// A device is given an address, for a name or for itself.
fn learn(random: &mut Random, rig: &mut Rig, until: u32) {
    let family = random.pick(&FAMILIES);
    let device = 1 + random.below(7) as u8;
    let name = random.pick(&["update.example.org", "*.vendor.example", ""]);
    let (address, name) = if name.is_empty() {
        (ward::device(family, device), 0)
    } else {
        let of = random.pick(&[ward::engine(family), ward::elsewhere(family)]);
        (of, name_hash(name.as_bytes()))
    };
    let vlan = ward::outward(device)
        .tags
        .iter()
        .map(|(_, identifier)| *identifier)
        .collect::<Vec<_>>();
    let vlan = Vlan {
        outer: vlan.first().copied().unwrap_or_default(),
        inner: vlan.get(1).copied().unwrap_or_default(),
    };
    let key = LearnedKey {
        address: Ip::from(address),
        name,
        device: device_key(ward::mac(device), vlan),
        inner_vlan: vlan.inner.into(),
        reserved: 0,
    };
    rig.learn(key, until);
}
