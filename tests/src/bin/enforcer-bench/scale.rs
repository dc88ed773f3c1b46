//! How time and memory grow with the number of devices: 500 profiles of 20 rules
//! each, 10,000 prefixes, up to 200,000 devices.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use aya::programs::{TestRun as _, TestRunOptions};
use comfy_table::Table;
use enforcer::datapath::{Capacity, Datapath};
use enforcer::policy::compile::{Compiled, compile};
use enforcer::policy::parse;
use enforcer::policy::source::{Bundle, File};
use enforcer_common::port::{Port, Side};
use etherparse::PacketBuilder;

const PROFILES: u32 = 500;
const RULES: u32 = 20;
/// Prefixes of each profile's peer; 10,000 in all.
const PREFIXES: u32 = 20;
const COUNTS: [u32; 4] = [100, 10_000, 100_000, 200_000];
/// Packets of random devices for one figure.
const PACKETS: u32 = 100_000;
const ROUNDS: usize = 3;
const LOOPBACK: u32 = 1;
const PEER: [u8; 6] = [2, 0, 0, 0, 0x20, 1];

pub(crate) fn run() -> Result<()> {
    let mut datapath = Datapath::load(Capacity::default())?;
    let port = Port {
        side: Side::Device as u8,
        ..Port::default()
    };
    datapath.declare_port(LOOPBACK, &port)?;
    let nothing = compile(&parsed(&bundle(0, 0))?)?.lines.len();
    let mut times = Table::new();
    times.set_header([
        "devices",
        "parse",
        "compile",
        "install",
        "all",
        "one device changed",
        "memory",
        "bytes a device",
    ]);
    let mut packets = Table::new();
    packets.set_header(["devices", "first packet, ns", "known flow, ns"]);
    let overhead = overhead(&mut datapath)?;
    for devices in COUNTS {
        let text = bundle(devices, 0);
        let whole = apply(&datapath, &text)?;
        let change = apply(&datapath, &bundle(devices, 1))?;
        let bytes = 64 * (whole.lines - nothing) / devices as usize;
        times.add_row([
            devices.to_string(),
            format!("{:.0?}", whole.parse),
            format!("{:.0?}", whole.compile),
            format!("{:.1?}", whole.install),
            format!("{:.0?}", whole.all()),
            format!("{:.0?}", change.all()),
            format!("{:.1} MiB", whole.lines as f64 * 64.0 / 1_048_576.0),
            bytes.to_string(),
        ]);
        let (first, known) = random_devices(&mut datapath, devices)?;
        packets.add_row([
            devices.to_string(),
            format!("{:.0}", first - overhead),
            format!("{:.0}", known - overhead),
        ]);
    }
    println!(
        "{PROFILES} profiles, {RULES} rules each, {} prefixes",
        PROFILES * PREFIXES
    );
    println!("{times}");
    println!(
        "one packet a run of {PACKETS} random devices' flows, less {overhead:.0} ns that one run costs by itself"
    );
    println!("{packets}");
    Ok(())
}

/// What one application of a policy took.
struct Applied {
    parse: Duration,
    compile: Duration,
    install: Duration,
    lines: usize,
}

impl Applied {
    fn all(&self) -> Duration {
        self.parse + self.compile + self.install
    }
}

/// The least of several, to leave out what else the machine did.
fn apply(datapath: &Datapath, bundle: &Bundle) -> Result<Applied> {
    let mut best: Option<Applied> = None;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let model = parsed(bundle)?;
        let parse = begin.elapsed();
        let compiled: Compiled = compile(&model)?;
        let compile = begin.elapsed() - parse;
        datapath.memory.install(&compiled)?;
        let install = begin.elapsed() - parse - compile;
        let applied = Applied {
            parse,
            compile,
            install,
            lines: compiled.lines.len(),
        };
        if best.as_ref().is_none_or(|best| applied.all() < best.all()) {
            best = Some(applied);
        }
    }
    best.context("no round was run")
}

fn parsed(bundle: &Bundle) -> Result<enforcer::policy::model::Model> {
    let (model, _) = parse(bundle).map_err(|errors| anyhow::anyhow!("{errors}"))?;
    Ok(model)
}

