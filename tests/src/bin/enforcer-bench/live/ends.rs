//! From end to end, with the kernel's own stacks at both: throughput of one TCP connection
//! (iperf3), and the time that a datagram takes there and back. In turn through the bare
//! bridge, without and with a program on its ports that does nothing, and through the
//! enforcer, by the bridge and past it.

use std::net::UdpSocket;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use enforcer::policy::compile::compile;
use enforcer::policy::parse;
use enforcer::policy::source::{Bundle, File};
use enforcer_tests::live::{bare, clock, kernel};
use enforcer_tests::{Endpoint, Lab, interrupt, wait};
use nix::net::if_::if_nametoindex;

use super::contender::{BRIDGE, BY_BRIDGE, FAST, PASSING};
use super::enforcer::Enforcer;
use super::report::{Figure, Report, median};

const IPERF_PORT: u16 = 5201;
const ECHO_PORT: u16 = 5202;
const START: Duration = Duration::from_secs(10);
/// No answer after that long is a lost one.
const LOST: Duration = Duration::from_secs(2);
const SECONDS: &str = "1";
const PINGS: usize = 20_000;
const FIRST: usize = 100;
pub(super) const TCP: &str = "TCP, one connection";
pub(super) const QUANTILES: [(&str, f64); 3] = [
    ("there and back, p50", 0.5),
    ("there and back, p99", 0.99),
    ("there and back, p99.9", 0.999),
];
const CASES: [&str; 4] = [BRIDGE, PASSING, FAST, BY_BRIDGE];

pub(super) fn run(name: &str, rounds: usize, quick: bool, report: &mut Report) -> Result<()> {
    let lab = Lab::build(&format!("{name}ends"))?;
    let (device, server) = (lab.endpoint("pump-1")?, lab.endpoint("dns")?);
    let [near, far] = lab
        .enforcer_box()
        .run(|| Ok(["p0", "p1"].map(if_nametoindex)))?;
    let ports = [near?, far?];
    let (model, _) = parse(&policy(device)).map_err(|errors| anyhow!("{errors}"))?;
    let mut enforcer = Enforcer::on(lab.enforcer_box(), ports, &compile(&model)?)?;
    let passing = bare::always(bare::PASS)?;
    let iperf = match super::field::installed("iperf3", "iperf3") {
        Ok(()) => Some(Iperf::serve(server)?),
        Err(error) => {
            report.skip("TCP throughput (iperf3)", format!("{error:#}"));
            None
        }
    };
    let pings = if quick { PINGS / 20 } else { PINGS };
    let mut throughput = [const { Vec::new() }; CASES.len()];
    let mut delays = [const { [const { Vec::new() }; QUANTILES.len()] }; CASES.len()];
    for round in 0..rounds {
        eprintln!("bench: from end to end, round {} of {rounds}", round + 1);
        for (place, case) in CASES.into_iter().enumerate() {
            enforcer.open(case == FAST)?;
            let _attached = match case {
                BRIDGE => Vec::new(),
                PASSING => attach(&lab, passing.as_fd(), ports)?,
                _ => attach(&lab, enforcer.program.as_fd(), ports)?,
            };
            let before = enforcer.past_bridge()?;
            let times = ask(device, server, pings)?;
            let past = enforcer.past_bridge()? - before;
            ensure!(
                (past > pings as u64) == (case == FAST),
                "{past} frames of {pings} questions went past the bridge: {case}"
            );
            for (delays, (_, quantile)) in delays[place].iter_mut().zip(QUANTILES) {
                delays.push(times[(times.len() as f64 * quantile) as usize]);
            }
            if iperf.is_some() {
                throughput[place].push(Iperf::measure(device, server)?);
            }
        }
    }
    let bridge = median_of(&throughput[0]);
    for (case, figures) in CASES.into_iter().zip(throughput) {
        let Some(middle) = median_of(&figures) else {
            continue;
        };
        let ratio = bridge.map(|bridge| middle / bridge);
        report
            .figures
            .push(figure("tcp", case, TCP, "Gbit/s", figures, ratio));
    }
    for (quantile, (name, _)) in QUANTILES.into_iter().enumerate() {
        let bridge = median_of(&delays[0][quantile]);
        for (place, case) in CASES.into_iter().enumerate() {
            let figures = delays[place][quantile].clone();
            let ratio = bridge
                .zip(median_of(&figures))
                .map(|(bridge, own)| bridge / own);
            report
                .figures
                .push(figure("latency", case, name, "µs", figures, ratio));
        }
    }
    Ok(())
}

fn median_of(figures: &[f64]) -> Option<f64> {
    (!figures.is_empty()).then(|| median(figures))
}

