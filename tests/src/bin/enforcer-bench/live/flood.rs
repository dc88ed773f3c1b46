//! A device that begins a new flow with each packet, beside a thousand that talk: what is
//! left of their rate once the flood's own cost is taken off, and whether each of their
//! flows is still the one that it was. Of a bare redirect the same, which knows no flows: what
//! it loses the machine takes, and the bench.

use std::collections::HashMap;
use std::os::fd::{AsFd as _, BorrowedFd};

use anyhow::Result;
use enforcer_common::addr::{Ip, Vlan};
use enforcer_common::flow::{FlowKey, protocol};
use enforcer_tests::live::{Generator, Order, Stream, bare, stream};

use super::enforcer::Enforcer;
use super::loads::devices;
use super::policy::{ALLOWED, ALLOWED_TCP, Besides, DENIED, compiled};
use super::report::{Figure, Report, median};
use super::track::Track;

const OTHERS: u32 = 1000;
const FRAMES: u32 = 500_000;
/// New flows of a device a second, on each CPU: what a policy has unless it says otherwise.
const BUDGET: u32 = 500;
const OTHERS_CLASS: u8 = 1;
const FLOOD_CLASS: u8 = 2;
pub(super) const KEPT: &str = "rate kept by others";
const KEPT_BARE: &str = "rate kept by others, bare redirect";
pub(super) const EVICTED: &str = "flows of others evicted";
pub(super) const LOADS: [&str; 2] = ["beside a flood, denied", "beside a flood, allowed"];

struct Kind {
    load: &'static str,
    flood: Generator,
    both: Generator,
    kept: Vec<f64>,
    kept_bare: Vec<f64>,
    evicted: Vec<f64>,
    arrived: u64,
}

pub(super) fn run(
    track: &Track,
    enforcer: &mut Enforcer,
    sink: &bare::Sink,
    rounds: usize,
    quick: bool,
    report: &mut Report,
) -> Result<()> {
    let frames = if quick { FRAMES / 20 } else { FRAMES };
    let besides = Besides {
        new_flows: BUDGET,
        ..Besides::default()
    };
    enforcer
        .datapath
        .memory
        .install(&compiled(devices(), &besides)?)?;
    enforcer.open(true)?;
    let others = Stream {
        class: OTHERS_CLASS,
        ..Stream::datagrams(OTHERS, Order::InTurn, ALLOWED)
    };
    let body = [0; 6];
    let alone = Generator::new(&[others], &body)?;
    let redirect = track.namespace().run(|| bare::redirect(track.far))?;
    let mut kinds = Vec::new();
    for (load, port) in LOADS.into_iter().zip([DENIED, ALLOWED_TCP]) {
        let flood = Stream {
            class: FLOOD_CLASS,
            ..Stream::flood(devices() - 1, 1, port)
        };
        kinds.push(Kind {
            load,
            flood: Generator::new(&[flood], &body)?,
            both: Generator::new(&[others, flood], &body)?,
            kept: Vec::new(),
            kept_bare: Vec::new(),
            evicted: Vec::new(),
            arrived: 0,
        });
    }
    for round in 0..rounds {
        eprintln!("bench: a flood, round {} of {rounds}", round + 1);
        for kind in &mut kinds {
            let pass = |program: BorrowedFd<'_>, generator: &Generator, frames| {
                generator.aim(Some(program))?;
                track.pass(generator.program(), generator.frame(), frames, sink)
            };
            let kept = |program: BorrowedFd<'_>| {
                let alone = pass(program, &alone, frames)?.time;
                let flood = pass(program, &kind.flood, frames)?.time;
                kind.both.rewind()?;
                let both = pass(program, &kind.both, 2 * frames)?.time;
                let beside = both.saturating_sub(flood).max(1);
                anyhow::Ok(100.0 * alone as f64 / beside as f64)
            };
            kind.kept_bare.push(kept(redirect.as_fd())?);
            let program = enforcer.program.as_fd();
            track.introduce_server(Some(program))?;
            pass(program, &alone, 2 * OTHERS)?;
            let (before, arrived) = (packets(enforcer)?, sink.arrived(OTHERS_CLASS)?);
            kind.kept.push(kept(program)?);
            kind.arrived += sink.arrived(OTHERS_CLASS)? - arrived;
            let after = packets(enforcer)?;
            // Alone and beside the flood.
            let each = u64::from(2 * frames / OTHERS);
            let stayed = before
                .iter()
                .filter(|(key, count)| after.get(*key).is_some_and(|now| now - **count == each));
            kind.evicted.push(f64::from(OTHERS) - stayed.count() as f64);
        }
    }
    for kind in kinds {
        let sent = 2.0 * f64::from(frames) * rounds as f64;
        let figure = |contender: &str, unit, rounds: Vec<f64>, arrived: Option<f64>| Figure {
            part: "flood",
            contender: contender.to_owned(),
            load: kind.load.to_owned(),
            bytes: Some(64),
            unit,
            median: median(&rounds),
            rounds,
            arrived,
            past_bridge: None,
            as_expected: arrived.is_none_or(|arrived| arrived > 0.995),
            of_bridge: None,
        };
        report.figures.push(figure(
            KEPT,
            "%",
            kind.kept.clone(),
            Some(kind.arrived as f64 / sent),
        ));
        report
            .figures
            .push(figure(EVICTED, "", kind.evicted.clone(), None));
        report
            .figures
            .push(figure(KEPT_BARE, "%", kind.kept_bare.clone(), None));
    }
    Ok(())
}

/// Packets of each flow of the others.
fn packets(enforcer: &Enforcer) -> Result<HashMap<FlowKey, u64>> {
    let mut expected = HashMap::new();
    for number in 0..OTHERS {
        let mut key = FlowKey::EMPTY;
        let device = (Ip::v4(stream::ip(number).octets()), stream::DEVICE_PORT);
        let server = (Ip::v4(stream::SERVER.octets()), ALLOWED);
        key.set(Vlan::UNTAGGED, protocol::UDP, device, server);
        expected.insert(key, ());
    }
    let flows = enforcer.datapath.flows(usize::MAX).into_iter();
    Ok(flows
        .filter(|(key, _)| expected.contains_key(key))
        .map(|(key, flow)| (key, flow.packets.iter().sum()))
        .collect())
}
