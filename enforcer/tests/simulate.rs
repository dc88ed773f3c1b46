//! `enforcerctl simulate` over captures that the tests write: exact totals, sides
//! and ports, time and what is learned from it, damaged files, exit codes, JSON.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use etherparse::{PacketBuilder, VlanId};
use pcap_file::DataLink;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use serde_json::Value;

const POLICY: &str = "version: 1
peers: {engine: 10.0.0.100}
profiles:
  pump:
    allow:
      - {name: hl7, to: engine, tcp: 2575}
devices:
  - {name: pump-1, mac: 02:00:00:00:00:01, vlan: 10, ip: 10.1.0.1, profile: pump}
";
const PUMP: [u8; 6] = [2, 0, 0, 0, 0, 1];
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0xc0, 1];
const STRANGER: [u8; 6] = [2, 0, 0, 0, 0xee, 1];
const PUMP_IP: [u8; 4] = [10, 1, 0, 1];
const ENGINE_IP: [u8; 4] = [10, 0, 0, 100];
/// A Monday, 2026-03-02T10:00:00Z.
const MONDAY: u64 = 1_772_445_600;

struct Ward {
    folder: tempfile::TempDir,
}

impl Ward {
    fn new(policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ward.yaml"), policy).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Frames with their times as a pcap of Ethernet.
    fn pcap(&self, name: &str, frames: &[(Duration, Vec<u8>)]) -> PathBuf {
        self.linked(name, DataLink::ETHERNET, frames)
    }

    fn linked(&self, name: &str, datalink: DataLink, frames: &[(Duration, Vec<u8>)]) -> PathBuf {
        let header = PcapHeader {
            datalink,
            ..PcapHeader::default()
        };
        let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
        for (time, frame) in frames {
            let packet = PcapPacket::new(*time, frame.len() as u32, frame).unwrap();
            writer.write_packet(&packet).unwrap();
        }
        let path = self.path(name);
        std::fs::write(&path, writer.into_inner()).unwrap();
        path
    }

    fn run(&self, captures: &[&Path], more: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_enforcerctl"))
            .arg("simulate")
            .arg(self.path("ward.yaml"))
            .args(more)
            .arg("--pcap")
            .args(captures)
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// The report, which fits the documented schema.
    #[track_caller]
    fn report(&self, captures: &[&Path], more: &[&str], code: i32) -> Value {
        let more = [&["-o", "json"], more].concat();
        let (ended, printed, complained) = self.run(captures, &more);
        assert_eq!(ended, Some(code), "{printed}\n{complained}");
        let report = serde_json::from_str(&printed)
            .unwrap_or_else(|error| panic!("{error} in {printed}\n{complained}"));
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/simulate.schema.json");
        let schema = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&report)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:#?} in {report:#}");
        report
    }
}

/// So many milliseconds after Monday, ten o'clock.
fn after(milliseconds: u64) -> Duration {
    Duration::from_millis(MONDAY * 1000 + milliseconds)
}

fn tcp(
    source: ([u8; 6], [u8; 4], u16),
    destination: ([u8; 6], [u8; 4], u16),
    flags: &str,
) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(source.0, destination.0)
        .single_vlan(VlanId::try_new(10).unwrap())
        .ipv4(source.1, destination.1, 64)
        .tcp(source.2, destination.2, 1, 1024);
    let builder = match flags {
        "S" => builder.syn(),
        "SA" => builder.syn().ack(1),
        "A" => builder.ack(1),
        _ => panic!("unknown flags {flags}"),
    };
    let mut frame = Vec::new();
    builder.write(&mut frame, b"data").unwrap();
    frame
}

fn udp(
    source: ([u8; 6], [u8; 4], u16),
    destination: ([u8; 6], [u8; 4], u16),
    payload: &[u8],
) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(source.0, destination.0)
        .single_vlan(VlanId::try_new(10).unwrap())
        .ipv4(source.1, destination.1, 64)
        .udp(source.2, destination.2);
    let mut frame = Vec::new();
    builder.write(&mut frame, payload).unwrap();
    frame
}

