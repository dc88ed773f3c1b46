//! `dicom:`, `hl7:`, `modbus:` and `bacnet:` of a rule: what may be said over its flows.

use std::collections::BTreeSet;

use super::super::application::{
    Application, BACNET, BACNET_READING, MODBUS, MODBUS_FUNCTIONS, MODBUS_READING, NAMES, READING,
};
use super::super::findings::Findings;
use super::super::lenient::{OneOrMany, Scalar};
use super::super::model::Service;
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::name::closest;
use super::scalar::{each, expected, is_mapping, word};

/// The protocol that a rule names, if it does.
pub(super) fn application(
    raw: &raw::Rule,
    services: &[Service],
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Application> {
    let named = [
        ("dicom", raw.dicom.is_some()),
        ("hl7", raw.hl7.is_some()),
        ("modbus", raw.modbus.is_some()),
        ("bacnet", raw.bacnet.is_some()),
    ];
    let mut keys = named.iter().filter(|(_, is)| *is).map(|(key, _)| *key);
    let key = keys.next()?;
    if let Some(other) = keys.next() {
        let reported = findings.error(
            &here.key(other),
            format!("a rule speaks one protocol, and this one speaks {key}"),
        );
        reported.suggest(|| Some("write two rules".to_owned()));
        return None;
    }
    let here = here.key(key);
    fits(key, services, &here, findings);
    match (&raw.dicom, &raw.hl7, &raw.modbus, &raw.bacnet) {
        (Some(raw), ..) => dicom(raw, &here, findings),
        (_, Some(raw), ..) => hl7(raw, &here, findings),
        (_, _, Some(raw), _) => modbus(raw, &here, findings),
        (.., Some(raw)) => bacnet(raw, &here, findings),
        _ => None,
    }
}

/// Reports services that the protocol is not spoken over.
fn fits(key: &str, services: &[Service], here: &Here<'_>, findings: &mut Findings) {
    let over = if key == "bacnet" { "udp" } else { "tcp" };
    let fits = |service: &Service| match service {
        Service::Tcp(..) => over == "tcp",
        Service::Udp(..) => over == "udp",
        _ => false,
    };
    if !services.iter().all(fits) {
        findings
            .error(
                here,
                format!("{key} is spoken over {over}; the rule allows more"),
            )
            .suggest(|| Some(format!("name its `{over}` port alone")));
    }
}

fn dicom(raw: &raw::Dicom, here: &Here<'_>, findings: &mut Findings) -> Option<Application> {
    is_mapping(&raw.odd, raw::Dicom::KEYS, here, findings).then(|| Application::Dicom {
        called: names(raw.called.as_ref(), title, &here.key("called"), findings),
        calling: names(raw.calling.as_ref(), title, &here.key("calling"), findings),
    })
}

fn hl7(raw: &raw::Hl7, here: &Here<'_>, findings: &mut Findings) -> Option<Application> {
    is_mapping(&raw.odd, raw::Hl7::KEYS, here, findings).then(|| Application::Hl7 {
        application: names(
            raw.application.as_ref(),
            hl7_name,
            &here.key("application"),
            findings,
        ),
        facility: names(
            raw.facility.as_ref(),
            hl7_name,
            &here.key("facility"),
            findings,
        ),
        message: names(
            raw.message.as_ref(),
            message,
            &here.key("message"),
            findings,
        ),
    })
}

fn modbus(raw: &raw::Modbus, here: &Here<'_>, findings: &mut Findings) -> Option<Application> {
    is_mapping(&raw.odd, raw::Modbus::KEYS, here, findings).then(|| Application::Modbus {
        functions: numbers(
            raw.functions.as_ref(),
            &here.key("functions"),
            findings,
            modbus_functions,
        ),
    })
}

fn bacnet(raw: &raw::Bacnet, here: &Here<'_>, findings: &mut Findings) -> Option<Application> {
    is_mapping(&raw.odd, raw::Bacnet::KEYS, here, findings).then(|| Application::Bacnet {
        services: numbers(
            raw.services.as_ref(),
            &here.key("services"),
            findings,
            bacnet_services,
        ),
    })
}

/// A list of names, each of a form; an error where nothing is left of it.
fn names(
    values: Option<&OneOrMany>,
    form: fn(&str) -> Result<String, &'static str>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<String> {
    let Some(values) = values else {
        return Vec::new();
    };
    let mut names = Vec::new();
    each(values, here, |value, here| {
        let Some(text) = word(value, here, findings) else {
            return;
        };
        match form(&text) {
            Ok(name) if names.contains(&name) => {
                findings.warning(here, "listed before");
            }
            Ok(name) => names.push(name),
            Err(why) => {
                findings.error(here, format!("{} {why}", quoted(&text)));
            }
        }
    });
    is_sized(values, names.len(), here, findings);
    names
}

fn is_sized(values: &OneOrMany, count: usize, here: &Here<'_>, findings: &mut Findings) {
    if matches!(values, OneOrMany::Many(values) if values.is_empty()) {
        let reported = findings.error(here, "the list is empty, and would let nothing be said");
        reported.suggest(|| Some("leave the key out for any".to_owned()));
    }
    if count > NAMES {
        findings.error(here, format!("{count} names; a list has at most {NAMES}"));
    }
}

/// An application entity's title (PS3.5, 6.2): 16 characters, no backslash, no control
/// character.
fn title(text: &str) -> Result<String, &'static str> {
    let name = text.trim_matches(' ');
    let fits = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'\\';
    if name.is_empty() || name.len() > 16 || !name.bytes().all(fits) {
        return Err("is no application entity's title: 1 to 16 ASCII characters, no backslash");
    }
    Ok(name.to_owned())
}

