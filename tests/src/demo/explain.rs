//! Why something passed or did not, in the enforcer's own words: from its flows
//! for what passed, from its events for what did not.

use std::time::Duration;

use anyhow::Result;

use super::{Stage, attempt::Attempt};
use crate::{
    client::Client,
    lab::Endpoint,
    records::{Event, Flow},
    topology::CORE_MAC,
    traffic::Outcome,
    wait,
};

/// Events take a moment from the packet to the client.
const DEADLINE: Duration = Duration::from_secs(3);
const EVENTS: usize = 200;

/// The reason and the rule, or `None` if the enforcer knows nothing of it.
pub(super) fn explain(
    attempt: &Attempt,
    outcome: Outcome,
    stage: &Stage,
    client: &Client,
) -> Result<Option<String>> {
    let from = stage.lab().endpoint(attempt.from)?;
    let to = stage.lab().endpoint(attempt.to)?;
    wait::poll(DEADLINE, || match outcome {
        Outcome::Answered => why_passed(attempt, stage, to, &client.flows()?),
        Outcome::Refused | Outcome::Unreachable | Outcome::Silent => {
            why_refused(attempt, stage, from, to, &client.events(EVENTS)?)
        }
    })
}

fn why_passed(
    attempt: &Attempt,
    stage: &Stage,
    to: &Endpoint,
    flows: &[Flow],
) -> Result<Option<String>> {
    let source = attempt.source(stage)?;
    let flow = flows.iter().find(|flow| {
        flow.initiator == Some(source)
            && flow.responder == Some(to.ipv4.into())
            && flow.protocol.as_str() == Some(attempt.protocol())
            && (attempt.port.is_none() || flow.responder_port == attempt.port)
    });
    Ok(flow.map(|flow| format!("rule {}", flow.rules.join(", "))))
}

fn why_refused(
    attempt: &Attempt,
    stage: &Stage,
    from: &Endpoint,
    to: &Endpoint,
    events: &[Event],
) -> Result<Option<String>> {
    let source = attempt.source(stage)?;
    let packet = |event: &&Event| {
        event.source == Some(source)
            && event.destination == Some(to.ipv4.into())
            && event.protocol.as_str() == Some(attempt.protocol())
            && (attempt.port.is_none() || event.destination_port == attempt.port)
    };
    // An unknown device may not get as far as its first packet: its question for
    // the peer's address is refused already.
    let from_device = from.mac != CORE_MAC;
    let question = |event: &&Event| {
        from_device
            && event.source.is_none()
            && event.source_mac.as_deref() == Some(&from.mac.to_string())
    };
    let denied = || events.iter().rev().filter(|event| event.fate == "deny");
    let event = denied().find(packet).or_else(|| denied().find(question));
    Ok(event.map(|event| match &event.rule {
        Some(rule) if !rule.is_empty() => format!("{} (rule {rule})", event.reason),
        _ => event.reason.clone(),
    }))
}
