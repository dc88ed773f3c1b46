//! `sanity:`: what follows where predicates of a set are met, one word for all sets or one
//! for each.

use enforcer_common::sanity::{SETS, Set};

use super::super::findings::Findings;
use super::super::lenient::{Either, Named, Scalar};
use super::super::place::Here;
use super::super::sanity::{Level, Sanity};
use super::name::closest;
use super::scalar::{choice, is_mapping};

const LEVELS: [(&str, Level); 3] = [
    ("off", Level::Off),
    ("alert", Level::Alert),
    ("drop", Level::Drop),
];

/// Levels as far as they are stated, by the set's number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stated([Option<Level>; SETS]);

impl Stated {
    /// What is stated here, and else what is stated there.
    pub(super) fn or(self, other: Self) -> Self {
        let mut stated = self;
        for (level, other) in stated.0.iter_mut().zip(other.0) {
            *level = level.or(other);
        }
        stated
    }

    /// What is stated, over what holds without it.
    pub(super) fn over(self, otherwise: Sanity) -> Sanity {
        let mut sanity = otherwise;
        for (level, stated) in sanity.0.iter_mut().zip(self.0) {
            *level = stated.unwrap_or(*level);
        }
        sanity
    }
}

pub(super) fn stated(
    raw: &Either<Named<Scalar>>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Stated {
    let raw = match raw {
        Either::Scalar(value) => return Stated([level(value, here, findings); SETS]),
        Either::Mapping(raw) => raw,
    };
    let labels = Set::ALL.map(Set::label);
    is_mapping(&raw.odd, &labels, here, findings);
    let mut stated = Stated::default();
    for (name, value) in &raw.entries {
        let here = here.key(name);
        match Set::ALL.into_iter().find(|set| set.label() == name) {
            Some(set) => stated.0[set as usize] = level(value, &here, findings),
            None => {
                findings.error(here.key_place(), "no such set").suggest(|| {
                    let known = || Some(format!("the sets are {}", labels.join(", ")));
                    closest(name, labels.into_iter()).or_else(known)
                });
            }
        }
    }
    stated
}

fn level(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<Level> {
    choice(value, LEVELS, here, findings)
}
