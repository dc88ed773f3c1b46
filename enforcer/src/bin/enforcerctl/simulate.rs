//! `simulate`: what a policy would make of captured traffic. Needs no daemon.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, stderr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use enforcer::policy::compile::Compiled;
use enforcer::policy::model::Model;
use enforcer::simulate::capture::Progress;
use enforcer::simulate::engine::{Engine, InModel, Kernel};
use enforcer::simulate::origin::Origins;
use enforcer::simulate::ports;
use enforcer::simulate::replay::{Choices, Replay};
use enforcer::simulate::report::Report;
use enforcer_common::limits;
use enforcer_common::port;
use indicatif::{ProgressBar, ProgressStyle};

use crate::exit::Stop;
use crate::policy;
use crate::render::Output;

mod told;

/// A file smaller than this is read before anybody would look at a bar, in bytes.
const WORTH_A_BAR: u64 = 8 << 20;
/// Exit code where a frame has a fate that must not be.
const UNWANTED_FATE: u8 = 6;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The policy's main file (YAML)
    pub(crate) policy: PathBuf,
    /// Captures, in the order in which they were made: pcap or pcapng, also packed by gzip
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "live")]
    pcap: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) recorded: crate::live::Recorded,
    /// What judges: the decision in user space, the program in the kernel (needs root), or both
    #[arg(long, value_name = "ENGINE", default_value = "model")]
    engine: Judge,
    /// Frames shown of each reason
    #[arg(long, value_name = "N", default_value_t = 5)]
    first: usize,
    /// Adopt sessions that already run for so many seconds after the first frame
    /// [default: the policy's `adopt_sessions`]
    #[arg(long, value_name = "SECONDS")]
    adopt: Option<u64>,
    /// Side of frames between two ends that are no declared devices
    #[arg(long, value_name = "SIDE", default_value = "core")]
    unknown_side: Side,
    /// Side of all frames of an interface of a pcapng, as `eth1=device`
    #[arg(long, value_name = "INTERFACE=SIDE", value_parser = side)]
    side: Vec<(String, Side)>,
    /// End with code 6 where a frame is denied, or also where it would be but for audit mode
    #[arg(long, value_name = "FATE")]
    fail_on: Option<FailOn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Judge {
    Model,
    Kernel,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Side {
    Device,
    Core,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Deny,
    Audit,
}

impl From<Side> for port::Side {
    fn from(side: Side) -> Self {
        match side {
            Side::Device => Self::Device,
            Side::Core => Self::Core,
        }
    }
}

fn side(text: &str) -> Result<(String, Side), String> {
    let (interface, side) = text
        .rsplit_once('=')
        .ok_or("expected an interface and its side, as `eth1=device`")?;
    Ok((interface.to_owned(), Side::from_str(side, true)?))
}

pub(crate) fn simulate(arguments: &Arguments, output: &Output) -> Result<(), Stop> {
    let (model, mut compiled, warnings) = policy::read(&arguments.policy)?;
    if !warnings.is_empty() && !output.is_json() {
        output.warn(&format!(
            "the policy has {} warnings: `enforcerctl check {}` tells them",
            warnings.warnings(),
            arguments.policy.display()
        ))?;
    }
    ports::place(&mut compiled);
    let report =
        replay(arguments, &model, &compiled).map_err(|error| Stop::Failed(format!("{error:#}")))?;
    if output.is_json() {
        output.json(&report)?;
    } else {
        told::tell(&report, output)?;
    }
    told::complain(&report, output)?;
    end(&report, arguments.fail_on)
}

fn replay(arguments: &Arguments, model: &Model, compiled: &Compiled) -> anyhow::Result<Report> {
    let mut engines: Vec<Box<dyn Engine>> = Vec::new();
    if arguments.engine != Judge::Kernel {
        engines.push(Box::<InModel>::default());
    }
    if arguments.engine != Judge::Model {
        engines.push(Box::new(Kernel::load(compiled, limits::FLOWS)?));
    }
    let sides: BTreeMap<_, _> = arguments
        .side
        .iter()
        .map(|(interface, side)| (interface.clone(), (*side).into()))
        .collect();
    let origins = Origins::new(model, compiled, arguments.unknown_side.into(), sides);
    let adopt = arguments.adopt.map(Duration::from_secs);
    let choices = Choices {
        first: arguments.first,
        adopt: adopt.unwrap_or(model.defaults.adopt_sessions),
    };
    let mut replay = Replay::new(model, compiled, engines, origins, choices)?;
    for file in &arguments.pcap {
        let bar = bar(file);
        replay.file(file, &mut |progress: Progress| {
            if let Some(bar) = &bar {
                bar.set_position(progress.read);
            }
        })?;
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    }
    Ok(replay.report())
}

/// A bar for a large file, where somebody looks.
fn bar(file: &Path) -> Option<ProgressBar> {
    let size = file.metadata().ok()?.len();
    if size < WORTH_A_BAR || !stderr().is_terminal() {
        return None;
    }
    let style =
        ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {eta} left").ok()?;
    let bar = ProgressBar::new(size).with_style(style);
    bar.set_message(file.display().to_string());
    Some(bar)
}

/// The report is out; what is wrong stands in it.
fn end(report: &Report, fail_on: Option<FailOn>) -> Result<(), Stop> {
    let damaged = report.files.iter().any(|file| file.error.is_some());
    let differing = report.agreement.as_ref().is_some_and(|of| of.differing > 0);
    if damaged || differing {
        return Err(Stop::Told(1));
    }
    let frames = |fate: &str| {
        let of = report.fates.iter().find(|of| of.fate == fate);
        of.map_or(0, |of| of.frames)
    };
    let unwanted = match fail_on {
        None => 0,
        Some(FailOn::Deny) => frames("deny"),
        Some(FailOn::Audit) => frames("deny") + frames("audit"),
    };
    if unwanted > 0 {
        return Err(Stop::Told(UNWANTED_FATE));
    }
    Ok(())
}
