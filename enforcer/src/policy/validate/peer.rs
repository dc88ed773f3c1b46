//! Peers: the named ones of `peers:`, what rules say at `to:` and `from:`, and whom
//! guards trust.

use std::collections::{BTreeMap, BTreeSet};

use enforcer_common::limits;
use ipnet::IpNet;

use super::super::findings::Findings;
use super::super::lenient::{Named, OneOrMany, Scalar};
use super::super::model::{Direction, Peer};
use super::super::place::{Here, quoted};
use super::address::looks_like_address;
use super::dns::{self, DNS};
use super::range::{GROUP, prefixes};
use super::scalar::{each, expected, is_mapping, word};
use super::{Names, closest, name, profile_named};

/// The starts of peers that are devices: those of a profile, one, those of a tag.
const PROFILE: &str = "profile:";
const DEVICE: &str = "device:";
const TAG: &str = "tag:";
/// All words that begin a peer, and end with a colon.
const KINDS: [&str; 5] = [PROFILE, DEVICE, TAG, DNS, GROUP];

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
        peers.insert(name.clone(), addresses(values, &here, findings));
    }
    peers
}

fn addresses(values: &OneOrMany, here: &Here<'_>, findings: &mut Findings) -> Vec<IpNet> {
    let mut found = Vec::new();
    if matches!(values, OneOrMany::One(Scalar::Null))
        || matches!(values, OneOrMany::Many(list) if list.is_empty())
    {
        findings.error(here, "a peer has at least one address");
        return found;
    }
    let mut seen = BTreeSet::new();
    let mut repeated = false;
    each(values, here, |value, here| {
        let Scalar::Text(text) = value else {
            expected("an address or a prefix", value, here, findings);
            return;
        };
        if let Some(kind) = kind(text).filter(|kind| *kind != GROUP) {
            findings
                .error(here, format!("{kind} stands in rules, not in `peers`"))
                .suggest(|| Some("here stand addresses, prefixes, ranges and groups".to_owned()));
            return;
        }
        let prefixes = prefixes(text, here, findings);
        let fresh: Vec<_> = prefixes
            .iter()
            .filter(|prefix| seen.insert(**prefix))
            .collect();
        repeated |= fresh.is_empty() && !prefixes.is_empty();
        found.extend(fresh);
    });
    if repeated {
        findings.warning(here, "lists an address or prefix more than once");
    }
    found
}

/// Reads the peers of a rule.
pub(super) fn of_rule(
    values: &OneOrMany,
    direction: Direction,
    names: &Names<'_>,
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
        let Some(text) = word(value, here, findings) else {
            return;
        };
        let found = peer(&text, direction, names, here, findings);
        let fresh: Vec<_> = found
            .iter()
            .filter(|peer| seen.insert((*peer).clone()))
            .cloned()
            .collect();
        if fresh.is_empty() && !found.is_empty() {
            findings.warning(here, "listed before in the same rule");
        }
        peers.extend(fresh);
    });
    let dns = peers.iter().filter(|peer| matches!(peer, Peer::Name(_)));
    let (count, most) = (dns.count(), limits::NAMES_PER_RULE);
    if count > most {
        findings
            .error(
                here,
                format!("{count} DNS names; a rule has at most {most}"),
            )
            .suggest(|| Some("write a second rule for the others".to_owned()));
    }
    peers
}

