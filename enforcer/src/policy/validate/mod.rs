//! Raw → model: every value is converted and every name resolved here, and all
//! that is wrong is reported, not the first only. Pure; no text is parsed here
//! but that of single values.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use ipnet::IpNet;

use super::findings::Findings;
use super::lenient::{List, Named, OneOrMany, Scalar};
use super::lint;
use super::model::{Model, Peer};
use super::place::{Here, quoted};
use super::raw::{self, Keys};

mod address;
mod application;
mod defaults;
mod device;
mod distance;
mod dns;
mod ethertype;
mod expectation;
mod extends;
mod moment;
mod name;
mod part;
mod peer;
mod port;
mod profile;
mod range;
mod rate;
mod rule;
mod sanity;
mod scalar;
mod schedule;
mod service;
mod settings;
mod signature;
mod unique;

pub(super) use device::Listed;
pub(super) use name::closest;
pub(super) use scalar::{each, is_list};

/// The one version of the language.
const VERSION: i64 = 1;

/// What the main file says, and the devices and signatures of all files by number of
/// file.
pub(super) struct Sources {
    pub(super) main: raw::Document,
    pub(super) devices: Vec<(usize, Listed)>,
    pub(super) signatures: Vec<(usize, List<raw::Signature>)>,
}

/// What rules and devices may refer to.
struct Names<'a> {
    peers: BTreeMap<String, Vec<IpNet>>,
    profiles: BTreeMap<String, usize>,
    /// Index that each device will have in the model, by name.
    devices: HashMap<Cow<'a, str>, usize>,
    tags: BTreeSet<String>,
    /// Time zone where none is stated.
    zone: Option<String>,
    /// The time at which the policy is judged: Unix time, UTC.
    now: u32,
}

fn profile_named(name: &str, names: &Names<'_>) -> Option<usize> {
    names.profiles.get(name).copied()
}

/// Makes the model, as judged at `now` (Unix time, UTC); without meaning if anything
/// is reported as an error.
pub(super) fn validate(sources: &Sources, now: u32, findings: &mut Findings) -> Option<Model> {
    let raw = &sources.main;
    let top = Here::top(0);
    if !scalar::is_mapping(&raw.odd, raw::Document::KEYS, &top, findings)
        || !version(raw, &top, findings)
    {
        return None;
    }
    let (no_peers, no_profiles, no_ports) = (nothing(), nothing(), nothing());
    let raw_peers = raw.peers.as_ref().unwrap_or(&no_peers);
    let raw_profiles = raw.profiles.as_ref().unwrap_or(&no_profiles);
    let (peers_here, profiles_here) = (top.key("peers"), top.key("profiles"));

    let indices = raw_profiles
        .entries
        .iter()
        .enumerate()
        .map(|(index, (name, _))| (name.clone(), index));
    let (devices, tags) = device::names(&sources.devices);
    let defaults_here = top.key("defaults");
    let zone = raw.defaults.as_ref().and_then(|raw| raw.zone.as_ref());
    let names = Names {
        peers: peer::named(raw_peers, &peers_here, findings),
        profiles: indices.collect(),
        devices,
        tags,
        zone: zone.and_then(|value| moment::zone(value, &defaults_here.key("zone"), findings)),
        now,
    };
    let defaults = defaults::defaults(raw.defaults.as_ref(), &names, &defaults_here, findings);
    let ports_here = top.key("ports");
    let ports = port::ports(
        raw.ports.as_ref().unwrap_or(&no_ports),
        &ports_here,
        findings,
    );
    let profiles = profile::profiles(raw_profiles, &names, &defaults, &profiles_here, findings);
    let devices = device::devices(&sources.devices, &names, &profiles, &ports, findings);
    port::limit(&ports, &devices, &ports_here, findings);
    let signatures = signature::signatures(&sources.signatures, &names, &profiles, findings);
    let tests = expectation::tests(
        raw.tests.as_ref(),
        &names,
        &profiles,
        &devices,
        &top.key("tests"),
        findings,
    );
    if findings.errors() > 0 {
        return None;
    }
    let model = Model {
        defaults,
        ports,
        peers: names.peers,
        profiles,
        devices,
        signatures,
        tests,
    };
    warn_unused(&model, raw_peers, &peers_here, &profiles_here, findings);
    lint::warn(&model, &profiles_here, findings);
    Some(model)
}

/// Checks that an included file holds nothing but devices and signatures.
pub(super) fn only_lists(raw: &raw::Document, number: usize, findings: &mut Findings) {
    let top = Here::top(number);
    scalar::is_mapping(&raw.odd, &["devices", "signatures"], &top, findings);
    let present = [
        ("version", raw.version.is_some()),
        ("defaults", raw.defaults.is_some()),
        ("ports", raw.ports.is_some()),
        ("peers", raw.peers.is_some()),
        ("profiles", raw.profiles.is_some()),
        ("include", raw.include.is_some()),
        ("tests", raw.tests.is_some()),
    ];
    for (key, _) in present.into_iter().filter(|(_, present)| *present) {
        findings.error(
            top.key(key).key_place(),
            "an included file holds only `devices` and `signatures`",
        );
    }
}

fn nothing<T>() -> Named<T> {
    Named {
        entries: Vec::new(),
        odd: Vec::new(),
    }
}

/// Whether the rest can be judged by the rules of this version.
fn version(raw: &raw::Document, top: &Here<'_>, findings: &mut Findings) -> bool {
    let here = top.key("version");
    match &raw.version {
        Some(Scalar::Int(VERSION)) => true,
        Some(other) => {
            let shown = quoted(&other.to_text());
            findings.error(
                &here,
                format!("this is version {shown} of the policy language; only {VERSION} is known"),
            );
            false
        }
        None => {
            findings
                .error(&here, "missing")
                .suggest(|| Some(format!("begin the policy with `version: {VERSION}`")));
            true
        }
    }
}

fn warn_unused(
    model: &Model,
    raw_peers: &Named<OneOrMany>,
    peers_here: &Here<'_>,
    profiles_here: &Here<'_>,
    findings: &mut Findings,
) {
    let mut used: BTreeSet<_> = model.devices.iter().map(|device| device.profile).collect();
    used.extend(model.defaults.unknown_devices);
    used.extend(model.defaults.core_broadcast);
    profile::warn_unused(&model.profiles, &used, profiles_here, findings);

    let rules = model.profiles.iter().flat_map(|profile| &profile.rules);
    let guards = model.profiles.iter().map(|profile| &profile.guards);
    let trusted = guards
        .chain([&model.defaults.guards])
        .flat_map(|guards| [&guards.dhcp_servers, &guards.routers])
        .flatten()
        .flatten();
    let named = rules
        .flat_map(|rule| &rule.peers)
        .chain(trusted)
        .filter_map(|peer| match peer {
            Peer::Named(name) => Some(name.as_str()),
            _ => None,
        });
    peer::warn_unused(raw_peers, &named.collect(), peers_here, findings);
}
