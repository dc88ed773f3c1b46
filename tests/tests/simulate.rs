//! Simulations in the kernel: the real program, run on captured frames at the
//! capture's time, finds what the decision in user space finds. So it does for the
//! policy's own tests. Needs root.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use enforcer::policy::compile::Compiled;
use enforcer::policy::model::Model;
use enforcer::policy::source::{Bundle, File};
use enforcer::simulate::engine::{Engine, InModel, Kernel};
use enforcer::simulate::expectations::{Rehearsal, before_apply};
use enforcer::simulate::origin::Origins;
use enforcer::simulate::ports;
use enforcer::simulate::replay::{Choices, Replay};
use enforcer::simulate::report::Report;
use enforcer_common::limits;
use enforcer_common::port::Side;
use enforcer_tests::program::frame::{ACK, Ip, SYN, protocol};
use enforcer_tests::program::random::{self, Random};
use enforcer_tests::program::rig::compiled;
use enforcer_tests::program::ward::{self, BOUND, Family};
use enforcer_tests::program::{Link, capture};
use pcap_file::pcap::{PcapPacket, PcapWriter};

const CAPTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/captures");
/// No test of many captures takes longer than about this.
const PATIENCE: Duration = Duration::from_secs(60);
/// 2026-03-02T10:00:00Z, a Monday.
const MONDAY: u64 = 1_772_445_600;

/// Judges everybody by rules that let a good part of common traffic through.
const GUESTS: &str = r#"
version: 1
defaults: {unknown_devices: guest, core_broadcast: guest, new_flows_per_second: 0}
profiles:
  guest:
    allow:
      - {name: out, to: any, tcp: any, udp: any, icmp: any, icmpv6: any}
      - {name: in, from: any, udp: any, icmp: echo-request, tcp: [80, 443, 102, 502]}
"#;

fn engines(compiled: &Compiled) -> Vec<Box<dyn Engine>> {
    let kernel = Kernel::load(compiled, limits::FLOWS).expect("the kernel takes the program");
    vec![Box::<InModel>::default(), Box::new(kernel)]
}

fn replay(policy: &str, files: &[PathBuf], unknown: Side, adopt: Duration) -> Report {
    let (model, mut compiled) = compiled(policy);
    ports::place(&mut compiled);
    let origins = Origins::new(&model, &compiled, unknown, BTreeMap::new());
    let choices = Choices { first: 3, adopt };
    let engines = engines(&compiled);
    let mut replay = Replay::new(&model, &compiled, engines, origins, choices).unwrap();
    let begin = Instant::now();
    for file in files {
        if begin.elapsed() < PATIENCE {
            replay.file(file, &mut |_| {}).unwrap();
        }
    }
    replay.report()
}

#[track_caller]
fn agreed(report: &Report) -> u64 {
    let agreement = report.agreement.as_ref().expect("two engines");
    assert_eq!(agreement.differing, 0, "{:#?}", agreement.first);
    agreement.compared
}

fn fates(report: &Report) -> BTreeMap<(&str, &str), u64> {
    let of = report
        .reasons
        .iter()
        .map(|of| ((of.reason, of.fate), of.frames));
    of.collect()
}

/// Frames, each so many milliseconds after the one before, as a capture.
fn written(folder: &Path, name: &str, frames: &[(u64, Vec<u8>)]) -> PathBuf {
    let mut writer = PcapWriter::new(Vec::new()).unwrap();
    let mut time = Duration::from_secs(MONDAY);
    for (later, frame) in frames {
        time += Duration::from_millis(*later);
        let packet = PcapPacket::new(time, frame.len() as u32, frame).unwrap();
        writer.write_packet(&packet).unwrap();
    }
    let path = folder.join(name);
    std::fs::write(&path, writer.into_inner()).unwrap();
    path
}

#[test]
fn captures_at_hand_are_judged_alike_at_their_own_times() {
    let files = capture::files(Path::new(CAPTURES));
    if files.is_empty() {
        println!("skipped: no captures at {CAPTURES}");
        return;
    }
    for unknown in [Side::Device, Side::Core] {
        let report = replay(GUESTS, &files, unknown, Duration::from_secs(300));
        let compared = agreed(&report);
        println!(
            "{unknown:?}: {compared} frames of {} files judged alike",
            report.files.len()
        );
        assert!(compared > 10_000);
    }
}

