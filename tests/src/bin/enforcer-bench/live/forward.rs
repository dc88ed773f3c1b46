//! From port to port: every contender with every load of its own, all in turn in each
//! round. What is measured is CPU time a frame of the one thread that does all the work,
//! from the near port down to the sink.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;

use anyhow::{Context as _, Result};
use enforcer_tests::live::{Generator, bare};

use super::contender::{BRIDGE, Contender, How};
use super::enforcer::Enforcer;
use super::field::Field;
use super::loads::Load;
use super::report::{Figure, Report, median};
use super::suricata;
use super::track::{Passage, Track};

/// CPU time that a figure of one round takes, ns; `calibrate` finds so many frames.
const TIME: f64 = 60e6;
/// The same where flows are many: what each of them needs once a second is in it as often as
/// under a load that lasts.
const TIME_OF_MANY: f64 = 1.1e9;
const TRIAL: u32 = 20_000;
const FEWEST: u32 = 5_000;
const MOST: u32 = 10_000_000;

/// All that is needed to let frames pass.
struct Course<'c> {
    tracks: &'c [Track],
    sink: &'c bare::Sink,
    enforcers: &'c mut [Enforcer],
    /// A fraction of the frames is enough to see that everything works.
    quick: bool,
}

/// A contender with a load.
struct Case<'c> {
    contender: &'c Contender,
    load: Load,
    generator: Generator,
    /// All flows once, one after the other.
    prelude: Option<Generator>,
    frames: u32,
    rounds: Vec<f64>,
    sent: u64,
    arrived: u64,
    past_bridge: u64,
}

pub(super) fn run(
    field: &Field,
    enforcers: &mut [Enforcer],
    rounds: usize,
    quick: bool,
    report: &mut Report,
) -> Result<()> {
    let mut course = Course {
        tracks: &field.tracks,
        sink: &field.sink,
        enforcers,
        quick,
    };
    let mut cases = Vec::new();
    for contender in &field.contenders {
        for load in &contender.loads {
            let case = Case::new(contender, *load);
            cases.push(case.with_context(|| format!("{}, {}", contender.name, load.name()))?);
        }
    }
    for case in &mut cases {
        case.calibrate(&mut course)?;
    }
    for round in 0..rounds {
        eprintln!("bench: from port to port, round {} of {rounds}", round + 1);
        for case in &mut cases {
            case.measure(&mut course)?;
        }
    }
    let mut bridges = BTreeMap::new();
    for case in cases.iter().filter(|case| case.contender.name == BRIDGE) {
        bridges.insert(case.key(), median(&case.rounds));
    }
    cases.sort_by_key(Case::key);
    report
        .figures
        .extend(cases.iter().map(|case| case.figure(&bridges)));
    Ok(())
}

impl<'c> Case<'c> {
    fn new(contender: &'c Contender, load: Load) -> Result<Self> {
        let several = contender.several_buffers();
        let streams = load.streams();
        let mut known = streams.clone();
        known.retain(|stream| !stream.fresh);
        for stream in &mut known {
            stream.order = enforcer_tests::live::Order::InTurn;
        }
        // All known flows of a load are those of its first stream.
        known.truncate(1);
        let prelude = match known.as_slice() {
            [] => None,
            known => Some(Generator::for_frames(known, &load.body(), several)?),
        };
        Ok(Self {
            contender,
            load,
            generator: Generator::for_frames(&streams, &load.body(), several)?,
            prelude,
            frames: TRIAL,
            rounds: Vec::new(),
            sent: 0,
            arrived: 0,
            past_bridge: 0,
        })
    }

    /// Loads in the order in which they are told; contenders in theirs.
    fn key(&self) -> (usize, usize) {
        let place = match self.load {
            Load::Allowed(64, 1) => 0,
            Load::Allowed(64, 1000) => 1,
            Load::Allowed(64, _) => 2,
            Load::Allowed(..) => 3,
            Load::Denied => 4,
            Load::Flood(true) => 5,
            Load::Flood(false) => 6,
            Load::Mixed => 7,
            Load::Inspected(_, false) => 8,
            Load::Inspected(_, true) => 9,
            Load::Shipped(_) => 10,
        };
        (place, self.load.length())
    }

