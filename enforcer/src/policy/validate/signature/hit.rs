//! What a hit leads to, and how many there must be.

use std::time::Duration;

use crate::policy::findings::Findings;
use crate::policy::lenient::Scalar;
use crate::policy::place::Here;
use crate::policy::raw::{self, Keys as _};
use crate::policy::signature::{
    Action, LONGEST_WINDOW, Per, Quarantine, Threshold, UNTIL_RELEASED,
};
use crate::policy::validate::scalar::{choice, duration, is_mapping, number, switch};

/// `until-released`, or for how long.
pub(super) fn quarantine(
    value: Option<&Scalar>,
    action: Action,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Quarantine> {
    /// As long as a person may ask for.
    const LONGEST: Duration = Duration::from_secs(366 * 86_400);
    let value = value?;
    if action == Action::Alert {
        let reported = findings.error(here, "what is only reported cuts nobody off");
        reported.suggest(|| Some("let its `action` be drop or cut".to_owned()));
        return None;
    }
    if matches!(value, Scalar::Text(text) if text == UNTIL_RELEASED) {
        return Some(Quarantine::UntilReleased);
    }
    let lasts = duration(value, Duration::from_secs(1), LONGEST, here, findings)?;
    Some(Quarantine::Seconds(lasts.as_secs() as u32))
}

/// How often it must be hit before it acts.
pub(super) fn threshold(
    raw: Option<&raw::Threshold>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Threshold> {
    let raw = raw?;
    if !is_mapping(&raw.odd, raw::Threshold::KEYS, here, findings) {
        return None;
    }
    let needed = [
        ("hits", &raw.hits),
        ("within", &raw.within),
        ("per", &raw.per),
    ];
    for (key, value) in needed {
        if value.is_none() {
            findings.error(&here.key(key), "missing");
        }
    }
    let (hits, within, per) = (raw.hits.as_ref()?, raw.within.as_ref()?, raw.per.as_ref()?);
    let hits = number(hits, u32::MAX, &here.key("hits"), findings);
    if hits == Some(0) {
        findings.error(
            &here.key("hits"),
            "it acts at the first hit at the earliest",
        );
    }
    let (shortest, longest) = (
        Duration::from_secs(1),
        Duration::from_secs(LONGEST_WINDOW.into()),
    );
    let within = duration(within, shortest, longest, &here.key("within"), findings);
    let ends = [("source", Per::Source), ("destination", Per::Destination)];
    let per = choice(per, ends, &here.key("per"), findings);
    let every = match &raw.every {
        Some(value) => switch(value, &here.key("every"), findings)?,
        None => false,
    };
    Some(Threshold {
        hits: hits?,
        seconds: within?.as_secs() as u32,
        per: per?,
        every,
    })
}
