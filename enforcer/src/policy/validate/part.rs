//! The parts of a signature: bytes, text and numbers, and where each must stand.

use super::super::findings::Findings;
use super::super::lenient::{List, Scalar};
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::super::signature::{Absent, Compare, Jump, Number, Part, What};
use super::distance::{From, distances};
use super::scalar::{choice, expected, is_list, is_mapping, number, switch};

/// Comparisons as they are written, longer signs first.
const COMPARISONS: [(&str, Compare); 5] = [
    ("!=", Compare::Unequal),
    ("=", Compare::Equal),
    ("<", Compare::Below),
    (">", Compare::Above),
    ("&", Compare::Any),
];

pub(super) fn parts(
    raw: Option<&List<raw::Part>>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Found {
    let Some(raw) = raw else {
        findings.error(here, "missing");
        return Found::default();
    };
    is_list(raw, here, findings);
    if raw.items.is_empty() && raw.found.is_none() {
        findings.error(here, "the list is empty");
    }
    let mut found = Found::default();
    for (index, raw) in raw.items.iter().enumerate() {
        let here = here.index(index);
        if is_negated(raw, &here, findings) {
            found
                .absent
                .extend(absent(raw, found.parts.len(), &here, findings));
        } else {
            found
                .parts
                .extend(part(raw, found.parts.len(), &here, findings));
        }
    }
    found
}

/// What is looked for, and what must not be there.
#[derive(Default)]
pub(super) struct Found {
    pub(super) parts: Vec<Part>,
    pub(super) absent: Vec<Absent>,
}

fn is_negated(raw: &raw::Part, here: &Here<'_>, findings: &mut Findings) -> bool {
    let not = raw.not.as_ref();
    not.and_then(|value| switch(value, &here.key("not"), findings)) == Some(true)
}

/// Bytes that must not be within a range behind the part before.
fn absent(
    raw: &raw::Part,
    parts: usize,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Absent> {
    if !is_mapping(&raw.odd, raw::Part::KEYS, here, findings) {
        return None;
    }
    let what = what(raw, here, findings);
    let place = match &raw.after {
        Some(value) => distances(value, From::PartBefore, &here.key("after"), findings)?,
        None => (0, None),
    };
    let (first, Some(last)) = place else {
        let reported = findings.error(here, "what must not be there needs a range that ends");
        reported.suggest(|| Some("such as `after: 0..100`".to_owned()));
        return None;
    };
    if parts == 0 || raw.at.is_some() {
        findings.error(here, "what must not be there stands behind a part that is");
        return None;
    }
    let What::Bytes { bytes, nocase } = what? else {
        findings
            .error(here, "only text and bytes must not be there")
            .suggest(|| Some("compare the number the other way".to_owned()));
        return None;
    };
    Some(Absent {
        bytes,
        nocase,
        behind: parts - 1,
        first,
        last,
    })
}

fn part(raw: &raw::Part, index: usize, here: &Here<'_>, findings: &mut Findings) -> Option<Part> {
    if !is_mapping(&raw.odd, raw::Part::KEYS, here, findings) {
        return None;
    }
    let what = what(raw, here, findings);
    let (first, last) = match (&raw.at, &raw.after) {
        (Some(_), Some(_)) => {
            findings.error(
                here,
                "a part stands `at` a place or `after` another, not both",
            );
            return None;
        }
        (Some(value), None) => distances(value, From::Beginning, &here.key("at"), findings)?,
        (None, Some(_)) if index == 0 => {
            findings
                .error(&here.key("after"), "there is no part before the first")
                .suggest(|| Some("write `at`".to_owned()));
            return None;
        }
        (None, Some(value)) => distances(value, From::PartBefore, &here.key("after"), findings)?,
        (None, None) => (0, None),
    };
    Some(Part {
        what: what?,
        relative: index > 0 && raw.at.is_none(),
        first,
        last,
    })
}

/// Exactly one thing to compare with.
fn what(raw: &raw::Part, here: &Here<'_>, findings: &mut Findings) -> Option<What> {
    let given = [
        ("text", &raw.text),
        ("bytes", &raw.bytes),
        ("u8", &raw.u8),
        ("u16", &raw.u16),
        ("u32", &raw.u32),
        ("jump", &raw.jump),
    ];
    let mut given = given
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_ref()?)));
    let (Some((key, value)), None) = (given.next(), given.next()) else {
        findings.error(
            here,
            "a part is exactly one of text, bytes, u8, u16, u32 and jump",
        );
        return None;
    };
    let value_here = here.key(key);
    if key == "jump" {
        return jump(raw, value, here, findings).map(What::Jump);
    }
    for (other, value) in [
        ("multiply", &raw.multiply),
        ("align", &raw.align),
        ("add", &raw.add),
        ("from", &raw.from),
    ] {
        if value.is_some() {
            findings.error(&here.key(other), "only a `jump` has this");
        }
    }
    if matches!(key, "text" | "bytes") {
        for (other, value) in [("mask", &raw.mask), ("endian", &raw.endian)] {
            if value.is_some() {
                findings.error(&here.key(other), "only numbers have this");
            }
        }
        let nocase = match &raw.nocase {
            Some(value) => switch(value, &here.key("nocase"), findings)?,
            None => false,
        };
        let bytes = if key == "text" {
            let text = super::scalar::word(value, &value_here, findings)?;
            text.into_bytes()
        } else {
            hex(value, &value_here, findings)?
        };
        if bytes.is_empty() {
            findings.error(&value_here, "nothing is found everywhere");
            return None;
        }
        return Some(What::Bytes { bytes, nocase });
    }
    if raw.nocase.is_some() {
        findings.error(&here.key("nocase"), "numbers have no case");
    }
    let width = match key {
        "u8" => 1,
        "u16" => 2,
        _ => 4,
    };
    let most = u32::MAX >> (32 - 8 * u32::from(width));
    let (compare, value) = comparison(value, most, &value_here, findings)?;
    let mask = match &raw.mask {
        Some(value) => {
            let form = format!("a number from 0 to {most:#x}");
            integer(value, most, &form, &here.key("mask"), findings)?
        }
        None => most,
    };
    let endian = endian(raw, here, findings)?;
    Some(What::Number(Number {
        width,
        little_endian: endian,
        mask,
        compare,
        value,
    }))
}

