//! `signatures:`, what of payloads is looked for. Reads them; what the tables can hold
//! of them, `compile::signatures` says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use enforcer_common::limits;
use enforcer_common::sanity::FIRST_PREDICATE_ID;

use super::super::compile::signatures::lower;
use super::super::findings::Findings;
use super::super::lenient::{List, OneOrMany, Scalar};
use super::super::lint;
use super::super::model::{Profile, Service};
use super::super::place::{Here, Place, quoted};
use super::super::raw::{self, Keys};
use super::super::signature::{
    Action, Begin, LONGEST_WINDOW, Per, Quarantine, Sender, Severity, Signature, TCP_FLAGS,
    TcpFlags, Threshold, UNTIL_RELEASED,
};
use super::distance::{From, distances};
use super::name::{self, closest};
use super::scalar::{choice, duration, each, expected, is_list, is_mapping, number, switch, word};
use super::{Names, part, service};

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

/// `until-released`, or for how long.
fn quarantine(
    value: Option<&Scalar>,
    action: Action,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Quarantine> {
    /// As long as a person may ask for.
    const LONGEST: Duration = Duration::from_secs(366 * 86_400);
    let value = value?;
    if action == Action::Alert {
        let reported = findings.error(here, "what is only reported cuts nobody off");
        reported.suggest(|| Some("let its `action` be drop or cut".to_owned()));
        return None;
    }
    if matches!(value, Scalar::Text(text) if text == UNTIL_RELEASED) {
        return Some(Quarantine::UntilReleased);
    }
    let lasts = duration(value, Duration::from_secs(1), LONGEST, here, findings)?;
    Some(Quarantine::Seconds(lasts.as_secs() as u32))
}

/// Bytes of a datagram or a segment: a number, or a range.
fn length(
    value: Option<&Scalar>,
    whole: bool,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<(u16, u16)> {
    let value = value?;
    is_whole(whole, here, findings);
    let (least, most) = distances(value, From::Beginning, here, findings)?;
    let most = most.unwrap_or(u16::MAX.into());
    match (u16::try_from(least), u16::try_from(most)) {
        (Ok(least), Ok(most @ 1..)) => Some((least, most)),
        _ => {
            findings.error(here, "a datagram has 1 to 65535 bytes");
            None
        }
    }
}

fn ends(value: Option<&Scalar>, whole: bool, here: &Here<'_>, findings: &mut Findings) -> bool {
    let Some(value) = value else { return false };
    let ends = switch(value, here, findings) == Some(true);
    if ends {
        is_whole(whole, here, findings);
    }
    ends
}

/// What is looked for in a stream knows no length and no end.
fn is_whole(whole: bool, here: &Here<'_>, findings: &mut Findings) {
    if !whole {
        findings.error(
            here,
            "only datagrams, of `udp` alone, have a length and an end, and segments, with `begin: segment`",
        );
    }
}

/// How often it must be hit before it acts.
fn threshold(
    raw: Option<&raw::Threshold>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Threshold> {
    let raw = raw?;
    if !is_mapping(&raw.odd, raw::Threshold::KEYS, here, findings) {
        return None;
    }
    let needed = [
        ("hits", &raw.hits),
        ("within", &raw.within),
        ("per", &raw.per),
    ];
    for (key, value) in needed {
        if value.is_none() {
            findings.error(&here.key(key), "missing");
        }
    }
    let (hits, within, per) = (raw.hits.as_ref()?, raw.within.as_ref()?, raw.per.as_ref()?);
    let hits = number(hits, u32::MAX, &here.key("hits"), findings);
    if hits == Some(0) {
        findings.error(
            &here.key("hits"),
            "it acts at the first hit at the earliest",
        );
    }
    let (shortest, longest) = (
        Duration::from_secs(1),
        Duration::from_secs(LONGEST_WINDOW.into()),
    );
    let within = duration(within, shortest, longest, &here.key("within"), findings);
    let ends = [("source", Per::Source), ("destination", Per::Destination)];
    let per = choice(per, ends, &here.key("per"), findings);
    let every = match &raw.every {
        Some(value) => switch(value, &here.key("every"), findings)?,
        None => false,
    };
    Some(Threshold {
        hits: hits?,
        seconds: within?.as_secs() as u32,
        per: per?,
        every,
    })
}

fn tcp_flags(
    raw: Option<&raw::TcpFlags>,
    services: &[Service],
    begin: Begin,
    here: &Here<'_>,
    findings: &mut Findings,
) -> TcpFlags {
    let mut asked = TcpFlags::default();
    let here = here.key("tcp_flags");
    let Some(raw) = raw.filter(|raw| is_mapping(&raw.odd, raw::TcpFlags::KEYS, &here, findings))
    else {
        return asked;
    };
    let before = findings.errors();
    for (key, words, bits) in [
        ("set", &raw.set, &mut asked.set),
        ("clear", &raw.clear, &mut asked.clear),
        ("any", &raw.any, &mut asked.any),
    ] {
        let Some(words) = words else { continue };
        each(words, &here.key(key), |value, here| {
            *bits |= choice(value, TCP_FLAGS, here, findings).unwrap_or_default();
        });
    }
    let is_tcp = |service: &Service| matches!(service, Service::Tcp(..));
    if begin != Begin::Segment || !services.iter().all(is_tcp) {
        findings
            .error(&here, "only segments, of `tcp` alone, have flags")
            .suggest(|| Some("write `begin: segment`".to_owned()));
    }
    if asked.set & asked.clear != 0 {
        findings.error(&here, "a flag cannot be set and clear");
    }
    if asked == TcpFlags::default() && findings.errors() == before {
        let reported = findings.error(&here, "no flag is named");
        reported.suggest(|| Some("such as `set: [psh, ack]`".to_owned()));
    }
    asked
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

/// Ports of the end that was asked. All but some, as rules of other languages say it,
/// are also port 0, which no rule of a policy names.
fn services(raw: &raw::Signature, here: &Here<'_>, findings: &mut Findings) -> Vec<Service> {
    let mut services = Vec::new();
    for (key, values) in [("tcp", &raw.tcp), ("udp", &raw.udp)] {
        let Some(values) = values else { continue };
        let here = here.key(key);
        if matches!(values, OneOrMany::Many(values) if values.is_empty()) {
            let reported = findings.error(&here, "the list is empty");
            reported.suggest(|| Some("leave the key out or write any".to_owned()));
        }
        each(values, &here, |value, here| {
            let Some((first, last)) = service::ports_from(0, value, here, findings) else {
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

fn tags(
    values: Option<&OneOrMany>,
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<String> {
    let mut found = BTreeSet::new();
    let Some(values) = values else {
        return Vec::new();
    };
    if matches!(values, OneOrMany::Many(values) if values.is_empty()) {
        let reported = findings.error(here, "the list is empty");
        reported.suggest(|| Some("leave the key out for all devices".to_owned()));
    }
    each(values, here, |value, here| {
        let Some(tag) = word(value, here, findings) else {
            return;
        };
        if names.tags.contains(&tag) {
            found.insert(tag);
            return;
        }
        findings
            .error(here, format!("no device has the tag {}", quoted(&tag)))
            .suggest(|| closest(&tag, names.tags.iter().map(String::as_str)));
    });
    found.into_iter().collect()
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
