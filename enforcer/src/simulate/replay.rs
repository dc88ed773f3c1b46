//! Replay: the frames of captures, in order, through one engine or two, with the
//! state and the time that go with them. Holds flows and counts, never the files.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use enforcer_common::port::Port;

use super::calendars::Calendars;
use super::capture::{Capture, Damage, Frame, Progress};
use super::clock::{self, Clock};
use super::engine::Engine;
use super::learning::Learning;
use super::origin::Origins;
use super::report::{Agreement, File, FileError, Frames, Policy, Report, Skipped, VERSION};
use super::tally::{Names, Place, Tally, difference};
use crate::datapath::observe::Observed;
use crate::policy::compile::Compiled;
use crate::policy::model::Model;

/// Frames after which the caller is told how far it has come.
const TOLD_EVERY: u64 = 1 << 12;

/// What may be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Choices {
    /// Frames kept of each reason, and of those that engines judge differently.
    pub first: usize,
    /// How long after the first frame sessions that already run are adopted.
    pub adopt: Duration,
}

/// Captures that are being replayed by a policy.
#[expect(
    missing_debug_implementations,
    reason = "engines are not to be printed"
)]
pub struct Replay<'p> {
    names: Names<'p>,
    engines: Vec<Box<dyn Engine>>,
    origins: Origins,
    choices: Choices,
    calendars: Calendars<'p>,
    learning: Option<Learning>,
    clock: Clock,
    adopting_until: Option<u64>,
    tally: Tally,
    agreement: Agreement,
    files: Vec<File>,
    skipped: Vec<Skipped>,
    judged: u64,
    cut_short: u64,
}

impl<'p> Replay<'p> {
    /// Puts a policy into force in all engines, which must not have judged yet.
    /// `compiled` has the pretended ports in their places ([`super::ports::place`]).
    ///
    /// # Errors
    /// When an engine does not take the policy.
    pub fn new(
        model: &'p Model,
        compiled: &'p Compiled,
        mut engines: Vec<Box<dyn Engine>>,
        origins: Origins,
        choices: Choices,
    ) -> Result<Self> {
        for engine in &mut engines {
            engine.install(compiled)?;
            engine.set_clock_offset(Clock::offset());
        }
        Ok(Self {
            names: Names { model, compiled },
            engines,
            origins,
            choices,
            calendars: Calendars::new(model, compiled),
            learning: Learning::new(model),
            clock: Clock::default(),
            adopting_until: None,
            tally: Tally::default(),
            agreement: Agreement::default(),
            files: Vec::new(),
            skipped: Vec::new(),
            judged: 0,
            cut_short: 0,
        })
    }

    /// Judges the frames of a file. That it is damaged is told in the report, with
    /// what was judged before.
    ///
    /// # Errors
    /// When an engine fails.
    pub fn file(&mut self, path: &Path, told: &mut dyn FnMut(Progress)) -> Result<()> {
        let name = path.display().to_string();
        let mut file = File {
            file: name.clone(),
            ..File::default()
        };
        let skipped_before = self.skipped.len();
        let done = match Capture::open(path) {
            Ok(mut capture) => {
                file.format = Some(capture.format());
                self.frames(&mut capture, &name, &mut file.frames, told)?
            }
            Err(damage) => Err(damage),
        };
        let damage = done.err().or_else(|| {
            let skipped = self.skipped.get(skipped_before..).unwrap_or_default();
            nothing_to_judge(&file, skipped)
        });
        file.error = damage.map(|damage| FileError {
            frame: damage.frame,
            byte: damage.byte,
            message: damage.message,
        });
        self.files.push(file);
        Ok(())
    }

    /// What was found.
    pub fn report(mut self) -> Report {
        let compiled = self.names.compiled;
        let skipped = self.skipped.iter().map(|skipped| skipped.frames).sum();
        Report {
            version: VERSION,
            policy: Policy {
                hash: hexadecimal(&compiled.digest),
                devices: self.names.model.devices.len(),
                profiles: self.names.model.profiles.len(),
                rules: compiled.rules.len(),
            },
            engines: self.engines.iter().map(|engine| engine.name()).collect(),
            frames: Frames {
                read: self.files.iter().map(|file| file.frames).sum(),
                judged: self.judged,
                skipped,
                cut_short: self.cut_short,
                out_of_order: self.clock.out_of_order,
                without_time: self.clock.without_time,
                first: self.clock.first().map(clock::text),
                last: self.clock.latest().map(clock::text),
                adopting_until: self.adopting_until.map(clock::text),
            },
            fates: self.tally.fates(),
            reasons: self.tally.reasons(),
            rules: self.tally.rules(self.names),
            signatures: self.tally.signatures(self.names),
            devices: self.tally.devices(self.names),
            agreement: (self.engines.len() > 1).then_some(self.agreement),
            files: self.files,
            skipped: self.skipped,
        }
    }