    /// Finds how many frames take long enough to be measured, and not longer.
    fn calibrate(&mut self, course: &mut Course<'_>) -> Result<()> {
        if course.quick {
            self.frames = FEWEST;
            return Ok(());
        }
        if let How::Suricata(_) = self.contender.how {
            self.frames = suricata::FRAMES;
            return Ok(());
        }
        self.measure(course)?;
        let each = self.rounds.pop().unwrap_or(TIME);
        let time = if self.load.is_of_many() {
            TIME_OF_MANY
        } else {
            TIME
        };
        self.frames = ((time / each) as u32).clamp(FEWEST, MOST);
        (self.sent, self.arrived, self.past_bridge) = (0, 0, 0);
        Ok(())
    }

    fn measure(&mut self, course: &mut Course<'_>) -> Result<()> {
        let track = &course.tracks[self.contender.track];
        if let How::Enforcer { place, fast } = self.contender.how {
            course.enforcers[place].open(fast)?;
        }
        let program = self.contender.program(course.enforcers);
        self.generator.aim(program)?;
        // A bridge keeps for an hour what it has learned; an enforcer's flows make room
        // for others.
        let enforcer = matches!(self.contender.how, How::Enforcer { .. });
        if enforcer || self.sent == 0 {
            track.introduce_server(program.filter(|_| enforcer))?;
            self.begin_flows(course, program)?;
        }
        let before = self.past_bridge(course)?;
        let passage = self.pass(course, &self.generator, self.frames)?;
        self.past_bridge += self.past_bridge(course)? - before;
        let counted = match self.contender.how {
            // It cannot take all that it is given, and costs nothing for the rest.
            How::Suricata(_) => passage.arrived,
            _ => self.frames.into(),
        };
        self.rounds
            .push(passage.time as f64 / counted.max(1) as f64);
        self.sent += u64::from(self.frames);
        self.arrived += passage.arrived;
        Ok(())
    }

    /// All flows that are to be known once, so that they and their devices are.
    fn begin_flows(&self, course: &Course<'_>, program: Option<BorrowedFd<'_>>) -> Result<()> {
        let Some(prelude) = &self.prelude else {
            return Ok(());
        };
        prelude.aim(program)?;
        prelude.rewind()?;
        let frames = self.load.flows().max(64);
        self.pass(course, prelude, frames)?;
        Ok(())
    }

    /// Frames that the contender's enforcer has sent past the bridge so far.
    fn past_bridge(&self, course: &Course<'_>) -> Result<u64> {
        match self.contender.how {
            How::Enforcer { place, .. } => course.enforcers[place].past_bridge(),
            _ => Ok(0),
        }
    }

    fn pass(&self, course: &Course<'_>, generator: &Generator, frames: u32) -> Result<Passage> {
        let track = &course.tracks[self.contender.track];
        let (program, frame) = (generator.program(), generator.frame());
        match &self.contender.how {
            How::Suricata(suricata) => suricata.pass(track, program, frame, frames, course.sink),
            _ => track.pass(program, frame, frames, course.sink),
        }
    }

    fn figure(&self, bridges: &BTreeMap<(usize, usize), f64>) -> Figure {
        let middle = median(&self.rounds);
        let arrived = self.arrived as f64 / self.sent as f64;
        Figure {
            part: "forward",
            contender: self.contender.name.clone(),
            load: self.load.name(),
            bytes: Some(self.load.length()),
            unit: "ns",
            rounds: self.rounds.clone(),
            median: middle,
            arrived: Some(arrived),
            past_bridge: match self.contender.how {
                How::Enforcer { .. } if self.arrived > 0 => {
                    Some(self.past_bridge as f64 / self.arrived as f64)
                }
                _ => None,
            },
            as_expected: matches!(self.contender.how, How::Suricata(_))
                || (arrived - self.contender.arriving(self.load)).abs() < 0.005,
            of_bridge: bridges.get(&self.key()).map(|bridge| bridge / middle),
        }
    }
}
