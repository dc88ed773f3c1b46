//! What it costs to look for signatures: ns a byte of payload above the same packet that
//! is not looked at, for payload that the filter lets pass, for payload that must walk
//! through the automaton, and in streams. All cases are of one policy, a port for each, so
//! that they are measured in turns.

pub(crate) mod texts;

use anyhow::Result;
use comfy_table::Table;
use enforcer::datapath::{Capacity, Datapath};
use enforcer::policy::compile::{Compiled, compile};
use enforcer::policy::model::Model;
use enforcer::policy::parse;
use enforcer_common::port::{Port, Side};
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
/// Segments of one stream, of which the median is taken.
const SEGMENTS: u32 = 4_000;
/// Segments after which the other end says what it has received.
const ACKNOWLEDGED: u32 = 16;
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
    figures: Vec<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
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
    for _ in 0..ROUNDS {
        for case in &mut cases {
            if case.kind == Kind::Datagram {
                case.figures.push(datagrams(&mut datapath, case)?);
            }
        }
    }
    for round in 0..3 {
        for (number, case) in (0..).zip(&mut cases) {
            if let Kind::Stream(device) = case.kind {
                let from = 20_000 + 256 * round + number;
                case.figures
                    .push(stream(&mut datapath, case, device, from)?);
            }
        }
    }
    println!("{}", told(cases));
    println!("a stream's figures are of one run a packet, each with what measuring costs");
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
    let generated = PORTS
        .iter()
        .map(|(port, patterns)| (*port, patterns.to_string()));
    let shipped = SHIPPED
        .iter()
        .map(|(port, name)| (*port, format!("shipped, {name}")));
    for (port, group) in generated.chain(shipped) {
        let mut push = |what, text, size, kind| {
            cases.push(Case {
                port,
                group: group.clone(),
                what,
                text,
                size,
                kind,
                figures: Vec::new(),
            });
        };
        for size in SIZES {
            push("clean", Text::Clean, size, Kind::Datagram);
            if port >= 9064 {
                push("forced", Text::Forced, size, Kind::Datagram);
            }
        }
        for (what, device) in [
            ("clean, tolerant stream", TOLERANT),
            ("clean, strict stream", STRICT),
        ] {
            push(what, Text::Clean, SIZES[2], Kind::Stream(device));
        }
        if port >= 9064 {
            for (what, device) in [
                ("forced, tolerant stream", TOLERANT),
                ("forced, strict stream", STRICT),
            ] {
                push(what, Text::Forced, SIZES[2], Kind::Stream(device));
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

/// Ratios to the same packet that is not looked at.
fn told(cases: Vec<Case>) -> Table {
    let mut table = Table::new();
    table.set_header([
        "patterns",
        "payload",
        "bytes",
        "ns a packet",
        "ns more a byte",
    ]);
    let mut without: Vec<(usize, Kind, f64)> = Vec::new();
    for case in cases {
        let ns = median(case.figures);
        let known = without
            .iter()
            .find(|(size, kind, _)| *size == case.size && *kind == case.kind);
        let base = match known {
            Some((_, _, base)) => *base,
            None => {
                without.push((case.size, case.kind, ns));
                ns
            }
        };
        table.add_row([
            case.group,
            case.what.to_owned(),
            case.size.to_string(),
            format!("{ns:.0}"),
            format!("{:.2}", (ns - base) / case.size as f64),
        ]);
    }
    table
}

fn datagrams(datapath: &mut Datapath, case: &Case) -> Result<f64> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(TOLERANT, PEER)
        .ipv4([10, 0, 0, 1], [10, 200, 0, 1], 64)
        .udp(40_000, case.port)
        .write(&mut frame, &case.payload())?;
    repeated(datapath, &frame, RUNS)
}

/// A stream of segments: median of one run each, ns.
fn stream(datapath: &mut Datapath, case: &Case, device: [u8; 6], from: u16) -> Result<f64> {
    let payload = case.payload();
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
    let mut figures = Vec::new();
    for segment in 0..SEGMENTS {
        let sequence = 1 + segment * payload.len() as u32;
        figures.push(once(datapath, &send(sequence, &payload)?)?);
        if segment % ACKNOWLEDGED != 0 {
            continue;
        }
        let mut acknowledgement = Vec::new();
        PacketBuilder::ethernet2(PEER, device)
            .ipv4([10, 200, 0, 1], address, 64)
            .tcp(case.port, from, 1, 60_000)
            .ack(sequence + payload.len() as u32)
            .write(&mut acknowledgement, &[])?;
        enter_from(datapath, Side::Core)?;
        once(datapath, &acknowledgement)?;
        enter_from(datapath, Side::Device)?;
    }
    Ok(median(figures))
}