/// Random frames about the ward, over hours, so that flows time out and budgets and
/// limits begin anew.
#[test]
fn random_frames_are_judged_alike_over_hours() {
    let folder = tempfile::tempdir().unwrap();
    let mut numbers = Random(11);
    let frames: Vec<_> = (0..30_000)
        .map(|_| {
            let (_, frame) = random::frame(&mut numbers);
            (numbers.below(1_000) as u64, frame)
        })
        .collect();
    let file = written(folder.path(), "random.pcap", &frames);
    let limited = ward::POLICY.replace("tcp: 2575}", "tcp: 2575, limit: {packets: 3}}");
    for policy in [ward::POLICY, &limited] {
        let report = replay(
            policy,
            std::slice::from_ref(&file),
            Side::Device,
            Duration::ZERO,
        );
        // Frames shorter than an Ethernet header are the model's alone.
        assert!(agreed(&report) > 29_000);
        assert!(fates(&report).len() > 10, "{:?}", fates(&report));
    }
}

/// All that depends on time, ports and names: a schedule, a DNS name, a device that
/// is bound to a port, live sessions.
const CONDITIONS: &str = r#"
version: 1
defaults: {adopt_sessions: 5s}
ports:
  eth1: {vlans: [untagged]}
  eth2: {vlans: [10]}
profiles:
  pump:
    allow:
      - {name: dns, to: 10.20.0.53, udp: 53}
      - {name: pacs, to: "dns:pacs.example.org", tcp: 104}
      - {name: by-day, to: 10.20.0.10, tcp: 2575, schedule: {days: daily, from: "08:00", until: "18:00", zone: Etc/UTC}}
devices:
  - {name: bound, mac: "02:00:00:00:00:01", ip: 10.10.0.1, profile: pump, port: eth1}
  - {name: other, mac: "02:00:00:00:00:02", vlan: 10, ip: 10.10.0.2, profile: pump, port: eth2}
"#;

/// A DNS message about pacs.example.org, the answer with 10.20.0.99 for five minutes.
fn dns(answer: bool) -> Vec<u8> {
    let flags: [u8; 2] = if answer { [0x81, 0x80] } else { [0x01, 0x00] };
    let mut message = [
        &[0x12, 0x34][..],
        &flags,
        &[0, 1, 0, u8::from(answer), 0, 0, 0, 0],
    ]
    .concat();
    message.extend(b"\x04pacs\x07example\x03org\x00\x00\x01\x00\x01");
    if answer {
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0x2c, 0, 4, 10, 20, 0, 99]);
    }
    message
}

#[test]
fn time_ports_and_names_hold_in_both() {
    let folder = tempfile::tempdir().unwrap();
    let own = ward::device(Family::V4, BOUND);
    let (resolver, engine) = (ward::dns(Family::V4), ward::engine(Family::V4));
    let pacs: IpAddr = [10, 20, 0, 99].into();
    let (out, back) = (ward::outward(BOUND), ward::inward(BOUND));
    let syn = |to, port, from| out.tcp((own, from), (to, port), SYN);
    let datagram = |link: &Link, from, to, ports: (u16, u16), payload: &[u8]| {
        let udp = enforcer_tests::program::frame::udp(ports.0, ports.1, payload);
        link.ip(&Ip::new(from, to, protocol::UDP, &udp))
    };
    const HOUR: u64 = 3_600_000;
    let frames = [
        // Monday, ten o'clock: a session that already runs, then one that does not.
        (0, out.tcp((own, 40_000), (engine, 2575), ACK)),
        (6_000, out.tcp((own, 40_001), (engine, 2575), ACK)),
        (0, syn(engine, 2575, 40_002)),
        (0, syn(pacs, 104, 40_003)),
        (0, datagram(&out, own, resolver, (5_353, 53), &dns(false))),
        (10, datagram(&back, resolver, own, (53, 5_353), &dns(true))),
        (10, syn(pacs, 104, 40_004)),
        // Nineteen o'clock, and forty days later at eleven.
        (9 * HOUR, syn(engine, 2575, 40_005)),
        (0, syn(pacs, 104, 40_006)),
        ((40 * 24 - 8) * HOUR, syn(engine, 2575, 40_007)),
    ];
    let file = written(folder.path(), "conditions.pcap", &frames);
    let report = replay(CONDITIONS, &[file], Side::Core, Duration::from_secs(5));
    assert_eq!(agreed(&report), 10);
    let expected = BTreeMap::from([
        (("adopted", "allow"), 1),
        (("no-flow", "deny"), 1),
        (("rule", "allow"), 4),
        (("established", "allow"), 1),
        (("name-not-learned", "deny"), 2),
        (("rule-asleep", "deny"), 1),
    ]);
    assert_eq!(fates(&report), expected);
}

