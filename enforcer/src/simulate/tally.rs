//! Counts what a simulation finds, and puts it into the words of the report.

use std::collections::BTreeMap;

use enforcer_common::port::{Port, Side};
use enforcer_common::verdict::{Fate, Reason};

use super::clock;
use super::report::{Difference, Example, Found, OfDevice, OfFate, OfReason, OfRule, OfSignature};
use super::summary::summarize;
use crate::datapath::observe::Observed;
use crate::policy::compile::Compiled;
use crate::policy::describe;
use crate::policy::model::Model;
use crate::policy::signature::told;

/// A frame's place in the captures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'f> {
    pub(super) file: &'f str,
    pub(super) frame: u64,
    /// Nanoseconds since 1970.
    pub(super) time: Option<u64>,
}

/// What the numbers of a verdict mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'p> {
    pub(super) model: &'p Model,
    pub(super) compiled: &'p Compiled,
}

impl Names<'_> {
    /// `profile/rule`.
    pub(super) fn rule(&self, number: u16) -> Option<String> {
        let index = usize::from(number).checked_sub(1)?;
        let (profile, rule) = *self.compiled.rules.get(index)?;
        let profile = self.model.profiles.get(profile)?;
        Some(format!(
            "{}/{}",
            profile.name,
            profile.rules.get(rule)?.name
        ))
    }

    pub(super) fn device(&self, number: u32) -> Option<String> {
        let index = (number as usize).checked_sub(1)?;
        Some(self.model.devices.get(index)?.name.clone())
    }

    fn profile(&self, number: u32) -> Option<String> {
        let index = (number as usize).checked_sub(1)?;
        let device = self.model.devices.get(index)?;
        Some(describe::profile_name(self.model, device.profile).to_owned())
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Traffic {
    frames: u64,
    bytes: u64,
}

impl Traffic {
    fn count(&mut self, observed: &Observed) {
        self.frames += 1;
        self.bytes += u64::from(observed.packet.length);
    }
}

#[derive(Debug, Default)]
struct WithExamples {
    traffic: Traffic,
    first: Vec<Example>,
}

impl WithExamples {
    fn count(
        &mut self,
        observed: &Observed,
        place: Place<'_>,
        port: &Port,
        keep: usize,
        names: Names<'_>,
    ) {
        self.traffic.count(observed);
        if self.first.len() >= keep {
            return;
        }
        self.first.push(Example {
            file: place.file.to_owned(),
            frame: place.frame,
            time: place.time.map(clock::text),
            side: if port.is_core() {
                side(Side::Core)
            } else {
                side(Side::Device)
            },
            summary: summarize(&observed.packet),
            device: names.device(observed.verdict.device),
            rule: names.rule(observed.verdict.rule),
        });
    }
}

/// All that was counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    fates: BTreeMap<Fate, Traffic>,
    reasons: BTreeMap<(Reason, Fate), WithExamples>,
    rules: BTreeMap<u16, Traffic>,
    signatures: BTreeMap<u32, WithExamples>,
    devices: BTreeMap<u32, BTreeMap<Fate, Traffic>>,
}

impl Tally {
    /// Counts a frame, and keeps it if it is among the first of its reason.
    pub(super) fn count(
        &mut self,
        observed: &Observed,
        place: Place<'_>,
        port: &Port,
        keep: usize,
        names: Names<'_>,
    ) {
        let verdict = observed.verdict;
        let fate = verdict.fate();
        self.fates.entry(fate).or_default().count(observed);
        let devices = self.devices.entry(verdict.device).or_default();
        devices.entry(fate).or_default().count(observed);
        if fate == Fate::Allow {
            for rule in observed.findings.map(|finding| finding.rule) {
                if rule != 0 {
                    self.rules.entry(rule).or_default().count(observed);
                }
            }
        }
        let of = self.reasons.entry((verdict.reason, fate)).or_default();
        of.count(observed, place, port, keep, names);
        if observed.signature != 0 {
            let of = self.signatures.entry(observed.signature).or_default();
            of.count(observed, place, port, keep, names);
        }
    }

