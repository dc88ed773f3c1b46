//! The shipped signatures on captured traffic, replayed as `enforcerctl simulate` does:
//! on benign captures nothing is found but what a table explains one by one, and on
//! captures of Log4Shell that is. Skipped where there are no captures.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod pack;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use enforcer::datapath::observe::Observed;
use enforcer::policy::calendar::Intervals;
use enforcer::policy::compile::{Compiled, compile};
use enforcer::policy::model::Model;
use enforcer::policy::parse;
use enforcer::policy::signature::told;
use enforcer::simulate::engine::{Engine, InModel};
use enforcer::simulate::origin::Origins;
use enforcer::simulate::ports;
use enforcer::simulate::replay::{Choices, Replay};
use enforcer_common::learned::LearnedKey;
use enforcer_common::port::{Port, Side};

/// Allows everything, and looks at what it can where segments are missing.
const POLICY: &str = r#"
version: 1
defaults:
  unknown_devices: guest
  core_broadcast: guest
  new_flows_per_second: 0
  on_error: {stream_lost: allow, bad_frame: allow}
  fragments: track
  sanity: drop

profiles:
  guest:
    allow:
      - {name: out, to: any, protocol: any}
      - {name: in, from: any, protocol: any}
"#;

/// What is found in captures that are no attacks: end of the file's name, signature, why.
const EXPLAINED: &[(&str, &str, &str)] = &[
    (
        "icsnpp-bacnet/testing__traces__bacnet_error_reject_abort.pcap",
        "bacnet-communication-control",
        "a client tries one service after the other to show how each is refused",
    ),
    (
        "icsnpp-bacnet/testing__traces__bacnet_error_reject_abort.pcap",
        "bacnet-reinitialize",
        "likewise",
    ),
    (
        "icsnpp-bacnet/testing__traces__bacnet_error_reject_abort.pcap",
        "bacnet-write-multiple",
        "likewise",
    ),
    (
        "icsnpp-bacnet/testing__traces__bacnet_error_reject_abort.pcap",
        "bacnet-write-property",
        "likewise",
    ),
    (
        "icsnpp-bacnet/testing__traces__bacnet_example.pcap",
        "bacnet-reinitialize",
        "a workstation starts devices anew, 120 times",
    ),
    (
        "icsnpp-bacnet/testing__traces__bacnet_services.pcap",
        "bacnet-write-property-to-mstp",
        "a workstation writes properties of devices behind a router",
    ),
    (
        "icsnpp-bacnet/testing__traces__bacnet_services.pcap",
        "bacnet-communication-control-to-mstp",
        "it silences such a device, and lets it speak again",
    ),
    (
        "icsnpp-bacnet/testing__traces__bacnet_services.pcap",
        "bacnet-reinitialize-to-mstp",
        "and starts it anew",
    ),
    (
        "ndpi/tests__cfgs__default__pcap__telnet.pcap",
        "telnet-answers",
        "an ordinary Telnet session, which is what this tells of",
    ),
    (
        "generated-real-peers/modbus_pymodbus_502.pcap",
        "modbus-write-register",
        "a client that writes one register, as it was told to",
    ),
    (
        "ndpi/tests__cfgs__default__pcap__6in4tunnel.pcap",
        "ip-stack/tunnel",
        "a tunnel of IPv6 through IPv4, which is what this tells of",
    ),
    (
        "ndpi/tests__cfgs__default__pcap__fuzz-2006-09-29-28586.pcap",
        "tcp-stack/option-overrun",
        "a fuzzer has changed bytes of what was captured",
    ),
    (
        "ndpi/tests__cfgs__default__pcap__fuzz-2006-09-29-28586.pcap",
        "tcp-stack/urgent-pointer-zero",
        "likewise",
    ),
    (
        "pcapplusplus/Tests__Packet++Test__PacketExamples__DnsTooManyResources.pcap",
        "dns/label-type",
        "random bytes to the port of DNS, by which a parser is tried",
    ),
    (
        "pcapplusplus/Tests__Packet++Test__PacketExamples__Ftp.pcap",
        "ip-stack/tunnel",
        "a packet of a tunnel of IPv6 through IPv4",
    ),
    (
        "pcapplusplus/Tests__Packet++Test__PacketExamples__GrePackets.pcap",
        "ip-stack/tunnel",
        "an example of a packet in several layers of IP",
    ),
    (
        "pcapplusplus/Tests__Packet++Test__PacketExamples__IPv4-encapsulated-IPv6.pcap",
        "ip-stack/tunnel",
        "a packet of a tunnel of IPv6 through IPv4",
    ),
    (
        "pcapplusplus/Tests__Packet++Test__PacketExamples__IcmpPackets.pcap",
        "ip-stack/address-mask",
        "an example of each type of ICMP",
    ),
    (
        "pcapplusplus/Tests__Packet++Test__PacketExamples__ipv4-options.pcap",
        "ip-stack/source-route",
        "an example of each option",
    ),
    (
        "pcapplusplus/Tests__Packet++Test__PacketExamples__ipv6_options.pcap",
        "ipv6-stack/routing-header",
        "examples of extension headers, source routes among them",
    ),
];

