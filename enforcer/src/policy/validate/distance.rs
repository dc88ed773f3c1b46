//! How far a part of a signature stands from what it is counted from: one distance in
//! bytes, or the first and the last of several.

use super::super::findings::Findings;
use super::super::lenient::Scalar;
use super::super::place::{Here, quoted};
use super::scalar::expected;

/// Bytes that a distance may be. Rules of other languages have windows of 65 535 bytes
/// that begin after as many.
const FARTHEST: u32 = 2 << 16;

/// Where distances are counted from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// Of the text: none is negative.
    Beginning,
    /// From its end.
    PartBefore,
}

/// The first and the last distance; without a last one there is no limit.
///
/// `4` is one distance, `0-64` and `0..64` are several, `4..` has no last one. Only the
/// dots take negative ones, as in `-8..4`.
pub(super) fn distances(
    value: &Scalar,
    from: From,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<(i32, Option<i32>)> {
    let form = match from {
        From::Beginning => "a distance in bytes, or a range such as 0..64, or 4.. for no end",
        From::PartBefore => {
            "a distance in bytes, or a range such as 0..64, -8..4, or 4.. for no end"
        }
    };
    let text = match value {
        Scalar::Int(number) => number.to_string(),
        Scalar::Text(text) => text.clone(),
        other => {
            expected(form, other, here, findings);
            return None;
        }
    };
    let Some((first, last)) = range(&text) else {
        findings.error(here, format!("expected {form}, found {}", quoted(&text)));
        return None;
    };
    if let Some(last) = last.filter(|last| *last < first) {
        let message = format!("the range {text} ends before it begins");
        let suggestion = || Some(format!("did you mean \"{last}..{first}\"?"));
        findings.error(here, message).suggest(suggestion);
        return None;
    }
    if from == From::Beginning && first < 0 {
        findings
            .error(here, "nothing is before the beginning of the text")
            .suggest(|| Some("`after` counts from the part before".to_owned()));
        return None;
    }
    Some((first, last))
}

fn range(text: &str) -> Option<(i32, Option<i32>)> {
    if let Some((first, last)) = text.split_once("..") {
        let last = match last.trim() {
            "" => None,
            last => Some(distance(last)?),
        };
        return Some((distance(first)?, last));
    }
    if let Some(only) = distance(text) {
        return Some((only, Some(only)));
    }
    let (first, last) = text.split_once('-')?;
    let last = distance(last).filter(|last| *last >= 0)?;
    Some((distance(first)?, Some(last)))
}

fn distance(text: &str) -> Option<i32> {
    let number = text.trim().parse::<i32>().ok();
    number.filter(|number| number.unsigned_abs() <= FARTHEST)
}
