//! Signatures → the text of a policy's file that holds them. Validation reads the same
//! signatures from it again.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_yaml::{Mapping, Value};

use crate::policy::describe;
use crate::policy::model::{Profile, Service};
use crate::policy::signature::{
    Absent, Begin, Compare, Jump, Number, Part, Signature, TcpFlags, Threshold, What,
};

/// The text of a file to be included, with signatures in this order; `profiles` are those
/// of their policy. Ports of TCP come before those of UDP, as validation reads them.
///
/// # Errors
/// Those of the YAML library.
pub fn document<'s>(
    signatures: impl IntoIterator<Item = &'s Signature>,
    profiles: &[Profile],
) -> Result<String, serde_yaml::Error> {
    let signatures = signatures.into_iter();
    let entries: Vec<_> = signatures
        .map(|signature| entry(signature, profiles))
        .collect();
    serde_yaml::to_string(&mapping([("signatures", Some(entries.into()))]))
}

fn entry(signature: &Signature, profiles: &[Profile]) -> Mapping {
    let Signature {
        name,
        id,
        message,
        references,
        severity,
        action,
        quarantine,
        sender,
        begin,
        tcp_flags,
        services,
        profiles: protected,
        tags,
        parts,
        absent,
        length,
        ends,
        threshold,
    } = signature;
    let ports = |number: fn(&Service) -> Option<(u16, u16)>| {
        let ports: Vec<_> = services.iter().filter_map(number).map(ports).collect();
        match ports.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            _ => Some(ports.into()),
        }
    };
    let protected: Vec<Value> = protected
        .iter()
        .filter_map(|index| profiles.get(*index))
        .map(|profile| profile.name.as_str().into())
        .collect();
    let mut found = Vec::new();
    for (index, of) in (0..).zip(parts) {
        found.push(part(index, of));
        let behind = absent.iter().filter(|absent| absent.behind == index);
        found.extend(behind.map(absent_part));
    }
    let length = length.map(|(least, most)| format!("{least}..{most}").into());
    mapping([
        ("name", Some(name.as_str().into())),
        ("id", Some((*id).into())),
        (
            "message",
            Some(message.as_str().into()).filter(|_| !message.is_empty()),
        ),
        (
            "references",
            Some(references.clone().into()).filter(|_| !references.is_empty()),
        ),
        ("severity", Some(describe::severity(*severity).into())),
        ("action", Some(describe::action(*action).into())),
        (
            "quarantine",
            quarantine.map(|of| describe::quarantine(of).into()),
        ),
        ("from", Some(describe::sender(*sender).into())),
        (
            "begin",
            match begin {
                Begin::Connection => None,
                Begin::Turn => Some("turn".into()),
                Begin::Segment => Some("segment".into()),
            },
        ),
        ("tcp_flags", flags(*tcp_flags)),
        ("tcp", ports(tcp)),
        ("udp", ports(udp)),
        (
            "profiles",
            Some(protected).filter(|of| !of.is_empty()).map(Value::from),
        ),
        (
            "tags",
            Some(tags.clone().into()).filter(|_| !tags.is_empty()),
        ),
        ("length", length),
        ("ends", ends.then(|| true.into())),
        ("threshold", threshold.map(|of| counted(of).into())),
        ("find", Some(found.into())),
    ])
}

fn counted(threshold: Threshold) -> Mapping {
    let within = describe::duration(Duration::from_secs(threshold.seconds.into()));
    mapping([
        ("hits", Some(threshold.hits.into())),
        ("within", Some(within.into())),
        ("per", Some(describe::per(threshold.per).into())),
        ("every", threshold.every.then(|| true.into())),
    ])
}

/// What is asked of flags, unless it is nothing.
fn flags(asked: TcpFlags) -> Option<Value> {
    let lists = asked.asked().map(|(how, bits)| {
        let words: Vec<Value> = TcpFlags::words(bits).map(Value::from).collect();
        (
            how,
            Some(words).filter(|of| !of.is_empty()).map(Value::from),
        )
    });
    (asked != TcpFlags::default()).then(|| mapping(lists).into())
}

