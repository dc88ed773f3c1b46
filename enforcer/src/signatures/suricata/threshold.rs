//! `threshold:type KIND, track by_END, count N, seconds S` and `detection_filter` with the
//! same but for the kind: how often a rule must match before it hits.

use crate::policy::signature::{LONGEST_WINDOW, Per, Threshold};

use super::lexer::Keyword;
use super::refusal::{Refusal, refuse};

/// A `limit` is on what is told, and the device's budget of events is one already: `None`.
/// With `both` a rule matches from the N-th time on, and is told once
/// (`ThresholdHandlePacket` in detect-engine-threshold.c); so here, but for that budget. With
/// `threshold` it matches each N-th time.
///
/// # Errors
/// `threshold`, or `threshold:KIND` where that is none of these.
pub(super) fn threshold(keyword: Keyword<'_>) -> Result<Option<Threshold>, Refusal> {
    let (kind, threshold) = fields(keyword)?;
    let kind = kind.ok_or_else(|| keyword.refuse("it has one type"))?;
    match kind {
        "limit" => Ok(None),
        "both" => Ok(Some(threshold)),
        "threshold" => Ok(Some(Threshold {
            every: true,
            ..threshold
        })),
        _ => Err(refuse(
            format!("threshold:{kind}"),
            "this type is not supported",
        )),
    }
}

/// A rule hits each time after the N-th.
///
/// # Errors
/// `detection_filter`.
pub(super) fn detection_filter(keyword: Keyword<'_>) -> Result<Threshold, Refusal> {
    let (kind, threshold) = fields(keyword)?;
    match (kind, threshold.hits.checked_add(1)) {
        (None, Some(hits)) => Ok(Threshold { hits, ..threshold }),
        _ => Err(keyword.refuse("it has a count, and no type")),
    }
}

fn fields<'t>(keyword: Keyword<'t>) -> Result<(Option<&'t str>, Threshold), Refusal> {
    let (mut kind, mut per, mut count, mut seconds) = (None, None, None, None);
    for field in keyword.value()?.split(',').map(str::trim) {
        let (name, value) = field.split_once(' ').unwrap_or((field, ""));
        let value = value.trim();
        let is_new = match name {
            "type" => kind.replace(value).is_none(),
            "track" => per.replace(value).is_none(),
            "count" => count.replace(value).is_none(),
            "seconds" => seconds.replace(value).is_none(),
            _ => return Err(keyword.refuse(format!("{field} is not supported"))),
        };
        if !is_new {
            return Err(keyword.refuse(format!("{name} is said twice")));
        }
    }
    let per = match per {
        Some("by_src") => Per::Source,
        Some("by_dst") => Per::Destination,
        _ => return Err(keyword.refuse("hits are counted by_src or by_dst")),
    };
    let number = |value: Option<&str>, most: u32| {
        let number = value.and_then(|value| value.parse().ok());
        number.filter(|number| (1..=most).contains(number))
    };
    let (Some(hits), Some(seconds)) = (number(count, u32::MAX), number(seconds, LONGEST_WINDOW))
    else {
        let why = format!("no count, or not 1 to {LONGEST_WINDOW} seconds");
        return Err(keyword.refuse(why));
    };
    let threshold = Threshold {
        hits,
        seconds,
        per,
        every: false,
    };
    Ok((kind, threshold))
}
