//! What it costs to look for signatures: ns a byte of payload, clean and when every byte
//! must walk through the automaton, for datagrams and for the segments of a stream.

use std::fmt::Write as _;

use anyhow::Result;
use comfy_table::Table;
use enforcer::datapath::{Capacity, Datapath};
use enforcer::policy::compile::compile;
use enforcer::policy::parse;
use enforcer::policy::source::{Bundle, File};
use enforcer_common::port::{Port, Side};
use etherparse::PacketBuilder;

use crate::packet::{DEVICE, LOOPBACK, PEER, ROUNDS, median, once, repeated};

/// Bytes of payload.
const SIZES: [usize; 3] = [128, 512, 1448];
const PATTERNS: [u32; 3] = [64, 500, 2_000];
/// Runs of the program for one figure.
const RUNS: u32 = 100_000;
/// Segments of one stream.
const SEGMENTS: u32 = 20_000;

/// What the payload is like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    /// No gram of a pattern: the filter lets it pass.
    Clean,
    /// A gram of a pattern, and no pattern: all of it walks through the automaton.
    Forced,
}

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
    table.set_header([
        "patterns",
        "payload",
        "bytes",
        "ns a packet",
        "ns more a byte",
    ]);
    let mut without = Vec::new();
    install(&mut datapath, 0)?;
    for size in SIZES {
        let ns = datagrams(&mut datapath, size, Text::Clean)?;
        without.push(ns);
        row(&mut table, 0, "not looked at", size, ns, ns);
    }
    let stream_without = stream(&mut datapath)?;
    row(
        &mut table,
        0,
        "stream, not looked at",
        SIZES[2],
        stream_without,
        stream_without,
    );
    for patterns in PATTERNS {
        let size = install(&mut datapath, patterns)?;
        println!("{patterns} patterns: {} KiB", size / 1024);
        for (size, without) in SIZES.into_iter().zip(&without) {
            for (what, text) in [("clean", Text::Clean), ("forced", Text::Forced)] {
                let ns = datagrams(&mut datapath, size, text)?;
                row(&mut table, patterns, what, size, ns, *without);
            }
        }
        let ns = stream(&mut datapath)?;
        row(
            &mut table,
            patterns,
            "stream, clean",
            SIZES[2],
            ns,
            stream_without,
        );
    }
    println!("{table}");
    println!("a stream's figures are of one run a packet, each with what measuring costs");
    Ok(())
}

fn row(table: &mut Table, patterns: u32, what: &str, size: usize, ns: f64, without: f64) {
    table.add_row([
        patterns.to_string(),
        what.to_owned(),
        size.to_string(),
        format!("{ns:.0}"),
        format!("{:.2}", (ns - without) / size as f64),
    ]);
}

/// Puts a policy with so many signatures into force; bytes that they take.
fn install(datapath: &mut Datapath, patterns: u32) -> Result<usize> {
    let mut text = String::from(
        "version: 1\n\
         defaults: {new_flows_per_second: 0, events_per_second: 1, inspect_first: 0, on_error: allow}\n\
         profiles:\n  pump:\n    allow:\n      - {to: any, tcp: 443, udp: 443}\n\
         devices:\n  - {name: device, mac: \"02:00:00:00:10:01\", ip: 10.0.0.1, profile: pump}\n",
    );
    if patterns > 0 {
        text.push_str("signatures:\n");
    }
    for number in 0..patterns {
        let pattern = pattern(number);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  - {{name: s{number}, tcp: 443, udp: 443, find: [{{text: \"{pattern}\"}}]}}"
        );
    }
    let bundle = Bundle {
        main: File {
            path: "bench.yaml".to_owned(),
            text,
        },
        included: Vec::new(),
    };
    let (model, _) = parse(&bundle).map_err(|errors| anyhow::anyhow!("{errors}"))?;
    let compiled = compile(&model)?;
    datapath.memory.install(&compiled)?;
    Ok(compiled.inspected.iter().map(|group| group.bytes).sum())
}

/// Letters that follow from the number, 16 of them.
fn pattern(number: u32) -> String {
    letters(u64::from(number) * 2 + 1, 16)
        .into_iter()
        .map(char::from)
        .collect()
}

/// Letters that look random, from a seed (xorshift64*, Vigna 2016).
fn letters(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let number = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
            b'a' + (number % 26) as u8
        })
        .collect()
}

fn payload(size: usize, text: Text) -> Vec<u8> {
    let mut payload = letters(2, size);
    if text == Text::Forced {
        // All of a pattern but its last letter, so that some gram of it is there.
        let most = pattern(7).into_bytes();
        let place = size / 2;
        payload[place..place + 15].copy_from_slice(&most[..15]);
        payload[place + 15] = b'0';
    }
    payload
}

fn datagrams(datapath: &mut Datapath, size: usize, text: Text) -> Result<f64> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(DEVICE, PEER)
        .ipv4([10, 0, 0, 1], [10, 200, 0, 1], 64)
        .udp(40_000, 443)
        .write(&mut frame, &payload(size, text))?;
    let figures = (0..ROUNDS)
        .map(|_| repeated(datapath, &frame, RUNS))
        .collect::<Result<Vec<f64>>>()?;
    Ok(median(figures))
}

/// A stream of clean segments, each acknowledged: mean of one run each, ns.
fn stream(datapath: &mut Datapath) -> Result<f64> {
    let size = SIZES[2];
    let payload = payload(size, Text::Clean);
    let mut figures = Vec::new();
    for round in 0..3 {
        let port = 50_000 + round;
        let build = |sequence: u32, payload: &[u8]| -> Result<Vec<u8>> {
            let mut builder = PacketBuilder::ethernet2(DEVICE, PEER)
                .ipv4([10, 0, 0, 1], [10, 200, 0, 1], 64)
                .tcp(port, 443, sequence, 60_000);
            builder = if payload.is_empty() {
                builder.syn()
            } else {
                builder.ack(1)
            };
            let mut frame = Vec::new();
            builder.write(&mut frame, payload)?;
            Ok(frame)
        };
        once(datapath, &build(0, &[])?)?;
        let mut total = 0.0;
        for segment in 0..SEGMENTS {
            let sequence = 1 + segment * size as u32;
            let frame = build(sequence, &payload)?;
            total += once(datapath, &frame)?;
            let mut acknowledgement = Vec::new();
            PacketBuilder::ethernet2(PEER, DEVICE)
                .ipv4([10, 200, 0, 1], [10, 0, 0, 1], 64)
                .tcp(443, port, 1, 60_000)
                .ack(sequence + size as u32)
                .write(&mut acknowledgement, &[])?;
            once(datapath, &acknowledgement)?;
        }
        figures.push(total / f64::from(SEGMENTS));
    }
    Ok(median(figures))
}
