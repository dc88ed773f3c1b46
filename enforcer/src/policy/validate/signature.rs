//! `signatures:`, what of payloads is looked for. Reads them; what the tables can hold
//! of them, `compile::signatures` says.

use std::collections::BTreeMap;

use enforcer_common::limits;

use super::super::compile::signatures::lower;
use super::super::findings::Findings;
use super::super::lenient::{List, OneOrMany, Scalar};
use super::super::model::{Profile, Service};
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::super::signature::{Action, Sender, Severity, Signature};
use super::name::{self, closest};
use super::scalar::{choice, each, expected, is_list, is_mapping, number, word};
use super::{Names, part, service};

/// Where numbers of signatures begin that were given none.
const NUMBERED: u32 = 1;

pub(super) fn signatures(
    raw: Option<&List<raw::Signature>>,
    names: &Names<'_>,
    profiles: &[Profile],
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<Signature> {
    let Some(raw) = raw else {
        return Vec::new();
    };
    is_list(raw, here, findings);
    if raw.items.len() > limits::SIGNATURES as usize {
        let message = format!(
            "{} signatures; at most {} are possible",
            raw.items.len(),
            limits::SIGNATURES
        );
        findings.error(here.key_place(), message);
        return Vec::new();
    }
    let mut signatures = Vec::with_capacity(raw.items.len());
    for (index, raw) in raw.items.iter().enumerate() {
        let here = here.index(index);
        signatures.extend(signature(raw, index, names, profiles, &here, findings));
    }
    unique(&signatures, here, findings);
    signatures
}

fn signature(
    raw: &raw::Signature,
    index: usize,
    names: &Names<'_>,
    profiles: &[Profile],
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Signature> {
    if !is_mapping(&raw.odd, raw::Signature::KEYS, here, findings) {
        return None;
    }
    let before = findings.errors();
    let name_here = here.key("name");
    let name = match &raw.name {
        Some(value) => word(value, &name_here, findings)?,
        None => {
            findings.error(&name_here, "missing");
            return None;
        }
    };
    name::check("signature", &name, name_here.place(), findings);
    let id = match &raw.id {
        Some(value) => number(value, u32::MAX, &here.key("id"), findings)?,
        None => NUMBERED + index as u32,
    };
    if id == 0 {
        findings.error(&here.key("id"), "numbers of signatures begin at 1");
    }
    let text = |value: &Option<Scalar>, key, findings: &mut Findings| {
        let value = value.as_ref();
        let text = value.and_then(|value| word(value, &here.key(key), findings));
        text.unwrap_or_default()
    };
    let severities = [
        ("info", Severity::Info),
        ("low", Severity::Low),
        ("medium", Severity::Medium),
        ("high", Severity::High),
        ("critical", Severity::Critical),
    ];
    let actions = [
        ("alert", Action::Alert),
        ("drop", Action::Drop),
        ("cut", Action::Cut),
    ];
    let senders = [
        ("client", Sender::Client),
        ("server", Sender::Server),
        ("either", Sender::Either),
    ];
    let signature = Signature {
        message: text(&raw.message, "message", findings),
        references: words(raw.references.as_ref(), &here.key("references"), findings),
        severity: one_of(&raw.severity, severities, &here.key("severity"), findings),
        action: one_of(&raw.action, actions, &here.key("action"), findings),
        sender: one_of(&raw.from, senders, &here.key("from"), findings),
        services: services(raw, here, findings),
        profiles: profiles_of(raw.profiles.as_ref(), names, profiles, here, findings),
        parts: part::parts(raw.find.as_ref(), &here.key("find"), findings),
        name,
        id,
    };
    if findings.errors() > before {
        return None;
    }
    if let Err(error) = lower(&signature) {
        findings.error(&here.key("find"), error);
        return None;
    }
    Some(signature)
}

fn one_of<T: Copy + Default, const N: usize>(
    value: &Option<Scalar>,
    choices: [(&str, T); N],
    here: &Here<'_>,
    findings: &mut Findings,
) -> T {
    let value = value.as_ref();
    let chosen = value.and_then(|value| choice(value, choices, here, findings));
    chosen.unwrap_or_default()
}

fn words(values: Option<&OneOrMany>, here: &Here<'_>, findings: &mut Findings) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(values) = values {
        each(values, here, |value, here| {
            words.extend(word(value, here, findings));
        });
    }
    words
}

/// Ports of the end that was asked.
fn services(raw: &raw::Signature, here: &Here<'_>, findings: &mut Findings) -> Vec<Service> {
    let mut services = Vec::new();
    for (key, values) in [("tcp", &raw.tcp), ("udp", &raw.udp)] {
        let Some(values) = values else { continue };
        each(values, &here.key(key), |value, here| {
            let Some((first, last)) = service::ports(value, here, findings) else {
                return;
            };
            services.push(match key {
                "tcp" => Service::Tcp(first, last),
                _ => Service::Udp(first, last),
            });
        });
    }
    if raw.tcp.is_none() && raw.udp.is_none() {
        findings
            .error(here, "no service")
            .suggest(|| Some("name its ports by `tcp` or `udp`, or write any there".to_owned()));
    }
    services
}

fn profiles_of(
    values: Option<&OneOrMany>,
    names: &Names<'_>,
    profiles: &[Profile],
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<usize> {
    let mut found = Vec::new();
    let Some(values) = values else {
        return found;
    };
    let here = here.key("profiles");
    if matches!(values, OneOrMany::Many(values) if values.is_empty()) {
        let reported = findings.error(&here, "the list is empty");
        reported.suggest(|| Some("leave the key out for all profiles".to_owned()));
    }
    each(values, &here, |value, here| {
        let Scalar::Text(text) = value else {
            expected("the name of a profile", value, here, findings);
            return;
        };
        match names.profiles.get(text) {
            Some(index) => found.push(*index),
            None => {
                let known = profiles.iter().map(|profile| profile.name.as_str());
                findings
                    .error(here, format!("no profile {}", quoted(text)))
                    .suggest(|| closest(text, known));
            }
        }
    });
    found.sort_unstable();
    found.dedup();
    found
}

/// Names and numbers tell signatures apart.
fn unique(signatures: &[Signature], here: &Here<'_>, findings: &mut Findings) {
    let mut names = BTreeMap::new();
    let mut ids = BTreeMap::new();
    for (index, signature) in signatures.iter().enumerate() {
        let place = here.index(index);
        if let Some(earlier) = names.insert(&signature.name, index) {
            let message = format!("another signature is named {}", quoted(&signature.name));
            findings
                .error(&place.key("name"), message)
                .beside(here.index(earlier).key("name").place());
        }
        if let Some(earlier) = ids.insert(signature.id, index) {
            let message = format!("another signature has the number {}", signature.id);
            findings
                .error(&place, message)
                .beside(here.index(earlier).place());
        }
    }
}
