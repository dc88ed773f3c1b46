//! The whole of it: the enforcer beside the bare bridge, a bare redirect and other
//! firewalls, in one run on tracks that are all alike, with the same frames.

mod chart;
mod contender;
mod ends;
mod enforcer;
mod field;
mod firewall;
mod flood;
mod forward;
mod loads;
mod policy;
mod program;
mod rates;
mod report;
mod signatures;
mod suricata;
mod tables;
mod targets;
mod track;
mod xdp_filter;

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use self::field::Field;
use self::report::{Machine, Report};
use self::signatures::Rules;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Times that everything is measured, in turn
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Where to write all figures as JSON; the chart and tables of Markdown are written beside it
    #[arg(long, value_name = "FILE", default_value = "target/bench/bench.json")]
    json: PathBuf,
    /// Rules of Suricata, a file or a folder of them, for the enforcer and Suricata [default:
    /// 500 that the bench writes]
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,
    /// Devices that the policies know of, from 2,000 up
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(2000..=200_000))]
    devices: u32,
    /// What the names of its namespaces begin with
    #[arg(long, default_value = "bench")]
    lab: String,
    /// One round of few frames, only to see that everything works
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let (quick, load) = (options.quick, load()?);
    let rounds = if quick { 1 } else { options.rounds.max(1) };
    loads::set_devices(options.devices);
    let rules = Rules::read(options.rules.as_deref())?;
    let mut field = Field::build(&options.lab)?;
    eprintln!(
        "bench: policies of {} devices, {} signatures",
        options.devices, rules.count
    );
    let mut enforcers = contender::enforcers(&field.tracks[0], &rules)?;
    let mut report = Report::new(machine(&mut enforcers[0], load)?, rounds);
    field.enter_all(&rules, &mut report)?;
    forward::run(&field, &mut enforcers, rounds, quick, &mut report)?;
    let (first, enforcer) = (&field.tracks[0], &mut enforcers[0]);
    program::run(first, enforcer, rounds, quick, &mut report)?;
    flood::run(first, enforcer, &field.sink, rounds, quick, &mut report)?;
    ends::run(&options.lab, rounds, quick, &mut report)?;
    targets::judge(&mut report);
    report.write(&options.json)?;
    chart::write(&report, &options.json.with_extension("svg"))?;
    println!("{}", report.tables(false));
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
