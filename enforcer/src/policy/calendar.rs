//! Calendars: when a rule holds, as intervals of Unix time. The program compares
//! seconds alone; days, zones and summer time are worked out here, ahead of time.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::model::{Rule, Window};

/// Intervals that are worked out ahead.
pub const AHEAD: usize = 8;
/// Days looked at, so that a window of one day a week is found that often.
const DAYS: i64 = 7 * (AHEAD as i64 + 1);

/// From the first second to before the second one; unused places are zero.
pub type Intervals = [[u32; 2]; AHEAD];

/// What is known of a rule's calendar without a clock: a rule with a schedule holds
/// not at all before it is kept up to date.
pub fn fixed(rule: &Rule) -> Intervals {
    let mut intervals = Intervals::default();
    if rule.schedule.is_empty() {
        intervals[0] = [0, end(rule)];
    }
    intervals
}

/// The intervals in which a rule holds at `now` (Unix time) and after it. What
/// touches is joined.
pub fn intervals(rule: &Rule, now: u32) -> Intervals {
    if rule.schedule.is_empty() {
        return fixed(rule);
    }
    let mut zones = BTreeMap::new();
    let mut found: Vec<[u32; 2]> = rule
        .schedule
        .iter()
        .flat_map(|window| of_window(window, now, &mut zones))
        .map(|[from, until]| [from, until.min(end(rule))])
        .filter(|[from, until]| from < until && *until > now)
        .collect();
    found.sort_unstable();
    let mut joined: Vec<[u32; 2]> = Vec::new();
    for [from, until] in found {
        match joined.last_mut() {
            Some(last) if from <= last[1] => last[1] = last[1].max(until),
            _ => joined.push([from, until]),
        }
    }
    let mut intervals = Intervals::default();
    for (place, interval) in intervals.iter_mut().zip(joined) {
        *place = interval;
    }
    intervals
}

fn end(rule: &Rule) -> u32 {
    match rule.expires {
        0 => u32::MAX,
        second => second,
    }
}

/// Every occurrence of a window around `now`.
fn of_window<'w>(
    window: &'w Window,
    now: u32,
    zones: &mut BTreeMap<&'w str, Option<TimeZone>>,
) -> Vec<[u32; 2]> {
    let zone = zones
        .entry(&window.zone)
        .or_insert_with(|| TimeZone::get(&window.zone).ok());
    // The model holds no zone that is not known; without it a rule stays asleep.
    let (Some(zone), Ok(now)) = (zone, Timestamp::from_second(now.into())) else {
        return Vec::new();
    };
    let today = now.to_zoned(zone.clone()).date();
    (-2..DAYS)
        .filter_map(|days| today.checked_add(Span::new().days(days)).ok())
        .filter(|date| {
            let day = date.weekday().to_monday_zero_offset();
            window.days >> day & 1 != 0
        })
        .filter_map(|date| {
            let last = if window.until > window.from {
                date
            } else {
                date.tomorrow().ok()?
            };
            Some([
                second(date, window.from, zone)?,
                second(last, window.until, zone)?,
            ])
        })
        .collect()
}

/// The second at a minute after local midnight, 1440 being the next midnight. A
/// time that the clock skips is the moment of the change.
fn second(date: Date, minute: u16, zone: &TimeZone) -> Option<u32> {
    let (date, minute) = if minute >= 24 * 60 {
        (date.tomorrow().ok()?, 0)
    } else {
        (date, minute)
    };
    let time = Time::new((minute / 60) as i8, (minute % 60) as i8, 0, 0).ok()?;
    let moment = date.to_datetime(time).to_zoned(zone.clone()).ok()?;
    u32::try_from(moment.timestamp().as_second()).ok()
}

#[cfg(test)]
mod tests {
    use super::super::model::{Direction, Limit};
    use super::*;

    fn rule(expires: u32, schedule: Vec<Window>) -> Rule {
        Rule {
            name: "rule".to_owned(),
            comment: String::new(),
            source: String::new(),
            direction: Direction::To,
            peers: Vec::new(),
            services: Vec::new(),
            expires,
            schedule,
            limit: Limit::default(),
            application: None,
            origin: (0, 0),
        }
    }

    fn window(days: u8, from: u16, until: u16) -> Window {
        Window {
            days,
            from,
            until,
            zone: "Europe/Berlin".to_owned(),
        }
    }

    fn unix(text: &str) -> u32 {
        text.parse::<Timestamp>().unwrap().as_second() as u32
    }

    #[test]
    fn without_a_schedule_a_rule_holds_until_it_expires() {
        assert_eq!(intervals(&rule(0, Vec::new()), 5)[0], [0, u32::MAX]);
        assert_eq!(intervals(&rule(99, Vec::new()), 5)[0], [0, 99]);
        assert_eq!(intervals(&rule(99, Vec::new()), 5)[1], [0, 0]);
    }

    #[test]
    fn weekdays_follow_summer_time() {
        // Friday before the clocks of Berlin go forward, in the night to Sunday.
        let now = unix("2026-03-27T12:00:00Z");
        let found = intervals(&rule(0, vec![window(0b1_1111, 8 * 60, 18 * 60)]), now);
        let friday = [unix("2026-03-27T07:00:00Z"), unix("2026-03-27T17:00:00Z")];
        let monday = [unix("2026-03-30T06:00:00Z"), unix("2026-03-30T16:00:00Z")];
        assert_eq!(found[..2], [friday, monday]);
        assert!(found.iter().all(|[from, until]| from < until), "{found:?}");
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let now = unix("2026-06-02T01:00:00Z");
        // Mondays from 22:00 to 06:00.
        let found = intervals(&rule(0, vec![window(1, 22 * 60, 6 * 60)]), now);
        let first = [unix("2026-06-01T20:00:00Z"), unix("2026-06-02T04:00:00Z")];
        assert_eq!(found[0], first);
        assert_eq!(found[7][0] - found[0][0], 7 * 7 * 86_400, "one a week");
    }

    #[test]
    fn days_without_a_gap_are_one_interval() {
        let now = unix("2026-06-02T01:00:00Z");
        let always = rule(0, vec![window(0b111_1111, 0, 24 * 60)]);
        let found = intervals(&always, now);
        assert!(
            found[0][0] < now && found[0][1] - now > 60 * 86_400,
            "{found:?}"
        );
        assert_eq!(found[1], [0, 0]);
    }

    #[test]
    fn a_schedule_ends_with_its_rule() {
        let now = unix("2026-06-02T01:00:00Z");
        let end = unix("2026-06-02T09:30:00Z");
        let found = intervals(&rule(end, vec![window(0b111_1111, 600, 720)]), now);
        assert_eq!(found[0], [unix("2026-06-02T08:00:00Z"), end]);
        assert_eq!(found[1], [0, 0]);
    }
}