/// Whether a number's lowest byte comes first.
fn endian(raw: &raw::Part, here: &Here<'_>, findings: &mut Findings) -> Option<bool> {
    let orders = [("big", false), ("little", true)];
    match &raw.endian {
        Some(value) => choice(value, orders, &here.key("endian"), findings),
        None => Some(false),
    }
}

/// A number that says where the next part counts from.
fn jump(raw: &raw::Part, width: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<Jump> {
    for (other, value) in [("mask", &raw.mask), ("nocase", &raw.nocase)] {
        if value.is_some() {
            findings.error(&here.key(other), "a `jump` has none");
        }
    }
    let widths = [("u8", 1), ("u16", 2), ("u32", 4)];
    let froms = [("end", false), ("beginning", true)];
    let multiply = match &raw.multiply {
        Some(value) => number(value, u16::MAX.into(), &here.key("multiply"), findings)?,
        None => 1,
    };
    if multiply == 0 {
        findings.error(&here.key("multiply"), "a multiple of nothing leads nowhere");
    }
    let align = match &raw.align {
        Some(value) => switch(value, &here.key("align"), findings)?,
        None => false,
    };
    let (add, last) = match &raw.add {
        Some(value) => distances(value, From::PartBefore, &here.key("add"), findings)?,
        None => (0, Some(0)),
    };
    if last != Some(add) {
        findings.error(&here.key("add"), "expected one number of bytes");
    }
    let from_beginning = match &raw.from {
        Some(value) => choice(value, froms, &here.key("from"), findings)?,
        None => false,
    };
    Some(Jump {
        width: choice(width, widths, &here.key("jump"), findings)?,
        little_endian: endian(raw, here, findings)?,
        multiply: multiply as u16,
        align,
        add,
        from_beginning,
    })
}

/// Pairs of hexadecimal digits, with or without blanks between them.
fn hex(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<Vec<u8>> {
    let text = match value {
        Scalar::Text(text) => text.clone(),
        // YAML takes digits alone for a number, and a number has lost its zeros.
        Scalar::Int(_) | Scalar::Float(_) => {
            findings
                .error(here, "YAML reads this as a number")
                .suggest(|| Some("put it in quotes".to_owned()));
            return None;
        }
        other => {
            expected("bytes such as \"ff 53 4d 42\"", other, here, findings);
            return None;
        }
    };
    // A blank inside a pair is more likely a digit left out.
    let odd = text
        .split(' ')
        .any(|digits| digits.chars().count() % 2 != 0);
    let digits: Vec<char> = text.chars().filter(|sign| *sign != ' ').collect();
    let bytes: Option<Vec<u8>> = digits
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[high, low]| Some((high.to_digit(16)? * 16 + low.to_digit(16)?) as u8))
        .collect();
    match bytes.filter(|_| !odd) {
        Some(bytes) => Some(bytes),
        None => {
            let message = format!("{} is not bytes such as \"ff 53 4d 42\"", quoted(&text));
            findings.error(here, message);
            None
        }
    }
}

/// `14`, `"> 14"`, `"& 0x80"`.
fn comparison(
    value: &Scalar,
    most: u32,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<(Compare, u32)> {
    let form =
        format!("a number from 0 to {most:#x}, with one of = != < > & before it where it compares");
    if let Scalar::Text(text) = value {
        for (sign, compare) in COMPARISONS {
            if let Some(rest) = text.trim().strip_prefix(sign) {
                let rest = Scalar::Text(rest.trim().to_owned());
                return Some((compare, integer(&rest, most, &form, here, findings)?));
            }
        }
    }
    Some((Compare::Equal, integer(value, most, &form, here, findings)?))
}

/// A whole number, decimal or hexadecimal.
fn integer(
    value: &Scalar,
    most: u32,
    form: &str,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<u32> {
    let number = match value {
        Scalar::Int(number) => u32::try_from(*number).ok(),
        Scalar::Text(text) => match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
        _ => None,
    };
    let number = number.filter(|number| *number <= most);
    if number.is_none() {
        expected(form, value, here, findings);
    }
    number
}
