//! Explain: a described first packet is built as real bytes, judged by the code
//! that the kernel runs, and what that code looked up is told in sentences. The
//! verdict comes from the decision alone; this only tells it.

use enforcer_common::decide::{Work, judge};
use enforcer_common::port::{Port, Side};
use enforcer_common::table::LAYOUT_VERSION;
use enforcer_common::verdict::{Fate, Verdict};

use super::HostTables;
use crate::control::api::{Explanation, Question};
use crate::policy::compile::Compiled;
use crate::policy::describe;
use crate::policy::model::Model;

mod ends;
mod frame;
mod steps;
#[cfg(test)]
mod tests;

use ends::Ends;

const SECOND: u64 = 1_000_000_000;

/// Answers what would become of the first packet that `question` describes, by
/// a policy and its compiled form. A packet between two devices in different
/// VLANs is routed in between and crosses the enforcer twice: both are judged.
///
/// # Errors
/// When an end is not known or ambiguous, or no such packet can be.
pub fn explain(
    model: &Model,
    compiled: &Compiled,
    question: &Question,
) -> Result<Explanation, String> {
    let ends = ends::resolve(model, question)?;
    let mut tables = HostTables::default();
    tables.install(compiled);
    tables.clock.set(SECOND);
    let mut told = ends.notes.clone();
    let mut decided: Option<Verdict> = None;
    for crossing in crossings(&ends) {
        let frame = frame::build(&crossing, question.service)?;
        told.push(frame::describe(&crossing, question.service));
        let port = Port {
            side: crossing.side as u8,
            ..Port::default()
        };
        let mut work = Work::EMPTY;
        let verdict = judge(frame.as_slice(), &tables, &port, &mut work);
        told.extend(steps::tell(
            model,
            compiled,
            &crossing,
            &tables.take_steps(),
        ));
        told.extend(steps::conclude(model, compiled, &work, verdict));
        // The first crossing answers, unless a later one is harsher.
        if decided.is_none_or(|earlier| verdict.fate() as u8 > earlier.fate() as u8) {
            decided = Some(verdict);
        }
        if verdict.fate() == Fate::Deny {
            break;
        }
    }
    let verdict =
        decided.ok_or_else(|| format!("no packet was judged (layout {LAYOUT_VERSION})"))?;
    Ok(Explanation {
        fate: verdict.fate().label().to_owned(),
        reason: verdict.reason.label().to_owned(),
        explanation: verdict.reason.explanation().to_owned(),
        rule: steps::rule_name(model, compiled, verdict.rule),
        device: steps::device(model, verdict.device).map(|device| device.name.clone()),
        steps: told,
    })
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
