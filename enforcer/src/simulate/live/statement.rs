//! What the answer rests on, said honestly: how long was watched, what was not, and
//! what follows from that.

use jiff::Timestamp;

use super::coverage::{Interval, common, gaps, hours, joined, seconds};
use super::report::{Coverage, Device, Span};
use crate::control::api::{SeenDevice, Watch};
use crate::policy::model::{Model, Peer};

const HOUR: u32 = 3_600;
const DAY: u32 = 24 * HOUR;

/// RFC 3339, UTC, of Unix time.
pub(super) fn time(unix: u32) -> String {
    match Timestamp::from_second(unix.into()) {
        Ok(time) => time.to_string(),
        Err(_) => String::new(),
    }
}

/// How much of the period was watched.
pub(super) fn coverage(watch: &Watch, model: &Model) -> Coverage {
    let period = [watch.since, watch.until];
    let watched = joined(watch.watched.clone());
    let (counted, unseen) = hours(&watched, period);
    Coverage {
        since: time(watch.since),
        until: time(watch.until),
        period_seconds: seconds(&[period]),
        recording_since: watch.recording_since.map(time),
        watched_seconds: seconds(&watched),
        hours: counted,
        unseen_hours: spans(&unseen),
        gaps: spans(&gaps(&watched, period)),
        denials_untold: watch.denials_untold,
        flows_unattributed: watch.flows_unattributed,
        overflow: watch.overflow,
        statements: statements(watch, model),
    }
}

/// What was seen of a device, over all its rows in the record.
pub(super) fn fill(told: &mut Device, rows: &[&SeenDevice], watch: &Watch, in_full: bool) {
    let declared = rows.iter().filter_map(|row| row.declared);
    let declared = declared.map(|(from, until)| [from, until.unwrap_or(u32::MAX)]);
    let declared: Vec<Interval> = declared.filter(|[from, until]| from < until).collect();
    told.watched_seconds = seconds(&common(&joined(watch.watched.clone()), &joined(declared)));
    let seen = rows.iter().filter_map(|row| row.seen);
    told.first_seen = seen.clone().map(|(first, _)| first).min().map(time);
    told.last_seen = seen.map(|(_, last)| last).max().map(time);
    told.overflow = rows.iter().map(|row| row.overflow).sum();
    let mut begins: Vec<u32> = rows
        .iter()
        .flat_map(|row| &row.days)
        .flat_map(|day| hours_of(*day))
        .collect();
    begins.retain(|begin| begin.saturating_add(HOUR) > watch.since && *begin < watch.until);
    begins.sort_unstable();
    begins.dedup();
    told.hours_seen = u32::try_from(begins.len()).unwrap_or(u32::MAX);
    if in_full {
        told.seen_in = begins.into_iter().map(time).collect();
    }
}

/// When the hours of a day begin whose bits are set.
fn hours_of((day, hours): (u32, u32)) -> impl Iterator<Item = u32> {
    let set = (0..24).filter(move |hour| hours & 1 << hour != 0);
    set.map(move |hour| day.saturating_mul(DAY).saturating_add(hour * HOUR))
}

fn spans(intervals: &[Interval]) -> Vec<Span> {
    let span = |[from, until]: &Interval| Span {
        from: time(*from),
        until: time(*until),
        seconds: until - from,
    };
    intervals.iter().map(span).collect()
}

fn statements(watch: &Watch, model: &Model) -> Vec<String> {
    let mut said = vec![
        "What was not watched may still break: a device that speaks once a month, or only when something is wrong, \
         may not have been seen."
            .to_owned(),
        "ARP, neighbour discovery, DHCP and what is not IP are not recorded, so nothing is said of a change to them; \
         nor of rates, fragments and malformed packets, quarantine and break-glass."
            .to_owned(),
        "Each flow is judged as its first packet, at the time of the week when it was last seen.".to_owned(),
    ];
    if watch.recording_since.is_none() {
        said.push("Nothing was ever recorded: the answer is empty, not good news.".to_owned());
    }
    if watch.denials_untold > 0 {
        said.push(format!(
            "{} denied packets were not told of, because events are limited for each device: more may newly be \
             allowed than is listed.",
            watch.denials_untold
        ));
    }
    if watch.overflow > 0 {
        said.push(format!(
            "{} flows or denials found no room in the record, which holds {} rows for each device: more may be denied \
             than is listed (`observe_rows` makes room).",
            watch.overflow, watch.rows_per_device
        ));
    }
    if watch.flows_unattributed > 0 {
        said.push(format!(
            "{} flows could not be told apart, because their policy was replaced within seconds.",
            watch.flows_unattributed
        ));
    }
    let rules = || model.profiles.iter().flat_map(|profile| &profile.rules);
    if rules().any(|rule| rule.peers.iter().any(|peer| matches!(peer, Peer::Name(_)))) {
        said.push(
            "Which addresses a device was given for a DNS name is not recorded: what depends on it is listed apart."
                .to_owned(),
        );
    }
    if model.devices.iter().any(|device| device.dhcp_address) {
        said.push(
            "Devices bound to the address that DHCP gave them are taken to have been given those that they used."
                .to_owned(),
        );
    }
    said
}
