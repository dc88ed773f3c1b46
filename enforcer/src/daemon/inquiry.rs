//! `explain` by the policy in force, with what is marked and learned at this moment.

use anyhow::Result;

use super::engine::{Engine, Running, monotonic_second};
use crate::control::api::{Explanation, Inquiry};
use crate::policy::model::{Model, Peer};
use crate::policy::places::Texts;
use crate::simulate::explain::{Setting, explain_in};

/// Answers by the policy in force; the inner error is that of a question that cannot
/// be answered.
pub(super) fn explain(
    engine: &Engine,
    running: &Running,
    inquiry: &Inquiry,
) -> Result<Result<Explanation, String>> {
    let learned = if learns(&running.model) {
        engine.datapath().learned()?
    } else {
        Vec::new()
    };
    let setting = Setting {
        model: &running.model,
        compiled: &running.compiled,
        monotonic: monotonic_second(),
        time: engine.policy_time(),
        learned: &learned,
        texts: Some(Texts {
            bundle: &running.bundle,
            before: running.twin.as_ref().map(|twin| &twin.before),
        }),
    };
    Ok(explain_in(&setting, &inquiry.question, &inquiry.given))
}

/// Whether the policy depends on what devices are given.
fn learns(model: &Model) -> bool {
    let mut rules = model.profiles.iter().flat_map(|profile| &profile.rules);
    rules.any(|rule| rule.peers.iter().any(|peer| matches!(peer, Peer::Name(_))))
        || model.devices.iter().any(|device| device.dhcp_address)
}