const fn tcp(service: &Service) -> Option<(u16, u16)> {
    match service {
        Service::Tcp(first, last) => Some((*first, *last)),
        _ => None,
    }
}

const fn udp(service: &Service) -> Option<(u16, u16)> {
    match service {
        Service::Udp(first, last) => Some((*first, *last)),
        _ => None,
    }
}

fn ports((first, last): (u16, u16)) -> Value {
    match (first, last) {
        (0, u16::MAX) => "any".into(),
        _ if first == last => first.into(),
        _ => format!("{first}-{last}").into(),
    }
}

/// A part: what it is, and where unless it may be anywhere behind the part before, or
/// for the first one anywhere.
fn part(index: usize, part: &Part) -> Mapping {
    let place = match part.last {
        Some(last) if last == part.first => part.first.into(),
        last => describe::distances(part.first, last).into(),
    };
    let key = match part.relative && index > 0 {
        true => "after",
        false => "at",
    };
    let is_told = (part.first, part.last) != (0, None) || key == "at" && index > 0;
    let place = is_told.then_some((key, Some(place)));
    match &part.what {
        What::Bytes { bytes, nocase } => {
            let nocase = nocase.then(|| true.into());
            let what = [of_bytes(bytes), ("nocase", nocase)];
            mapping(what.into_iter().chain(place))
        }
        What::Jump(jump) => mapping(of_jump(jump).into_iter().chain(place)),
        What::Number(number) => mapping(of_number(number).into_iter().chain(place)),
    }
}

fn absent_part(absent: &Absent) -> Mapping {
    let Absent {
        bytes,
        nocase,
        first,
        last,
        ..
    } = absent;
    mapping([
        ("not", Some(true.into())),
        of_bytes(bytes),
        ("nocase", nocase.then(|| true.into())),
        ("after", Some(format!("{first}..{last}").into())),
    ])
}

/// Text where people can read all of it, else digits.
fn of_bytes(bytes: &[u8]) -> (&'static str, Option<Value>) {
    match str::from_utf8(bytes) {
        Ok(text) if bytes.iter().all(|byte| (b' '..=b'~').contains(byte)) => {
            ("text", Some(text.into()))
        }
        _ => {
            let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            ("bytes", Some(digits.join(" ").into()))
        }
    }
}

fn of_jump(jump: &Jump) -> [(&'static str, Option<Value>); 6] {
    let width = match jump.width {
        1 => "u8",
        2 => "u16",
        _ => "u32",
    };
    [
        ("jump", Some(width.into())),
        ("endian", jump.little_endian.then(|| "little".into())),
        (
            "multiply",
            Some(jump.multiply.into()).filter(|_| jump.multiply != 1),
        ),
        ("align", jump.align.then(|| true.into())),
        ("add", Some(jump.add.into()).filter(|_| jump.add != 0)),
        ("from", jump.from_beginning.then(|| "beginning".into())),
    ]
}

fn of_number(number: &Number) -> [(&'static str, Option<Value>); 3] {
    let Number {
        width,
        little_endian,
        mask,
        compare,
        value,
    } = *number;
    let key = match width {
        1 => "u8",
        2 => "u16",
        _ => "u32",
    };
    let sign = describe::sign(compare);
    let value = match compare {
        Compare::Equal => value.into(),
        Compare::Any => format!("{sign} {value:#x}").into(),
        _ => format!("{sign} {value}").into(),
    };
    let whole = u32::MAX >> (32 - 8 * u32::from(width));
    let mask = (mask != whole).then(|| format!("{mask:#x}").into());
    let endian = little_endian.then(|| "little".into());
    [(key, Some(value)), ("mask", mask), ("endian", endian)]
}

/// Of the keys that have a value, in this order.
fn mapping(entries: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Mapping {
    let entries = entries.into_iter();
    entries
        .filter_map(|(key, value)| Some((key.into(), value?)))
        .collect()
}