/// The folder of the trials' data, if there is any.
fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let named = std::env::var_os("ENFORCER_DATA").map(PathBuf::from);
    let found = named
        .into_iter()
        .chain([beside])
        .find(|folder| folder.is_dir());
    if found.is_none() {
        println!("skipped: no data, neither below ENFORCER_DATA nor beside the repository");
    }
    found
}

/// Capture files below a folder, in order of name.
fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let ending = path.extension().and_then(|ending| ending.to_str());
            if path.is_dir() {
                folders.push(path);
            } else if matches!(ending, Some("pcap" | "pcapng" | "cap")) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The decision in user space, which writes down what signatures it finds.
struct Watched {
    engine: InModel,
    found: Arc<Mutex<Vec<u32>>>,
}

impl Engine for Watched {
    fn name(&self) -> &'static str {
        self.engine.name()
    }

    fn install(&mut self, compiled: &Compiled) -> anyhow::Result<()> {
        self.engine.install(compiled)
    }

    fn adopt_until(&mut self, time: u64) {
        self.engine.adopt_until(time);
    }

    fn set_clock_offset(&mut self, seconds: u32) {
        self.engine.set_clock_offset(seconds);
    }

    fn set_windows(&mut self, line: u32, windows: Intervals) {
        self.engine.set_windows(line, windows);
    }

    fn learn(&mut self, key: &LearnedKey, until: u32) -> anyhow::Result<()> {
        self.engine.learn(key, until)
    }

    fn forget_flows(&mut self) -> anyhow::Result<()> {
        self.engine.forget_flows()
    }

    fn judge(&mut self, frame: &[u8], port: &Port, time: u64) -> anyhow::Result<Option<Observed>> {
        let observed = self.engine.judge(frame, port, time)?;
        let signature = observed.map_or(0, |observed| observed.signature);
        if signature != 0 {
            self.found.lock().unwrap().push(signature);
        }
        Ok(observed)
    }
}

/// A policy that allows everything, with the whole pack.
struct Trial {
    model: Model,
    compiled: Compiled,
    frames: u64,
}

impl Trial {
    fn new() -> Self {
        let bundle = pack::including(POLICY, &pack::files());
        let (model, _) = parse(&bundle).unwrap_or_else(|errors| panic!("{errors}"));
        let mut compiled = compile(&model).expect("the pack fits the tables");
        ports::place(&mut compiled);
        Self {
            model,
            compiled,
            frames: 0,
        }
    }

    /// Signatures found in a capture, and how often.
    fn found(&mut self, file: &Path) -> BTreeMap<&str, u32> {
        let found = Arc::new(Mutex::new(Vec::new()));
        let engine = Watched {
            engine: InModel::default(),
            found: Arc::clone(&found),
        };
        let origins = Origins::new(&self.model, &self.compiled, Side::Device, BTreeMap::new());
        let choices = Choices {
            first: 0,
            adopt: Duration::from_secs(300),
        };
        let engines: Vec<Box<dyn Engine>> = vec![Box::new(engine)];
        let mut replay =
            Replay::new(&self.model, &self.compiled, engines, origins, choices).unwrap();
        replay.file(file, &mut |_| {}).unwrap();
        let report = replay.report();
        self.frames += report.frames.judged;
        let mut counts = BTreeMap::new();
        for number in found.lock().unwrap().iter() {
            let told = told(&self.model, *number).unwrap();
            *counts.entry(told.name).or_default() += 1;
        }
        // The report names the same.
        let named = report.signatures.iter().map(|of| &*of.signature);
        let named: BTreeSet<&str> = named.collect();
        assert_eq!(named, counts.keys().copied().collect(), "{file:?}");
        counts
    }
}

