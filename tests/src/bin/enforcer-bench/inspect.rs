//! What it costs to look for signatures: ns a byte of payload above the same packet that
//! is not looked at, for payload that the filter lets pass, for payload that must walk
//! through the automaton, and in streams; where packets are judged as a whole, and where
//! they are known. All cases are of one policy, a port for each, so that they are measured in
//! turns.

mod programs;
pub(crate) mod texts;

use std::os::fd::AsFd as _;

use anyhow::Result;
use comfy_table::Table;
use enforcer::datapath::{Capacity, Datapath};
use enforcer::policy::compile::{Compiled, compile};
use enforcer::policy::model::Model;
use enforcer::policy::parse;
use enforcer_common::port::{Port, Side};
use enforcer_tests::live::{bare, kernel};
use etherparse::PacketBuilder;

use self::texts::{Text, bundle, ensure_clean, payload, widen};
use crate::packet::{DEVICE, LOOPBACK, PEER, ROUNDS, median, once, repeated};

/// Bytes of payload.
const SIZES: [usize; 3] = [128, 512, 1448];
/// Ports with so many patterns each; 0 is not looked at.
const PORTS: [(u16, usize); 5] = [
    (9000, 0),
    (9064, 64),
    (9500, 500),
    (10_000, 1000),
    (12_000, 2000),
];
/// Ports at which shipped signatures are looked for, most of them first.
const SHIPPED: [(u16, &str); 3] = [(445, "SMB"), (80, "HTTP"), (502, "Modbus")];
/// Runs of the program for one figure.
const RUNS: u32 = 50_000;
/// Segments of one run, after which the other end says what it has received, and such runs
/// of one stream, of which the median is taken.
const SEGMENTS: u32 = 500;
const WINDOWS: u32 = 2;
/// Hardware addresses of devices whose profile tolerates what cannot be followed, and of
/// those whose profile does not.
const TOLERANT: [u8; 6] = DEVICE;
const STRICT: [u8; 6] = [2, 0, 0, 0, 0x10, 2];

/// What is measured, and what was.
struct Case {
    port: u16,
    group: String,
    what: &'static str,
    text: Text,
    size: usize,
    kind: Kind,
    /// Where packets are judged as a whole, and where they are known.
    figures: [Vec<f64>; 2],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No more than reading its bytes.
    Touch,
    Datagram,
    Stream([u8; 6]),
}

pub(crate) fn run() -> Result<()> {
    let mut datapath = Datapath::load(Capacity::default())?;
    enter_from(&mut datapath, Side::Device)?;
    println!(
        "verified instructions: {}",
        datapath.verified_instructions()?
    );
    let (mut model, _) = parse(&bundle(&PORTS)?).map_err(|errors| anyhow::anyhow!("{errors}"))?;
    widen(&mut model);
    let compiled = compile(&model)?;
    datapath.memory.install(&compiled)?;
    println!("{}", groups(&model, &compiled));

    let mut cases = cases();
    for case in &cases {
        if case.text == Text::Clean {
            ensure_clean(&model, case.port, &case.payload())?;
        }
    }
    for round in 0..ROUNDS as u16 {
        for known in [false, true] {
            // While a policy is on trial no packet passes by what is known of it.
            if known {
                datapath.memory.confirm()?;
            } else {
                datapath.memory.install_on_trial(&compiled, u64::MAX)?;
            }
            for (number, case) in (0..).zip(&mut cases) {
                let figure = match case.kind {
                    Kind::Touch => touch(case)?,
                    Kind::Datagram => datagrams(&mut datapath, case)?,
                    Kind::Stream(device) => {
                        let from = 20_000 + 256 * (2 * round + u16::from(known)) + number;
                        stream(&mut datapath, case, device, from)?
                    }
                };
                case.figures[usize::from(known)].push(figure);
            }
        }
    }
    println!("{}", told(cases));
    Ok(())
}

/// Says at which side of the bridge the frames that follow come in.
fn enter_from(datapath: &mut Datapath, side: Side) -> Result<()> {
    let port = Port {
        side: side as u8,
        ..Port::default()
    };
    datapath.declare_port(LOOPBACK, &port)
}

/// Sizes of the groups.
fn groups(model: &Model, compiled: &Compiled) -> Table {
    let mut table = Table::new();
    table.set_header(["signatures", "the first", "states", "KiB", "filter"]);
    for group in &compiled.inspected {
        table.add_row([
            group.signatures.len().to_string(),
            model.signatures[group.signatures[0]].name.clone(),
            group.states.to_string(),
            (group.bytes / 1024).to_string(),
            if group.filtered { "yes" } else { "no" }.to_owned(),
        ]);
    }
    table
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let generated = PORTS.iter().map(|(port, patterns)| {
        let group = match patterns {
            0 => "not looked at".to_owned(),
            _ => patterns.to_string(),
        };
        (*port, group)
    });
    let shipped = SHIPPED
        .iter()
        .map(|(port, name)| (*port, format!("shipped, {name}")));
    for (port, group) in generated.chain(shipped) {
        for size in SIZES {
            let mut push = |what, text, kind| {
                cases.push(Case {
                    port,
                    group: group.clone(),
                    what,
                    text,
                    size,
                    kind,
                    figures: [Vec::new(), Vec::new()],
                });
            };
            if group == "not looked at" {
                push("touching the bytes only", Text::Clean, Kind::Touch);
                push("a datagram", Text::Clean, Kind::Datagram);
                push("a stream", Text::Clean, Kind::Stream(TOLERANT));
                continue;
            }
            push("filter only", Text::Clean, Kind::Datagram);
            if port >= 9064 {
                push("full automaton", Text::Forced, Kind::Datagram);
                push("filter, met in vain", Text::Bluff, Kind::Datagram);
            }
            for (clean, forced, device) in [
                ("filter and stream", "automaton and stream", TOLERANT),
                (
                    "filter and strict stream",
                    "automaton and strict stream",
                    STRICT,
                ),
            ] {
                push(clean, Text::Clean, Kind::Stream(device));
                if port >= 9064 {
                    push(forced, Text::Forced, Kind::Stream(device));
                }
            }
        }
    }
    cases
}

