//! `limit:` of a profile or a rule: what each device may use a second.

use super::super::findings::Findings;
use super::super::lenient::Scalar;
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::name::meant;
use super::scalar::{expected, is_mapping, number};

const UNITS: [(&str, u64); 6] = [
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Rates as far as they are stated.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates {
    pub(super) packets: Option<u32>,
    pub(super) bytes: Option<u32>,
    pub(super) flows: Option<u32>,
}

pub(super) fn rates(raw: &raw::Limit, here: &Here<'_>, findings: &mut Findings) -> Rates {
    if !is_mapping(&raw.odd, raw::Limit::KEYS, here, findings) {
        return Rates::default();
    }
    let mut count = |value: &Option<Scalar>, key| {
        let value = value.as_ref()?;
        number(value, u32::MAX, &here.key(key), findings)
    };
    let (packets, flows) = (count(&raw.packets, "packets"), count(&raw.flows, "flows"));
    let bytes = raw
        .bytes
        .as_ref()
        .and_then(|value| bytes(value, &here.key("bytes"), findings));
    Rates {
        packets,
        bytes,
        flows,
    }
}

/// A number of bytes, as in 500000, `500kB` or `10MiB`.
pub(super) fn bytes(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<u32> {
    let Scalar::Text(text) = value else {
        return number(value, u32::MAX, here, findings);
    };
    let split = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let size = match unit {
        "" | "B" => Some(1),
        _ => UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, size)| *size),
    };
    let (Ok(count), Some(size)) = (digits.parse::<u64>(), size) else {
        let form = "a number of bytes, such as 500000, 500kB or 10MiB";
        if digits.is_empty() {
            expected(form, value, here, findings);
            return None;
        }
        let known = UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()));
        findings
            .error(here, format!("expected {form}, found {}", quoted(text)))
            .suggest(|| known.map(|(name, _)| meant(format!("{digits}{name}"))));
        return None;
    };
    let bytes = count
        .checked_mul(size)
        .and_then(|bytes| u32::try_from(bytes).ok());
    if bytes.is_none() {
        let message = format!("{text} are more than the {} bytes that fit", u32::MAX);
        findings.error(here, message);
    }
    bytes
}
