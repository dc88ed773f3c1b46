//! Rules of a profile that say again what another one says, in full or in part.

use std::collections::BTreeSet;

use super::super::model::Rule;
use super::super::place::quoted;
use super::reach::Reach;
use super::{Lint, code, named};

/// How a rule relates to an earlier one that it has something in common with, the
/// plainest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Relation {
    Same,
    Within,
    Beyond,
    Partly,
}

/// `None` where the budget did not suffice.
pub(super) fn warn(lint: &mut Lint<'_, '_>) -> Option<()> {
    let mut told = BTreeSet::new();
    for (profile, rules) in lint.reaches.iter().enumerate() {
        for (index, reach) in rules.iter().enumerate() {
            let origin = reach.rule.origin;
            let mut plainest: Option<(Relation, &Rule)> = None;
            for earlier in &rules[..index] {
                let other = earlier.rule.origin;
                // Two of one ancestor are compared there.
                if origin.0 == other.0 && origin.0 != profile {
                    continue;
                }
                lint.spend(reach.cost().min(earlier.cost()))?;
                if let Some(relation) = compare(reach, earlier)
                    && plainest.is_none_or(|(before, _)| relation < before)
                {
                    plainest = Some((relation, earlier.rule));
                }
            }
            if let Some((relation, other)) = plainest
                && told.insert((origin, other.origin))
            {
                report(lint, profile, relation, reach.rule, other);
            }
        }
    }
    Some(())
}

fn compare(rule: &Reach<'_>, earlier: &Reach<'_>) -> Option<Relation> {
    if !rule.meets(earlier) {
        return None;
    }
    Some(match (earlier.covers(rule), rule.covers(earlier)) {
        (true, true) => Relation::Same,
        (true, false) => Relation::Within,
        (false, true) => Relation::Beyond,
        // A part that is allowed for longer or faster may well be meant.
        (false, false) if rule.is_narrower(earlier) || earlier.is_narrower(rule) => return None,
        (false, false) => Relation::Partly,
    })
}

fn report(lint: &mut Lint<'_, '_>, profile: usize, relation: Relation, rule: &Rule, other: &Rule) {
    let (this, that) = (named(rule), named(other));
    let message = match relation {
        Relation::Same => format!("{this} allows the same as {that}"),
        Relation::Within => format!("{this} is shadowed by {that}, which allows all of it,"),
        Relation::Beyond => format!("{this} allows all that {that} allows"),
        Relation::Partly => format!("{this} overlaps {that}"),
    };
    let code = match relation {
        Relation::Same => code::DUPLICATE,
        Relation::Within | Relation::Beyond => code::SHADOWED,
        Relation::Partly => code::OVERLAP,
    };
    // Where both are inherited, the line alone does not say whose rules they are.
    let message = match lint.model.profiles.get(profile) {
        Some(of) if rule.origin.0 != profile => {
            format!("in profile {}, {message}", quoted(&of.name))
        }
        _ => message,
    };
    let beside = lint.place(other);
    lint.tell(code, rule, message).beside(beside);
}