/// A policy with tests, and the bundle that it is from.
fn tested(tests: &str) -> (Bundle, Model, Compiled) {
    let policy = format!("{CONDITIONS}tests:\n{tests}");
    let (model, compiled) = compiled(&policy);
    let main = File {
        path: "ward.yaml".to_owned(),
        text: policy,
    };
    let bundle = Bundle {
        main,
        included: Vec::new(),
    };
    (bundle, model, compiled)
}

const PASSING: &str = "
  - {from: bound, to: 10.20.0.10, tcp: 2575, expect: allow, rule: by-day, at: 2026-03-02T10:00:00Z}
  - {from: bound, to: 10.20.0.10, tcp: 2575, expect: deny, reason: rule-asleep, at: 2026-03-02T19:00:00Z}
  - {from: bound, to: 10.20.0.10, tcp: 2575, expect: allow, rule: pump/by-day, at: 2027-07-05T08:00:00Z}
  - {from: other, to: 10.20.0.53, udp: 53, expect: allow, rule: dns}
  - {from: bound, to: 10.20.0.99, tcp: 104, expect: deny, reason: name-not-learned}
  - {from: bound, to: other, udp: 53, expect: deny}
";

#[test]
fn policy_tests_run_in_both_engines() {
    let (bundle, model, compiled) = tested(PASSING);
    let mut rehearsal = Rehearsal::in_both(&compiled).unwrap();
    // The state of one run is nothing to the next.
    for _ in 0..3 {
        let outcomes = rehearsal.run(&model, &compiled, MONDAY as u32).unwrap();
        assert_eq!(outcomes.len(), 6);
        let failed: Vec<_> = outcomes.iter().filter(|of| of.failure.is_some()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }
    before_apply(&bundle, &model, &compiled, MONDAY as u32).expect("all pass");
}

#[test]
fn a_failing_test_refuses_the_policy_with_its_line() {
    let failing = "  - {from: bound, to: 10.20.0.53, udp: 53, expect: allow}
  - {name: wrong fate, from: bound, to: 10.20.0.10, tcp: 23, expect: allow}
  - {name: wrong reason, from: bound, to: 10.20.0.10, tcp: 23, expect: deny, reason: no-flow}
  - {name: wrong rule, from: bound, to: 10.20.0.53, udp: 53, expect: allow, rule: pacs}
";
    let (bundle, model, compiled) = tested(failing);
    let failure = before_apply(&bundle, &model, &compiled, MONDAY as u32).unwrap_err();
    assert_eq!(failure.error, "3 of the policy's 4 tests fail");
    let told: Vec<_> = failure
        .diagnostics
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    let line = 1 + CONDITIONS.lines().count();
    let expected = [
        format!(
            "ward.yaml:{}:5: error: tests[1]: the test \"wrong fate\" fails: expected allow, found deny (no-rule) for bound",
            line + 2
        ),
        format!(
            "ward.yaml:{}:5: error: tests[2]: the test \"wrong reason\" fails: expected deny (no-flow), found deny (no-rule) for bound",
            line + 3
        ),
        format!(
            "ward.yaml:{}:5: error: tests[3]: the test \"wrong rule\" fails: expected allow by pacs, found allow (rule) by pump/dns for bound",
            line + 4
        ),
    ];
    assert_eq!(told, expected);
}

/// Audit changes what becomes of frames, and not what a test is told.
#[test]
fn policy_tests_see_the_true_verdict() {
    let audited = CONDITIONS.replace("adopt_sessions: 5s", "mode: audit, adopt_sessions: 5s");
    let policy = format!(
        "{audited}tests:\n  - {{from: bound, to: 10.20.0.10, tcp: 23, expect: deny, reason: no-rule}}\n"
    );
    let (model, compiled) = compiled(&policy);
    let mut rehearsal = Rehearsal::in_both(&compiled).unwrap();
    let outcomes = rehearsal.run(&model, &compiled, MONDAY as u32).unwrap();
    assert_eq!(outcomes[0].failure, None);
}
