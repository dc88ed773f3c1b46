//! `signatures:`, what of payloads is looked for. Reads them; what the tables can hold
//! of them, `compile::signatures` says.

mod hit;
mod reach;
mod shape;

use std::collections::BTreeMap;

use enforcer_common::limits;
use enforcer_common::sanity::FIRST_PREDICATE_ID;

use self::hit::{quarantine, threshold};
use self::reach::{profiles_of, services, tags};
use self::shape::{ends, length, tcp_flags};
use super::super::compile::signatures::lower;
use super::super::findings::Findings;
use super::super::lenient::{List, OneOrMany, Scalar};
use super::super::lint;
use super::super::model::{Profile, Service};
use super::super::place::{Here, Place, quoted};
use super::super::raw::{self, Keys as _};
use super::super::signature::{Action, Begin, Sender, Severity, Signature};
use super::scalar::{choice, each, is_list, is_mapping, number, word};
use super::{Names, name, part};

/// Reads the signatures of all files, by number of file.
pub(super) fn signatures(
    lists: &[(usize, List<raw::Signature>)],
    names: &Names<'_>,
    profiles: &[Profile],
    findings: &mut Findings,
) -> Vec<Signature> {
    let mut signatures = Vec::new();
    let mut unique = Unique::default();
    let mut number = 0;
    for (file, list) in lists {
        let top = Here::top(*file);
        let here = top.key("signatures");
        is_list(list, &here, findings);
        for (index, raw) in list.items.iter().enumerate() {
            number += 1;
            if number == limits::SIGNATURES + 1 {
                let message = format!("at most {} signatures are possible", limits::SIGNATURES);
                findings.error(&here.index(index), message);
                return signatures;
            }
            let here = here.index(index);
            if let Some(signature) = signature(raw, number, names, profiles, &here, findings) {
                unique.check(&signature, raw, &here, findings);
                signatures.push(signature);
            }
        }
    }
    signatures
}

/// `ordinal` is the number that it has if it is given none.
fn signature(
    raw: &raw::Signature,
    ordinal: u32,
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
        None => ordinal,
    };
    if id == 0 {
        findings.error(&here.key("id"), "numbers of signatures begin at 1");
    }
    if id >= FIRST_PREDICATE_ID {
        let message =
            format!("numbers from {FIRST_PREDICATE_ID} on are those of sanity predicates");
        findings.error(&here.key("id"), message);
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
    let action = one_of(&raw.action, actions, &here.key("action"), findings);
    let services = services(raw, here, findings);
    let found = part::parts(raw.find.as_ref(), &here.key("find"), findings);
    let begins = [
        ("connection", Begin::Connection),
        ("turn", Begin::Turn),
        ("segment", Begin::Segment),
    ];
    let begin = one_of(&raw.begin, begins, &here.key("begin"), findings);
    let is_whole = |service: &Service| match service {
        Service::Tcp(..) => begin == Begin::Segment,
        _ => true,
    };
    let whole = services.iter().all(is_whole);
    let signature = Signature {
        message: text(&raw.message, "message", findings),
        references: words(raw.references.as_ref(), &here.key("references"), findings),
        severity: one_of(&raw.severity, severities, &here.key("severity"), findings),
        quarantine: quarantine(
            raw.quarantine.as_ref(),
            action,
            &here.key("quarantine"),
            findings,
        ),
        action,
        sender: one_of(&raw.from, senders, &here.key("from"), findings),
        begin,
        tcp_flags: tcp_flags(raw.tcp_flags.as_ref(), &services, begin, here, findings),
        profiles: profiles_of(raw.profiles.as_ref(), names, profiles, here, findings),
        tags: tags(raw.tags.as_ref(), names, &here.key("tags"), findings),
        length: length(raw.length.as_ref(), whole, &here.key("length"), findings),
        ends: ends(raw.ends.as_ref(), whole, &here.key("ends"), findings),
        threshold: threshold(raw.threshold.as_ref(), &here.key("threshold"), findings),
        services,
        parts: found.parts,
        absent: found.absent,
        name,
        id,
    };
    if findings.errors() > before {
        return None;
    }
    match lower(&signature) {
        Ok(lowered) => {
            warn_of_runs(&lowered.pattern(), &here.key("find"), findings);
            Some(signature)
        }
        Err(error) => {
            findings.error(&here.key("find"), error.to_string());
            None
        }
    }
}

/// A run of one byte is met at every place of a longer run, which is more than is looked
/// into: an ordinary file of zeros would be denied.
fn warn_of_runs(pattern: &[u8], here: &Here<'_>, findings: &mut Findings) {
    let Some(first) = pattern.first() else { return };
    if pattern.iter().all(|byte| byte == first) {
        let message = format!(
            "the best of its patterns is {} times the byte {first:02x}: a longer run of it is more hits than are looked into, and `stream-lost`",
            pattern.len()
        );
        let reported = findings.warning(here, message).code(lint::code::WEAK);
        reported.suggest(|| Some("add bytes of other values".to_owned()));
    }
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

/// Names and numbers tell signatures apart.
#[derive(Default)]
struct Unique {
    names: BTreeMap<String, Place>,
    ids: BTreeMap<u32, Place>,
}

impl Unique {
    fn check(
        &mut self,
        signature: &Signature,
        raw: &raw::Signature,
        here: &Here<'_>,
        findings: &mut Findings,
    ) {
        let place = here.key("name").place();
        if let Some(earlier) = self.names.insert(signature.name.clone(), place.clone()) {
            let message = format!("another signature is named {}", quoted(&signature.name));
            findings.error(place, message).beside(earlier);
        }
        // One that is given none has its number by its place.
        let place = match raw.id {
            Some(_) => here.key("id").place(),
            None => here.place(),
        };
        if let Some(earlier) = self.ids.insert(signature.id, place.clone()) {
            let message = format!("another signature has the number {}", signature.id);
            findings.error(place, message).beside(earlier);
        }
    }
}
