//! Keywords that tell people of a rule and change nothing of what it hits.

use enforcer_common::sanity::FIRST_PREDICATE_ID;

use crate::policy::signature::Severity;

use super::content::plain;
use super::lexer::Keyword;
use super::refusal::Refusal;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    pub(super) sid: Option<u32>,
    pub(super) message: Option<String>,
    pub(super) references: Vec<String>,
    /// By what is said of it: `signature_severity`, `priority`, `classtype`.
    signature: Option<Severity>,
    priority: Option<Severity>,
    class: Option<Severity>,
}

impl About {
    /// Reads a keyword; whether it is one of these.
    ///
    /// # Errors
    /// By its name.
    pub(super) fn read(&mut self, keyword: Keyword<'_>) -> Result<bool, Refusal> {
        match keyword.name {
            "msg" => {
                let message = plain(keyword.quoted()?).map_err(|why| keyword.refuse(why))?;
                self.message = Some(message);
            }
            "sid" => {
                let sid = keyword.value()?.parse().ok();
                // Those from there on are the numbers of sanity predicates.
                let sid = sid.filter(|sid| (1..FIRST_PREDICATE_ID).contains(sid));
                let sid = sid.ok_or_else(|| keyword.refuse("not a number from 1 to 3999999999"))?;
                if self.sid.replace(sid).is_some() {
                    return Err(keyword.refuse("there are two of them"));
                }
            }
            "reference" => self.references.push(reference(keyword.value()?)),
            "metadata" => self.signature = signature(keyword.value()?).or(self.signature),
            "priority" => self.priority = Some(priority(keyword.number(1, 255)?)),
            "classtype" => self.class = Some(class(keyword.value()?)),
            "rev" | "gid" | "target" => {
                keyword.value()?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn severity(&self) -> Severity {
        let said = self.signature.or(self.priority).or(self.class);
        said.unwrap_or_default()
    }
}

/// `kind,value`, by the kinds of Suricata's reference.config that are known well.
fn reference(value: &str) -> String {
    let Some((kind, value)) = value.split_once(',') else {
        return value.to_owned();
    };
    match (kind.trim(), value.trim()) {
        ("cve", cve) => {
            let is_prefix = |prefix: &str| prefix.eq_ignore_ascii_case("CVE-");
            match cve.split_at_checked(4) {
                Some((prefix, number)) if is_prefix(prefix) => format!("CVE-{number}"),
                _ => format!("CVE-{cve}"),
            }
        }
        ("url", address) if address.contains("://") => address.to_owned(),
        ("url", address) => format!("https://{address}"),
        ("bugtraq", number) => format!("BID-{number}"),
        (kind, value) => format!("{kind} {value}"),
    }
}

/// Of `key value, key value, …`.
fn signature(metadata: &str) -> Option<Severity> {
    metadata.split(',').find_map(|entry| {
        let (key, value) = entry.trim().split_once(' ')?;
        if key != "signature_severity" {
            return None;
        }
        match value.trim() {
            "Critical" => Some(Severity::Critical),
            "Major" => Some(Severity::High),
            "Minor" => Some(Severity::Low),
            "Informational" => Some(Severity::Info),
            _ => None,
        }
    })
}

const fn priority(number: i32) -> Severity {
    match number {
        1 => Severity::High,
        2 => Severity::Medium,
        3 => Severity::Low,
        _ => Severity::Info,
    }
}

/// By the priorities in Suricata's classification.config; 2 where it is not known.
fn class(name: &str) -> Severity {
    priority(match name {
        "attempted-admin"
        | "attempted-user"
        | "command-and-control"
        | "credential-theft"
        | "domain-c2"
        | "exploit-kit"
        | "inappropriate-content"
        | "policy-violation"
        | "shellcode-detect"
        | "successful-admin"
        | "successful-user"
        | "targeted-activity"
        | "trojan-activity"
        | "unsuccessful-user"
        | "web-application-attack" => 1,
        "icmp-event"
        | "misc-activity"
        | "network-scan"
        | "not-suspicious"
        | "protocol-command-decode"
        | "string-detect"
        | "unknown" => 3,
        "tcp-connection" => 4,
        _ => 2,
    })
}
