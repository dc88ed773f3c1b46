//! A record made by hand against a policy: what is told of each flow.

use enforcer_common::addr::Vlan;

use super::*;
use crate::policy::compile::compile;
use crate::policy::parse;
use crate::policy::source::{Bundle, File};
use crate::simulate::ports;

const NOW: u32 = 1_790_000_000;
const POLICY: &str = "version: 1
peers: {engine: 10.0.0.100}
profiles:
  pump:
    allow:
      - {name: engine, to: engine, tcp: 2575}
      - {name: update, to: 'dns:updates.example', tcp: 443}
      - {name: never, to: engine, udp: 1}
      - {name: peers, to: 'profile:pump', tcp: 7}
devices:
  - {name: pump-1, mac: 02:00:00:00:00:01, vlan: 10, ip: 10.1.0.1, profile: pump}
  - {name: pump-2, mac: 02:00:00:00:00:02, vlan: 10, profile: pump, mode: audit}
  - {name: pump-3, mac: 02:00:00:00:00:03, vlan: 10, profile: pump}
";

fn told(mac: u8, id: i64, name: Option<&str>) -> Told {
    Told::Device(SeenDevice {
        id,
        mac: Mac([2, 0, 0, 0, 0, mac]),
        vlan: Vlan::single(10),
        name: name.map(str::to_owned),
        profile: name.map(|_| "pump".to_owned()),
        declared: name.map(|_| (NOW - 1_000, None)),
        seen: Some((NOW - 500, NOW - 10)),
        days: vec![(NOW / 86_400, 1 << (NOW % 86_400 / 3_600))],
        overflow: 0,
    })
}

fn row(device: i64, peer: &str, service: u16, fate: &str) -> Observation {
    Observation {
        device,
        peer_device: None,
        peer_at_device_side: false,
        starts: Starter::Device,
        address: format!("10.1.0.{device}").parse().unwrap(),
        peer: peer.parse().unwrap(),
        protocol: 6,
        service: Some(service),
        fate: fate.to_owned(),
        reason: "rule".to_owned(),
        rules: Vec::new(),
        first_seen: NOW - 500,
        last_seen: NOW - 10,
        flows: 3,
        packets: 30,
        bytes: 3_000,
    }
}

/// The answer about these rows; devices 1, 2 and 9 (not declared) were seen.
fn ask(policy: &str, rows: Vec<Observation>, only: Option<&str>) -> Report {
    let main = File {
        path: "p.yaml".into(),
        text: policy.into(),
    };
    let (model, _) = parse(&Bundle {
        main,
        included: Vec::new(),
    })
    .unwrap_or_else(|errors| panic!("{errors}"));
    let mut compiled = compile(&model).unwrap();
    ports::place(&mut compiled);
    let mut live = Live::new(&model, &compiled, only).unwrap();
    let watch = Watch {
        since: NOW - 2_000,
        until: NOW,
        recording_since: Some(NOW - 1_500),
        watched: vec![[NOW - 1_500, NOW - 800], [NOW - 700, NOW]],
        ..Watch::default()
    };
    live.take(Told::Watch(watch)).unwrap();
    for device in [
        told(1, 1, Some("pump-1")),
        told(2, 2, Some("pump-2")),
        told(9, 9, None),
    ] {
        live.take(device).unwrap();
    }
    let observations = rows.len() as u64;
    rows.into_iter()
        .for_each(|row| live.take(Told::Observation(row)).unwrap());
    live.take(Told::End { observations }).unwrap();
    live.report().unwrap()
}

fn device<'r>(report: &'r Report, name: &str) -> &'r Device {
    report
        .devices
        .iter()
        .find(|device| device.device == name)
        .unwrap()
}

fn services(findings: &[Finding]) -> Vec<(&str, &str)> {
    let told = findings.iter();
    told.map(|of| {
        (
            of.service.as_str(),
            of.reason.as_deref().unwrap_or_default(),
        )
    })
    .collect()
}

#[test]
fn what_passed_is_told_where_it_would_not_pass_again() {
    let rows = vec![
        row(1, "10.0.0.100", 2575, "allow"),
        row(1, "10.0.0.100", 80, "audit"),
        row(2, "10.0.0.100", 80, "allow"),
        row(1, "10.0.0.100", 22, "deny"),
    ];
    let report = ask(POLICY, rows, None);
    let pump = device(&report, "pump-1");
    assert_eq!(services(&pump.would_deny), [("tcp 80", "no-rule")]);
    assert_eq!(
        (pump.would_deny[0].flows, pump.would_deny[0].packets),
        (3, 30)
    );
    assert!(pump.would_allow.is_empty());
    // In audit it goes on for now.
    let audited = device(&report, "pump-2");
    assert_eq!(
        services(&audited.would_deny_if_enforced),
        [("tcp 80", "no-rule")]
    );
    assert!(audited.would_deny.is_empty());
    assert_eq!(
        (report.totals.unchanged, report.totals.observations),
        (2, 4)
    );
    assert_eq!(report.never_seen, ["pump-3"]);
}

