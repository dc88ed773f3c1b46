//! What is looked for under the policy in force, its own signatures and sanity predicates
//! alike, and what was found.

use anyhow::Result;
use enforcer_common::sanity::{Predicate, Set};

use crate::control::api::{Signature, SignatureGroup, Signatures};
use crate::daemon::engine::{Engine, Running};
use crate::policy::describe;
use crate::policy::model::Model;
use crate::policy::sanity::{self, Level};
use crate::policy::signature::{self, Sender};

/// The signatures in force, with what was found of them.
pub(in crate::daemon) fn signatures(engine: &Engine, running: &Running) -> Result<Signatures> {
    let model = &running.model;
    let numbers = signature::numbers(model);
    let hits = engine.datapath().signature_hits(running.epoch, &numbers)?;
    let before = engine.totals().signatures.clone();
    let packets = |name: &str, hits| hits + before.get(name).copied().unwrap_or_default();
    let (own, of_predicates) = hits.split_at(model.signatures.len());
    let signatures = model.signatures.iter().zip(own);
    let signatures = signatures.map(|(signature, hits)| Signature {
        name: signature.name.clone(),
        id: signature.id,
        message: signature.message.clone(),
        references: signature.references.clone(),
        severity: signature.severity,
        action: signature.action,
        from: describe::sender(signature.sender).to_owned(),
        services: describe::signature_services(signature),
        profiles: signature
            .profiles
            .iter()
            .map(|profile| model.profiles[*profile].name.clone())
            .collect(),
        tags: signature.tags.clone(),
        find: describe::parts(signature),
        packets: packets(&signature.name, *hits),
    });
    let predicates = Predicate::ALL.iter().zip(of_predicates);
    let predicates =
        predicates.filter_map(|(of, hits)| predicate(model, *of, packets(of.label(), *hits)));
    let groups = running
        .compiled
        .inspected
        .iter()
        .map(|group| SignatureGroup {
            signatures: group
                .signatures
                .iter()
                .map(|index| model.signatures[*index].name.clone())
                .collect(),
            states: group.states,
            bytes: group.bytes,
            filtered: group.filtered,
        });
    Ok(Signatures {
        signatures: signatures.chain(predicates).collect(),
        groups: groups.collect(),
    })
}

/// A sanity predicate that is on in some profile, as a signature.
fn predicate(model: &Model, predicate: Predicate, packets: u64) -> Option<Signature> {
    let action = sanity::action(model, predicate)?;
    let facts = sanity::facts(predicate);
    let profiles = model.profiles.iter();
    let all = profiles.clone().count();
    let on = profiles.filter(|profile| profile.sanity.of(predicate.set()) != Level::Off);
    let on: Vec<String> = on.map(|profile| profile.name.clone()).collect();
    let differing = sanity::by_profile(model, predicate.set());
    let note = if differing.is_empty() {
        differing
    } else {
        format!("; {differing}")
    };
    Some(Signature {
        name: predicate.label().to_owned(),
        id: predicate.id(),
        message: facts.message.to_owned(),
        references: facts.references.iter().map(|&of| of.to_owned()).collect(),
        severity: facts.severity,
        action,
        from: describe::sender(Sender::Either).to_owned(),
        services: services(predicate.set()),
        profiles: if on.len() == all { Vec::new() } else { on },
        tags: Vec::new(),
        find: format!("{}{note}", facts.tests),
        packets,
    })
}

/// What packets a set is asked of.
fn services(set: Set) -> Vec<String> {
    let services: &[&str] = match set {
        Set::TcpStack => &["tcp"],
        Set::IpStack => &["ipv4", "tunnels"],
        Set::Ipv6Stack => &["ipv6"],
        Set::Dhcp => &["udp 67-68", "udp 546-547"],
        Set::Dns => &["udp 53", "udp 5353", "udp 5355"],
        Set::Arp => &["arp"],
    };
    services.iter().map(|&of| of.to_owned()).collect()
}