/// What a single test run costs besides the program: that of a frame that no policy
/// judges, once a run, less the same many times in one run.
fn overhead(datapath: &mut Datapath) -> Result<f64> {
    let frame = frame(1, 0);
    let alone = (0..10_000)
        .map(|_| once(datapath, &frame, 1))
        .sum::<Result<f64>>()?
        / 10_000.0;
    Ok(alone - once(datapath, &frame, 1_000_000)?)
}

/// Means of first packets and of second ones, each of a random device, in ns.
fn random_devices(datapath: &mut Datapath, devices: u32) -> Result<(f64, f64)> {
    let mut means = [0.0; 2];
    for mean in &mut means {
        let mut total = 0.0;
        for number in 0..PACKETS {
            // A walk through all devices in no order that a cache would like.
            let device = (u64::from(number) * 2_654_435_761 % u64::from(devices)) as u32;
            total += once(datapath, &frame(device, number / devices), 1)?;
        }
        *mean = total / f64::from(PACKETS);
    }
    Ok((means[0], means[1]))
}

/// Time of a run, mean of `repeat`, in ns.
fn once(datapath: &mut Datapath, frame: &[u8], repeat: u32) -> Result<f64> {
    let mut options = TestRunOptions::new();
    options.data_in = Some(frame);
    options.repeat = repeat;
    let result = datapath.program()?.test_run(options).context("test run")?;
    Ok(result.duration.as_nanos() as f64)
}

/// The first packet of a flow that the device's profile allows.
fn frame(device: u32, flow: u32) -> Vec<u8> {
    let profile = device % PROFILES;
    let [_, a, b, c] = device.to_be_bytes();
    let [high, low] = (profile as u16).to_be_bytes();
    let builder = PacketBuilder::ethernet2([6, 0, 0, a, b, c], PEER)
        .ipv4([10, a, b, c], [172, 16 + high, low, (flow % 200) as u8], 64)
        .tcp(
            1024 + (flow / 200) as u16,
            1000 + (flow % RULES) as u16,
            1,
            1024,
        )
        .syn();
    let mut frame = Vec::new();
    // Writing to a vector cannot fail.
    let _ = builder.write(&mut frame, &[]);
    frame
}

/// A policy; `change` moves one device to another address.
fn bundle(devices: u32, change: u32) -> Bundle {
    let mut text = String::from(
        "version: 1\ndefaults: {new_flows_per_second: 0, events_per_second: 1}\npeers:\n",
    );
    for profile in 0..PROFILES {
        let [high, low] = (profile as u16).to_be_bytes();
        let prefixes: Vec<String> = (0..PREFIXES)
            .map(|number| match number {
                0 => format!("172.{}.{low}.0/24", 16 + high),
                _ => format!("172.{}.{low}.{}/30", 32 + high, 4 * number),
            })
            .collect();
        let _ = writeln!(text, "  servers-{profile}: [{}]", prefixes.join(", "));
    }
    text += "profiles:\n";
    for profile in 0..PROFILES {
        let _ = writeln!(text, "  kind-{profile}:\n    allow:");
        for rule in 0..RULES {
            let port = 1000 + rule;
            let _ = writeln!(
                text,
                "      - {{name: rule-{rule}, to: servers-{profile}, tcp: {port}}}"
            );
        }
    }
    text += "include: devices.csv\n";
    let mut list = String::from("name,mac,ip,profile\n");
    for number in 0..devices {
        let [_, a, b, c] = number.to_be_bytes();
        let first = if change > 0 && number == devices / 2 {
            11
        } else {
            10
        };
        let profile = number % PROFILES;
        let _ = writeln!(
            list,
            "device-{number},06:00:00:{a:02x}:{b:02x}:{c:02x},{first}.{a}.{b}.{c},kind-{profile}"
        );
    }
    let file = |path: &str, text: String| File {
        path: path.to_owned(),
        text,
    };
    Bundle {
        main: file("scale.yaml", text),
        included: vec![file("devices.csv", list)],
    }
}
