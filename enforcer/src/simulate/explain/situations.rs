//! What `explain` tells of guards, states and conditions, where rules are written,
//! and what would have to change.

use std::mem::offset_of;

use enforcer_common::learned::name_hash;
use enforcer_common::table::{
    DEVICE_MARKED, DeviceEntry, DeviceLine, LAYOUT_LINE, Layout, ProfileLine, SETTINGS_LINE,
    Settings, device_key,
};
use enforcer_common::tables::Tables as _;

use super::*;
use crate::control::api::Asked::{Icmp, Tcp, Udp};
use crate::policy::compile::compile;
use crate::policy::parse;
use crate::policy::source::{Bundle, File};

/// Monday, 2026-06-01 10:00 UTC.
const NOW: u32 = 1_780_308_000;

const POLICY: &str = "version: 1
ports: {eth1: {vlans: [10]}}
peers: {dns: 10.0.0.53, engine: 10.0.0.100}
profiles:
  pump:
    guards: {dhcp_servers: 10.0.0.7}
    allow:
      - {name: dns, to: dns, udp: 53}
      - {name: engine, to: engine, tcp: 2575}
      - {name: night, to: engine, tcp: 22, schedule: {from: '22:00', until: '06:00', zone: UTC}}
      - {name: old, to: engine, tcp: 23, expires: 2026-01-01T00:00:00Z}
      - {name: update, to: 'dns:update.example.org', tcp: 443}
      - {name: ask, from: engine, tcp: 80}
devices:
  - {name: pump-1, mac: 02:00:00:00:00:01, vlan: 10, ip: 10.1.0.1, port: eth1, profile: pump}
  - {name: pump-2, mac: 02:00:00:00:00:02, vlan: 10, ip: 10.1.0.2, profile: pump}
";

/// A policy with what may be changed of it before it is asked.
struct Asking {
    bundle: Bundle,
    compiled: Compiled,
    model: Model,
    learned: Vec<(LearnedKey, u32)>,
}

impl Asking {
    fn new() -> Self {
        let main = File {
            path: "p.yaml".into(),
            text: POLICY.into(),
        };
        let bundle = Bundle {
            main,
            included: Vec::new(),
        };
        let (model, _) = parse(&bundle).unwrap_or_else(|errors| panic!("{errors}"));
        Self {
            compiled: compile(&model).unwrap(),
            learned: Vec::new(),
            bundle,
            model,
        }
    }

    fn ask(&self, from: &str, to: &str, service: Asked, given: Circumstances) -> Explanation {
        let setting = Setting {
            monotonic: 1_000,
            learned: &self.learned,
            texts: Some(Texts {
                bundle: &self.bundle,
                before: None,
            }),
            ..Setting::of(&self.model, &self.compiled, NOW)
        };
        let question = Question {
            from: from.into(),
            to: to.into(),
            service,
        };
        explain_in(&setting, &question, &given).unwrap()
    }
}

/// Asserts reason and changes, and hands back the steps as one text.
#[track_caller]
fn expect(answer: &Explanation, reason: &str, change: &[&str]) -> String {
    let steps = answer.steps.join("\n");
    assert_eq!(answer.reason, reason, "{steps}");
    assert_eq!(answer.change, change, "{steps}");
    steps
}

#[track_caller]
fn expect_now(from: &str, to: &str, service: Asked, reason: &str, change: &[&str]) -> String {
    let answer = Asking::new().ask(from, to, service, Circumstances::default());
    expect(&answer, reason, change)
}

#[test]
fn a_rule_is_told_with_its_line() {
    let answer = Asking::new().ask("pump-1", "10.0.0.53", Udp(53), Circumstances::default());
    assert_eq!(answer.place.as_deref(), Some("p.yaml:8"));
    let steps = expect(&answer, "rule", &["remove or narrow pump/dns (p.yaml:8)"]);
    assert!(steps.contains("rule dns (p.yaml:8) allows it"), "{steps}");
    assert!(steps.contains("Port eth1 may carry: vlans 10,"), "{steps}");
}

