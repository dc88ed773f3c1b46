//! Points in time and time zones, from text. Without a zone or an offset from UTC
//! nobody knows when a time is, so there is none without.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::super::findings::Findings;
use super::super::lenient::{Either, Scalar};
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::closest;
use super::scalar::{expected, is_mapping, word};

/// 2020 to 2105, the last whole year that Unix seconds of 32 bits hold.
const FIRST: i64 = 1_577_836_800;
const LAST: i64 = 4_291_747_199;

/// The forms of a point in time, as advice.
const FORMS: &str = "write 2027-03-01T00:00:00+01:00, \"2027-03-01T00:00[Europe/Berlin]\" or {at: \"2027-03-01 00:00\", zone: Europe/Berlin}";

/// A point in time as Unix seconds, UTC. `zone` is that of local times in a mapping
/// that names none.
pub(super) fn moment(
    raw: &Either<raw::Moment>,
    zone: Option<&str>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<u32> {
    let timestamp = match raw {
        Either::Scalar(Scalar::Text(text)) => of_text(text, here, findings)?,
        Either::Scalar(other) => {
            expected("a date with time and zone", other, here, findings);
            return None;
        }
        Either::Mapping(raw) => of_mapping(raw, zone, here, findings)?,
    };
    let seconds = timestamp.as_second();
    if !(FIRST..=LAST).contains(&seconds) {
        findings.error(here, format!("{timestamp} is not from 2020 to 2105"));
        return None;
    }
    u32::try_from(seconds).ok()
}

fn of_text(text: &str, here: &Here<'_>, findings: &mut Findings) -> Option<Timestamp> {
    let Some((local, zone)) = text.split_once('[') else {
        let timestamp = text.parse().ok();
        if timestamp.is_none() {
            complain(text, here, findings);
        }
        return timestamp;
    };
    if let (Some(local), Some(zone)) = (civil(local), zone.strip_suffix(']')) {
        return in_zone(local, &known_zone(zone, here, findings)?, here, findings);
    }
    // With an offset beside the zone, the two must agree.
    let zoned = text.parse::<Zoned>().ok().filter(|_| local.contains(':'));
    let zoned = zoned.map(|zoned| zoned.timestamp());
    if zoned.is_none() {
        complain(text, here, findings);
    }
    zoned
}

fn of_mapping(
    raw: &raw::Moment,
    zone: Option<&str>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Timestamp> {
    is_mapping(&raw.odd, raw::Moment::KEYS, here, findings);
    let at_here = here.key("at");
    let local = match &raw.at {
        None => {
            findings.error(&at_here, "missing");
            None
        }
        Some(Scalar::Text(text)) => {
            let local = civil(text);
            if local.is_none() {
                let message = format!(
                    "{} is no local date and time such as 2027-03-01 00:00",
                    quoted(text)
                );
                findings.error(&at_here, message);
            }
            local
        }
        Some(other) => {
            expected("a local date and time", other, &at_here, findings);
            None
        }
    };
    let zone_here = here.key("zone");
    let zone = match &raw.zone {
        Some(value) => self::zone(value, &zone_here, findings),
        None if zone.is_some() => zone.map(str::to_owned),
        None => {
            findings
                .error(&zone_here, "missing")
                .suggest(|| Some("write it here or as `defaults.zone`".to_owned()));
            None
        }
    };
    in_zone(local?, &zone?, here, findings)
}

/// The moment at which clocks show a time. Where they show it twice it is the first,
/// where they skip it the moment that would have been.
fn in_zone(
    local: DateTime,
    zone: &str,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Timestamp> {
    let zoned = TimeZone::get(zone)
        .ok()
        .and_then(|zone| local.to_zoned(zone).ok());
    if zoned.is_none() {
        findings.error(here, format!("{local} is not from 2020 to 2105"));
    }
    Some(zoned?.timestamp())
}

fn complain(text: &str, here: &Here<'_>, findings: &mut Findings) {
    let text_shown = quoted(text);
    let (local, zone) = text.split_once('[').unwrap_or((text, ""));
    let message = if civil(text).is_some() {
        format!("{text_shown} has no time zone")
    } else if local.parse::<Date>().is_ok() && !local.contains(':') {
        let too = if zone.is_empty() {
            " and no time zone"
        } else {
            ""
        };
        format!("{text_shown} has no time of day{too}")
    } else {
        format!("{text_shown} is no date with time and zone")
    };
    findings
        .error(here, message)
        .suggest(|| Some(FORMS.to_owned()));
}

/// A date and time of day that has neither zone nor offset.
fn civil(text: &str) -> Option<DateTime> {
    let (_, time) = text.split_once(['T', 't', ' '])?;
    let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b':' | b'.');
    if !time.contains(':') || !time.bytes().all(plain) {
        return None;
    }
    text.parse().ok()
}

/// The IANA name of a time zone.
pub(super) fn zone(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<String> {
    let text = word(value, here, findings)?;
    known_zone(&text, here, findings)
}

fn known_zone(text: &str, here: &Here<'_>, findings: &mut Findings) -> Option<String> {
    let known = TimeZone::get(text).ok();
    let name = known.and_then(|zone| zone.iana_name().map(str::to_owned));
    if name.is_none() {
        findings
            .error(here, format!("no time zone {}", quoted(text)))
            .suggest(|| {
                let names: Vec<_> = jiff::tz::db().available().collect();
                let near = closest(text, names.iter().map(|name| name.as_str()));
                near.or_else(|| Some("zones are named as in Europe/Berlin, or UTC".to_owned()))
            });
    }
    name
}
