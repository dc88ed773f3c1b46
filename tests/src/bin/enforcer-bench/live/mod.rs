//! The whole of it: the enforcer beside the bare bridge, a bare redirect and other
//! firewalls, in one run on tracks that are all alike, with the same frames.

mod chart;
mod contender;
mod ends;
mod enforcer;
mod firewall;
mod flood;
mod forward;
mod loads;
mod policy;
mod program;
mod report;
mod signatures;
mod suricata;
mod targets;
mod track;
mod xdp_filter;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use enforcer_tests::live::{Generator, bare};

use self::contender::{Contender, How};
use self::firewall::Firewall;
use self::forward::Course;
use self::loads::{DEVICES, Load};
use self::report::{Machine, Report};
use self::track::Track;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Times that everything is measured, in turn
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Print tables of Markdown
    #[arg(long)]
    markdown: bool,
    /// Where to write all figures as JSON; the chart is written beside it
    #[arg(long, value_name = "FILE", default_value = "target/bench/bench.json")]
    json: PathBuf,
    /// Rules of Suricata, a file or a folder of them, for the enforcer and Suricata [default:
    /// 500 that the bench writes]
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,
    /// One round of few frames, only to see that everything works
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let rounds = if options.quick {
        1
    } else {
        options.rounds.max(1)
    };
    let sink = bare::Sink::load()?;
    let rules = signatures::Rules::read(options.rules.as_deref())?;
    let load = load()?;
    let mut tracks = vec![Track::build(0, &sink)?];
    eprintln!(
        "bench: policies of {DEVICES} devices, {} signatures",
        rules.count
    );
    let mut enforcers = contender::enforcers(&tracks[0], &rules)?;
    let mut report = Report::new(machine(&mut enforcers[0], load)?, rounds);
    let mut contenders = contender::plain(&tracks[0])?;
    for (firewall, loads) in contender::firewalls() {
        match with_rules(firewall, loads, tracks.len(), &sink) {
            Ok((track, contender)) => {
                tracks.push(track);
                contenders.push(contender);
            }
            Err(error) => report.skip(firewall.name(), format!("{error:#}")),
        }
    }
    match xdp_filter(&tracks[0]) {
        Ok(contender) => contenders.push(contender),
        Err(error) => report.skip("xdp-filter", format!("{error:#}")),
    }
    match with_suricata(tracks.len(), &rules, &sink) {
        Ok((track, contender)) => {
            tracks.push(track);
            contenders.push(contender);
        }
        Err(error) => report.skip(contender::SURICATA, format!("{error:#}")),
    }
    let mut course = Course {
        tracks: &tracks,
        sink: &sink,
        enforcers: &mut enforcers,
        quick: options.quick,
    };
    forward::run(&mut course, &contenders, rounds, &mut report)?;
    let quick = options.quick;
    program::run(&tracks[0], &mut enforcers[0], rounds, quick, &mut report)?;
    flood::run(
        &tracks[0],
        &mut enforcers[0],
        &sink,
        rounds,
        quick,
        &mut report,
    )?;
    ends::run(rounds, quick, &mut report)?;
    targets::judge(&mut report);
    report.write(&options.json)?;
    chart::write(&report, &options.json.with_extension("svg"))?;
    report.tell(options.markdown);
    Ok(())
}

/// A track with a firewall's rules in force.
fn with_rules(
    firewall: Firewall,
    loads: Vec<Load>,
    number: usize,
    sink: &bare::Sink,
) -> Result<(Track, Contender)> {
    if let Some((program, package)) = firewall.program() {
        installed(program, package)?;
    }
    eprintln!("bench: {}", firewall.name());
    let track = Track::build(number, sink)?;
    firewall.load(track.namespace())?;
    let contender = Contender {
        name: firewall.name(),
        track: number,
        how: How::Bridge,
        loads,
    };
    Ok((track, contender))
}

/// A track with Suricata in place of the bridge.
fn with_suricata(
    number: usize,
    rules: &signatures::Rules,
    sink: &bare::Sink,
) -> Result<(Track, Contender)> {
    installed("suricata", "suricata")?;
    eprintln!("bench: {}", contender::SURICATA);
    let track = Track::build(number, sink)?;
    let suricata = suricata::Suricata::start(&track, rules)?;
    if rules.own {
        let stream = Load::Inspected(64, false).streams();
        let generator = Generator::new(&stream, &signatures::pattern(0).into_bytes())?;
        suricata.ensure_drops(&track, generator.program(), generator.frame(), sink)?;
    }
    let contender = Contender {
        name: contender::SURICATA.to_owned(),
        track: number,
        how: How::Suricata(suricata),
        loads: contender::INSPECTED.to_vec(),
    };
    Ok((track, contender))
}

fn xdp_filter(track: &Track) -> Result<Contender> {
    if !xdp_filter::installed() {
        anyhow::bail!("not installed (Debian package xdp-tools)");
    }
    Ok(Contender {
        name: "xdp-filter, by MAC alone".to_owned(),
        track: 0,
        how: How::XdpFilter(xdp_filter::Filter::load(DEVICES, &track.lab().bpffs())?),
        loads: vec![Load::Allowed(64, 1000), Load::Allowed(64, DEVICES)],
    })
}

/// An error that names the package of a program that is not there.
fn installed(program: &str, package: &str) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Not everybody's path leads where Debian keeps them.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = folders
        .into_iter()
        .any(|folder: PathBuf| folder.join(program).exists());
    anyhow::ensure!(found, "not installed (Debian package {package})");
    Ok(())
}

/// Runnable threads, mean of the last minute.
fn load() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    let first = text.split(' ').next().context("no load is told")?;
    Ok(first.parse()?)
}

fn machine(enforcer: &mut enforcer::Enforcer, load: f64) -> Result<Machine> {
    let uname = nix::sys::utsname::uname()?;
    let processors = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|line| line.split_once(": "));
    Ok(Machine {
        kernel: uname.release().to_string_lossy().into_owned(),
        processor: model
            .map_or("unknown processor", |(_, name)| name)
            .to_owned(),
        processors: std::thread::available_parallelism()?.get(),
        load,
        verified_instructions: enforcer.datapath.verified_instructions()?,
    })
}
