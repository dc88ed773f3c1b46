//! Peers: the named ones of `peers:`, and what rules say at `to:` and `from:`.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::super::findings::Findings;
use super::super::lenient::{Named, OneOrMany, Scalar};
use super::super::model::Peer;
use super::super::place::{Here, quoted};
use super::address::{looks_like_address, prefix};
use super::scalar::{each, expected, is_mapping, word};
use super::{Names, closest, name, profile_named};

/// The start of a peer that is the devices of a profile.
const PROFILE: &str = "profile:";

/// Reads `peers:`. A peer that is wrong is in the result all the same, so that
/// rules which name it are not reported as well.
pub(super) fn named(
    raw: &Named<OneOrMany>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> BTreeMap<String, Vec<IpNet>> {
    is_mapping(&raw.odd, &[], here, findings);
    let mut peers = BTreeMap::new();
    for (name, values) in &raw.entries {
        let here = here.key(name);
        if looks_like_address(name) {
            findings.error(here.key_place(), "a peer cannot be named like an address");
        } else {
            name::check("peer", name, here.key_place(), findings);
        }
        peers.insert(name.clone(), prefixes(values, &here, findings));
    }
    peers
}

fn prefixes(values: &OneOrMany, here: &Here<'_>, findings: &mut Findings) -> Vec<IpNet> {
    let mut prefixes = Vec::new();
    if matches!(values, OneOrMany::One(Scalar::Null))
        || matches!(values, OneOrMany::Many(list) if list.is_empty())
    {
        findings.error(here, "a peer has at least one address");
        return prefixes;
    }
    each(values, here, |value, here| {
        let Scalar::Text(text) = value else {
            expected("an address or a prefix", value, here, findings);
            return;
        };
        if let Some(prefix) = prefix(text, here, findings) {
            prefixes.push(prefix);
        }
    });
    let mut seen = BTreeSet::new();
    let before = prefixes.len();
    prefixes.retain(|prefix| seen.insert(*prefix));
    if prefixes.len() < before {
        findings.warning(here, "lists an address or prefix more than once");
    }
    prefixes
}

/// Reads the peers of a rule.
pub(super) fn of_rule(
    values: &OneOrMany,
    names: &Names,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<Peer> {
    if matches!(values, OneOrMany::Many(list) if list.is_empty()) {
        findings
            .error(here, "the list is empty")
            .suggest(|| Some("write any for every peer".to_owned()));
    }
    let mut peers = Vec::new();
    let mut seen = BTreeSet::new();
    each(values, here, |value, here| {
        let peer = word(value, here, findings).and_then(|text| peer(&text, names, here, findings));
        let Some(peer) = peer else {
            return;
        };
        if seen.insert(peer.clone()) {
            peers.push(peer);
        } else {
            findings.warning(here, "listed before in the same rule");
        }
    });
    peers
}

fn peer(text: &str, names: &Names, here: &Here<'_>, findings: &mut Findings) -> Option<Peer> {
    if text == "any" {
        return Some(Peer::Any);
    }
    if let Some(profile) = text.strip_prefix(PROFILE) {
        if let Some(index) = profile_named(profile, names) {
            return Some(Peer::Profile(index));
        }
        findings
            .error(here, format!("no profile {}", quoted(profile)))
            .suggest(|| closest(profile, names.profiles.keys().map(String::as_str)));
        return None;
    }
    if looks_like_address(text) {
        return prefix(text, here, findings).map(Peer::Prefix);
    }
    if names.peers.contains_key(text) {
        return Some(Peer::Named(text.to_owned()));
    }
    let known = || names.peers.keys().map(String::as_str);
    findings
        .error(here, format!("no peer {}", quoted(text)))
        .suggest(|| {
            let profile = names
                .profiles
                .contains_key(text)
                .then(|| name::meant(format!("{PROFILE}{text}")));
            profile.or_else(|| closest(text, known().chain(["any"])))
        });
    None
}

/// Warns of named peers that no rule uses.
pub(super) fn warn_unused(
    raw: &Named<OneOrMany>,
    used: &BTreeSet<&str>,
    here: &Here<'_>,
    findings: &mut Findings,
) {
    for (name, _) in raw
        .entries
        .iter()
        .filter(|(name, _)| !used.contains(name.as_str()))
    {
        findings.warning(here.key(name).key_place(), "no rule uses this peer");
    }
}