    /// The outer error is an engine's, the inner one the file's.
    fn frames(
        &mut self,
        capture: &mut Capture,
        file: &str,
        read: &mut u64,
        told: &mut dyn FnMut(Progress),
    ) -> Result<Result<(), Damage>> {
        loop {
            match capture.next_frame() {
                Ok(Some(frame)) => {
                    *read = frame.number;
                    self.frame(&frame, file)?;
                }
                Ok(None) => break,
                Err(damage) => return Ok(Err(damage)),
            }
            if read.is_multiple_of(TOLD_EVERY) {
                told(capture.progress());
            }
        }
        told(capture.progress());
        Ok(Ok(()))
    }

    fn frame(&mut self, frame: &Frame<'_>, file: &str) -> Result<()> {
        let interface = frame.interface;
        let Some(ethernet) = frame.ethernet() else {
            let why = format!("{} carries no Ethernet", interface.link_name());
            self.skip(file, &interface.name, why);
            return Ok(());
        };
        let time = self.clock.follow(frame.time);
        if self.adopting_until.is_none() {
            self.adopt(time);
        }
        self.calendars.keep(self.clock.unix(), &mut self.engines);
        let port = self.origins.port(ethernet, &interface.name);
        let place = Place {
            file,
            frame: frame.number,
            time: frame.time,
        };
        let found = self
            .judge(ethernet, &port, time)
            .with_context(|| format!("{file}, frame {}", frame.number))?;
        let Some((_, first)) = found.first() else {
            let why = "of a length that the kernel's test run does not take".to_owned();
            self.skip(file, &interface.name, why);
            return Ok(());
        };
        self.judged += 1;
        self.cut_short += u64::from(frame.is_cut_short());
        self.tally
            .count(first, place, &port, self.choices.first, self.names);
        if let Some(learning) = &mut self.learning {
            learning.study(ethernet, first, time, &mut self.engines)?;
        }
        if found.len() > 1 {
            self.compare(&found, place);
        }
        Ok(())
    }

    /// What each engine found that could be given the frame.
    fn judge(
        &mut self,
        frame: &[u8],
        port: &Port,
        time: u64,
    ) -> Result<Vec<(&'static str, Observed)>> {
        let mut found = Vec::with_capacity(self.engines.len());
        for engine in &mut self.engines {
            if let Some(observed) = engine.judge(frame, port, time)? {
                found.push((engine.name(), observed));
            }
        }
        Ok(found)
    }

    fn compare(&mut self, found: &[(&'static str, Observed)], place: Place<'_>) {
        self.agreement.compared += 1;
        if found.windows(2).all(|pair| pair[0].1 == pair[1].1) {
            return;
        }
        self.agreement.differing += 1;
        if self.agreement.first.len() < self.choices.first.max(1) {
            self.agreement
                .first
                .push(difference(place, found, self.names));
        }
    }

    /// As when a policy is put into force for the first time.
    fn adopt(&mut self, now: u64) {
        let adopt = u64::try_from(self.choices.adopt.as_nanos()).unwrap_or(u64::MAX);
        for engine in &mut self.engines {
            engine.adopt_until(now.saturating_add(adopt));
        }
        let start = self.clock.latest().unwrap_or(0);
        self.adopting_until = Some(start.saturating_add(adopt));
    }

    fn skip(&mut self, file: &str, interface: &str, why: String) {
        let known = self.skipped.iter_mut().find(|skipped| {
            (
                skipped.file.as_str(),
                skipped.interface.as_str(),
                &skipped.why,
            ) == (file, interface, &why)
        });
        match known {
            Some(skipped) => skipped.frames += 1,
            None => self.skipped.push(Skipped {
                file: file.to_owned(),
                interface: interface.to_owned(),
                why,
                frames: 1,
            }),
        }
    }
}

/// A file that holds frames, but none that could be judged, is the wrong one.
fn nothing_to_judge(file: &File, skipped: &[Skipped]) -> Option<Damage> {
    let frames: u64 = skipped.iter().map(|skipped| skipped.frames).sum();
    if file.frames == 0 || frames < file.frames {
        return None;
    }
    let mut reasons: Vec<&str> = skipped.iter().map(|skipped| skipped.why.as_str()).collect();
    reasons.dedup();
    Some(Damage {
        frame: None,
        byte: 0,
        message: format!(
            "none of its frames can be judged: {}; capture on an Ethernet interface by its name, not on `any`",
            reasons.join(", ")
        ),
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
