//! Explain: a described first packet is built as real bytes, judged by the code
//! that the kernel runs, and what that code looked up is told in sentences. The
//! verdict comes from the decision alone; this only tells it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use enforcer_common::addr::{Mac, Vlan};
use enforcer_common::decide::{Work, judge};
use enforcer_common::learned::LearnedKey;
use enforcer_common::port::Side;
use enforcer_common::table::LAYOUT_VERSION;
use enforcer_common::verdict::{Fate, Verdict};

use super::{HostTables, ports};
use crate::control::api::{Asked, Circumstances, Explanation, Question};
use crate::policy::compile::Compiled;
use crate::policy::describe;
use crate::policy::model::Model;
use crate::policy::places::Texts;

mod advice;
mod case;
mod ends;
mod frame;
mod lines;
mod matching;
mod moment;
#[cfg(test)]
mod situations;
mod state;
mod steps;
#[cfg(test)]
mod tests;

use case::Case;
use ends::Ends;

const SECOND: u64 = 1_000_000_000;

/// What a packet is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    pub model: &'a Model,
    pub compiled: &'a Compiled,
    /// Second of the monotonic clock.
    pub monotonic: u32,
    /// Policy time: Unix time, UTC.
    pub time: u32,
    /// What devices were given, until which second of the monotonic clock.
    pub learned: &'a [(LearnedKey, u32)],
    /// Where rules are written.
    pub texts: Option<Texts<'a>>,
}

impl<'a> Setting<'a> {
    /// A policy by itself at a time (Unix, UTC): nothing is learned.
    pub fn of(model: &'a Model, compiled: &'a Compiled, time: u32) -> Self {
        Self {
            model,
            compiled,
            monotonic: 1,
            time,
            learned: &[],
            texts: None,
        }
    }
}

/// Answers what would become now of the first packet that `question` describes, by a
/// policy and its compiled form.
///
/// # Errors
/// As for [`explain_in`].
pub fn explain(
    model: &Model,
    compiled: &Compiled,
    question: &Question,
) -> Result<Explanation, String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = u32::try_from(since.unwrap_or_default().as_secs()).unwrap_or(u32::MAX);
    explain_in(
        &Setting::of(model, compiled, now),
        question,
        &Circumstances::default(),
    )
}

/// Answers what would become of the first packet that `question` describes. A packet
/// between two devices in different VLANs is routed in between and crosses the
/// enforcer twice: both are judged.
///
/// # Errors
/// When an end is not known or ambiguous, or no such packet can be.
pub fn explain_in(
    setting: &Setting<'_>,
    question: &Question,
    given: &Circumstances,
) -> Result<Explanation, String> {
    let mut setting = *setting;
    setting.time = given.at.unwrap_or(setting.time);
    let mut compiled = setting.compiled.clone();
    ports::place(&mut compiled);
    compiled.wind(setting.model, setting.time);
    let tables = tables(&setting, &compiled);
    let mut ends = ends::resolve(setting.model, question)?;
    if let Some(address) = given.address {
        ends.source.use_address(address, &ends.destination)?;
    }
    let mut told = ends.notes.clone();
    let mut answer: Option<Answer> = None;
    for (number, mut crossing) in crossings(&ends).into_iter().enumerate() {
        // What is given holds where the packet starts.
        let given = (number == 0).then_some(given);
        crossing.vlan = given.and_then(|given| given.vlan).unwrap_or(crossing.vlan);
        let port = given.and_then(|given| given.port.clone());
        let case = Case::new(&setting, &tables, &crossing, port, question.service);
        let frame = frame::build(&crossing, question.service)?;
        told.push(frame::describe(&crossing, question.service));
        told.extend(
            case.port
                .as_ref()
                .map(|name| format!("It comes in by port {name}.")),
        );
        let mut work = Work::EMPTY;
        let port = case.judging_port(&compiled);
        let verdict = judge(frame.as_slice(), &tables, &port, &mut work);
        told.extend(steps::tell(&case, &tables.take_steps()));
        told.extend(state::tell(&case, &work));
        told.extend(steps::conclude(&case, &work, verdict));
        let change = case.change(&work, verdict);
        let denied = verdict.fate() == Fate::Deny;
        match &mut answer {
            // The first crossing answers, unless a later one is harsher.
            Some(answer) if verdict.fate().severity() <= answer.verdict.fate().severity() => {
                answer.change.extend(change);
            }
            _ => {
                let place = steps::rule_number(&compiled, verdict.rule)
                    .and_then(|rule| case.lines.of_rule(rule));
                answer = Some(Answer {
                    verdict,
                    place,
                    change,
                });
            }
        }
        if denied {
            break;
        }
    }
    let Answer {
        verdict,
        place,
        mut change,
    } = answer.ok_or_else(|| format!("no packet was judged (layout {LAYOUT_VERSION})"))?;
    let mut seen = BTreeSet::new();
    change.retain(|clause| seen.insert(clause.clone()));
    Ok(Explanation {
        fate: verdict.fate().label().to_owned(),
        reason: verdict.reason.label().to_owned(),
        explanation: verdict.reason.explanation().to_owned(),
        rule: steps::rule_name(setting.model, &compiled, verdict.rule),
        place,
        device: steps::device(setting.model, verdict.device).map(|device| device.name.clone()),
        steps: told,
        change,
    })
}

