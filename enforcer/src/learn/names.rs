//! DNS names: as messages carry them, and those that rules of a profile name.

use std::collections::BTreeSet;

use crate::policy::model::{Peer, Profile};

/// A name in lower case, label by label: a label may hold any byte, also a dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(Vec<Vec<u8>>);

impl Name {
    pub fn from_labels<'l>(labels: impl Iterator<Item = &'l [u8]>) -> Self {
        Self(labels.map(<[u8]>::to_ascii_lowercase).collect())
    }

    /// As a policy would write it; `None` where it could not.
    pub fn text(&self) -> Option<String> {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if self.0.is_empty() || !self.0.iter().flatten().all(plain) {
            return None;
        }
        String::from_utf8(self.0.join(&b'.')).ok()
    }
}

/// The names in the rules of one profile, as the policy writes them.
#[derive(Clone, Debug, Default)]
pub struct Named(BTreeSet<String>);

impl Named {
    pub fn by(profile: &Profile) -> Self {
        let peers = profile.rules.iter().flat_map(|rule| &rule.peers);
        let names = peers.filter_map(|peer| match peer {
            Peer::Name(name) => Some(name.clone()),
            _ => None,
        });
        Self(names.collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Those that a name is, or that a wildcard makes it: `*.` stands for one or
    /// more labels.
    pub fn matching(&self, name: &Name) -> Vec<&str> {
        let Some(text) = name.text().filter(|_| !self.0.is_empty()) else {
            return Vec::new();
        };
        let wildcards = text
            .match_indices('.')
            .map(|(dot, _)| format!("*{}", &text[dot..]));
        let candidates = std::iter::once(text.clone()).chain(wildcards);
        candidates
            .filter_map(|candidate| self.0.get(&candidate).map(String::as_str))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::from_labels(text.split('.').map(str::as_bytes))
    }

    #[test]
    fn a_wildcard_stands_for_one_or_more_labels() {
        let names = ["pacs.example.org", "*.example.org", "*.b.example.org"];
        let named = Named(names.map(str::to_owned).into());
        assert_eq!(
            named.matching(&name("PACS.Example.org")),
            ["pacs.example.org", "*.example.org"]
        );
        assert_eq!(
            named.matching(&name("a.b.example.org")),
            ["*.b.example.org", "*.example.org"]
        );
        assert!(named.matching(&name("example.org")).is_empty());
        assert!(named.matching(&name("notexample.org")).is_empty());
        assert!(
            named
                .matching(&name("pacs.example.org.evil.net"))
                .is_empty()
        );
    }

    #[test]
    fn a_dot_inside_a_label_divides_nothing() {
        let named = Named(["*.example.org".to_owned()].into());
        let odd = Name::from_labels([&b"a"[..], b"x.example", b"org"].into_iter());
        assert!(named.matching(&odd).is_empty());
        let odd = Name::from_labels([&b"*"[..], b"example", b"org"].into_iter());
        assert!(named.matching(&odd).is_empty());
    }
}
