//! Where the rules of a valid policy are written, for whoever names one later. The model holds no lines: most of them are never asked for, so a text is
//! read again for those that are.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::model::Model;
use super::place::{Here, Place};
use super::source::Bundle;
use super::{canary, locate};

/// A line of a policy's file. Prints as `ward.yaml:12`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The file as its reader named it.
    pub file: String,
    /// From 1.
    pub line: u32,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The text of a policy.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a> {
    pub bundle: &'a Bundle,
    /// While a canary is out: the policy for all other devices.
    pub before: Option<&'a Bundle>,
}

impl Texts<'_> {
    /// Where rules are written, each given by profile and place in it as indices of
    /// the model; an inherited one in the profile that it comes from. `None` for a
    /// rule that the text does not have.
    pub fn of_rules(&self, model: &Model, rules: &[(usize, usize)]) -> Vec<Option<Spot>> {
        let mark = canary::twin_of("");
        let written = |&(profile, rule): &(usize, usize)| {
            let holder = model.profiles.get(profile)?;
            let (origin, index) = holder.rules.get(rule)?.origin;
            let name = &model.profiles.get(origin)?.name;
            let Some(before) = self.before else {
                return Some((self.bundle, name.as_str(), index));
            };
            match name.strip_suffix(&mark) {
                None => Some((before, name.as_str(), index)),
                // Where the new policy's inherited rules are from was not kept.
                Some(_) if !holder.extends.is_empty() => None,
                Some(name) => Some((self.bundle, name, index)),
            }
        };
        let all: Vec<_> = rules.iter().map(written).collect();
        let mut spots = vec![None; all.len()];
        for bundle in std::iter::once(self.bundle).chain(self.before) {
            let top = Here::top(0);
            let profiles = top.key("profiles");
            let place = |&(of, name, index): &(&Bundle, &str, usize)| {
                let profile = profiles.key(name);
                let allow = profile.key("allow");
                std::ptr::eq(of, bundle).then(|| allow.index(index).place())
            };
            let places: Vec<_> = all
                .iter()
                .map(|rule| rule.as_ref().and_then(place))
                .collect();
            for (spot, found) in spots.iter_mut().zip(found(bundle, &places)) {
                *spot = found.or(spot.take());
            }
        }
        spots
    }

    /// Where profiles are written, each given by its index in the model.
    pub fn of_profiles(&self, model: &Model, profiles: &[usize]) -> Vec<Option<Spot>> {
        let top = Here::top(0);
        let here = top.key("profiles");
        let place = |index: &usize| {
            let profile = model.profiles.get(*index)?;
            Some(here.key(&profile.name).key_place())
        };
        let places: Vec<_> = profiles.iter().map(place).collect();
        // While a canary is out a profile has two texts, and the message no room.
        match self.before {
            None => found(self.bundle, &places),
            Some(_) => vec![None; places.len()],
        }
    }
}

/// All of these are in the main file.
fn found(bundle: &Bundle, places: &[Option<Place>]) -> Vec<Option<Spot>> {
    let wanted: Vec<_> = places.iter().flatten().collect();
    if wanted.is_empty() {
        return vec![None; places.len()];
    }
    let mut positions = locate::exact_positions(&bundle.main, &wanted).into_iter();
    let spot = |place: &Option<Place>| {
        place.as_ref()?;
        Some(Spot {
            file: bundle.main.path.clone(),
            line: positions.next()??.line,
        })
    };
    places.iter().map(spot).collect()
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::super::source::File;
    use super::*;

    const TEXT: &str = "version: 1
profiles:
  pump:
    allow:
      - {to: any, tcp: 1}
      - to: any
        tcp: 2
  gateway:
    extends: pump
    allow:
      - {to: any, tcp: 3}
devices:
  - {name: pump-1, mac: 02:00:00:00:00:01, profile: pump}
";

    fn bundle() -> Bundle {
        let main = File {
            path: "ward.yaml".into(),
            text: TEXT.into(),
        };
        Bundle {
            main,
            included: Vec::new(),
        }
    }

    fn texts(bundle: &Bundle) -> Texts<'_> {
        Texts {
            bundle,
            before: None,
        }
    }

    fn lines(spots: Vec<Option<Spot>>) -> Vec<Option<String>> {
        let text = |spot: Spot| spot.to_string();
        spots.into_iter().map(|spot| spot.map(text)).collect()
    }

    #[test]
    fn rules_and_profiles_are_found() {
        let bundle = bundle();
        let (model, _) = parse(&bundle).unwrap_or_else(|errors| panic!("{errors}"));
        let at = |line: u32| Some(format!("ward.yaml:{line}"));
        let rules = texts(&bundle).of_rules(&model, &[(0, 1), (9, 0), (0, 0), (1, 2)]);
        assert_eq!(lines(rules), [at(6), None, at(5), at(11)]);
        let inherited = texts(&bundle).of_rules(&model, &[(1, 1)]);
        assert_eq!(lines(inherited), [at(6)], "where it comes from");
        assert_eq!(lines(texts(&bundle).of_profiles(&model, &[1])), [at(8)]);
    }

    #[test]
    fn each_version_of_a_canary_has_a_text_of_its_own() {
        let new = bundle();
        let mut old = bundle();
        old.main.path = "old.yaml".into();
        old.main.text = TEXT.replace("version: 1\n", "# The old one.\nversion: 1\n");
        let of = |bundle: &Bundle| parse(bundle).unwrap_or_else(|errors| panic!("{errors}")).0;
        let share = "pump=100%"
            .parse()
            .unwrap_or_else(|error| panic!("{error}"));
        let merged = canary::merge(&of(&old), &of(&new), &share);
        let merged = merged.unwrap_or_else(|error| panic!("{error}")).model;
        let texts = Texts {
            bundle: &new,
            before: Some(&old),
        };
        let spots = texts.of_rules(&merged, &[(0, 0), (2, 0)]);
        assert_eq!(merged.profiles[2].name, "pump@canary");
        assert_eq!(
            lines(spots),
            [
                Some("old.yaml:6".to_owned()),
                Some("ward.yaml:5".to_owned())
            ]
        );
    }

    #[test]
    fn another_text_has_no_line_for_what_it_lacks() {
        let (model, _) = parse(&bundle()).unwrap_or_else(|errors| panic!("{errors}"));
        let mut other = bundle();
        other.main.text = "version: 1\n".into();
        assert_eq!(texts(&other).of_rules(&model, &[(0, 0)]), [None]);
    }
}
