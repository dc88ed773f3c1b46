//! Rules become cells: for each profile, direction and class of peers a row that
//! maps service classes to rules. Where several rules allow the same, the first
//! one written that holds always is the one reported; where there is none, the cell
//! stands for those that hold under conditions. Row 0 allows nothing.

use std::collections::{BTreeMap, BTreeSet};

use enforcer_common::limits;
use enforcer_common::table::{
    self, Alternatives, BY_NAME, SERVICE_DHCP_SERVER, SERVICE_ROUTER, Slot, group_class, row_key,
};

use super::groups::Groups;
use super::peers::PeerClasses;
use super::services::{ServiceClasses, Span, span};
use super::{Error, check, profile_number};
use crate::policy::application::Application;
use crate::policy::model::{Direction, Guards, Limit, Model, Peer, Rule};

pub(super) struct Cells {
    /// Distinct rows; each as long as there are service classes.
    pub(super) rows: Vec<Vec<u16>>,
    /// Row of each (profile, direction, peer class) that differs from the default.
    pub(super) slots: Vec<Slot>,
    pub(super) alternatives: Vec<Alternatives>,
    defaults: Vec<[u32; 2]>,
}

impl Cells {
    /// # Errors
    /// When there are more rules and alternatives than a cell can number, or more
    /// alternatives in one cell than are tried.
    pub(super) fn new(
        model: &Model,
        rules: usize,
        peers: &PeerClasses,
        groups: &Groups,
        services: &ServiceClasses,
    ) -> Result<Self, Error> {
        let mut builder = Builder::new(services, rules);
        let mut slots = Vec::new();
        let mut defaults = Vec::new();
        let mut first_rule = 1;
        let no_rules = Vec::new();
        let own = model
            .profiles
            .iter()
            .map(|profile| (&profile.rules, &profile.guards));
        // The last one is the compiler's own, for broadcast from the core side.
        let all = own.chain([(&no_rules, &model.defaults.guards)]);
        for (index, (rules, guards)) in all.enumerate() {
            let mut default_rows = [0; 2];
            for direction in [Direction::To, Direction::From] {
                let permissions = permissions(rules, guards, direction, first_rule, builder.guard);
                let slot = |class, row| Slot {
                    key: row_key(profile_number(index), of_table(direction), class),
                    value: u64::from(row),
                };
                default_rows[of_table(direction) as usize] =
                    builder.row(&permissions, |peer| *peer == Peer::Any)?;
                for class in named(&permissions, |peer| peers.classes(peer)) {
                    let row = builder.row(&permissions, |peer| peers.contains(class, peer))?;
                    slots.push(slot(class, row));
                }
                for group in named(&permissions, |peer| groups.groups(peer)) {
                    let row = builder.row(&permissions, |peer| groups.contains(group, peer))?;
                    slots.push(slot(group_class(group), row));
                }
            }
            defaults.push(default_rows);
            first_rule += rules.len();
        }
        Ok(Self {
            rows: builder.rows,
            slots,
            alternatives: builder.alternatives,
            defaults,
        })
    }

    /// Rows of a profile for peers of no class of their own, `to` first.
    pub(super) fn default_rows(&self, profile: usize) -> [u32; 2] {
        self.defaults[profile]
    }
}

/// What a rule or a guard lets through, as far as rows are concerned.
struct Permission<'m> {
    number: u16,
    peers: &'m [Peer],
    services: Vec<Span>,
    /// Holds under conditions besides its peers.
    restricted: bool,
    /// Names peers by DNS.
    named: bool,
    /// What it lets be said; anything if `None`.
    application: Option<&'m Application>,
    /// Name of the rule.
    name: &'m str,
}

fn permissions<'m>(
    rules: &'m [Rule],
    guards: &'m Guards,
    direction: Direction,
    first: usize,
    guard: u16,
) -> Vec<Permission<'m>> {
    let of_rules = rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| rule.direction == direction)
        .map(|(index, rule)| Permission {
            number: (first + index) as u16,
            peers: &rule.peers,
            services: rule.services.iter().copied().map(span).collect(),
            restricted: is_restricted(rule),
            named: rule.peers.iter().any(|peer| matches!(peer, Peer::Name(_))),
            application: rule.application.as_ref(),
            name: &rule.name,
        });
    let of_guards = [
        (&guards.dhcp_servers, SERVICE_DHCP_SERVER),
        (&guards.routers, SERVICE_ROUTER),
    ]
    .into_iter()
    .filter(|_| direction == Direction::To)
    .filter_map(|(peers, place)| {
        peers.as_ref().map(|peers| Permission {
            number: guard,
            peers,
            services: vec![(place, place)],
            restricted: false,
            named: false,
            application: None,
            name: "",
        })
    });
    // Whoever may say anything is asked first.
    let mut all: Vec<_> = of_rules.chain(of_guards).collect();
    all.sort_by_key(|permission| permission.application.is_some());
    all
}

