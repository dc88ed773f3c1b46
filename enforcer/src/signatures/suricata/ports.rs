//! Sets of ports: numbers, ranges, lists, negations and the usual variables.

use super::refusal::{Refusal, refuse};

/// Ranges from the first to the second, both included, in order and apart from one
/// another.
pub(super) type Ports = Vec<(u16, u16)>;

/// Ranges of a set, and lists in lists with negations, at most.
const RANGES: usize = 64;
const DEPTH: usize = 8;

/// What variables stand for where nobody sets them, as in the suricata.yaml of Suricata,
/// with the other usual port of HTTP. `$SHELLCODE_PORTS` and `$FILE_DATA_PORTS` are not
/// here: they mean what a site makes of them.
const VARIABLES: [(&str, &[u16]); 6] = [
    ("$HTTP_PORTS", &[80, 8080]),
    ("$ORACLE_PORTS", &[1521]),
    ("$SSH_PORTS", &[22]),
    ("$DNP3_PORTS", &[20000]),
    ("$MODBUS_PORTS", &[502]),
    ("$FTP_PORTS", &[21]),
];

/// What a field of the header stands for; never empty.
///
/// # Errors
/// `ports` or the variable's name.
pub(super) fn ports(field: &str) -> Result<Ports, Refusal> {
    let ports = set(field, DEPTH)?;
    if ports.is_empty() {
        return Err(refuse("ports", format!("{field} leaves no port")));
    }
    if ports.len() > RANGES {
        return Err(refuse("ports", format!("more than {RANGES} ranges")));
    }
    Ok(ports)
}

pub(super) fn is_any(ports: &Ports) -> bool {
    ports.as_slice() == [(0, u16::MAX)]
}

fn set(text: &str, depth: usize) -> Result<Ports, Refusal> {
    let text = text.trim();
    let Some(depth) = depth.checked_sub(1) else {
        return Err(refuse("ports", "too many lists within one another"));
    };
    if let Some(others) = text.strip_prefix('!') {
        return Ok(complement(&set(others, depth)?));
    }
    if let Some(list) = text.strip_prefix('[') {
        let list = list.strip_suffix(']').ok_or_else(|| malformed(text))?;
        return self::list(list, depth);
    }
    if text == "any" {
        return Ok(vec![(0, u16::MAX)]);
    }
    if text.starts_with('$') {
        return variable(text);
    }
    range(text)
        .map(|range| vec![range])
        .ok_or_else(|| malformed(text))
}

/// Those of all elements, or all ports where each is negated, without those of the
/// negated ones.
fn list(list: &str, depth: usize) -> Result<Ports, Refusal> {
    let mut with = Vec::new();
    let mut without = Vec::new();
    let mut level = 0_usize;
    let commas = |character: char| {
        match character {
            '[' => level += 1,
            ']' => level = level.saturating_sub(1),
            _ => {}
        }
        level == 0 && character == ','
    };
    let mut all_negated = true;
    for element in list.split(commas) {
        if let Some(negated) = element.trim().strip_prefix('!') {
            without.extend(set(negated, depth)?);
        } else {
            with.extend(set(element, depth)?);
            all_negated = false;
        }
    }
    if all_negated {
        with.push((0, u16::MAX));
    }
    // What is in one set and not in another is what is in neither the other nor the
    // complement of the one.
    without.extend(complement(&joined(with)));
    Ok(complement(&joined(without)))
}

fn joined(mut ranges: Ports) -> Ports {
    ranges.sort_unstable();
    let mut joined: Ports = Vec::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

fn complement(ranges: &Ports) -> Ports {
    let mut others = Vec::new();
    let mut next = Some(0);
    for &(first, last) in ranges {
        if let Some(next) = next.filter(|&next| next < first) {
            others.push((next, first - 1));
        }
        next = last.checked_add(1);
    }
    others.extend(next.map(|next| (next, u16::MAX)));
    others
}

fn variable(name: &str) -> Result<Ports, Refusal> {
    let known = VARIABLES.iter().find(|(known, _)| *known == name);
    let (_, ports) = known.ok_or_else(|| {
        let keyword = format!("port variable {name}");
        refuse(keyword, "it is not known what it stands for")
    })?;
    Ok(joined(ports.iter().map(|&port| (port, port)).collect()))
}

/// `80`, `80:90`, `80:` or `:90`.
fn range(text: &str) -> Option<(u16, u16)> {
    let Some((first, last)) = text.split_once(':') else {
        let port = number(text)?;
        return Some((port, port));
    };
    let (first, last) = match (first.trim(), last.trim()) {
        ("", "") => return None,
        (first, "") => (number(first)?, u16::MAX),
        ("", last) => (0, number(last)?),
        (first, last) => (number(first)?, number(last)?),
    };
    (first <= last).then_some((first, last))
}

fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn malformed(text: &str) -> Refusal {
    refuse(
        "ports",
        format!("{text} is neither a port nor a list of ports"),
    )
}
