//! Names: their form, and what somebody who misspelt one may have meant.

use super::super::findings::Findings;
use super::super::place::{Here, Place, quoted};

/// Characters of a name.
const LONGEST: usize = 64;
/// Names that a misspelt one is compared with: enough for any real policy, and
/// bounded work for the others.
const COMPARED: usize = 5_000;
/// Words that the language uses where names stand.
const RESERVED: [&str; 2] = ["any", "deny"];

/// Checks the name of a profile, peer or rule; `what` is which.
pub(super) fn check(what: &str, name: &str, place: Place, findings: &mut Findings) {
    if RESERVED.contains(&name) {
        findings.error(
            place,
            format!(
                "{} has a meaning of its own and cannot name a {what}",
                quoted(name)
            ),
        );
        return;
    }
    if is_name(name) {
        return;
    }
    let message = format!(
        "{} is no name for a {what}: 1 to {LONGEST} of a-z, 0-9, dot, hyphen and underscore, a letter or digit first",
        quoted(name)
    );
    findings
        .error(place, message)
        .suggest(|| repaired(name).filter(|name| is_name(name)).map(meant));
}

/// Checks the name of a device, which may have capitals: serial and inventory
/// numbers do.
pub(super) fn check_device(name: &str, here: &Here<'_>, findings: &mut Findings) {
    if is_name(&name.to_ascii_lowercase()) {
        return;
    }
    let message = format!(
        "{} is no name for a device: 1 to {LONGEST} letters, digits, dots, hyphens and underscores, a letter or digit first",
        quoted(name)
    );
    findings.error(here, message);
}

/// "did you mean …?", if one of `names` is close to `name`.
pub(in super::super) fn closest<'a>(
    name: &str,
    names: impl Iterator<Item = &'a str>,
) -> Option<String> {
    // Nobody misspells a name by a third of it, and long texts are no names.
    let tolerance = (name.chars().count() / 3).max(1);
    if name.len() > 4 * LONGEST {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let distances = names.take(COMPARED).map(|known| {
        (
            strsim::damerau_levenshtein(&lower, &known.to_ascii_lowercase()),
            known,
        )
    });
    let (distance, known) = distances.min()?;
    (distance <= tolerance).then(|| meant(known.to_owned()))
}

pub(super) fn meant(text: String) -> String {
    format!("did you mean {}?", quoted(&text))
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= LONGEST
        && bytes.next().is_some_and(plain)
        && bytes.all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'))
}

/// A text made into a name: lower case, hyphens for all that may not stand in one.
pub(super) fn repaired(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let allowed =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    let name: String = lower
        .chars()
        .map(|character| if allowed(character) { character } else { '-' })
        .collect();
    let name = name.trim_start_matches(['.', '_', '-']);
    (!name.is_empty()).then(|| name.to_owned())
}