fn figure(
    part: &'static str,
    contender: &str,
    load: &str,
    unit: &'static str,
    rounds: Vec<f64>,
    of_bridge: Option<f64>,
) -> Figure {
    Figure {
        part,
        contender: contender.to_owned(),
        load: load.to_owned(),
        bytes: None,
        unit,
        median: median(&rounds),
        rounds,
        arrived: None,
        past_bridge: None,
        as_expected: true,
        of_bridge,
    }
}

fn attach(lab: &Lab, program: BorrowedFd<'_>, ports: [u32; 2]) -> Result<Vec<OwnedFd>> {
    lab.enforcer_box().run(|| {
        let links = ports.map(|port| kernel::attach(program, port));
        links.into_iter().collect()
    })
}

fn policy(device: &Endpoint) -> Bundle {
    Bundle {
        main: File {
            path: "ends.yaml".to_owned(),
            text: format!(
                "version: 1\nprofiles:\n  pump:\n    allow:\n      - {{to: any, tcp: any, udp: any}}\n\
                 devices:\n  - {{name: one, mac: \"{}\", ip: {}, profile: pump}}\n",
                device.mac, device.ipv4
            ),
        },
        included: Vec::new(),
    }
}

/// A server that answers as long as it lives.
struct Iperf(Child);

impl Iperf {
    fn serve(server: &Endpoint) -> Result<Self> {
        let address = server.ipv4.to_string();
        let mut command = server.namespace.command("iperf3");
        command
            .args(["--server", "--bind", &address, "--affinity", "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let _not_while_stopping = interrupt::hold();
        Ok(Self(command.spawn().context("start iperf3")?))
    }

    /// Throughput of one connection, Gbit/s.
    fn measure(device: &Endpoint, server: &Endpoint) -> Result<f64> {
        let (address, port) = (server.ipv4.to_string(), IPERF_PORT.to_string());
        // The server may not listen yet, or not be through with the last one.
        let bits = wait::until("iperf3 tells a throughput", START, || {
            let mut command = device.namespace.command("iperf3");
            command.args([
                "--client",
                &address,
                "--port",
                &port,
                "--time",
                SECONDS,
                "--affinity",
                "0",
                "--json",
            ]);
            let output = command.output().context("start iperf3")?;
            let told: serde_json::Value = serde_json::from_slice(&output.stdout)?;
            Ok(told["end"]["sum_received"]["bits_per_second"].as_f64())
        })?;
        Ok(bits / 1e9)
    }
}

impl Drop for Iperf {
    fn drop(&mut self) {
        // Gone already, or it goes now; the lab's end sees to what is left.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Times of so many questions to a server that sends each back, one after the other, µs,
/// the shortest first. Both sides spin, ahead of everybody else, each on its CPU: what
/// they would wait for their turn is not what lies between them.
fn ask(device: &Endpoint, server: &Endpoint, count: usize) -> Result<Vec<f64>> {
    let bind = |endpoint: &Endpoint, port: u16| {
        let address = (endpoint.ipv4, port);
        let socket = endpoint.namespace.run(|| Ok(UdpSocket::bind(address)?))?;
        socket.set_nonblocking(true)?;
        anyhow::Ok(socket)
    };
    let (asking, answering) = (bind(device, 0)?, bind(server, ECHO_PORT)?);
    asking.connect(server.at(ECHO_PORT))?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let answers = scope.spawn(|| answer(&answering, &stop));
        let times = scope.spawn(|| time(&asking, count)).join();
        stop.store(true, Ordering::Relaxed);
        let panicked = |_| anyhow!("a thread panicked");
        answers.join().map_err(panicked)??;
        times.map_err(panicked)?
    })
}

fn answer(socket: &UdpSocket, stop: &AtomicBool) -> Result<()> {
    clock::stay_on(1)?;
    clock::go_first()?;
    let mut bytes = [0; 64];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut bytes) {
            socket.send_to(&bytes[..length], from)?;
        }
    }
    Ok(())
}

fn time(socket: &UdpSocket, count: usize) -> Result<Vec<f64>> {
    clock::stay_on(0)?;
    clock::go_first()?;
    let mut bytes = [0; 64];
    let mut times = Vec::with_capacity(count);
    // The first ones look for addresses.
    for number in 0..count + FIRST {
        let begin = Instant::now();
        socket.send(&(number as u64).to_ne_bytes())?;
        while socket.recv(&mut bytes).is_err() {
            ensure!(begin.elapsed() < LOST, "a datagram was lost");
        }
        if number >= FIRST {
            times.push(begin.elapsed().as_nanos() as f64 / 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}