/// The first component of a name in HL7's header.
fn hl7_name(text: &str) -> Result<String, &'static str> {
    let separates = |character: char| "|^~\\&".contains(character) || character.is_control();
    if text.is_empty() || text.len() > 180 || text.contains(separates) {
        return Err(
            "is no name in an HL7 header: 1 to 180 bytes, none of | ^ ~ \\ & and no control character",
        );
    }
    Ok(text.to_owned())
}

/// `ORU^R01`, or `ORU` for all of its events.
fn message(text: &str) -> Result<String, &'static str> {
    let code = |code: &str| {
        code.len() == 3
            && code
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let fits = match text.split_once('^') {
        Some((kind, event)) => code(kind) && code(event),
        None => code(text),
    };
    if fits {
        Ok(text.to_owned())
    } else {
        Err("is no type of message; such are ORU^R01, or ORU for all of its events")
    }
}

/// Numbers in order, none twice.
fn numbers(
    values: Option<&OneOrMany>,
    here: &Here<'_>,
    findings: &mut Findings,
    of: fn(&Scalar, &Here<'_>, &mut Findings) -> Vec<u8>,
) -> Vec<u8> {
    let Some(values) = values else {
        return Vec::new();
    };
    let mut numbers = BTreeSet::new();
    each(values, here, |value, here| {
        let found = of(value, here, findings);
        let before = numbers.len();
        numbers.extend(&found);
        if !found.is_empty() && numbers.len() == before {
            findings.warning(here, "listed before");
        }
    });
    is_sized(values, 0, here, findings);
    numbers.into_iter().collect()
}

/// A name, a number, a range of numbers, or what only reads.
fn modbus_functions(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Vec<u8> {
    let (first, last) = MODBUS_FUNCTIONS;
    let text = value.to_text();
    if text == READING {
        return MODBUS_READING.to_vec();
    }
    if let Some((_, number)) = MODBUS.iter().find(|(name, _)| *name == text) {
        return vec![*number];
    }
    let number = |text: &str| text.trim().parse::<u8>().ok();
    let range = match text.split_once('-') {
        Some((from, to)) => number(from).zip(number(to)),
        None => number(&text).map(|one| (one, one)),
    };
    match range {
        Some((from, to)) if first <= from && from <= to && to <= last => (from..=to).collect(),
        _ => {
            unknown(
                "a Modbus function",
                "1, 1-4",
                value,
                &MODBUS,
                here,
                findings,
            );
            Vec::new()
        }
    }
}

/// A name, or what only reads.
fn bacnet_services(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Vec<u8> {
    let text = value.to_text();
    if text == READING {
        return BACNET_READING.to_vec();
    }
    match BACNET.iter().find(|(name, _)| *name == text) {
        Some((_, number)) => vec![*number],
        None => {
            unknown(
                "a BACnet service",
                "read-property",
                value,
                &BACNET,
                here,
                findings,
            );
            Vec::new()
        }
    }
}

fn unknown(
    what: &str,
    such: &str,
    value: &Scalar,
    names: &[(&'static str, u8)],
    here: &Here<'_>,
    findings: &mut Findings,
) {
    let Scalar::Text(text) = value else {
        expected(
            &format!("{what}, such as {such}, or {READING}"),
            value,
            here,
            findings,
        );
        return;
    };
    let known = names.iter().map(|(name, _)| *name).chain([READING]);
    findings
        .error(
            here,
            format!(
                "expected {what}, such as {such}, or {READING}; found {}",
                quoted(text)
            ),
        )
        .suggest(|| closest(text, known));
}