#[test]
fn a_missing_rule_is_told_as_the_line_to_write() {
    expect_now(
        "pump-1",
        "10.0.0.99",
        Icmp(8),
        "no-rule",
        &["add to profile pump (p.yaml:5): `- {to: 10.0.0.99, icmp: echo-request}`"],
    );
    expect_now(
        "pump-1",
        "10.0.0.100",
        Tcp(80),
        "no-rule",
        &[
            "add to profile pump (p.yaml:5): `- {to: 10.0.0.100, tcp: 80}`",
            "or add `tcp: 80` to rule pump/engine (p.yaml:9), which is for that peer",
            "or let the other end start: rule pump/ask (p.yaml:13) allows it the other way round",
        ],
    );
    expect_now(
        "pump-1",
        "pump-2",
        Udp(53),
        "no-rule",
        &[
            "add to profile pump (p.yaml:5): `- {to: \"device:pump-2\", udp: 53}`",
            "or add \"device:pump-2\" to the peers of rule pump/dns (p.yaml:8)",
            "add to profile pump (p.yaml:5): `- {from: \"device:pump-1\", udp: 53}`",
        ],
    );
}

#[test]
fn what_is_advised_is_what_allows() {
    let asking = Asking::new();
    let denied = asking.ask("pump-1", "10.0.0.99", Udp(161), Circumstances::default());
    let line = denied.change[0].split('`').nth(1).unwrap().to_owned();
    let mut changed = Asking::new();
    changed.bundle.main.text =
        POLICY.replace("    allow:\n", &format!("    allow:\n      {line}\n"));
    changed.model = parse(&changed.bundle).unwrap().0;
    changed.compiled = compile(&changed.model).unwrap();
    let allowed = changed.ask("pump-1", "10.0.0.99", Udp(161), Circumstances::default());
    assert_eq!(
        (allowed.fate.as_str(), allowed.place.as_deref()),
        ("allow", Some("p.yaml:8"))
    );
}

#[test]
fn a_sleeping_rule_is_told_with_its_next_window() {
    let steps = expect_now(
        "pump-1",
        "10.0.0.100",
        Tcp(22),
        "rule-asleep",
        &[
            "change `schedule` of rule pump/night (p.yaml:10): it next holds from Mon 2026-06-01 22:00 UTC until Tue 2026-06-02 06:00 UTC",
        ],
    );
    assert!(
        steps.contains("rule pump/night (p.yaml:10) is asleep, it next holds"),
        "{steps}"
    );
    let at_night = Circumstances {
        at: Some(NOW + 13 * 3_600),
        ..Circumstances::default()
    };
    let answer = Asking::new().ask("pump-1", "10.0.0.100", Tcp(22), at_night);
    assert_eq!(answer.rule.as_deref(), Some("pump/night"));
    expect_now(
        "pump-1",
        "10.0.0.100",
        Tcp(23),
        "rule-asleep",
        &["change `expires` of rule pump/old (p.yaml:11): it expired on 2026-01-01T00:00:00Z"],
    );
}

#[test]
fn a_name_must_have_been_answered() {
    expect_now(
        "pump-1",
        "192.0.2.9",
        Tcp(443),
        "name-not-learned",
        &[
            "let pump-1 ask a resolver that its profile allows for update.example.org: no answer has given it 192.0.2.9 for rule pump/update (p.yaml:12)",
        ],
    );
    let mut asking = Asking::new();
    let device = &asking.model.devices[0];
    let key = LearnedKey {
        address: IpAddr::from([192, 0, 2, 9]).into(),
        name: name_hash(b"update.example.org"),
        device: device_key(device.mac, device.vlan),
        ..LearnedKey::EMPTY
    };
    asking.learned.push((key, 1_060));
    let answer = asking.ask("pump-1", "192.0.2.9", Tcp(443), Circumstances::default());
    assert_eq!(answer.rule.as_deref(), Some("pump/update"));
}

#[test]
fn an_address_of_others_is_told_with_its_own() {
    let given = Circumstances {
        address: Some(IpAddr::from([10, 1, 0, 9])),
        ..Circumstances::default()
    };
    let answer = Asking::new().ask("pump-1", "10.0.0.53", Udp(53), given);
    expect(
        &answer,
        "spoofed-source",
        &[
            "bind pump-1 to 10.1.0.9, too, by its `ip` (it has 10.1.0.1), or correct the address that is used",
        ],
    );
}

#[test]
fn ports_and_tags_are_told() {
    let by = |port: &str| Circumstances {
        port: Some(port.to_owned()),
        ..Circumstances::default()
    };
    let answer = Asking::new().ask("pump-1", "10.0.0.53", Udp(53), by("eth2"));
    let steps = expect(
        &answer,
        "wrong-port",
        &["connect pump-1 to port eth1, or correct its `port`"],
    );
    assert!(
        steps.contains("pump-1 is bound to port eth1 and comes in by eth2."),
        "{steps}"
    );
    let in_twenty = Circumstances {
        vlan: Some("20".parse().unwrap()),
        ..by("eth1")
    };
    let answer = Asking::new().ask("pump-1", "10.0.0.53", Udp(53), in_twenty);
    expect(
        &answer,
        "vlan-not-carried",
        &["add 20 to `ports.eth1.vlans`, or correct the tag that the sender uses"],
    );
    let in_twenty = Circumstances {
        vlan: Some("20".parse().unwrap()),
        ..by("eth3")
    };
    let answer = Asking::new().ask("pump-1", "10.0.0.53", Udp(53), in_twenty);
    expect(
        &answer,
        "unknown-device",
        &["correct `vlan` of pump-1, which is declared in VLAN 10 and not in VLAN 20"],
    );
}

