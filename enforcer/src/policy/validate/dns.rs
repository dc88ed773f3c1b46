//! DNS names as peers, `dns:NAME`: their form (RFC 1035, 2.3; RFC 5891, 4.2.3). What
//! they stand for is learned from answers, not here.

use super::super::findings::Findings;
use super::super::place::{Here, quoted};
use super::name::meant;

/// The start of a peer that is a DNS name.
pub(super) const DNS: &str = "dns:";
/// For one or more labels in front of a name.
const WILDCARD: &str = "*.";

/// A name in lower case and without the final dot.
pub(super) fn name(text: &str, here: &Here<'_>, findings: &mut Findings) -> Option<String> {
    if text.parse::<std::net::IpAddr>().is_ok() {
        findings
            .error(here, format!("{text} is an address, not a DNS name"))
            .suggest(|| Some(meant(text.to_owned())));
        return None;
    }
    let lower = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let bare = lower.strip_prefix(WILDCARD).unwrap_or(&lower);
    let problem = if !bare.is_ascii() {
        Some("has letters that DNS carries only in their ASCII form, which begins with xn--")
    } else if bare.contains('*') {
        Some("may have `*.` in front and nowhere else")
    } else if lower.len() > 253 {
        Some("is longer than the 253 characters of a name")
    } else if !bare.contains('.') {
        Some("needs at least two labels, as in pacs.example.org")
    } else if !bare.split('.').all(is_label) {
        Some(
            "is no DNS name: labels of 1 to 63 letters, digits, hyphens and underscores, no hyphen first or last",
        )
    } else {
        None
    };
    let Some(problem) = problem else {
        return Some(lower);
    };
    findings.error(here, format!("{} {problem}", quoted(text)));
    None
}

fn is_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len())
        && label.bytes().all(plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
}