#[test]
fn what_was_denied_is_told_where_it_would_pass() {
    let report = ask(POLICY, vec![row(1, "10.0.0.100", 2575, "deny")], None);
    let allowed = &device(&report, "pump-1").would_allow;
    assert_eq!(services(allowed), [("tcp 2575", "rule")]);
    assert_eq!(allowed[0].rules, ["pump/engine"]);
}

#[test]
fn what_hangs_on_a_name_is_neither_denied_nor_allowed() {
    let report = ask(POLICY, vec![row(1, "192.0.2.7", 443, "allow")], None);
    let pump = device(&report, "pump-1");
    assert!(pump.would_deny.is_empty());
    assert_eq!(
        pump.depends_on_name[0].note.as_deref(),
        Some("depends on DNS name updates.example")
    );
}

#[test]
fn the_recorded_address_is_the_one_that_is_judged() {
    let mut spoofed = row(1, "10.0.0.100", 2575, "audit");
    spoofed.address = "10.1.0.66".parse().unwrap();
    let report = ask(POLICY, vec![spoofed], None);
    assert_eq!(
        services(&device(&report, "pump-1").would_deny),
        [("tcp 2575", "spoofed-source")]
    );
}

#[test]
fn both_devices_must_allow_and_who_refuses_is_named() {
    let mut between = row(2, "10.1.0.1", 7, "allow");
    between.peer_device = Some(1);
    between.peer_at_device_side = true;
    let report = ask(POLICY, vec![between], None);
    let refused = &device(&report, "pump-1").would_deny;
    assert_eq!(services(refused), [("tcp 7", "no-rule")]);
    assert_eq!(refused[0].from_device.as_deref(), Some("pump-2"));
}

#[test]
fn a_device_that_the_candidate_does_not_declare_is_unknown_to_it() {
    let report = ask(POLICY, vec![row(9, "10.0.0.100", 2575, "audit")], None);
    let stranger = device(&report, "02:00:00:00:00:09 (not declared)");
    assert_eq!(
        services(&stranger.would_deny),
        [("tcp 2575", "unknown-device")]
    );
}

#[test]
fn very_many_flows_of_a_device_spend_no_budget() {
    let policy = POLICY.replace("peers:", "defaults: {new_flows_per_second: 1}\npeers:");
    let rows = (0..50)
        .map(|_| row(1, "10.0.0.100", 2575, "allow"))
        .collect();
    assert_eq!(ask(&policy, rows, None).totals.unchanged, 50);
}

#[test]
fn a_rule_that_sleeps_when_the_flow_was_seen_denies_it() {
    // The flow was seen on a Monday at 14:13 UTC.
    let schedule = |day: &str| {
        let asleep = format!(
            "schedule: {{days: [{day}], from: '14:00', until: '15:00', zone: UTC}}, tcp: 2575"
        );
        POLICY.replace("tcp: 2575", &asleep)
    };
    let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let denied = week.map(|day| {
        let report = ask(
            &schedule(day),
            vec![row(1, "10.0.0.100", 2575, "allow")],
            None,
        );
        report.totals.would_deny
    });
    assert_eq!(denied, [0, 1, 1, 1, 1, 1, 1]);
}

#[test]
fn rules_that_nothing_matched_are_told_for_profile_and_device() {
    let rows = || vec![row(1, "10.0.0.100", 2575, "allow")];
    let report = ask(POLICY, rows(), None);
    assert_eq!(
        report.unmatched_rules[0].rules,
        ["update", "never", "peers"]
    );
    assert_eq!(report.unmatched_rules[0].devices_seen, 2);
    let report = ask(POLICY, rows(), Some("pump-2"));
    assert_eq!(report.devices.len(), 1);
    let rules = report.devices[0].unmatched_rules.as_ref().unwrap();
    assert_eq!(rules.len(), 4, "{rules:?}");
    assert_eq!(report.totals.observations, 0);
}

#[test]
fn coverage_tells_the_gaps_and_how_long_a_device_was_watched() {
    let report = ask(POLICY, Vec::new(), None);
    let coverage = &report.coverage;
    let gaps: Vec<u32> = coverage.gaps.iter().map(|gap| gap.seconds).collect();
    assert_eq!(gaps, [500, 100]);
    assert_eq!(
        (coverage.watched_seconds, coverage.period_seconds),
        (1_400, 2_000)
    );
    // Declared for the last 1,000 seconds, 100 of which nobody watched.
    assert_eq!(device(&report, "pump-1").watched_seconds, 900);
    assert!(coverage.statements[0].contains("may still break"));
}

#[test]
fn a_record_that_was_cut_off_is_no_answer() {
    let main = File {
        path: "p.yaml".into(),
        text: POLICY.into(),
    };
    let (model, _) = parse(&Bundle {
        main,
        included: Vec::new(),
    })
    .unwrap();
    let compiled = compile(&model).unwrap();
    let live = Live::new(&model, &compiled, None).unwrap();
    assert!(live.report().unwrap_err().to_string().contains("cut off"));
    assert!(Live::new(&model, &compiled, Some("nobody")).is_err());
}
