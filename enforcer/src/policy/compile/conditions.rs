//! What restricts rules besides peers and services: calendars, DNS names, rates.
//! A table of rule lines, and behind it the lines that these name.

use enforcer_common::learned::name_hash;
use enforcer_common::limits;
use enforcer_common::table::{Names, RuleLine, Windows};

use super::applications::Applications;
use super::image::Image;
use crate::policy::calendar;
use crate::policy::model::{Model, Peer, Rule};

/// A rule whose calendar must be kept up to date, and the line of its windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// In lines from the start of the compiled policy.
    pub line: u32,
    /// Index of the profile, and of the rule in it.
    pub rule: (usize, usize),
}

/// Places the rule lines; `rules` are profile and rule of each number less one.
pub(super) fn place(
    image: &mut Image,
    model: &Model,
    rules: &[(usize, usize)],
    applications: &Applications,
) -> (u32, Vec<Scheduled>) {
    let mut scheduled = Vec::new();
    let mut lines = vec![RuleLine::default()];
    for &(profile, index) in rules {
        let rule = &model.profiles[profile].rules[index];
        let mut line = RuleLine {
            packets: rule.limit.packets,
            bytes: rule.limit.bytes,
            flows: rule.limit.flows,
            application: applications.number(rule.application.as_ref()),
            ..RuleLine::default()
        };
        if rule.expires != 0 || !rule.schedule.is_empty() {
            line.windows = image.place(&[Windows(calendar::fixed(rule))]);
        }
        if !rule.schedule.is_empty() {
            scheduled.push(Scheduled {
                line: line.windows,
                rule: (profile, index),
            });
        }
        if let Some(names) = names(rule) {
            line.names = image.place(&[names]);
        }
        lines.push(line);
    }
    (image.place(&lines), scheduled)
}

fn names(rule: &Rule) -> Option<Names> {
    let mut names = Names::default();
    let hashes = rule.peers.iter().filter_map(|peer| match peer {
        Peer::Name(name) => Some(name_hash(name.as_bytes())),
        _ => None,
    });
    for (place, hash) in names.0.iter_mut().zip(hashes) {
        *place = hash;
    }
    const _: () = assert!(limits::NAMES_PER_RULE == 8);
    (names != Names::default()).then_some(names)
}