fn pump(port: u16) -> ([u8; 6], [u8; 4], u16) {
    (PUMP, PUMP_IP, port)
}

fn engine(port: u16) -> ([u8; 6], [u8; 4], u16) {
    (ROUTER, ENGINE_IP, port)
}

/// A session of the pump with the engine, what the pump may not, and a stranger.
fn known() -> Vec<(Duration, Vec<u8>)> {
    let stranger = (STRANGER, [10, 1, 0, 66], 7);
    vec![
        (after(0), tcp(pump(40_000), engine(2575), "S")),
        (after(1), tcp(engine(2575), pump(40_000), "SA")),
        (after(2), tcp(pump(40_001), engine(80), "S")),
        // Of an earlier time than the one before.
        (after(1), tcp(pump(40_000), engine(2575), "A")),
        (after(3), tcp(stranger, (ROUTER, ENGINE_IP, 80), "S")),
        (
            after(3),
            tcp(pump(40_000), engine(2575), "A")[..30].to_vec(),
        ),
    ]
}

/// Frames of each reason and fate.
fn reasons(report: &Value) -> Vec<(String, String, u64)> {
    let of = |of: &Value| {
        let text = |key: &str| of[key].as_str().unwrap().to_owned();
        (text("reason"), text("fate"), of["frames"].as_u64().unwrap())
    };
    let mut reasons: Vec<_> = report["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(of)
        .collect();
    reasons.sort();
    reasons
}

fn expected(reasons: &[(&str, &str, u64)]) -> Vec<(String, String, u64)> {
    let of = |(reason, fate, frames): &(&str, &str, u64)| {
        ((*reason).to_owned(), (*fate).to_owned(), *frames)
    };
    reasons.iter().map(of).collect()
}

#[test]
fn known_frames_have_known_totals() {
    let ward = Ward::new(POLICY);
    let capture = ward.pcap("known.pcap", &known());
    let report = ward.report(&[&capture], &["--adopt", "0"], 0);
    let wanted = [
        ("established", "allow", 2),
        ("no-rule", "deny", 1),
        ("rule", "allow", 1),
        ("truncated", "deny", 1),
        ("unknown-destination", "deny", 1),
    ];
    assert_eq!(reasons(&report), expected(&wanted));
    let fates: Vec<_> = report["fates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| &of["frames"])
        .collect();
    assert_eq!(fates, [3, 0, 3, 0]);
    assert_eq!(report["rules"][0]["rule"], "pump/hl7");
    assert_eq!(report["rules"][0]["frames"], 3);
    assert_eq!(report["rules"].as_array().unwrap().len(), 1);
    let pump = &report["devices"][0];
    assert_eq!(
        (&pump["device"], &pump["profile"]),
        (&"pump-1".into(), &"pump".into())
    );
    assert_eq!((&pump["allow"], &pump["deny"]), (&3.into(), &2.into()));
    let frames = &report["frames"];
    assert_eq!(
        (&frames["read"], &frames["judged"], &frames["skipped"]),
        (&6.into(), &6.into(), &0.into())
    );
    assert_eq!(
        (&frames["out_of_order"], &frames["without_time"]),
        (&1.into(), &0.into())
    );
    assert_eq!(frames["first"], "2026-03-02T10:00:00Z");
    assert_eq!(frames["last"], "2026-03-02T10:00:00.003Z");
    assert_eq!(frames["adopting_until"], "2026-03-02T10:00:00Z");
    assert_eq!(report["agreement"], Value::Null);
    let denied = report["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .find(|of| of["reason"] == "no-rule");
    let first = &denied.unwrap()["first"][0];
    assert_eq!(
        (&first["frame"], &first["side"]),
        (&3.into(), &"device".into())
    );
    assert_eq!(first["device"], "pump-1");
    let summary = first["summary"].as_str().unwrap();
    assert!(
        summary.starts_with("10.1.0.1:40001 > 10.0.0.100:80 TCP SYN, 62 bytes, VLAN 10"),
        "{summary}"
    );
}

#[test]
fn people_are_told_the_same() {
    let ward = Ward::new(POLICY);
    let capture = ward.pcap("known.pcap", &known());
    let (code, printed, complained) = ward.run(&[&capture], &["--adopt", "0"]);
    assert_eq!(code, Some(0), "{complained}");
    for words in [
        "6 of 6 frames",
        "pump/hl7",
        "pump-1",
        "no-rule",
        "10.1.0.1:40001 > 10.0.0.100:80 TCP SYN",
    ] {
        assert!(printed.contains(words), "no {words:?} in {printed}");
    }
    assert!(
        complained.contains("1 frames are of an earlier time"),
        "{complained}"
    );
}

#[test]
fn only_the_first_frames_of_each_reason_are_kept() {
    let ward = Ward::new(POLICY);
    let frames: Vec<_> = (0..9)
        .map(|number| (after(number), tcp(pump(50_000), engine(81), "S")))
        .collect();
    let capture = ward.pcap("many.pcap", &frames);
    let report = ward.report(&[&capture], &["--first", "3"], 0);
    assert_eq!(report["reasons"][0]["frames"], 9);
    let kept: Vec<_> = report["reasons"][0]["first"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| &of["frame"])
        .collect();
    assert_eq!(kept, [1, 2, 3]);
}

#[test]
fn state_and_time_go_on_from_file_to_file() {
    let ward = Ward::new(POLICY);
    let frames = known();
    let first = ward.pcap("first.pcap", &frames[..1]);
    let second = ward.pcap("second.pcap", &frames[1..2]);
    let established = ward.report(&[&first, &second], &["--adopt", "0"], 0);
    assert_eq!(
        reasons(&established),
        expected(&[("established", "allow", 1), ("rule", "allow", 1)])
    );
    // In the order given, and not in that of their times.
    let other = ward.report(&[&second, &first], &["--adopt", "0"], 0);
    assert_eq!(
        reasons(&other),
        expected(&[("no-flow", "deny", 1), ("rule", "allow", 1)])
    );
    assert_eq!(other["frames"]["out_of_order"], 1);
    // A day later the flow is forgotten.
    let late = ward.pcap(
        "late.pcap",
        &[(after(10 * 86_400_000), frames[3].1.clone())],
    );
    let idle = ward.report(&[&first, &late], &["--adopt", "0"], 0);
    assert_eq!(
        reasons(&idle),
        expected(&[("no-flow", "deny", 1), ("rule", "allow", 1)])
    );
}

#[test]
fn sessions_that_already_run_are_adopted_at_first() {
    let ward = Ward::new(POLICY);
    let middle = |milliseconds, port| (after(milliseconds), tcp(pump(port), engine(2575), "A"));
    let capture = ward.pcap(
        "running.pcap",
        &[
            middle(0, 40_000),
            middle(9_000, 41_000),
            middle(11_000, 42_000),
        ],
    );
    let report = ward.report(&[&capture], &["--adopt", "10"], 0);
    assert_eq!(
        reasons(&report),
        expected(&[("adopted", "allow", 2), ("no-flow", "deny", 1)])
    );
    assert_eq!(report["frames"]["adopting_until"], "2026-03-02T10:00:10Z");
    let default = ward.report(&[&capture], &[], 0);
    assert_eq!(reasons(&default), expected(&[("adopted", "allow", 3)]));
}

#[test]
fn unknown_ends_come_from_the_side_that_is_said() {
    let ward = Ward::new(POLICY);
    let frame = known()[4].clone();
    let capture = ward.pcap("stranger.pcap", &[frame]);
    let report = ward.report(&[&capture], &[], 0);
    assert_eq!(reasons(&report)[0].0, "unknown-destination");
    let report = ward.report(&[&capture], &["--unknown-side", "device"], 0);
    assert_eq!(reasons(&report)[0].0, "unknown-device");
}

/// A pcapng with interfaces of these names and link types, and a frame on each.
fn pcapng(ward: &Ward, interfaces: &[(&'static str, DataLink)], frame: &[u8]) -> PathBuf {
    let mut writer = PcapNgWriter::new(Vec::new()).unwrap();
    for (name, link) in interfaces {
        let mut block = InterfaceDescriptionBlock::new(*link, 0);
        block.options = vec![InterfaceDescriptionOption::IfName((*name).into())];
        writer.write_pcapng_block(block).unwrap();
    }
    for number in 0..interfaces.len() {
        let block = EnhancedPacketBlock {
            interface_id: number as u32,
            timestamp: after(number as u64),
            original_len: frame.len() as u32,
            data: frame.into(),
            options: Vec::new(),
        };
        writer.write_pcapng_block(block).unwrap();
    }
    let path = ward.path("several.pcapng");
    std::fs::write(&path, writer.into_inner()).unwrap();
    path
}

#[test]
fn interfaces_have_sides_and_those_without_ethernet_are_told() {
    let ward = Ward::new(POLICY);
    let frame = tcp(pump(40_000), engine(2575), "S");
    let links = [
        ("ward", DataLink::ETHERNET),
        ("uplink", DataLink::ETHERNET),
        ("any", DataLink::LINUX_SLL),
    ];
    let capture = pcapng(&ward, &links, &frame);
    let report = ward.report(
        &[&capture],
        &["--side", "uplink=core", "--side", "ward=device"],
        0,
    );
    let sides: Vec<_> = report["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|of| of["first"].as_array().unwrap())
        .map(|first| {
            (
                first["frame"].as_u64().unwrap(),
                first["side"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(
        sides.contains(&(1, "device")) && sides.contains(&(2, "core")),
        "{sides:?}"
    );
    let skipped = &report["skipped"][0];
    assert_eq!(
        (&skipped["interface"], &skipped["frames"]),
        (&"any".into(), &1.into())
    );
    assert_eq!(
        skipped["why"],
        "LINKTYPE_LINUX_SLL (113) carries no Ethernet"
    );
    assert_eq!(report["frames"]["judged"], 2);
}

#[test]
fn a_capture_of_another_link_is_an_error_that_names_it() {
    let ward = Ward::new(POLICY);
    let capture = ward.linked("any.pcap", DataLink::LINUX_SLL, &known());
    let report = ward.report(&[&capture], &[], 1);
    let message = report["files"][0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("LINKTYPE_LINUX_SLL (113)"), "{message}");
    let (_, _, complained) = ward.run(&[&capture], &[]);
    assert!(
        complained.contains("error: ") && complained.contains("any.pcap"),
        "{complained}"
    );
}

#[test]
fn devices_come_in_by_the_port_that_they_are_bound_to() {
    let policy = POLICY
        .replace(
            "devices:",
            "ports:\n  eth1: {vlans: [10]}\n  eth2: {vlans: [untagged]}\ndevices:",
        )
        .replace("profile: pump}", "profile: pump, port: eth1}")
        // Or the router would be an unknown destination, seen from the core side.
        .replace(
            "version: 1",
            "version: 1\ndefaults: {unknown_devices: pump}",
        );
    let ward = Ward::new(&policy);
    let syn = tcp(pump(40_000), engine(2575), "S");
    let capture = pcapng(
        &ward,
        &[("ward", DataLink::ETHERNET), ("uplink", DataLink::ETHERNET)],
        &syn,
    );
    let report = ward.report(&[&capture], &[], 0);
    let both = [("established", "allow", 1), ("rule", "allow", 1)];
    assert_eq!(reasons(&report), expected(&both), "and its SYN again");
    let report = ward.report(&[&capture], &["--side", "uplink=core"], 0);
    assert_eq!(
        reasons(&report),
        expected(&[("rule", "allow", 1), ("wrong-port", "deny", 1)])
    );
}

#[test]
fn rules_with_a_schedule_follow_the_time_of_the_capture() {
    let policy = POLICY.replace(
        "tcp: 2575}",
        "udp: 2575, schedule: {days: weekdays, from: \"08:00\", until: \"18:00\", zone: Etc/UTC}}",
    );
    let ward = Ward::new(&policy);
    let hour = 3_600_000;
    let at = |hours: u64, port| (after(hours * hour), udp(pump(port), engine(2575), b"data"));
    // Monday 10:00 and 19:00, Saturday noon, and many weeks later Tuesday 11:00.
    let capture = ward.pcap(
        "weeks.pcap",
        &[at(0, 1), at(9, 2), at(122, 3), at(24 * 7 * 12 + 25, 4)],
    );
    let report = ward.report(&[&capture], &[], 0);
    assert_eq!(
        reasons(&report),
        expected(&[("rule", "allow", 2), ("rule-asleep", "deny", 2)])
    );
}

/// A DNS message about pacs.example.org, the answer with 10.0.0.9.
fn dns(answer: bool) -> Vec<u8> {
    let name = b"\x04pacs\x07example\x03org\x00";
    let flags: [u8; 2] = if answer { [0x81, 0x80] } else { [0x01, 0x00] };
    let mut message = vec![0x12, 0x34];
    message.extend(flags);
    message.extend([0, 1, 0, u8::from(answer), 0, 0, 0, 0]);
    message.extend(name);
    message.extend([0, 1, 0, 1]);
    if answer {
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0x2c, 0, 4, 10, 0, 0, 9]);
    }
    message
}

#[test]
fn names_are_learned_from_the_answers_in_the_capture() {
    let policy = POLICY.replace(
        "tcp: 2575}",
        "udp: 53}\n      - {name: pacs, to: \"dns:pacs.example.org\", tcp: 104}",
    );
    let ward = Ward::new(&policy);
    let pacs = (ROUTER, [10, 0, 0, 9], 104);
    let frames = [
        (after(0), tcp(pump(40_000), pacs, "S")),
        (after(10), udp(pump(5_353), engine(53), &dns(false))),
        (after(20), udp(engine(53), pump(5_353), &dns(true))),
        (after(30), tcp(pump(40_001), pacs, "S")),
        // The record's five minutes and a minute of grace have passed.
        (after(400_000), tcp(pump(40_002), pacs, "S")),
    ];
    let capture = ward.pcap("names.pcap", &frames);
    let report = ward.report(&[&capture], &["--adopt", "0"], 0);
    let wanted = [
        ("established", "allow", 1),
        ("name-not-learned", "deny", 2),
        ("rule", "allow", 2),
    ];
    assert_eq!(reasons(&report), expected(&wanted));
}

#[test]
fn a_file_that_is_cut_off_is_judged_up_to_there() {
    let ward = Ward::new(POLICY);
    let whole = ward.pcap("whole.pcap", &known());
    let content = std::fs::read(&whole).unwrap();
    let cut = ward.path("cut.pcap");
    std::fs::write(&cut, &content[..24 + 2 * (16 + 62) + 20]).unwrap();
    let report = ward.report(&[&cut, &whole], &["--adopt", "0"], 1);
    let file = &report["files"][0];
    assert_eq!(
        (
            &file["frames"],
            &file["error"]["frame"],
            &file["error"]["byte"]
        ),
        (&2.into(), &3.into(), &180.into())
    );
    assert_eq!(
        report["files"][1]["error"],
        Value::Null,
        "the other file is judged too"
    );
    assert_eq!(report["frames"]["judged"], 8);
    let (code, printed, complained) = ward.run(&[&cut], &[]);
    assert_eq!(code, Some(1));
    assert!(printed.contains("2 of 2 frames"), "{printed}");
    for words in [
        "cut.pcap, frame 3, at byte 180:",
        "the file ends",
        "2 frames before are in the report",
    ] {
        assert!(complained.contains(words), "no {words:?} in {complained}");
    }
}

#[test]
fn an_empty_file_and_one_that_is_missing_are_errors() {
    let ward = Ward::new(POLICY);
    let empty = ward.path("empty.pcap");
    std::fs::write(&empty, b"").unwrap();
    let report = ward.report(&[&empty, &ward.path("missing.pcap")], &[], 1);
    let message = |file: usize| report["files"][file]["error"]["message"].as_str().unwrap();
    assert!(message(0).contains("is empty") && message(1).contains("cannot be opened"));
    // A capture without frames is one.
    let none = ward.pcap("none.pcap", &[]);
    let (code, _, complained) = ward.run(&[&none], &[]);
    assert_eq!(code, Some(0));
    assert!(
        complained.contains("there is no frame in it"),
        "{complained}"
    );
}

#[test]
fn frames_cut_short_in_the_capture_are_judged_as_they_are_and_counted() {
    let ward = Ward::new(POLICY);
    let mut writer = PcapWriter::new(Vec::new()).unwrap();
    let syn = tcp(pump(40_000), engine(2575), "S");
    let packet = PcapPacket::new(after(0), 1514, &syn[..58]).unwrap();
    writer.write_packet(&packet).unwrap();
    let path = ward.path("short.pcap");
    std::fs::write(&path, writer.into_inner()).unwrap();
    let report = ward.report(&[&path], &[], 0);
    assert_eq!(
        (&report["frames"]["cut_short"], &report["frames"]["judged"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn fates_that_must_not_be_have_a_code_of_their_own() {
    let ward = Ward::new(POLICY);
    let capture = ward.pcap("known.pcap", &known());
    ward.report(&[&capture], &["--fail-on", "deny"], 6);
    let session = ward.pcap("session.pcap", &known()[..2]);
    ward.report(&[&session], &["--fail-on", "deny"], 0);
    let audited = Ward::new(&POLICY.replace("version: 1", "version: 1\ndefaults: {mode: audit}"));
    let capture = audited.pcap("known.pcap", &known());
    audited.report(&[&capture], &["--fail-on", "deny"], 0);
    audited.report(&[&capture], &["--fail-on", "audit"], 6);
}

#[test]
fn without_rights_the_kernel_engine_says_what_it_needs() {
    const NOBODY: u32 = 65_534;
    let ward = Ward::new(POLICY);
    let capture = ward.pcap("known.pcap", &known());
    let program = ward.path("enforcerctl");
    std::fs::copy(env!("CARGO_BIN_EXE_enforcerctl"), &program).unwrap();
    let readable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(ward.folder.path(), readable).unwrap();
    let run = |engine: &str| {
        let mut command = Command::new(&program);
        command.arg("simulate").arg(ward.path("ward.yaml"));
        command.args(["--engine", engine, "--pcap"]).arg(&capture);
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(NOBODY);
        }
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    for engine in ["kernel", "both"] {
        let (code, complained) = run(engine);
        assert_eq!(code, Some(1), "{complained}");
        assert!(complained.contains("which needs root"), "{complained}");
    }
    assert_eq!(run("model").0, Some(0));
}

#[test]
fn a_policy_with_errors_judges_nothing() {
    let ward = Ward::new("version: 1\nprofiles: [");
    let capture = ward.pcap("known.pcap", &known());
    let (code, _, complained) = ward.run(&[&capture], &[]);
    assert_eq!(code, Some(3), "{complained}");
}

/// The exit code of `check`, and what it printed and complained.
fn check(ward: &Ward) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_enforcerctl"))
        .arg("check")
        .arg(ward.path("ward.yaml"))
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn check_runs_the_tests_of_a_policy() {
    let tests = "tests:
  - {from: pump-1, to: 10.0.0.100, tcp: 2575, expect: allow, rule: pump/hl7}
  - {from: pump-1, to: 10.0.0.100, tcp: 80, expect: deny, reason: no-rule}
";
    let (code, text) = check(&Ward::new(&format!("{POLICY}{tests}")));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("2 tests pass"), "{text}");
    let failing = format!(
        "{POLICY}{tests}  - {{name: web, from: pump-1, to: 10.0.0.100, tcp: 443, expect: allow}}\n"
    );
    let (code, text) = check(&Ward::new(&failing));
    assert_eq!(code, Some(3), "{text}");
    let words = "ward.yaml:12:5: error: tests[2]: the test \"web\" fails: expected allow, found deny (no-rule) for pump-1";
    assert!(text.contains(words), "{text}");
}
