//! Rules that nothing in the record matched: too much was allowed, or too little was
//! watched.

use std::collections::{BTreeMap, BTreeSet};

use super::report::Unmatched;
use crate::policy::compile::Compiled;
use crate::policy::model::Model;

/// Which rules were matched, and by whom.
#[derive(Debug, Default)]
pub(super) struct Matched {
    /// Profile and rule, as indices in the model.
    rules: BTreeSet<(usize, usize)>,
    by_device: BTreeMap<usize, BTreeSet<usize>>,
}

impl Matched {
    /// Notes the rule that allowed for an end.
    pub(super) fn note(&mut self, compiled: &Compiled, device: Option<usize>, number: u16) {
        let index = usize::from(number).checked_sub(1);
        let Some(&(profile, rule)) = index.and_then(|index| compiled.rules.get(index)) else {
            return;
        };
        self.rules.insert((profile, rule));
        if let Some(device) = device {
            self.by_device.entry(device).or_default().insert(rule);
        }
    }

    /// Profiles with rules that no observation matched; `seen` are the devices seen.
    pub(super) fn unmatched(&self, model: &Model, seen: &[usize]) -> Vec<Unmatched> {
        let profiles = model.profiles.iter().enumerate();
        let told = profiles.map(|(index, profile)| {
            let unmatched = profile.rules.iter().enumerate();
            Unmatched {
                profile: profile.name.clone(),
                devices_seen: seen
                    .iter()
                    .filter(|of| model.devices[**of].profile == index)
                    .count(),
                rules: unmatched
                    .filter(|(rule, _)| !self.rules.contains(&(index, *rule)))
                    .map(|(_, rule)| rule.name.clone())
                    .collect(),
            }
        });
        told.filter(|told| !told.rules.is_empty()).collect()
    }

    /// Rules of a device's profile that no observation of it matched.
    pub(super) fn of_device(&self, model: &Model, device: usize) -> Vec<String> {
        let matched = self.by_device.get(&device);
        let rules = model.profiles[model.devices[device].profile]
            .rules
            .iter()
            .enumerate();
        rules
            .filter(|(rule, _)| !matched.is_some_and(|matched| matched.contains(rule)))
            .map(|(_, rule)| rule.name.clone())
            .collect()
    }
}
