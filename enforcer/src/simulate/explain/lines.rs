//! Names of rules and profiles together with the lines that they are written in.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::policy::model::Model;
use crate::policy::places::Texts;

/// Looks each line up once: a text is read anew for it.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    model: &'a Model,
    texts: Option<Texts<'a>>,
    rules: RefCell<BTreeMap<(usize, usize), Option<String>>>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(model: &'a Model, texts: Option<Texts<'a>>) -> Self {
        Self {
            model,
            texts,
            rules: RefCell::default(),
        }
    }

    /// `ward.yaml:12` of a rule, given by profile and place in it.
    pub(super) fn of_rule(&self, rule: (usize, usize)) -> Option<String> {
        let texts = self.texts?;
        let mut known = self.rules.borrow_mut();
        let look = || {
            let spots = texts.of_rules(self.model, &[rule]);
            spots
                .into_iter()
                .next()
                .flatten()
                .map(|spot| spot.to_string())
        };
        known.entry(rule).or_insert_with(look).clone()
    }

    /// `pump/engine (ward.yaml:12)`.
    pub(super) fn rule(&self, rule: (usize, usize)) -> String {
        let profile = self.model.profiles.get(rule.0);
        let name = profile.map_or_else(String::new, |profile| {
            let rule = profile.rules.get(rule.1).map_or("", |rule| &rule.name);
            format!("{}/{rule}", profile.name)
        });
        at(name, self.of_rule(rule))
    }

    /// `pump (ward.yaml:4)`.
    pub(super) fn profile(&self, index: usize) -> String {
        let name = self.model.profiles.get(index).map_or("", |of| &of.name);
        let spots = self
            .texts
            .map(|texts| texts.of_profiles(self.model, &[index]));
        let spot = spots.into_iter().flatten().next().flatten();
        at(name.to_owned(), spot.map(|spot| spot.to_string()))
    }
}

fn at(name: String, line: Option<String>) -> String {
    match line {
        Some(line) => format!("{name} ({line})"),
        None => name,
    }
}
