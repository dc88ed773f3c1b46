//! Single values: text, numbers, switches, modes and durations. Knows their
//! forms, not where in a policy they stand.

use std::time::Duration;

use enforcer_common::verdict::Mode;

use super::super::findings::Findings;
use super::super::lenient::{List, Oddity, OneOrMany, Scalar};
use super::super::place::{Here, quoted};
use super::name::{closest, meant};

/// Reports what does not belong into a mapping; whether it is one at all.
pub(super) fn is_mapping(
    odd: &[Oddity],
    known: &[&str],
    here: &Here<'_>,
    findings: &mut Findings,
) -> bool {
    let mut is_mapping = true;
    for oddity in odd {
        match oddity {
            Oddity::Shape(found) => {
                expected("a mapping", found, here, findings);
                is_mapping = false;
            }
            Oddity::Unknown(key) => {
                findings
                    .error(here.key(key).key_place(), "no such key")
                    .suggest(|| closest(key, known.iter().copied()).or_else(|| keys(known)));
            }
            Oddity::Repeated(key) => {
                let here = here.key(key);
                findings
                    .error(here.repeat_place(), "written twice, first")
                    .beside(here.key_place());
            }
        }
    }
    is_mapping
}

fn keys(known: &[&str]) -> Option<String> {
    (!known.is_empty()).then(|| format!("the keys here are {}", known.join(", ")))
}

/// Reports what stands where a list belongs.
pub(in super::super) fn is_list<T>(list: &List<T>, here: &Here<'_>, findings: &mut Findings) {
    if let Some(found) = &list.found {
        expected("a list", found, here, findings);
    }
}

/// The elements of a list or the one value in place of it, each with its spot;
/// calls `each` for all.
pub(in super::super) fn each(
    values: &OneOrMany,
    here: &Here<'_>,
    mut each: impl FnMut(&Scalar, &Here<'_>),
) {
    match values {
        OneOrMany::One(value) => each(value, here),
        OneOrMany::Many(values) => {
            for (index, value) in values.iter().enumerate() {
                each(value, &here.index(index));
            }
        }
    }
}

pub(super) fn expected(what: &str, found: &Scalar, here: &Here<'_>, findings: &mut Findings) {
    let message = match found {
        Scalar::Text(text) => format!("expected {what}, found {}", quoted(text)),
        Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_) => {
            format!("expected {what}, found {}", found.to_text())
        }
        other => format!("expected {what}, found {}", other.kind()),
    };
    findings.error(here, message);
}

/// A name or other word. A whole number will do: YAML takes inventory numbers
/// for one.
pub(super) fn word(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<String> {
    match value {
        Scalar::Text(text) => Some(text.clone()),
        Scalar::Int(number) => Some(number.to_string()),
        Scalar::Bool(_) | Scalar::Float(_) => {
            let message = format!(
                "YAML reads this as {}, where text is expected",
                value.kind()
            );
            findings
                .error(here, message)
                .suggest(|| Some("put it in quotes".to_owned()));
            None
        }
        Scalar::Null | Scalar::List | Scalar::Mapping | Scalar::Tagged => {
            expected("text", value, here, findings);
            None
        }
    }
}

/// A whole number from 0 to `most`.
pub(super) fn number(
    value: &Scalar,
    most: u32,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<u32> {
    if let Scalar::Int(number) = value
        && let Ok(number) = u32::try_from(*number)
        && number <= most
    {
        return Some(number);
    }
    expected(
        &format!("a whole number from 0 to {most}"),
        value,
        here,
        findings,
    );
    None
}

pub(super) fn switch(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<bool> {
    match value {
        Scalar::Bool(value) => Some(*value),
        other => {
            expected("true or false", other, here, findings);
            None
        }
    }
}

pub(super) fn mode(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<Mode> {
    match value {
        Scalar::Text(text) if text == "audit" => Some(Mode::Audit),
        Scalar::Text(text) if text == "enforce" => Some(Mode::Enforce),
        Scalar::Text(text) => {
            findings
                .error(
                    here,
                    format!("a mode is audit or enforce, not {}", quoted(text)),
                )
                .suggest(|| closest(text, ["audit", "enforce"].into_iter()));
            None
        }
        other => {
            expected("audit or enforce", other, here, findings);
            None
        }
    }
}

/// One of a few words.
pub(super) fn choice<T: Copy, const N: usize>(
    value: &Scalar,
    choices: [(&str, T); N],
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<T> {
    let words = choices.map(|(word, _)| word);
    let form = words.join(" or ");
    let Scalar::Text(text) = value else {
        expected(&form, value, here, findings);
        return None;
    };
    let chosen = choices.iter().find(|(word, _)| word == text);
    if chosen.is_none() {
        findings
            .error(here, format!("expected {form}, found {}", quoted(text)))
            .suggest(|| closest(text, words.into_iter()));
    }
    chosen.map(|(_, chosen)| *chosen)
}

/// A time from `least` to `most`, as in `90s`, `5m` or `2h5m`.
pub(super) fn duration(
    value: &Scalar,
    least: Duration,
    most: Duration,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Duration> {
    let text = match value {
        Scalar::Text(text) => text,
        Scalar::Int(number) => {
            let reported = findings.error(
                here,
                format!("{number} of what? a time has a unit: s, m or h"),
            );
            reported.suggest(|| Some(meant(format!("{number}s"))));
            return None;
        }
        other => {
            expected("a time such as 30s, 5m or 2h", other, here, findings);
            return None;
        }
    };
    let Some(duration) = parse_duration(text) else {
        let message = format!(
            "{} is no time; a time is written as in 30s, 5m, 2h or 2h5m",
            quoted(text)
        );
        findings.error(here, message);
        return None;
    };
    if duration < least || duration > most {
        let message = format!(
            "{text} is not from {} to {}",
            show_duration(least),
            show_duration(most)
        );
        findings.error(here, message);
        return None;
    }
    Some(duration)
}

/// Hours, minutes and seconds in this order, at least one of them.
fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0u64;
    for (unit, length) in [('h', 3_600), ('m', 60), ('s', 1)] {
        if let Some((digits, after)) = rest.split_once(unit)
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            let count: u64 = digits.parse().ok()?;
            seconds = seconds.checked_add(count.checked_mul(length)?)?;
            rest = after;
        }
    }
    (rest.is_empty() && !text.is_empty()).then(|| Duration::from_secs(seconds))
}

fn show_duration(duration: Duration) -> String {
    match duration.as_secs() {
        0 => "0s".to_owned(),
        seconds if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_in_order() {
        let seconds = |text| parse_duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("30s"), Some(30));
        assert_eq!(seconds("2h5m"), Some(7_500));
        assert_eq!(seconds("1h0m1s"), Some(3_601));
        for wrong in [
            "",
            "s",
            "5",
            "5m2h",
            "1m1m",
            "-5s",
            "1.5h",
            "5 m",
            "99999999999999999999h",
            "9999999999999999999h",
        ] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
