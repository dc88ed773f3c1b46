//! The policy, the frames and the files that the tests of simulate start from.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use etherparse::{PacketBuilder, VlanId};
use pcap_file::DataLink;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use serde_json::Value;

pub(crate) const POLICY: &str = "version: 1
peers: {engine: 10.0.0.100}
profiles:
  pump:
    allow:
      - {name: hl7, to: engine, tcp: 2575}
devices:
  - {name: pump-1, mac: 02:00:00:00:00:01, vlan: 10, ip: 10.1.0.1, profile: pump}
";
pub(crate) const PUMP: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const ROUTER: [u8; 6] = [2, 0, 0, 0, 0xc0, 1];
pub(crate) const STRANGER: [u8; 6] = [2, 0, 0, 0, 0xee, 1];
pub(crate) const PUMP_IP: [u8; 4] = [10, 1, 0, 1];
pub(crate) const ENGINE_IP: [u8; 4] = [10, 0, 0, 100];
/// A Monday, 2026-03-02T10:00:00Z.
pub(crate) const MONDAY: u64 = 1_772_445_600;

pub(crate) struct Ward {
    pub(crate) folder: tempfile::TempDir,
}

impl Ward {
    pub(crate) fn new(policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ward.yaml"), policy).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Frames with their times as a pcap of Ethernet.
    pub(crate) fn pcap(&self, name: &str, frames: &[(Duration, Vec<u8>)]) -> PathBuf {
        self.linked(name, DataLink::ETHERNET, frames)
    }

    pub(crate) fn linked(
        &self,
        name: &str,
        datalink: DataLink,
        frames: &[(Duration, Vec<u8>)],
    ) -> PathBuf {
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

    pub(crate) fn run(&self, captures: &[&Path], more: &[&str]) -> (Option<i32>, String, String) {
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
    pub(crate) fn report(&self, captures: &[&Path], more: &[&str], code: i32) -> Value {
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
pub(crate) fn after(milliseconds: u64) -> Duration {
    Duration::from_millis(MONDAY * 1000 + milliseconds)
}

pub(crate) fn tcp(
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

pub(crate) fn udp(
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

pub(crate) fn pump(port: u16) -> ([u8; 6], [u8; 4], u16) {
    (PUMP, PUMP_IP, port)
}

pub(crate) fn engine(port: u16) -> ([u8; 6], [u8; 4], u16) {
    (ROUTER, ENGINE_IP, port)
}

/// A session of the pump with the engine, what the pump may not, and a stranger.
pub(crate) fn known() -> Vec<(Duration, Vec<u8>)> {
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
pub(crate) fn reasons(report: &Value) -> Vec<(String, String, u64)> {
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

pub(crate) fn expected(reasons: &[(&str, &str, u64)]) -> Vec<(String, String, u64)> {
    let of = |(reason, fate, frames): &(&str, &str, u64)| {
        ((*reason).to_owned(), (*fate).to_owned(), *frames)
    };
    reasons.iter().map(of).collect()
}