#[test]
fn strangers_are_told_how_they_are_declared() {
    expect_now(
        "02:00:00:00:00:77",
        "10.0.0.53",
        Udp(53),
        "unknown-device",
        &[
            "declare it: `- {name: NAME, mac: 02:00:00:00:00:77, vlan: untagged, ip: 198.18.0.1, profile: PROFILE}` under `devices`",
            "or let `defaults.unknown_devices` name a profile that allows it",
        ],
    );
}

#[test]
fn guards_are_told() {
    let steps = expect_now(
        "10.0.0.8",
        "pump-2",
        Udp(68),
        "rogue-dhcp-server",
        &["add 10.0.0.8 to `guards.dhcp_servers` of profile pump (p.yaml:5)"],
    );
    assert!(
        steps.contains("guards of profile pump do not name this address"),
        "{steps}"
    );
    let steps = expect_now(
        "10.0.0.7",
        "pump-2",
        Udp(68),
        "dhcp",
        &["`network: {dhcp: false}` in profile pump (p.yaml:5)"],
    );
    assert!(
        steps.contains("guards of profile pump name this address"),
        "{steps}"
    );
}

/// As the daemon marks a device in the compiled policy.
fn quarantine(compiled: &mut Compiled, number: u32, until: u32) {
    let layout = layout(compiled);
    let line = (layout.device_lines + number - 1) as usize;
    set_word(
        &mut compiled.lines[line],
        offset_of!(DeviceLine, quarantine_until),
        until,
    );
    let buckets = layout.devices as usize..=(layout.devices + layout.devices_mask) as usize;
    for [_, value] in compiled.lines[buckets].as_flattened_mut().as_chunks_mut().0 {
        if DeviceEntry(*value).number() == number {
            *value |= u64::from(DEVICE_MARKED) << 32;
        }
    }
}

/// As the daemon opens a profile.
fn open(compiled: &mut Compiled, number: u32, until: u32) {
    let line = (layout(compiled).profiles + number) as usize;
    let offset = offset_of!(ProfileLine, open_until);
    set_word(&mut compiled.lines[line], offset, until);
    let settings = &mut compiled.lines[SETTINGS_LINE as usize];
    set_word(settings, offset_of!(Settings, opened), 1);
}

fn layout(compiled: &Compiled) -> Layout {
    let mut tables = HostTables::default();
    tables.install(compiled);
    *tables.line::<Layout>(LAYOUT_LINE).unwrap()
}

fn set_word(line: &mut [u64; 8], offset: usize, value: u32) {
    let shift = offset % 8 * 8;
    let word = &mut line[offset / 8];
    *word = *word & !(0xffff_ffff << shift) | u64::from(value) << shift;
}

#[test]
fn quarantine_and_break_glass_are_told() {
    let mut asking = Asking::new();
    quarantine(&mut asking.compiled, 1, NOW + 60);
    let answer = asking.ask("pump-1", "10.0.0.53", Udp(53), Circumstances::default());
    let steps = expect(
        &answer,
        "quarantined",
        &["release pump-1 from quarantine: enforcerctl release pump-1"],
    );
    assert!(
        steps.contains("pump-1 is in quarantine until 2026-06-01T10:01:00Z."),
        "{steps}"
    );
    let later = Circumstances {
        at: Some(NOW + 60),
        ..Circumstances::default()
    };
    let answer = asking.ask("pump-1", "10.0.0.53", Udp(53), later);
    assert_eq!(answer.fate, "allow");

    let mut asking = Asking::new();
    open(&mut asking.compiled, 1, NOW + 60);
    let answer = asking.ask("pump-1", "10.0.0.53", Tcp(9), Circumstances::default());
    assert_eq!(
        (answer.fate.as_str(), answer.reason.as_str()),
        ("audit", "no-rule")
    );
    let steps = answer.steps.join("\n");
    assert!(
        steps.contains("Profile pump is open by break-glass until 2026-06-01T10:01:00Z: what would be denied passes."),
        "{steps}"
    );
}
