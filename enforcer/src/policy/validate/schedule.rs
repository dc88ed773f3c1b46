//! `schedule:` of a rule: the parts of each week in which it holds. Only reads
//! them; what they are in seconds is worked out by `calendar`.

use super::super::findings::Findings;
use super::super::lenient::{OneOrMany, Scalar, Several};
use super::super::model::Window;
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::name::{closest, meant};
use super::scalar::{each, expected, is_mapping};
use super::{Names, moment};

/// Days by name, as bits from Monday on.
const DAYS: [(&str, u8); 10] = [
    ("mon", 1),
    ("tue", 1 << 1),
    ("wed", 1 << 2),
    ("thu", 1 << 3),
    ("fri", 1 << 4),
    ("sat", 1 << 5),
    ("sun", 1 << 6),
    ("weekdays", 0b001_1111),
    ("weekend", 0b110_0000),
    ("daily", EVERY_DAY),
];
const EVERY_DAY: u8 = 0b111_1111;
const MIDNIGHT: u16 = 24 * 60;

/// Reads the windows of a rule.
pub(super) fn schedule(
    raw: &Several<raw::Window>,
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<Window> {
    match raw {
        Several::One(raw) => window(raw, names, here, findings).into_iter().collect(),
        Several::Many(list) => {
            if list.is_empty() {
                findings
                    .error(here, "the list is empty")
                    .suggest(|| Some("leave the key out for a rule that holds always".to_owned()));
            }
            let windows = list.iter().enumerate();
            windows
                .filter_map(|(index, raw)| window(raw, names, &here.index(index), findings))
                .collect()
        }
    }
}

fn window(
    raw: &raw::Window,
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Window> {
    if !is_mapping(&raw.odd, raw::Window::KEYS, here, findings) {
        return None;
    }
    let days = match &raw.days {
        None => Some(EVERY_DAY),
        Some(values) => days(values, &here.key("days"), findings),
    };
    let from = required(raw.from.as_ref(), &here.key("from"), findings);
    let until = required(raw.until.as_ref(), &here.key("until"), findings);
    if from == Some(MIDNIGHT) {
        findings
            .error(&here.key("from"), "no day begins at 24:00")
            .suggest(|| Some(meant("00:00".to_owned())));
    }
    let zone_here = here.key("zone");
    let zone = match (&raw.zone, &names.zone) {
        (Some(value), _) => moment::zone(value, &zone_here, findings),
        (None, Some(zone)) => Some(zone.clone()),
        (None, None) => {
            findings
                .error(&zone_here, "missing")
                .suggest(|| Some("write it here or as `defaults.zone`".to_owned()));
            None
        }
    };
    Some(Window {
        days: days?,
        from: from?,
        // The end of a day is the beginning of the next.
        until: match until? {
            0 => MIDNIGHT,
            minute => minute,
        },
        zone: zone?,
    })
}

fn days(values: &OneOrMany, here: &Here<'_>, findings: &mut Findings) -> Option<u8> {
    const FORM: &str = "mon, tue, wed, thu, fri, sat, sun, weekdays, weekend or daily";
    if matches!(values, OneOrMany::Many(list) if list.is_empty()) {
        findings
            .error(here, "the list is empty")
            .suggest(|| Some("leave the key out for every day".to_owned()));
    }
    let mut days = 0;
    each(values, here, |value, here| {
        let Scalar::Text(text) = value else {
            return expected(FORM, value, here, findings);
        };
        if let Some((_, bits)) = DAYS.iter().find(|(name, _)| name == text) {
            days |= bits;
            return;
        }
        let lower = text.to_lowercase();
        let known = || DAYS.iter().map(|(name, _)| *name);
        findings
            .error(here, format!("expected {FORM}, found {}", quoted(text)))
            .suggest(|| {
                let short = known().take(7).find(|name| lower.starts_with(name));
                short
                    .map(|name| meant(name.to_owned()))
                    .or_else(|| closest(text, known()))
            });
    });
    (days != 0).then_some(days)
}

/// A time of day in minutes.
fn required(value: Option<&Scalar>, here: &Here<'_>, findings: &mut Findings) -> Option<u16> {
    const FORM: &str = "a time of day such as \"08:00\"";
    let Some(value) = value else {
        findings.error(here, "missing");
        return None;
    };
    let minute = match value {
        Scalar::Text(text) => minute(text),
        _ => None,
    };
    if minute.is_none() {
        expected(FORM, value, here, findings);
    }
    minute
}

/// `00:00` to `24:00`.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, digits: std::ops::RangeInclusive<usize>| {
        let plain = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours, 1..=2)?, number(minutes, 2..=2)?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= MIDNIGHT).then_some(minute)
}
