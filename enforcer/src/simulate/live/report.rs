//! What `simulate --live` found: an interface that others script against, version 1.
//! `docs/operations.md` describes it. Times are RFC 3339, UTC.

use serde::Serialize;

use super::coverage::Hours;

pub const VERSION: u32 = 1;

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub version: u32,
    pub policy: Policy,
    pub coverage: Coverage,
    pub totals: Totals,
    /// Devices of the policy, and those that are not in it but were seen.
    pub devices: Vec<Device>,
    /// Names of the policy's devices that were not seen in the period.
    pub never_seen: Vec<String>,
    /// Rules that no observation of the period matched.
    pub unmatched_rules: Vec<Unmatched>,
}

/// The policy that was asked.
#[derive(Clone, Debug, Serialize)]
pub struct Policy {
    /// SHA-256, hexadecimal.
    pub hash: String,
    pub devices: usize,
    pub profiles: usize,
    pub rules: usize,
}

/// What the answer rests on.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// The period.
    pub since: String,
    pub until: String,
    pub period_seconds: u64,
    /// Absent where nothing was ever recorded.
    pub recording_since: Option<String>,
    pub watched_seconds: u64,
    pub hours: Hours,
    /// Hours in which nothing was watched, those that follow each other joined.
    pub unseen_hours: Vec<Span>,
    /// Every time that was not watched, however short.
    pub gaps: Vec<Span>,
    /// Denials that no event told of.
    pub denials_untold: u64,
    pub flows_unattributed: u64,
    /// Flows and denials that found no room in the record.
    pub overflow: u64,
    /// What follows from all this, one sentence each.
    pub statements: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    pub from: String,
    pub until: String,
    pub seconds: u32,
}

/// Observations, by what would become of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    pub observations: u64,
    pub unchanged: u64,
    pub would_deny: u64,
    pub would_deny_if_enforced: u64,
    pub would_allow: u64,
    pub depends_on_name: u64,
    pub not_judged: u64,
}

/// One device.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Device {
    /// Its name in the policy; else its name when it was seen, or its hardware address.
    pub device: String,
    pub mac: String,
    pub vlan: String,
    /// Its profile in the policy; absent where it is not declared there.
    pub profile: Option<String>,
    /// Seconds of the period in which it was declared and the enforcer watched.
    pub watched_seconds: u64,
    /// When it was first and last seen, whenever that was.
    pub first_seen: Option<String>,
    pub last_seen: Option<String>,
    /// Hours of the period (UTC) in which it was seen.
    pub hours_seen: u32,
    /// These hours, by their beginning; only where the device was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seen_in: Vec<String>,
    /// Flows and denials of it that found no room in the record.
    pub overflow: u64,
    /// Passed then, would be dropped now.
    pub would_deny: Vec<Finding>,
    /// Passed then and would pass, because of audit mode alone.
    pub would_deny_if_enforced: Vec<Finding>,
    /// Dropped then, would pass now.
    pub would_allow: Vec<Finding>,
    /// Passed then; whether it would now, hangs on a name whose answers were not recorded.
    pub depends_on_name: Vec<Finding>,
    /// Nothing can be said of these.
    pub not_judged: Vec<Finding>,
    /// Rules of its profile that no observation of it matched; only where the device
    /// was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmatched_rules: Option<Vec<String>>,
}

/// Flows, or denied packets, that differ in time alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Who began: the sender's address, and its device's name where it has one.
    pub from: String,
    pub from_device: Option<String>,
    pub to: String,
    pub to_device: Option<String>,
    /// `tcp 443`, `icmp echo-request`, `protocol 50`.
    pub service: String,
    /// What became of it then: `allow`, `audit` or `deny`, and why.
    pub fate_then: String,
    pub reason_then: String,
    pub rules_then: Vec<String>,
    /// What would become of it: `allow`, `audit` or `deny`; absent where not judged.
    pub fate: Option<String>,
    pub reason: Option<String>,
    /// `profile/rule` where rules allow it.
    pub rules: Vec<String>,
    /// More to say: the names it hangs on, or why it was not judged.
    pub note: Option<String>,
    /// Of all that was recorded, also before the period.
    pub flows: u64,
    pub packets: u64,
    pub bytes: u64,
    pub first_seen: String,
    pub last_seen: String,
}

/// A profile's rules that nothing matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    pub profile: String,
    /// Devices of the profile that were seen in the period.
    pub devices_seen: usize,
    pub rules: Vec<String>,
}
