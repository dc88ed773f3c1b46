//! What the program alone costs, by test runs that go nowhere: less what the same generator
//! costs before a program that does nothing. Here shows how cost grows with flows, rules
//! and prefixes, for nothing else is in it.

use std::os::fd::{AsFd as _, BorrowedFd};

use anyhow::Result;
use enforcer_tests::live::{Generator, Order, Stream, bare, clock, kernel};

use super::enforcer::Enforcer;
use super::loads::{Load, devices};
use super::policy::{ALLOWED, Besides, compiled};
use super::report::{Figure, Report, median};
use super::track::{CPU, Track};

const FRAMES: u32 = 300_000;
/// Where flows are many: a second's worth or so.
const FRAMES_OF_MANY: u32 = 5_000_000;
/// Devices of the policies that grow otherwise.
const FEW: u32 = 1000;
pub(super) const SMALL: &str = "16 rules";
pub(super) const RULES: &str = "10,000 rules";
pub(super) const PREFIXES: &str = "100,000 prefixes";
const GENERATOR: &str = "the generator itself";
pub(super) const PROGRAM: &str = "enforcer's program";

struct Case {
    contender: String,
    load: Load,
    /// Place of the enforcer: 0 has all devices.
    enforcer: usize,
    generator: Generator,
    prelude: Option<Generator>,
    rounds: Vec<f64>,
}

/// `large` is the enforcer that knows all devices.
pub(super) fn run(
    track: &Track,
    large: &mut Enforcer,
    rounds: usize,
    quick: bool,
    report: &mut Report,
) -> Result<()> {
    let grown = [
        (SMALL, Besides::default()),
        (
            RULES,
            Besides {
                rules: 10_000 - 16,
                ..Besides::default()
            },
        ),
        (
            PREFIXES,
            Besides {
                prefixes: 100_000,
                ..Besides::default()
            },
        ),
    ];
    let mut small = Vec::new();
    for (_, besides) in &grown {
        small.push(Enforcer::on(
            track.namespace(),
            [track.near, track.far],
            &compiled(FEW, besides)?,
        )?);
    }
    large.open(true)?;
    let mut cases = Vec::new();
    for load in [
        Load::Allowed(64, 1),
        Load::Allowed(64, 1000),
        Load::Allowed(64, 10_000),
        Load::Allowed(64, devices()),
        Load::Denied,
        Load::Flood(true),
        Load::Flood(false),
    ] {
        cases.push(Case::new(PROGRAM, load, 0)?);
    }
    for (place, (name, _)) in grown.iter().enumerate() {
        for load in [Load::Allowed(64, 1000), Load::Flood(true)] {
            cases.push(Case::new(&format!("{PROGRAM}, {name}"), load, 1 + place)?);
        }
    }
    let nothing = bare::always(bare::PASS)?;
    // What every figure pays for, told so that it can be judged.
    let mut generators = vec![
        Case::new(GENERATOR, Load::Allowed(64, 1000), 0)?,
        Case::new(GENERATOR, Load::Allowed(64, devices()), 0)?,
    ];
    for round in 0..rounds {
        eprintln!("bench: the program alone, round {} of {rounds}", round + 1);
        for case in &mut cases {
            let enforcer = match case.enforcer {
                0 => &*large,
                place => &small[place - 1],
            };
            let program = enforcer.program.as_fd();
            introduce(track, program)?;
            if let Some(prelude) = &case.prelude {
                prelude.aim(Some(program))?;
                prelude.rewind()?;
                time(track, prelude, case.load.flows())?;
            }
            let frames = frames(case.load, quick);
            case.generator.aim(Some(program))?;
            let with = time(track, &case.generator, frames)?;
            case.generator.aim(Some(nothing.as_fd()))?;
            let without = time(track, &case.generator, frames)?;
            case.rounds
                .push((with - without).max(0.0) / f64::from(frames));
        }
        for case in &mut generators {
            let frames = frames(case.load, quick);
            case.generator.aim(Some(nothing.as_fd()))?;
            let with = time(track, &case.generator, frames)?;
            let frame = case.generator.frame();
            let without = time_of(track, nothing.as_fd(), frame, frames)?;
            case.rounds
                .push((with - without).max(0.0) / f64::from(frames));
        }
    }
    cases.splice(0..0, generators);
    report.figures.extend(cases.into_iter().map(Case::figure));
    Ok(())
}

/// Frames in which a load is measured.
fn frames(load: Load, quick: bool) -> u32 {
    let frames = if load.is_of_many() {
        FRAMES_OF_MANY
    } else {
        FRAMES
    };
    if quick { frames / 30 } else { frames }
}

/// The server answers once, so that it is known where it is.
fn introduce(track: &Track, program: BorrowedFd<'_>) -> Result<()> {
    track.introduce_server(Some(program))
}

fn time(track: &Track, generator: &Generator, frames: u32) -> Result<f64> {
    time_of(track, generator.program(), generator.frame(), frames)
}

fn time_of(track: &Track, program: BorrowedFd<'_>, frame: &[u8], frames: u32) -> Result<f64> {
    let near = track.near;
    track.namespace().run(|| {
        clock::stay_on(CPU)?;
        let begin = clock::thread_time()?;
        kernel::run(program, frame, near, frames)?;
        Ok((clock::thread_time()? - begin) as f64)
    })
}

impl Case {
    fn new(contender: &str, load: Load, enforcer: usize) -> Result<Self> {
        let body = load.body();
        let prelude = match load {
            Load::Flood(_) => None,
            _ => {
                let known = Stream::datagrams(load.flows(), Order::InTurn, ALLOWED);
                Some(Generator::new(&[known], &body)?)
            }
        };
        Ok(Self {
            contender: contender.to_owned(),
            load,
            enforcer,
            generator: Generator::new(&load.streams(), &body)?,
            prelude,
            rounds: Vec::new(),
        })
    }

    fn figure(self) -> Figure {
        Figure {
            part: "program",
            contender: self.contender,
            load: self.load.name(),
            bytes: Some(self.load.length()),
            unit: "ns",
            median: median(&self.rounds),
            rounds: self.rounds,
            arrived: None,
            past_bridge: None,
            as_expected: true,
            of_bridge: None,
        }
    }
}