/// What one word of a rule stands for; nothing if it is wrong.
fn peer(
    text: &str,
    direction: Direction,
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<Peer> {
    if let Some(profile) = text.strip_prefix(PROFILE) {
        let index = profile_named(profile, names);
        if index.is_none() {
            findings
                .error(here, format!("no profile {}", quoted(profile)))
                .suggest(|| closest(profile, names.profiles.keys().map(String::as_str)));
        }
        return index.map(Peer::Profile).into_iter().collect();
    }
    if let Some(device) = text.strip_prefix(DEVICE) {
        let index = names.devices.get(device).copied();
        if index.is_none() {
            findings
                .error(here, format!("no device {}", quoted(device)))
                .suggest(|| closest(device, names.devices.keys().map(AsRef::as_ref)));
        }
        return index.map(Peer::Device).into_iter().collect();
    }
    if let Some(tag) = text.strip_prefix(TAG) {
        if names.tags.contains(tag) {
            return vec![Peer::Tag(tag.to_owned())];
        }
        findings
            .error(here, format!("no device has the tag {}", quoted(tag)))
            .suggest(|| closest(tag, names.tags.iter().map(String::as_str)));
        return Vec::new();
    }
    if let Some(name) = text.strip_prefix(DNS) {
        if direction == Direction::From {
            findings
                .error(here, "a DNS name stands at `to` only")
                .suggest(|| {
                    Some(
                        "names are learned from the answers that the device asks for; write the addresses of who may start towards it"
                            .to_owned(),
                    )
                });
            return Vec::new();
        }
        let name = dns::name(name, here, findings);
        return name.map(Peer::Name).into_iter().collect();
    }
    if text == "any" {
        return vec![Peer::Any];
    }
    named_or_addresses(text, names, here, findings)
}

/// Reads whom a guard trusts; the inner `None` is `any`.
pub(super) fn of_guard(
    values: &OneOrMany,
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Option<Vec<Peer>>> {
    let before = findings.errors();
    let mut any = false;
    let mut peers = Vec::new();
    each(values, here, |value, here| {
        let Some(text) = word(value, here, findings) else {
            return;
        };
        if text == "any" {
            any = true;
        } else if let Some(kind) = kind(&text).filter(|kind| *kind != GROUP) {
            findings
                .error(here, format!("{kind} stands in rules, not in guards"))
                .suggest(|| {
                    Some("write the addresses that are trusted, or a named peer".to_owned())
                });
        } else {
            peers.extend(named_or_addresses(&text, names, here, findings));
        }
    });
    if findings.errors() > before {
        return None;
    }
    let mut seen = BTreeSet::new();
    peers.retain(|peer| seen.insert(peer.clone()));
    Some((!any).then_some(peers))
}

/// A named peer, or prefixes of their own.
fn named_or_addresses(
    text: &str,
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<Peer> {
    if let Some(unknown) = unknown_kind(text) {
        findings
            .error(
                here,
                format!("no kind of peer begins with {}", quoted(unknown)),
            )
            .suggest(|| closest(unknown, KINDS.into_iter()));
        return Vec::new();
    }
    if looks_like_address(text) {
        let prefixes = prefixes(text, here, findings);
        return prefixes.into_iter().map(Peer::Prefix).collect();
    }
    if names.peers.contains_key(text) {
        return vec![Peer::Named(text.to_owned())];
    }
    let known = || names.peers.keys().map(String::as_str);
    findings
        .error(here, format!("no peer {}", quoted(text)))
        .suggest(|| {
            let kinds = [
                (names.profiles.contains_key(text), PROFILE),
                (names.devices.contains_key(text), DEVICE),
                (names.tags.contains(text), TAG),
            ];
            let other = kinds.iter().find(|(exists, _)| *exists);
            other
                .map(|(_, kind)| name::meant(format!("{kind}{text}")))
                .or_else(|| closest(text, known().chain(["any"])))
        });
    Vec::new()
}

/// The kind of a peer that begins with one.
fn kind(text: &str) -> Option<&'static str> {
    KINDS.into_iter().find(|kind| text.starts_with(kind))
}

/// What looks like a kind and is none: a word and a colon, which no address begins
/// with.
fn unknown_kind(text: &str) -> Option<&str> {
    if kind(text).is_some() {
        return None;
    }
    let colon = text.find(':')?;
    let word = &text[..colon];
    let letters = word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let hexadecimal = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    (letters && !hexadecimal).then(|| &text[..=colon])
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
