//! What holds for the ends of a frame at this moment and is no part of the policy's
//! text: quarantine, break-glass, the port. In sentences.

use enforcer_common::decide::identify::Party;
use enforcer_common::decide::{Policy, Work};
use enforcer_common::verdict::{Mode, Reason};

use super::Case;
use super::steps::device;
use crate::policy::describe;

pub(super) fn tell(case: &Case<'_>, work: &Work) -> Vec<String> {
    let model = case.setting.model;
    let mut told = Vec::new();
    for party in work.parties.iter().filter(|party| party.judged) {
        let Some(device) = device(model, party.number) else {
            continue;
        };
        let name = &device.name;
        if party.quarantined {
            told.push(format!(
                "{name} is in quarantine{}.",
                until(quarantine(case, party))
            ));
        } else if party.mode == Mode::Audit && device.mode == Mode::Enforce {
            told.push(format!(
                "Profile {} is open by break-glass{}: what would be denied passes.",
                describe::profile_name(model, device.profile),
                until(opened(case, party))
            ));
        }
    }
    let findings = work.parties.iter().zip(&work.findings);
    for (party, _) in findings.filter(|(_, finding)| finding.reason == Reason::WrongPort) {
        if let Some(device) = device(model, party.number) {
            let (bound, here) = (device.port.as_deref(), case.port.as_deref());
            told.push(format!(
                "{} is bound to port {} and comes in by {}.",
                device.name,
                bound.unwrap_or_default(),
                here.unwrap_or("another")
            ));
        }
    }
    if let Some((name, port)) = case
        .port
        .as_ref()
        .and_then(|name| model.ports.get_key_value(name))
    {
        told.push(format!("Port {name} may carry: {}.", describe::port(port)));
    }
    told
}

/// Policy time of the end of something that is kept in a line of the policy.
fn quarantine(case: &Case<'_>, party: &Party) -> Option<u32> {
    let policy = Policy::open(case.tables)?;
    Some(policy.device_line(party.number)?.quarantine_until)
}

fn opened(case: &Case<'_>, party: &Party) -> Option<u32> {
    let policy = Policy::open(case.tables)?;
    Some(policy.profile(party.profile)?.open_until)
}

fn until(second: Option<u32>) -> String {
    match second {
        None | Some(u32::MAX) => String::new(),
        Some(second) => format!(" until {}", describe::moment(second)),
    }
}
