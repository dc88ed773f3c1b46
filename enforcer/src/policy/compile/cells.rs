//! Rules become cells: for each profile, direction and class of peers a row that
//! maps service classes to rules. Where several rules allow the same, the first
//! one written is the one reported. Row 0 allows nothing.

use std::collections::{BTreeMap, BTreeSet};

use enforcer_common::table::{self, Slot, profile_class, row_key};

use super::peers::PeerClasses;
use super::profile_number;
use super::services::ServiceClasses;
use crate::policy::model::{Direction, Model, Peer, Profile, Rule};

pub(super) struct Cells {
    /// Distinct rows; each as long as there are service classes.
    pub(super) rows: Vec<Vec<u16>>,
    /// Row of each (profile, direction, peer class) that differs from the default.
    pub(super) slots: Vec<Slot>,
    defaults: Vec<[u32; 2]>,
}

impl Cells {
    pub(super) fn new(model: &Model, peers: &PeerClasses, services: &ServiceClasses) -> Self {
        let mut builder = Builder::new(services);
        let mut slots = Vec::new();
        let mut defaults = Vec::new();
        let mut first_rule = 1;
        for (index, profile) in model.profiles.iter().enumerate() {
            let mut default_rows = [0; 2];
            for direction in [Direction::To, Direction::From] {
                let rules = numbered_rules(profile, direction, first_rule);
                let any = rules
                    .iter()
                    .filter(|(_, rule)| rule.peers.contains(&Peer::Any));
                default_rows[of_table(direction) as usize] = builder.row(any);
                for class in address_classes(&rules, peers) {
                    let matching = rules.iter().filter(|(_, rule)| {
                        rule.peers.iter().any(|peer| peers.contains(class, peer))
                    });
                    slots.push(slot(index, direction, class, builder.row(matching)));
                }
                for profile in peer_profiles(&rules) {
                    let matching = rules.iter().filter(|(_, rule)| {
                        rule.peers.iter().any(|peer| {
                            matches!(peer, Peer::Any) || *peer == Peer::Profile(profile)
                        })
                    });
                    let class = profile_class(profile_number(profile));
                    slots.push(slot(index, direction, class, builder.row(matching)));
                }
            }
            defaults.push(default_rows);
            first_rule += profile.rules.len();
        }
        Self {
            rows: builder.rows,
            slots,
            defaults,
        }
    }

    /// Rows of a profile for peers of no class of their own, `to` first.
    pub(super) fn default_rows(&self, profile: usize) -> [u32; 2] {
        self.defaults[profile]
    }
}

type Numbered<'m> = (u16, &'m Rule);

fn numbered_rules(profile: &Profile, direction: Direction, first: usize) -> Vec<Numbered<'_>> {
    let numbered = profile
        .rules
        .iter()
        .enumerate()
        .map(|(index, rule)| ((first + index) as u16, rule));
    numbered
        .filter(|(_, rule)| rule.direction == direction)
        .collect()
}

fn address_classes(rules: &[Numbered<'_>], peers: &PeerClasses) -> BTreeSet<u32> {
    let named = rules.iter().flat_map(|(_, rule)| &rule.peers);
    named
        .flat_map(|peer| peers.classes(peer))
        .copied()
        .collect()
}

fn peer_profiles(rules: &[Numbered<'_>]) -> BTreeSet<usize> {
    let named = rules.iter().flat_map(|(_, rule)| &rule.peers);
    named
        .filter_map(|peer| match peer {
            Peer::Profile(profile) => Some(*profile),
            _ => None,
        })
        .collect()
}

fn of_table(direction: Direction) -> table::Direction {
    match direction {
        Direction::To => table::Direction::To,
        Direction::From => table::Direction::From,
    }
}

fn slot(profile: usize, direction: Direction, class: u32, row: u32) -> Slot {
    Slot {
        key: row_key(profile_number(profile), of_table(direction), class),
        value: row.into(),
    }
}

/// Makes rows, each distinct one once.
struct Builder<'s> {
    services: &'s ServiceClasses,
    rows: Vec<Vec<u16>>,
    numbers: BTreeMap<Vec<u16>, u32>,
}

impl<'s> Builder<'s> {
    fn new(services: &'s ServiceClasses) -> Self {
        let empty = vec![0; services.count];
        Self {
            services,
            rows: vec![empty.clone()],
            numbers: BTreeMap::from([(empty, 0)]),
        }
    }

    fn row<'m>(&mut self, rules: impl Iterator<Item = &'m Numbered<'m>>) -> u32 {
        let mut row = vec![0; self.services.count];
        for (number, rule) in rules {
            for class in rule
                .services
                .iter()
                .flat_map(|service| self.services.classes(*service))
            {
                let cell = &mut row[usize::from(*class)];
                if *cell == 0 {
                    *cell = *number;
                }
            }
        }
        let next = self.rows.len() as u32;
        *self.numbers.entry(row).or_insert_with_key(|row| {
            self.rows.push(row.clone());
            next
        })
    }
}
