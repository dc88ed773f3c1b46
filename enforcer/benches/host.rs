//! What the host's half costs: reading and compiling a policy, importing rules, and the
//! decision as a simulation runs it. `cargo xtask bench host`.

#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use enforcer::policy::compile::compile;
use enforcer::policy::parse;
use enforcer::policy::source::{Bundle, File};
use enforcer::signatures::suricata;
use enforcer::simulate::engine::{Engine as _, InModel};
use enforcer_common::port::{Port, Side};
use etherparse::PacketBuilder;

const DEVICES: u32 = 10_000;
const RULES: u32 = 1_000;
/// Of the clock, ns; 0 would be no time.
const NOW: u64 = 1_000_000_000;

fn bundle() -> Bundle {
    let mut list = String::from("name,mac,ip,profile\n");
    for number in 0..DEVICES {
        let [_, _, b, c] = number.to_be_bytes();
        let _ = writeln!(
            list,
            "device-{number},06:00:00:00:{b:02x}:{c:02x},10.1.{b}.{c},pump"
        );
    }
    let file = |path: &str, text: &str| File {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let text = "version: 1\npeers: {server: 10.200.0.0/16}\nprofiles:\n  pump:\n    \
                allow:\n      - {to: server, tcp: 443, udp: 5000}\ninclude: devices.csv\n";
    Bundle {
        main: file("bench.yaml", text),
        included: vec![file("devices.csv", &list)],
    }
}

fn policy(criterion: &mut Criterion) {
    let bundle = bundle();
    let (model, _) = parse(&bundle).unwrap();
    let mut group = criterion.benchmark_group("policy of 10,000 devices");
    group
        .sample_size(20)
        .throughput(Throughput::Elements(DEVICES.into()));
    group.bench_function("parse", |bencher| bencher.iter(|| parse(&bundle).unwrap()));
    group.bench_function("compile", |bencher| {
        bencher.iter(|| compile(&model).unwrap());
    });
    group.finish();
}

fn rules(criterion: &mut Criterion) {
    let mut text = String::new();
    for number in 0..RULES {
        let _ = writeln!(
            text,
            "drop udp any any -> any 9500 (msg:\"rule {number}\"; content:\"text number {number}\"; \
             nocase; sid:{};)",
            1 + number
        );
    }
    let mut group = criterion.benchmark_group("rules of Suricata");
    group.throughput(Throughput::Elements(RULES.into()));
    group.bench_function("import", |bencher| {
        bencher.iter(|| suricata::import(black_box(&text)));
    });
    group.finish();
}

fn decision(criterion: &mut Criterion) {
    let (model, _) = parse(&bundle()).unwrap();
    let mut engine = InModel::default();
    engine.install(&compile(&model).unwrap()).unwrap();
    let port = Port {
        side: Side::Device as u8,
        ..Port::default()
    };
    let datagram = |to: u16| {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([6, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0x20, 1])
            .ipv4([10, 1, 0, 1], [10, 200, 0, 1], 64)
            .udp(40_000, to)
            .write(&mut frame, &[0; 18])
            .unwrap();
        frame
    };
    let mut group = criterion.benchmark_group("decision in user space");
    for (name, to) in [("known flow", 5000), ("denied", 23)] {
        let frame = datagram(to);
        group.bench_function(name, |bencher| {
            bencher.iter(|| engine.judge(black_box(&frame), &port, NOW).unwrap());
        });
    }
    group.finish();
}

criterion_group!(host, policy, rules, decision);
criterion_main!(host);
