//! Which signatures are looked for together: by service class, by who sends, and by the
//! class of a profile, which is what signatures name it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::services::{ServiceClasses, span};
use crate::policy::model::Model;
use crate::policy::signature::{Sender, Signature};

/// Classes that have columns of their own; profiles of any other are as both ends of a flow
/// whose profiles differ: what is for another profile, they ask of a hit.
const CLASSES: usize = 30;

/// Profiles by the signatures that name them.
pub(in crate::policy::compile) struct ProfileClasses {
    /// Of each profile, by index; 0 where no signature names it.
    of_profiles: Vec<usize>,
    /// Indices of the signatures of each class but the first.
    signatures: Vec<BTreeSet<usize>>,
}

impl ProfileClasses {
    pub(in crate::policy::compile) fn new(model: &Model) -> Self {
        let mut named = vec![BTreeSet::new(); model.profiles.len()];
        for (index, signature) in model.signatures.iter().enumerate() {
            for profile in &signature.profiles {
                named[*profile].insert(index);
            }
        }
        let mut numbers = BTreeMap::from([(BTreeSet::new(), 0)]);
        let mut signatures = Vec::new();
        let of_profiles = named.into_iter().map(|set| {
            *numbers.entry(set).or_insert_with_key(|set| {
                signatures.push(set.clone());
                signatures.len().min(CLASSES + 1)
            })
        });
        let of_profiles = of_profiles.collect();
        signatures.truncate(CLASSES);
        Self {
            of_profiles,
            signatures,
        }
    }

    /// Column of a profile: 0 for one that no signature names.
    pub(in crate::policy::compile) fn column(&self, profile: usize) -> u32 {
        self.of_profiles[profile] as u32
    }

    /// One for each class, and a last one of all signatures.
    const fn columns(&self) -> usize {
        self.signatures.len() + 2
    }

    /// Whether a signature is looked for in what a profile of a column sends or is sent.
    fn has(&self, column: usize, index: usize, signature: &Signature) -> bool {
        let by_class = column
            .checked_sub(1)
            .and_then(|class| self.signatures.get(class));
        signature.profiles.is_empty()
            || column + 1 == self.columns()
            || by_class.is_some_and(|class| class.contains(&index))
    }
}

/// Sets of signatures by service class and column: for what clients send, and servers.
pub(super) struct Sets {
    /// Number of the set of each class, column and sender; 0 is the empty one.
    pub(super) of_services: Vec<u16>,
    pub(super) columns: usize,
    pub(super) sets: Vec<Vec<u16>>,
}

impl Sets {
    pub(super) fn new(model: &Model, services: &ServiceClasses, classes: &ProfileClasses) -> Self {
        Self::of(model, services, classes, |column, index, signature| {
            classes.has(column, index, signature)
        })
    }

    /// Where all profiles have what any of them has.
    pub(super) fn of_all_profiles(
        model: &Model,
        services: &ServiceClasses,
        classes: &ProfileClasses,
    ) -> Self {
        Self::of(model, services, classes, |_, _, _| true)
    }

    fn of(
        model: &Model,
        services: &ServiceClasses,
        classes: &ProfileClasses,
        has: impl Fn(usize, usize, &Signature) -> bool,
    ) -> Self {
        let columns = classes.columns();
        let mut of: Vec<Vec<u16>> = vec![Vec::new(); services.count * columns * 2];
        for (index, signature) in model.signatures.iter().enumerate() {
            let senders: &[usize] = match signature.sender {
                Sender::Client => &[0],
                Sender::Server => &[1],
                Sender::Either => &[0, 1],
            };
            let spans = signature.services.iter();
            let in_classes: BTreeSet<u16> = spans
                .flat_map(|service| services.classes(span(*service)))
                .copied()
                .collect();
            for column in (0..columns).filter(|column| has(*column, index, signature)) {
                for class in &in_classes {
                    for sender in senders {
                        let place = (usize::from(*class) * columns + column) * 2 + sender;
                        of[place].push(index as u16 + 1);
                    }
                }
            }
        }
        let mut numbers: BTreeMap<Vec<u16>, u16> = BTreeMap::from([(Vec::new(), 0)]);
        let mut sets = Vec::new();
        let of_services = of.into_iter().map(|set| {
            *numbers.entry(set).or_insert_with_key(|set| {
                sets.push(set.clone());
                sets.len() as u16
            })
        });
        Self {
            of_services: of_services.collect(),
            columns,
            sets,
        }
    }
}
