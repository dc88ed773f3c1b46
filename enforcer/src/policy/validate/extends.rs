//! `extends:` of profiles: who inherits from whom, and the rules that come of it.
//! Settings are inherited in `settings`.

use std::collections::{BTreeMap, BTreeSet};

use enforcer_common::limits;

use super::super::findings::Findings;
use super::super::lenient::{Named as Mapping, Scalar};
use super::super::model::Rule;
use super::super::place::{Here, Place, quoted};
use super::super::raw;
use super::rule::{Named, unique};
use super::scalar::{each, word};
use super::{Names, closest, profile_named};

/// The profiles that each one names, by index.
pub(super) fn parents(
    raw: &Mapping<raw::Profile>,
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<Vec<usize>> {
    let mut all = Vec::with_capacity(raw.entries.len());
    for (name, profile) in &raw.entries {
        let (mut parents, mut seen) = (Vec::new(), BTreeSet::new());
        let profile_here = here.key(name);
        if let Some(values) = &profile.extends {
            each(values, &profile_here.key("extends"), |value, here| {
                let Some(parent) = parent(value, names, here, findings) else {
                    return;
                };
                if seen.insert(parent) {
                    parents.push(parent);
                } else {
                    findings.warning(here, "listed before");
                }
            });
        }
        all.push(parents);
    }
    all
}

fn parent(
    value: &Scalar,
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<usize> {
    let text = word(value, here, findings)?;
    let index = profile_named(&text, names);
    if index.is_none() {
        findings
            .error(here, format!("no profile {}", quoted(&text)))
            .suggest(|| closest(&text, names.profiles.keys().map(String::as_str)));
    }
    index
}

/// All profiles, parents before children. Reports circles, and cuts them open.
pub(super) fn order(
    parents: &mut [Vec<usize>],
    raw: &Mapping<raw::Profile>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<usize> {
    let mut order = Vec::with_capacity(parents.len());
    let mut done = vec![false; parents.len()];
    let mut open = vec![false; parents.len()];
    for start in 0..parents.len() {
        // The way down, each profile with the number of its next parent. Not by
        // recursion: a policy may be as deep as it has profiles.
        let mut way = vec![(start, 0)];
        while let Some((profile, next)) = way.pop() {
            if done[profile] {
                continue;
            }
            open[profile] = true;
            let Some(parent) = parents[profile].get(next).copied() else {
                (open[profile], done[profile]) = (false, true);
                order.push(profile);
                continue;
            };
            if open[parent] {
                way.push((profile, next));
                let circle = way.iter().map(|(profile, _)| *profile);
                let circle = circle.skip_while(|on_way| *on_way != parent);
                let names: Vec<_> = circle.chain([parent]).map(|at| name(raw, at)).collect();
                let message = format!(
                    "a profile cannot inherit from itself: {}",
                    names.join(" → ")
                );
                findings.error(&here.key(name(raw, profile)).key("extends"), message);
                parents[profile].remove(next);
                continue;
            }
            way.push((profile, next + 1));
            way.push((parent, 0));
        }
    }
    order
}

fn name(raw: &Mapping<raw::Profile>, index: usize) -> &str {
    raw.entries.get(index).map_or("", |(name, _)| name)
}

/// The rules of a profile: those of its parents, each once, then its own, of which
/// one with the name of an inherited rule replaces it. `given` are the names that
/// its own rules were given. Reports two inherited rules of one name.
pub(super) fn rules(
    inherited: &[&[Named]],
    own: &[Named],
    given: &BTreeSet<String>,
    mut conflict: impl FnMut(&Rule, &Rule),
) -> Vec<Named> {
    let mut origins = BTreeSet::new();
    let mut all: Vec<Named> = inherited
        .iter()
        .flat_map(|rules| rules.iter())
        .filter(|named| !given.contains(&named.rule.name))
        .filter(|named| origins.insert(named.rule.origin))
        .cloned()
        .collect();
    let mut named: BTreeMap<&str, &Rule> = BTreeMap::new();
    for Named { rule, .. } in all.iter().filter(|named| named.made_of.is_none()) {
        if let Some(earlier) = named.insert(&rule.name, rule) {
            conflict(earlier, rule);
        }
    }
    all.extend(own.iter().cloned());
    let fixed = all.iter().filter(|named| named.made_of.is_none());
    let mut taken: BTreeSet<String> = fixed.map(|named| named.rule.name.clone()).collect();
    for Named { rule, made_of } in &mut all {
        if let Some(base) = made_of {
            rule.name = unique(base, &mut taken);
        }
    }
    all
}

/// The place of a rule's name, or of the rule where it has none.
pub(super) fn place(rule: &Rule, raw: &Mapping<raw::Profile>, here: &Here<'_>) -> Place {
    let (profile, index) = rule.origin;
    let profile_here = here.key(name(raw, profile));
    profile_here.key("allow").index(index).key("name").place()
}

/// Whether so many rules fit; reports if not.
pub(super) fn fit(rules: usize, here: &Here<'_>, findings: &mut Findings) -> bool {
    // One number more is the guards'.
    let most = limits::RULES as usize - 1;
    if rules > most {
        let message = format!(
            "more than {most} rules in all profiles, inherited ones counted in each; a policy has no more"
        );
        findings.error(here.key_place(), message);
    }
    rules <= most
}
