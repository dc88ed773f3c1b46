//! Signatures as text.

use std::time::Duration;

use crate::policy::model::Model;
use crate::policy::signature::{
    Absent, Action, Begin, Compare, Jump, Part, Per, Quarantine, Sender, Severity, Signature,
    TcpFlags, Threshold, UNTIL_RELEASED, What,
};

/// What a signature looks for, where, and what follows.
pub fn signature(model: &Model, signature: &Signature) -> String {
    let mut text = format!(
        "{} {} from {}{} by {}: {}",
        severity(signature.severity),
        action(signature.action),
        sender(signature.sender),
        match signature.begin {
            Begin::Connection => "",
            Begin::Turn => "'s turn",
            Begin::Segment => "'s segment",
        },
        signature_services(signature).join(", "),
        parts(signature)
    );
    if !signature.profiles.is_empty() {
        let names = signature.profiles.iter();
        let names: Vec<_> = names
            .map(|profile| super::profile_name(model, *profile))
            .collect();
        text += &format!(", for {}", names.join(", "));
    }
    if !signature.tags.is_empty() {
        text += &format!(", for tags {}", signature.tags.join(", "));
    }
    if let Some(lasts) = signature.quarantine {
        text += &format!(", quarantine {}", quarantine(lasts));
    }
    if !signature.references.is_empty() {
        text += &format!("; references {}", signature.references.join(", "));
    }
    if !signature.message.is_empty() {
        text += &format!("; {:?}", signature.message);
    }
    text
}

/// `until-released`, or for how long.
pub fn quarantine(lasts: Quarantine) -> String {
    match lasts.seconds() {
        None => UNTIL_RELEASED.to_owned(),
        Some(seconds) => super::duration(Duration::from_secs(seconds)),
    }
}

/// Ports of the end that was asked.
pub fn signature_services(signature: &Signature) -> Vec<String> {
    let services = signature.services.iter();
    services.map(|of| super::service(*of)).collect()
}

/// What is looked for, part by part.
pub fn parts(signature: &Signature) -> String {
    let mut texts = Vec::new();
    for (index, of) in signature.parts.iter().enumerate() {
        texts.push(part(of));
        let absent = signature.absent.iter();
        texts.extend(
            absent
                .filter(|absent| absent.behind == index)
                .map(absent_text),
        );
    }
    if signature.ends {
        texts.push("end".to_owned());
    }
    if let Some((least, most)) = signature.length {
        texts.push(format!("of {least}..{most} bytes"));
    }
    for (how, bits) in signature.tcp_flags.asked() {
        if bits != 0 {
            let words: Vec<_> = TcpFlags::words(bits).collect();
            texts.push(format!("flags {how} {}", words.join("+")));
        }
    }
    texts.extend(signature.threshold.map(threshold));
    texts.join(" ")
}

fn threshold(of: Threshold) -> String {
    let when = if of.every { "every" } else { "from hit" };
    let within = super::duration(Duration::from_secs(of.seconds.into()));
    let hits = if of.every { " hits" } else { "" };
    format!("{when} {}{hits} in {within} per {}", of.hits, per(of.per))
}

/// `source` or `destination`.
pub fn per(per: Per) -> &'static str {
    match per {
        Per::Source => "source",
        Per::Destination => "destination",
    }
}

fn absent_text(absent: &Absent) -> String {
    let what = What::Bytes {
        bytes: absent.bytes.clone(),
        nocase: absent.nocase,
    };
    let place = distances(absent.first, Some(absent.last));
    format!("+{place} not {}", self::what(&what))
}

fn part(part: &Part) -> String {
    let place = match (part.first, part.last, part.relative) {
        (0, None, _) => String::new(),
        (first, last, true) => format!("+{} ", distances(first, last)),
        (first, last, false) => format!("@{} ", distances(first, last)),
    };
    format!("{place}{}", what(&part.what))
}

fn what(what: &What) -> String {
    match what {
        What::Bytes { bytes, nocase } => {
            let case = if *nocase { " nocase" } else { "" };
            if bytes.iter().all(|byte| (b' '..=b'~').contains(byte)) {
                return format!("{:?}{case}", String::from_utf8_lossy(bytes));
            }
            let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("[{}]{case}", digits.join(" "))
        }
        What::Jump(jump) => jump_text(jump),
        What::Number(number) => {
            let sign = sign(number.compare);
            let endian = if number.little_endian { "le" } else { "" };
            let whole = u32::MAX >> (32 - 8 * u32::from(number.width));
            let mask = if number.mask == whole {
                String::new()
            } else {
                format!("&{:#x}", number.mask)
            };
            format!(
                "u{}{endian}{mask}{sign}{:#x}",
                8 * u32::from(number.width),
                number.value
            )
        }
    }
}

fn jump_text(jump: &Jump) -> String {
    let endian = if jump.little_endian { "le" } else { "" };
    let mut text = format!("jump u{}{endian}", 8 * u32::from(jump.width));
    if jump.multiply != 1 {
        text += &format!(" * {}", jump.multiply);
    }
    if jump.align {
        text += " aligned";
    }
    if jump.add != 0 {
        text += &format!(" {:+}", jump.add);
    }
    if jump.from_beginning {
        text += " from beginning";
    }
    text
}

/// Distances of a part as a policy writes them.
pub fn distances(first: i32, last: Option<i32>) -> String {
    match last {
        None => format!("{first}.."),
        Some(last) if first == last => first.to_string(),
        Some(last) if first < 0 => format!("{first}..{last}"),
        Some(last) => format!("{first}-{last}"),
    }
}

/// The sign of a comparison.
pub fn sign(compare: Compare) -> &'static str {
    match compare {
        Compare::Equal => "=",
        Compare::Unequal => "!=",
        Compare::Below => "<",
        Compare::Above => ">",
        Compare::Any => "&",
    }
}

/// `alert`, `drop` or `cut`.
pub fn action(action: Action) -> &'static str {
    match action {
        Action::Alert => "alert",
        Action::Drop => "drop",
        Action::Cut => "cut",
    }
}

/// The word for a severity.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

/// Whose bytes are looked at.
pub fn sender(sender: Sender) -> &'static str {
    match sender {
        Sender::Client => "client",
        Sender::Server => "server",
        Sender::Either => "either",
    }
}