    pub(super) fn fates(&self) -> Vec<OfFate> {
        let of = |fate: Fate| {
            let traffic = self.fates.get(&fate).copied().unwrap_or_default();
            OfFate {
                fate: fate.label(),
                frames: traffic.frames,
                bytes: traffic.bytes,
            }
        };
        Fate::ALL.into_iter().map(of).collect()
    }

    pub(super) fn reasons(&mut self) -> Vec<OfReason> {
        let of = |((reason, fate), found): ((Reason, Fate), WithExamples)| OfReason {
            reason: reason.label(),
            fate: fate.label(),
            frames: found.traffic.frames,
            bytes: found.traffic.bytes,
            explanation: reason.explanation(),
            first: found.first,
        };
        let reasons = std::mem::take(&mut self.reasons);
        let mut reasons: Vec<_> = reasons.into_iter().map(of).collect();
        reasons.sort_by_key(|of| std::cmp::Reverse(of.frames));
        reasons
    }

    pub(super) fn rules(&self, names: Names<'_>) -> Vec<OfRule> {
        let of = |(number, traffic): (&u16, &Traffic)| {
            Some(OfRule {
                // The number after the last is what guards let through.
                rule: names.rule(*number)?,
                frames: traffic.frames,
                bytes: traffic.bytes,
            })
        };
        let mut rules: Vec<_> = self.rules.iter().filter_map(of).collect();
        rules.sort_by_key(|of| std::cmp::Reverse(of.frames));
        rules
    }

    pub(super) fn signatures(&mut self, names: Names<'_>) -> Vec<OfSignature> {
        let of = |(number, found): (u32, WithExamples)| {
            let signature = told(names.model, number)?;
            Some(OfSignature {
                signature: signature.name.to_owned(),
                id: signature.id,
                frames: found.traffic.frames,
                bytes: found.traffic.bytes,
                first: found.first,
            })
        };
        let signatures = std::mem::take(&mut self.signatures);
        let mut signatures: Vec<_> = signatures.into_iter().filter_map(of).collect();
        signatures.sort_by_key(|of| std::cmp::Reverse(of.frames));
        signatures
    }

    pub(super) fn devices(&self, names: Names<'_>) -> Vec<OfDevice> {
        let of = |(number, fates): (&u32, &BTreeMap<Fate, Traffic>)| {
            let frames = |fate: Fate| fates.get(&fate).map_or(0, |traffic| traffic.frames);
            OfDevice {
                device: names.device(*number),
                profile: names.profile(*number),
                frames: fates.values().map(|traffic| traffic.frames).sum(),
                bytes: fates.values().map(|traffic| traffic.bytes).sum(),
                allow: frames(Fate::Allow),
                audit: frames(Fate::Audit),
                deny: frames(Fate::Deny),
                fail_open: frames(Fate::FailOpen),
            }
        };
        let mut devices: Vec<_> = self.devices.iter().map(of).collect();
        devices.sort_by_key(|of| std::cmp::Reverse(of.frames));
        devices
    }
}

/// What engines that differ have found of one frame.
pub(super) fn difference(
    place: Place<'_>,
    found: &[(&'static str, Observed)],
    names: Names<'_>,
) -> Difference {
    let summary = found
        .first()
        .map_or_else(String::new, |(_, observed)| summarize(&observed.packet));
    let found = found.iter().map(|(engine, observed)| Found {
        engine,
        fate: observed.verdict.fate().label(),
        reason: observed.verdict.reason.label(),
        rule: names.rule(observed.verdict.rule),
        device: names.device(observed.verdict.device),
        details: format!("{observed:?}"),
    });
    Difference {
        file: place.file.to_owned(),
        frame: place.frame,
        summary,
        found: found.collect(),
    }
}

/// `device` or `core`.
pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Device => "device",
        Side::Core => "core",
    }
}
