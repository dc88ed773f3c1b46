//! What a frame costs from one port to the other: by the bare bridge, by a bare redirect,
//! and with the enforcer in between, forwarding by the bridge and past it. Live frames
//! that come in by the port, one flow; all in one run, in turn; CPU time of the one thread
//! that does all the work, down to a sink that drops them at the far end.

use std::os::fd::{AsFd as _, BorrowedFd};

use anyhow::{Context as _, Result, ensure};
use comfy_table::Table;
use enforcer::datapath::{Capacity, Datapath};
use enforcer::policy::compile::compile;
use enforcer::policy::parse;
use enforcer_common::forward::Exit;
use enforcer_common::port::{Port, Side};
use enforcer_tests::{Lab, Namespace};
use etherparse::PacketBuilder;
use nix::net::if_::if_nametoindex;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use super::bare;
use super::packet::{DEVICE, PEER, ROUNDS, median, policy};

/// Frames for one figure.
const FRAMES: u32 = 1_000_000;
const DEVICES: u32 = 200_000;
/// Without the checksum of four bytes.
const LENGTHS: [usize; 3] = [60, 508, 1496];
/// All in one thread on this CPU.
const CPU: usize = 1;

pub(crate) fn run() -> Result<()> {
    let lab = Lab::build("bforward")?;
    lab.endpoint("dns")?; // The core is the far end.
    let sink = bare::always(bare::DROP)?;
    let _sink = lab.core().run(|| {
        let far = if_nametoindex("eth0").context("the far end")?;
        bare::attach(sink.as_fd(), far)
    })?;
    let (enforcer_box, core) = (lab.enforcer_box(), lab.core());
    enforcer_box.run(|| measure(core))
}

fn measure(core: &Namespace) -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(CPU)?;
    sched_setaffinity(Pid::from_raw(0), &cpus).context("stay on one CPU")?;
    let [near, far] = ["p0", "p1"].map(if_nametoindex);
    let (near, far) = (near?, far?);
    // A veth takes frames in by its driver only with a program attached.
    let pass = bare::always(bare::PASS)?;
    let _attached = [
        bare::attach(pass.as_fd(), near)?,
        bare::attach(pass.as_fd(), far)?,
    ];
    let redirect = bare::redirect(far)?;
    let mut datapath = prepare(near, far)?;
    let enforcer = datapath.program()?.fd()?.try_clone()?;
    let enforcer = enforcer.as_fd();
    open(&mut datapath, true)?;
    begin_flow(enforcer, near, far)?;

    let mut table = Table::new();
    table.set_header([
        "frame",
        "case",
        "ns of CPU",
        "spread",
        "Mpps a core",
        "of the bridge",
        "arrived",
    ]);
    for length in LENGTHS {
        let frame = segment(DEVICE, PEER, false, length);
        let cases: [(&str, BorrowedFd<'_>, bool); 4] = [
            ("bare bridge", pass.as_fd(), false),
            ("bare redirect", redirect.as_fd(), false),
            ("enforcer, by the bridge", enforcer, false),
            ("enforcer, past the bridge", enforcer, true),
        ];
        let mut figures = [const { Vec::new() }; 4];
        let mut arrived = [0; 4];
        for _ in 0..ROUNDS {
            for (case, (_, program, fast)) in cases.iter().enumerate() {
                open(&mut datapath, *fast)?;
                // The first frames of a source go by the bridge.
                bare::run_live(*program, &frame, near, 64)?;
                let (before, begin) = (received(core)?, cpu_time()?);
                bare::run_live(*program, &frame, near, FRAMES)?;
                figures[case].push((cpu_time()? - begin) as f64 / f64::from(FRAMES));
                arrived[case] += received(core)? - before;
            }
        }
        let bridge = median(figures[0].clone());
        for (case, (name, ..)) in cases.iter().enumerate() {
            let mut figures = figures[case].clone();
            figures.sort_by(f64::total_cmp);
            let middle = median(figures.clone());
            table.add_row([
                format!("{} B", length + 4),
                (*name).to_owned(),
                format!("{middle:.0}"),
                format!("{:.0}–{:.0}", figures[0], figures[figures.len() - 1]),
                format!("{:.1}", 1e3 / middle),
                format!("{:.2}", bridge / middle),
                format!(
                    "{:.1} %",
                    100.0 * arrived[case] as f64 / (ROUNDS as f64 * f64::from(FRAMES))
                ),
            ]);
        }
    }
    println!("{DEVICES} devices, {ROUNDS} rounds of {FRAMES} frames of one flow that is known");
    println!("{table}");
    Ok(())
}

