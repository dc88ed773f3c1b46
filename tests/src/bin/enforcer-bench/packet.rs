//! What the program costs a packet under BPF_PROG_TEST_RUN, with few and with very
//! many devices.

use std::time::Instant;

use anyhow::{Context as _, Result};
use aya::programs::{TestRun as _, TestRunOptions};
use comfy_table::Table;
use enforcer::datapath::{Capacity, Datapath};
use enforcer::policy::compile::compile;
use enforcer::policy::parse;
use enforcer::policy::source::{Bundle, File};
use enforcer_common::port::{Port, Side};
use etherparse::PacketBuilder;

/// Runs of the program for one figure.
const REPEAT: u32 = 1_000_000;
/// Figures of which the median is shown.
pub(crate) const ROUNDS: usize = 9;
/// Distinct flows for the figures that need a new frame each time.
const FLOWS: u32 = 50_000;
const DEVICES: u32 = 200_000;
/// The loopback interface, by which test runs enter.
pub(crate) const LOOPBACK: u32 = 1;

pub(crate) const DEVICE: [u8; 6] = [2, 0, 0, 0, 0x10, 1];
const STRANGER: [u8; 6] = [2, 0, 0, 0, 0x66, 6];
pub(crate) const PEER: [u8; 6] = [2, 0, 0, 0, 0x20, 1];

pub(crate) fn run() -> Result<()> {
    let mut datapath = Datapath::load(Capacity::default())?;
    let port = Port {
        side: Side::Device as u8,
        ..Port::default()
    };
    datapath.declare_port(LOOPBACK, &port)?;
    println!(
        "verified instructions: {}",
        datapath.verified_instructions()?
    );

    let mut table = Table::new();
    table.set_header(["case", "devices", "ns a packet", "spread"]);
    // What every frame pays: the Ethernet header, the port, the counter.
    let figures = (0..ROUNDS)
        .map(|_| repeated(&mut datapath, &tcp(DEVICE, 443, 40_000), REPEAT))
        .collect::<Result<Vec<f64>>>()?;
    row(&mut table, "no policy loaded", 0, figures);
    for devices in [1, DEVICES] {
        let begin = Instant::now();
        let bundle = policy(devices);
        let made = begin.elapsed();
        let (model, _) = parse(&bundle).map_err(|errors| anyhow::anyhow!("{errors}"))?;
        let parsed = begin.elapsed();
        let compiled = compile(&model)?;
        let built = begin.elapsed();
        datapath.memory.install(&compiled)?;
        let installed = begin.elapsed();
        println!(
            "{devices} devices: parse {:?}, compile {:?}, install {:?}, all {:?}, {} KiB",
            parsed - made,
            built - parsed,
            installed - built,
            installed - made,
            compiled.lines.len() / 16
        );
        for (case, frame) in [
            ("allowed, known flow", tcp(DEVICE, 443, 40_000)),
            ("denied, no rule", tcp(DEVICE, 23, 40_000)),
            ("unknown device", tcp(STRANGER, 443, 40_000)),
        ] {
            let figures = (0..ROUNDS)
                .map(|_| repeated(&mut datapath, &frame, REPEAT))
                .collect::<Result<Vec<f64>>>()?;
            row(&mut table, case, devices, figures);
        }
        // One run a frame: these include what a single measurement costs.
        for (case, source) in [
            ("first packet, one run each", DEVICE),
            ("unknown device, one run each", STRANGER),
        ] {
            let figures = (0..3)
                .map(|round| distinct(&mut datapath, source, 443 + round))
                .collect::<Result<Vec<f64>>>()?;
            row(&mut table, case, devices, figures);
        }
    }
    println!("{table}");
    Ok(())
}

pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn row(table: &mut Table, case: &str, devices: u32, mut figures: Vec<f64>) {
    figures.sort_by(f64::total_cmp);
    let (least, most) = (figures[0], figures[figures.len() - 1]);
    let median = figures[figures.len() / 2];
    table.add_row([
        case.to_owned(),
        devices.to_string(),
        format!("{median:.0}"),
        format!("{least:.0}–{most:.0}"),
    ]);
}

/// Mean of many runs with the same frame, ns.
pub(crate) fn repeated(datapath: &mut Datapath, frame: &[u8], runs: u32) -> Result<f64> {
    let mut options = TestRunOptions::new();
    options.data_in = Some(frame);
    options.repeat = runs;
    let result = datapath.program()?.test_run(options).context("test run")?;
    Ok(result.duration.as_nanos() as f64)
}

/// Mean of one run each of frames that differ in the source port, ns.
fn distinct(datapath: &mut Datapath, source: [u8; 6], port: u16) -> Result<f64> {
    let mut total = 0.0;
    for flow in 0..FLOWS {
        let frame = tcp(source, port, (1024 + flow % 60_000) as u16);
        total += once(datapath, &frame)?;
    }
    Ok(total / f64::from(FLOWS))
}

/// One run, ns.
pub(crate) fn once(datapath: &mut Datapath, frame: &[u8]) -> Result<f64> {
    let mut options = TestRunOptions::new();
    options.data_in = Some(frame);
    let result = datapath.program()?.test_run(options).context("test run")?;
    Ok(result.duration.as_nanos() as f64)
}

fn tcp(source: [u8; 6], port: u16, source_port: u16) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(source, PEER)
        .ipv4([10, 0, 0, 1], [10, 200, 0, 1], 64)
        .tcp(source_port, port, 1, 1024)
        .syn();
    let mut frame = Vec::new();
    // Writing to a vector cannot fail.
    let _ = builder.write(&mut frame, &[]);
    frame
}

/// A policy with many devices in a list of its own.
pub(crate) fn policy(devices: u32) -> Bundle {
    let text = "version: 1\n\
        defaults: {new_flows_per_second: 0, events_per_second: 1}\n\
        peers: {server: 10.200.0.0/24}\n\
        profiles:\n  pump:\n    allow:\n      - {to: server, tcp: 443-445}\n\
        include: devices.csv\n";
    let mut list = String::from("name,mac,ip,profile\ndevice-0,02:00:00:00:10:01,10.0.0.1,pump\n");
    for number in 1..devices {
        let [_, a, b, c] = number.to_be_bytes();
        list.push_str(&format!(
            "device-{number},06:00:00:{a:02x}:{b:02x}:{c:02x},10.{}.{b}.{c},pump\n",
            a + 1
        ));
    }
    let file = |path: &str, text: String| File {
        path: path.to_owned(),
        text,
    };
    Bundle {
        main: file("bench.yaml", text.to_owned()),
        included: vec![file("devices.csv", list)],
    }
}