/// Whether a rule holds under conditions besides its peers.
pub(super) fn is_restricted(rule: &Rule) -> bool {
    rule.application.is_some()
        || rule.expires != 0
        || !rule.schedule.is_empty()
        || rule.limit != Limit::default()
}

fn differing(first: &Permission<'_>, other: &Permission<'_>) -> String {
    format!(
        "the rules {} and {} allow the same and let other things be said; join them to one",
        first.name, other.name
    )
}

/// The classes or groups that permissions name.
fn named<'c>(
    permissions: &[Permission<'_>],
    classes: impl Fn(&Peer) -> &'c [u32],
) -> BTreeSet<u32> {
    let peers = permissions.iter().flat_map(|permission| permission.peers);
    peers.flat_map(classes).copied().collect()
}

fn of_table(direction: Direction) -> table::Direction {
    match direction {
        Direction::To => table::Direction::To,
        Direction::From => table::Direction::From,
    }
}

/// Makes rows and alternatives, each distinct one once.
struct Builder<'s> {
    services: &'s ServiceClasses,
    rows: Vec<Vec<u16>>,
    numbers: BTreeMap<Vec<u16>, u32>,
    alternatives: Vec<Alternatives>,
    cells: BTreeMap<Vec<u32>, u16>,
    /// Number of what guards let through.
    guard: u16,
}

impl<'s> Builder<'s> {
    fn new(services: &'s ServiceClasses, rules: usize) -> Self {
        let empty = vec![0; services.count];
        Self {
            services,
            rows: vec![empty.clone()],
            numbers: BTreeMap::from([(empty, 0)]),
            alternatives: Vec::new(),
            cells: BTreeMap::new(),
            guard: rules as u16 + 1,
        }
    }

    /// The row of what is allowed to peers that `includes` tells.
    fn row(
        &mut self,
        permissions: &[Permission<'_>],
        includes: impl Fn(&Peer) -> bool,
    ) -> Result<u32, Error> {
        let mut row = vec![0; self.services.count];
        let mut conditional: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        let mut spoken: BTreeMap<u16, &Permission<'_>> = BTreeMap::new();
        for permission in permissions {
            let by_address = permission.peers.iter().any(&includes);
            if !by_address && !permission.named {
                continue;
            }
            let plain = by_address && !permission.restricted;
            for class in permission
                .services
                .iter()
                .flat_map(|span| self.services.classes(*span))
            {
                let cell = &mut row[usize::from(*class)];
                if let Some(application) = permission.application
                    && by_address
                {
                    let first = *spoken.entry(*class).or_insert(permission);
                    if first.application != Some(application) && *cell == 0 {
                        return Err(Error::Applications(differing(first, permission)));
                    }
                }
                if !plain {
                    let by_name = if by_address { 0 } else { BY_NAME };
                    let entry = u32::from(permission.number) | by_name;
                    let entries = conditional.entry(*class).or_default();
                    if entries.last() != Some(&entry) {
                        entries.push(entry);
                    }
                } else if *cell == 0 {
                    *cell = permission.number;
                }
            }
        }
        for (class, entries) in conditional {
            if row[usize::from(class)] == 0 {
                row[usize::from(class)] = self.cell(entries)?;
            }
        }
        let next = self.rows.len() as u32;
        Ok(*self.numbers.entry(row).or_insert_with_key(|row| {
            self.rows.push(row.clone());
            next
        }))
    }

    /// The number of a cell that stands for several rules.
    fn cell(&mut self, entries: Vec<u32>) -> Result<u16, Error> {
        if let Some(cell) = self.cells.get(&entries) {
            return Ok(*cell);
        }
        let mut alternatives = Alternatives::default();
        check(
            "rules with conditions that allow the same to the same peers",
            entries.len(),
            alternatives.0.len() as u32,
        )?;
        alternatives.0[..entries.len()].copy_from_slice(&entries);
        let number = usize::from(self.guard) + 1 + self.alternatives.len();
        check("rules and combinations of rules", number, limits::RULES)?;
        self.alternatives.push(alternatives);
        self.cells.insert(entries, number as u16);
        Ok(number as u16)
    }
}