/// The program with a large policy in force, and the two ports declared.
fn prepare(near: u32, far: u32) -> Result<Datapath> {
    let mut datapath = Datapath::load(Capacity::default())?;
    let (model, _) = parse(&policy(DEVICES)).map_err(|errors| anyhow::anyhow!("{errors}"))?;
    datapath.memory.install(&compile(&model)?)?;
    for (index, interface, side) in [(0, near, Side::Device), (1, far, Side::Core)] {
        let port = Port {
            index,
            side: side as u8,
            ..Port::default()
        };
        datapath.declare_port(interface, &port)?;
        datapath.place_device(index, interface)?;
    }
    // It costs a redirect what it costs in earnest.
    datapath.watch_redirects()?;
    datapath.vouch_until(u32::MAX)?;
    Ok(datapath)
}

/// Lets frames go past the bridge, or not.
fn open(datapath: &mut Datapath, fast: bool) -> Result<()> {
    let longest = if fast { 1514 } else { 0 };
    for place in [0, 1] {
        datapath.set_exit(place, Exit::new(longest, u16::MAX, 200, 1))?;
    }
    Ok(())
}

/// Both ends say a word, so that the flow and both addresses are known.
fn begin_flow(enforcer: BorrowedFd<'_>, near: u32, far: u32) -> Result<()> {
    let hello = PacketBuilder::ethernet2(DEVICE, PEER)
        .ipv4([10, 0, 0, 1], [10, 200, 0, 1], 64)
        .tcp(40_000, 443, 1, 1024)
        .syn();
    let mut frame = Vec::new();
    hello.write(&mut frame, &[]).context("build a SYN")?;
    bare::run_live(enforcer, &frame, near, 1)?;
    bare::run_live(enforcer, &segment(PEER, DEVICE, true, 60), far, 1)
}

/// A segment in the flow, from the device or, as the answer to its SYN, to it.
fn segment(source: [u8; 6], destination: [u8; 6], answers: bool, length: usize) -> Vec<u8> {
    let ends = [([10, 0, 0, 1], 40_000), ([10, 200, 0, 1], 443)];
    let [(from, from_port), (to, to_port)] = if answers { [ends[1], ends[0]] } else { ends };
    let builder = PacketBuilder::ethernet2(source, destination)
        .ipv4(from, to, 64)
        .tcp(from_port, to_port, 2, 1024)
        .ack(2);
    let builder = if answers { builder.syn() } else { builder };
    let mut frame = Vec::new();
    // Ethernet, IPv4 and TCP take 54 bytes. Writing to a vector cannot fail.
    let _ = builder.write(&mut frame, &vec![0; length - 54]);
    frame
}

/// CPU time of this thread, ns; what interrupts do for it is part of it.
fn cpu_time() -> Result<u64> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    Ok(time.tv_sec().cast_unsigned() * 1_000_000_000 + time.tv_nsec().cast_unsigned())
}

/// Frames that have come in at the far end.
fn received(core: &Namespace) -> Result<u64> {
    let text = core.ip("-j -s link show dev eth0")?;
    let links: serde_json::Value = serde_json::from_str(&text)?;
    let packets = links[0]["stats64"]["rx"]["packets"].as_u64();
    let packets = packets.context("the far end counts nothing")?;
    ensure!(links[0]["ifname"] == "eth0");
    Ok(packets)
}