struct Answer {
    verdict: Verdict,
    place: Option<String>,
    change: Vec<String>,
}

/// The policy in force at the setting's time, with all that was learned.
fn tables(setting: &Setting<'_>, compiled: &Compiled) -> HostTables {
    let mut tables = HostTables::default();
    tables.install(compiled);
    tables.clock.set(u64::from(setting.monotonic) * SECOND);
    tables.control_mut().clock_offset = setting.time.wrapping_sub(setting.monotonic);
    for (key, until) in setting.learned {
        tables.learn(*key, *until);
    }
    tables
}

/// A frame of the first packet that a question describes.
#[derive(Clone, Debug)]
pub(crate) struct FirstPacket {
    /// Side that it comes in by.
    pub(crate) side: Side,
    /// Index in [`Model::devices`] of the device that sends it, if one does.
    pub(crate) sender: Option<usize>,
    pub(crate) frame: Vec<u8>,
}

/// The frames by which the first packet that a question describes crosses the
/// enforcer: two where it is routed between devices in different VLANs.
///
/// # Errors
/// As for [`explain`].
pub(crate) fn first_packets(
    model: &Model,
    question: &Question,
) -> Result<Vec<FirstPacket>, String> {
    let ends = ends::resolve(model, question)?;
    let first = |crossing: Crossing| {
        Ok(FirstPacket {
            side: crossing.side,
            sender: crossing.source.device,
            frame: frame::build(&crossing, question.service)?,
        })
    };
    crossings(&ends).into_iter().map(first).collect()
}

/// The bytes of a first packet from one host to another, as hardware address and IP
/// address; a group's hardware address is that of its IP address.
///
/// # Errors
/// When no such packet can be.
pub(crate) fn first_packet(
    hosts: [(Mac, IpAddr); 2],
    vlan: Vlan,
    service: Asked,
) -> Result<Vec<u8>, String> {
    let [source, destination] = hosts.map(|(mac, ip)| ends::Host {
        mac: ends::group_mac(ip).unwrap_or(mac),
        ip,
        device: None,
        vlan: Some(vlan),
        at_device_side: false,
    });
    let crossing = Crossing {
        side: Side::Core,
        source,
        destination,
        vlan,
    };
    frame::build(&crossing, service)
}

/// One frame on its way through the enforcer.
#[derive(Clone, Debug)]
struct Crossing {
    /// Side that it comes in by.
    side: Side,
    source: ends::Host,
    destination: ends::Host,
    vlan: enforcer_common::addr::Vlan,
}

fn crossings(ends: &Ends) -> Vec<Crossing> {
    let (source, destination) = (ends.source.clone(), ends.destination.clone());
    let side = if source.at_device_side {
        Side::Device
    } else {
        Side::Core
    };
    let routed =
        source.device.is_some() && destination.device.is_some() && source.vlan != destination.vlan;
    if !routed {
        let vlan = match (source.vlan, destination.vlan) {
            (Some(vlan), _) | (None, Some(vlan)) => vlan,
            (None, None) => enforcer_common::addr::Vlan::UNTAGGED,
        };
        return vec![Crossing {
            side,
            source,
            destination,
            vlan,
        }];
    }
    let outward = ends::Host {
        mac: ends::ROUTER,
        device: None,
        ..destination.clone()
    };
    let inward = ends::Host {
        mac: ends::ROUTER,
        device: None,
        ..source.clone()
    };
    vec![
        Crossing {
            side,
            vlan: source.vlan.unwrap_or_default(),
            source,
            destination: outward,
        },
        Crossing {
            side: Side::Core,
            vlan: destination.vlan.unwrap_or_default(),
            source: inward,
            destination,
        },
    ]
}

/// `the device pump-1 (profile pump, enforce)`.
fn device_text(model: &Model, index: usize) -> String {
    match model.devices.get(index) {
        Some(device) => {
            let profile = describe::profile_name(model, device.profile);
            format!(
                "device {} (profile {profile}, {})",
                device.name,
                describe::mode(device.mode)
            )
        }
        None => "a device of another policy".to_owned(),
    }
}