#[test]
fn nothing_unexplained_is_found_in_benign_captures() {
    let Some(data) = data() else { return };
    let mut trial = Trial::new();
    let (mut unexplained, mut seen) = (Vec::new(), BTreeSet::new());
    let mut files = 0;
    for folder in ["captures/benign", "captures/generated-real-peers"] {
        for file in captures(&data.join(folder)) {
            files += 1;
            for (name, count) in trial.found(&file) {
                let path = file.display().to_string();
                println!("{path}: {name}, {count} times");
                let known = EXPLAINED
                    .iter()
                    .position(|(file, signature, _)| path.ends_with(file) && *signature == name);
                match known {
                    Some(row) => drop(seen.insert(row)),
                    None => unexplained.push(format!("{path}: {name}, {count} times")),
                }
            }
        }
    }
    println!("{files} files, {} frames", trial.frames);
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    // Where all the captures are, no explanation is left over.
    if files > 500 {
        let left = (0..EXPLAINED.len()).filter(|row| !seen.contains(row));
        let left: Vec<_> = left.map(|row| EXPLAINED[row]).collect();
        assert!(left.is_empty(), "{left:#?}");
    }
}

#[test]
fn log4shell_is_found_where_it_is() {
    let Some(data) = data() else { return };
    let mut trial = Trial::new();
    for file in captures(&data.join("captures/attack/log4shell")) {
        let before = trial.frames;
        let found: Vec<String> = trial.found(&file).into_keys().map(str::to_owned).collect();
        println!("{}: {found:?}", file.display());
        // Some were not captured from Ethernet: nothing of them is judged.
        assert!(
            trial.frames == before || found.iter().any(|name| name.starts_with("log4shell")),
            "{}",
            file.display()
        );
    }
}

/// Captures of Ripple20's flaws, and what is found in them. The others show what headers do
/// not: characters in a name, what a record carries, DNS by TCP; or are refused before,
/// as a routing header is that its first fragment does not hold.
const RIPPLE20: &[(&str, &[&str])] = &[
    ("dns_caa_records.pcap", &[]),
    ("dns_hip_invalid_character.pcap", &[]),
    ("dns_long_cname.pcap", &["dns/name-too-long"]),
    ("dns_over_tcp.pcap", &[]),
    ("dns_over_udp_with_edns.pcap", &["dns/name-too-long"]),
    (
        "dns_over_udp_with_edns_5000_bytes.pcap",
        &["dns/name-too-long"],
    ),
    ("dns_over_udp_without_edns.pcap", &["dns/name-too-long"]),
    ("dns_variant_1.pcapng", &["dns/name-too-long"]),
    ("dns_variant_2.pcapng", &["dns/name-too-long"]),
    ("ipv6_rh0_poc.pcap", &[]),
];

#[test]
fn ripple20_is_found_where_headers_show_it() {
    let Some(data) = data() else { return };
    let mut trial = Trial::new();
    let folder = tempfile::tempdir().unwrap();
    for (name, expected) in RIPPLE20 {
        let name = format!("captures/attack/ripple20/pcaps_invalid_traffic_{name}");
        let Ok(mut bytes) = std::fs::read(data.join(&name)) else {
            println!("skipped: {name}");
            continue;
        };
        tell_apart(&mut bytes);
        let copy = folder.path().join("capture.pcap");
        std::fs::write(&copy, bytes).unwrap();
        let found: Vec<&str> = trial.found(&copy).into_keys().collect();
        assert_eq!(found, *expected, "{name}");
    }
}

/// Some were captured within one machine: packets from an address to itself, which are
/// refused as such.
fn tell_apart(capture: &mut [u8]) {
    const ITSELF: [u8; 8] = [172, 16, 139, 135, 172, 16, 139, 135];
    for start in 0..capture.len().saturating_sub(ITSELF.len()) {
        if capture[start..].starts_with(&ITSELF) {
            capture[start + 7] = 136;
        }
    }
}