impl Case {
    fn payload(&self) -> Vec<u8> {
        let before = PORTS.iter().take_while(|(port, _)| *port < self.port);
        let first = before.map(|(_, patterns)| patterns).sum();
        payload(self.size, self.text, first)
    }
}

/// How much more each takes than the same packet that is not looked at.
fn told(cases: Vec<Case>) -> Table {
    let mut table = Table::new();
    table.set_header([
        "patterns",
        "payload",
        "bytes",
        "ns a packet",
        "ns more a byte",
        "known, ns a packet",
        "known, ns more a byte",
    ]);
    let mut without: Vec<(usize, bool, [f64; 2])> = Vec::new();
    for case in cases {
        let ns = case.figures.map(median);
        let is_stream = matches!(case.kind, Kind::Stream(_));
        let known = without
            .iter()
            .find(|(size, stream, _)| *size == case.size && *stream == is_stream);
        let base = match (case.kind, known) {
            (Kind::Touch, _) => [0.0; 2],
            (_, Some((_, _, base))) => *base,
            (_, None) => {
                without.push((case.size, is_stream, ns));
                ns
            }
        };
        let more = |place: usize| format!("{:.2}", (ns[place] - base[place]) / case.size as f64);
        table.add_row([
            case.group,
            case.what.to_owned(),
            case.size.to_string(),
            format!("{:.0}", ns[0]),
            more(0),
            format!("{:.0}", ns[1]),
            more(1),
        ]);
    }
    table
}

/// Reading the bytes, less what a program takes that does nothing.
fn touch(case: &Case) -> Result<f64> {
    let frame = datagram(case)?;
    let (touch, nothing) = (programs::touch()?, bare::always(bare::PASS)?);
    let reading = kernel::run_mean(touch.as_fd(), &frame, 20 * RUNS)?;
    let base = kernel::run_mean(nothing.as_fd(), &frame, 20 * RUNS)?;
    Ok(reading - base)
}

fn datagrams(datapath: &mut Datapath, case: &Case) -> Result<f64> {
    repeated(datapath, &datagram(case)?, RUNS)
}

fn datagram(case: &Case) -> Result<Vec<u8>> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(TOLERANT, PEER)
        .ipv4([10, 0, 0, 1], [10, 200, 0, 1], 64)
        .udp(40_000, case.port)
        .write(&mut frame, &case.payload())?;
    Ok(frame)
}

/// A stream of segments: median of its windows, ns a segment.
fn stream(datapath: &mut Datapath, case: &Case, device: [u8; 6], from: u16) -> Result<f64> {
    let payload = case.payload();
    let length = payload.len() as u32;
    let address = [10, 0, 0, device[5]];
    let send = |sequence: u32, payload: &[u8]| -> Result<Vec<u8>> {
        let builder = PacketBuilder::ethernet2(device, PEER)
            .ipv4(address, [10, 200, 0, 1], 64)
            .tcp(from, case.port, sequence, 60_000);
        let mut frame = Vec::new();
        if payload.is_empty() {
            builder.syn().write(&mut frame, payload)?;
        } else {
            builder.ack(1).write(&mut frame, payload)?;
        }
        Ok(frame)
    };
    once(datapath, &send(0, &[])?)?;
    let mut answer = Vec::new();
    PacketBuilder::ethernet2(PEER, device)
        .ipv4([10, 200, 0, 1], address, 64)
        .tcp(case.port, from, 0, 60_000)
        .syn()
        .ack(1)
        .write(&mut answer, &[])?;
    enter_from(datapath, Side::Core)?;
    once(datapath, &answer)?;
    enter_from(datapath, Side::Device)?;
    let [advance, _program] = programs::advance(datapath.program()?.fd()?.as_fd(), length)?;
    let mut figures = Vec::new();
    for window in 0..WINDOWS {
        let before = 1 + window * SEGMENTS * length;
        let frame = send(before.wrapping_sub(length), &payload)?;
        figures.push(kernel::run_mean(advance.as_fd(), &frame, SEGMENTS)?);
        let mut acknowledgement = Vec::new();
        PacketBuilder::ethernet2(PEER, device)
            .ipv4([10, 200, 0, 1], address, 64)
            .tcp(case.port, from, 1, 60_000)
            .ack(before + SEGMENTS * length)
            .write(&mut acknowledgement, &[])?;
        enter_from(datapath, Side::Core)?;
        once(datapath, &acknowledgement)?;
        enter_from(datapath, Side::Device)?;
    }
    Ok(median(figures))
}
