//! Conditions of rules that depend on the moment: when a rule holds, in words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::policy::model::Rule;
use crate::policy::{calendar, describe};

/// Why a rule does not hold at a time (Unix, UTC), and when it will; `None` where it
/// does.
pub(super) fn asleep(rule: &Rule, time: u32) -> Option<String> {
    if rule.expires != 0 && rule.expires <= time {
        return Some(format!("it expired on {}", describe::moment(rule.expires)));
    }
    if rule.schedule.is_empty() {
        return None;
    }
    let windows = calendar::intervals(rule, time);
    if windows
        .iter()
        .any(|[from, until]| (*from..*until).contains(&time))
    {
        return None;
    }
    let next = windows.iter().find(|[from, until]| from < until);
    Some(match next {
        Some([from, until]) => format!(
            "it next holds from {} until {}",
            local(rule, *from),
            local(rule, *until)
        ),
        None => "its schedule has no more windows before it expires".to_owned(),
    })
}

/// A moment by the clock of a rule's first window.
fn local(rule: &Rule, second: u32) -> String {
    let zone = rule.schedule.first().map(|window| window.zone.as_str());
    let zoned = zone.and_then(|name| {
        let zone = TimeZone::get(name).ok()?;
        let moment = Timestamp::from_second(second.into()).ok()?.to_zoned(zone);
        Some(format!("{} {name}", moment.strftime("%a %Y-%m-%d %H:%M")))
    });
    zoned.unwrap_or_else(|| describe::moment(second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::model::{Direction, Limit, Window};

    const MONDAY_NOON: u32 = 1_780_308_000;

    fn rule(expires: u32) -> Rule {
        Rule {
            name: "vendor".to_owned(),
            comment: String::new(),
            source: String::new(),
            direction: Direction::From,
            peers: Vec::new(),
            services: Vec::new(),
            expires,
            schedule: vec![Window {
                days: 1,
                from: 22 * 60,
                until: 6 * 60,
                zone: "Europe/Berlin".to_owned(),
            }],
            limit: Limit::default(),
            application: None,
            origin: (0, 0),
        }
    }

    #[test]
    fn the_next_window_is_told_by_its_own_clock() {
        assert_eq!(
            asleep(&rule(0), MONDAY_NOON).as_deref(),
            Some(
                "it next holds from Mon 2026-06-01 22:00 Europe/Berlin until Tue 2026-06-02 06:00 Europe/Berlin"
            )
        );
        assert_eq!(asleep(&rule(0), MONDAY_NOON + 11 * 3_600), None);
    }

    #[test]
    fn what_has_ended_is_told() {
        assert_eq!(
            asleep(&rule(MONDAY_NOON), MONDAY_NOON).as_deref(),
            Some("it expired on 2026-06-01T10:00:00Z")
        );
        assert_eq!(
            asleep(&rule(MONDAY_NOON + 60), MONDAY_NOON).as_deref(),
            Some("its schedule has no more windows before it expires")
        );
    }
}
