//! What goes over the control socket, version 1. Names are stable: scripts read
//! them through `enforcerctl -o json`. New fields may be added; none changes its
//! meaning.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/status` | [`Status`] |
//! | `POST /v1/apply` with [`ApplyRequest`] | [`Applied`], or 422 with [`Failure`] |
//! | `POST /v1/diff` with [`ApplyRequest`] | [`Changes`], or 422 with [`Failure`] |
//! | `GET /v1/devices` | list of [`Device`] |
//! | `GET /v1/rules` | list of [`Rule`] |
//! | `GET /v1/signatures` | [`Signatures`] |
//! | `GET /v1/flows?limit=N` | list of [`Flow`] |
//! | `GET /v1/learned` | list of [`Learned`] |
//! | `GET /v1/counters` | [`Counters`] |
//! | `GET /v1/events?last=N&follow=B` | one [`Event`] a line |
//! | `GET /v1/observations?since=T` | one [`Told`] a line; `T` in Unix time or RFC 3339 |
//! | `POST /v1/explain` with [`Inquiry`] | [`Explanation`], or 422 with [`Failure`] |
//! | `POST /v1/confirm`, `/v1/withdraw` with `{}` | [`Settled`], or 422 with [`Failure`] |
//! | `POST /v1/promote` with `{}` | [`Applied`], or 422 with [`Failure`] |
//! | `POST /v1/rollback` with [`RollbackRequest`] | [`Applied`], or 422 with [`Failure`] |
//! | `GET /v1/history?limit=N` | list of [`HistoryEntry`], newest first |
//! | `GET /v1/history/ID` | [`HistoryText`], or 422 with [`Failure`] |
//! | `GET /v1/history/A/diff/B` | [`Changes`], or 422 with [`Failure`] |
//! | `POST /v1/break-glass` with [`BreakGlassRequest`] | [`Exception`], or 422 with [`Failure`] |
//! | `POST /v1/quarantine` with [`QuarantineRequest`] | [`Exception`], or 422 with [`Failure`] |
//! | `POST /v1/release` with [`ReleaseRequest`] | [`Exception`], or 422 with [`Failure`] |
//! | `GET /v1/exceptions` | list of [`Exception`] |
//! | `GET /v1/clock` | [`Clock`] |
//! | `POST /v1/clock/accept` with `{}` | [`Clock`] |

use std::net::IpAddr;

use enforcer_common::addr::{Mac, Vlan};
use enforcer_common::port::Side;
use enforcer_common::verdict::Mode;
use serde::{Deserialize, Serialize};

mod change;
mod exception;
mod observation;
mod signature;

pub use change::{
    Author, CanaryStatus, ChangeSummary, HistoryEntry, HistoryText, RollbackRequest, Settled,
    TrialStatus,
};
pub use exception::{BreakGlassRequest, Clock, Exception, QuarantineRequest, ReleaseRequest};
pub use observation::{Observation, SeenDevice, Starter, Told, Watch};
pub use signature::{FoundSignature, Signature, SignatureGroup, Signatures};

use crate::policy::canary::Share;
use crate::policy::diagnostic::Diagnostics;
pub use crate::policy::model::Asked;
use crate::policy::source::Bundle;

/// Why a request was refused. Sent with a status of 4xx or 5xx.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// One sentence.
    pub error: String,
    /// What is wrong with a policy, where that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<Diagnostics>,
    /// Whether the policy is without errors, but does not fit the tables.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfit: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Version of the daemon.
    pub version: String,
    pub pid: u32,
    pub uptime_seconds: u64,
    pub bridge: String,
    pub ports: Vec<PortStatus>,
    /// The policy in force; `None` while none is loaded.
    pub policy: Option<PolicyStatus>,
    pub flows: u64,
    pub events_sent: u64,
    pub events_lost: u64,
    pub events_suppressed: u64,
    pub verified_instructions: u32,
    /// The policy in force awaits confirmation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<TrialStatus>,
    /// The policy in force holds for a share of the devices only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryStatus>,
    /// Seconds for which flows go on under the judgement of an earlier policy.
    #[serde(default)]
    pub draining_seconds: u64,
    /// Devices in quarantine and opened profiles.
    #[serde(default)]
    pub exceptions: usize,
    /// Seconds that the wall clock is behind the policies' time.
    #[serde(default)]
    pub clock_behind_seconds: u64,
    /// What the operator should know, one sentence each.
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PortStatus {
    pub name: String,
    pub side: Side,
    /// Whether the program is attached in native mode.
    pub attached: bool,
    /// Whether frames pass while no policy is loaded.
    pub pass_without_policy: bool,
    /// Whether the program sees the VLAN tags of the frames.
    #[serde(default)]
    pub vlan_tags: VlanTags,
    /// How frames that pass leave by the port and go on from it.
    #[serde(default)]
    pub forwarding: Path,
    /// Why the bridge forwards, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarding_reason: Option<String>,
    /// Frames that went straight from this port to another.
    #[serde(default)]
    pub fast_frames: u64,
    /// Frames that were to go straight to this port and were lost.
    #[serde(default)]
    pub lost_frames: u64,
}

/// The way of frames that pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Path {
    /// Straight from port to port, but for what the bridge must see.
    Fast,
    #[default]
    Bridge,
}

impl Path {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Bridge => "bridge",
        }
    }
}

/// What a port's self-test of VLAN tags came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VlanTags {
    /// No frame with a tag came yet.
    #[default]
    Unproven,
    /// Frames came with their tags.
    Seen,
    /// Tags are taken off before the program sees the frames.
    Hidden,
}

impl VlanTags {
    pub const ALL: [Self; 3] = [Self::Unproven, Self::Seen, Self::Hidden];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Unproven => "unproven",
            Self::Seen => "seen",
            Self::Hidden => "hidden",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PolicyStatus {
    pub epoch: u32,
    /// SHA-256, hexadecimal.
    pub hash: String,
    /// Path of the main file as the operator gave it.
    pub source: String,
    /// RFC 3339, UTC.
    pub applied_at: String,
    pub mode: Mode,
    pub devices: usize,
    pub profiles: usize,
    pub rules: usize,
    /// Seconds for which live sessions are still adopted, 0 when no longer.
    pub adopting_seconds: u64,
}

/// A policy with its included files, as `enforcerctl` read them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApplyRequest {
    pub bundle: Bundle,
    /// Seconds after which the policy before returns unless this one is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_within: Option<u64>,
    /// Seconds for which running flows keep the judgement of the policy before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<u64>,
    /// The devices that the policy holds for at first; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Share>,
    /// For the history: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl ApplyRequest {
    /// Everything, at once and for good.
    pub fn of(bundle: Bundle) -> Self {
        Self {
            bundle,
            confirm_within: None,
            drain: None,
            canary: None,
            note: None,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Applied {
    pub epoch: u32,
    pub hash: String,
    pub devices: usize,
    pub profiles: usize,
    pub rules: usize,
    pub changes: Vec<Change>,
    pub warnings: Diagnostics,
    /// Tests of the policy that fail now, where that did not stand in its way: on the
    /// way back to an earlier one.
    #[serde(default, skip_serializing_if = "Diagnostics::is_empty")]
    pub failed_tests: Diagnostics,
    /// From receiving the policy to the last packet judged by the old one.
    pub milliseconds: u64,
    /// Row of the history that tells of it.
    #[serde(default)]
    pub entry: i64,
    /// Where it awaits confirmation: until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<TrialStatus>,
    /// Where it holds for a share of the devices only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryStatus>,
}

/// What applying a policy would change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Changes {
    pub changes: Vec<Change>,
    pub warnings: Diagnostics,
}

/// One difference between two policies. Plain data; made by `policy::diff`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub action: Action,
    /// `device pump-1`, `profile alaris-pcu`, `rule alaris-pcu/systems-manager`,
    /// `peer dns`, `defaults.mode`.
    pub subject: String,
    /// Text form before and after; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub before: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub after: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Add,
    Remove,
    Change,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Device {
    pub name: String,
    pub mac: Mac,
    pub vlan: Vlan,
    pub addresses: Vec<IpAddr>,
    pub profile: String,
    pub mode: Mode,
}

/// An address that a device was given, for a DNS name or for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    pub device: String,
    pub mac: Mac,
    pub vlan: Vlan,
    /// As the policy writes it; absent: the device's own address, by DHCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub address: IpAddr,
    /// `None`: without an end.
    pub remaining_seconds: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    pub profile: String,
    pub rule: String,
    /// `to` or `from`.
    pub direction: String,
    /// As the policy writes them: `hl7-engine`, `any`, `10.0.0.0/8`, `profile:gateway`.
    pub peers: Vec<String>,
    /// `tcp 2575`, `udp 8000-8010`, `icmp echo-request`, `protocol 50`.
    pub services: Vec<String>,
    pub packets: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flow {
    pub initiator: IpAddr,
    pub initiator_port: u16,
    pub responder: IpAddr,
    pub responder_port: u16,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, else the number.
    pub protocol: String,
    pub vlan: Vlan,
    /// `opening`, `answered`, `established`, `closing`, `closed`.
    pub state: String,
    /// `allow`, or `audit` for a flow that enforcing would deny.
    pub fate: String,
    /// `profile/rule` of each end that is judged.
    pub rules: Vec<String>,
    /// Names of the devices judged.
    pub devices: Vec<String>,
    pub idle_seconds: u32,
    pub age_seconds: u32,
    /// From the initiator, from the responder.
    pub packets: [u64; 2],
    pub bytes: [u64; 2],
    /// Judged by the policy in force, and not only by an older one.
    pub current: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    pub ports: Vec<PortCount>,
    pub rules: Vec<RuleCount>,
    pub flows_current: u64,
    pub flows_created: u64,
    pub flows_expired: u64,
    pub flows_refused: u64,
    pub events_sent: u64,
    pub events_lost: u64,
    pub events_suppressed: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PortCount {
    pub port: String,
    /// `allow`, `audit`, `deny`.
    pub fate: String,
    /// A label of `enforcer_common::verdict::Reason`.
    pub reason: String,
    pub packets: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleCount {
    pub profile: String,
    pub rule: String,
    pub packets: u64,
    pub bytes: u64,
}

/// A denial, real or audited.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// RFC 3339, UTC, with microseconds.
    pub time: String,
    pub port: String,
    /// `audit`, `deny` or `fail-open`; `allow` where a signature was only reported.
    pub fate: String,
    pub reason: String,
    /// The device that the verdict is about.
    pub device: Option<String>,
    pub profile: Option<String>,
    pub vlan: Vlan,
    pub source_mac: Mac,
    pub destination_mac: Mac,
    /// `0x0800`.
    pub ethertype: String,
    pub source: Option<IpAddr>,
    pub destination: Option<IpAddr>,
    /// As in [`Flow`]; absent for what is not IP.
    pub protocol: Option<String>,
    pub source_port: Option<u16>,
    pub destination_port: Option<u16>,
    pub icmp_type: Option<u8>,
    pub length: u32,
    /// What was found in the payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<FoundSignature>,
    /// The first bytes of the payload that is not what the rule lets be said, hexadecimal;
    /// absent where the daemon's configuration keeps them back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}

/// A first packet that `explain` asks about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// A device's name, a MAC address or an IP address.
    pub from: String,
    /// The same.
    pub to: String,
    pub service: Asked,
}

/// What else is known of a first packet: where nothing is, it comes from where the
/// policy has its sender, now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// Name of the port that it comes in by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<Vlan>,
    /// The address that it is sent from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Unix time at which it is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u32>,
}

/// A [`Question`] with its [`Circumstances`], as one mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    #[serde(flatten)]
    pub question: Question,
    #[serde(flatten)]
    pub given: Circumstances,
}

/// The decision about one first packet, step by step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// `allow`, `audit`, `deny`.
    pub fate: String,
    pub reason: String,
    /// One sentence on the reason.
    pub explanation: String,
    /// `profile/rule`, where a rule allowed.
    pub rule: Option<String>,
    /// `file:line` of that rule, where the policy's text is at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The device that the verdict is about.
    pub device: Option<String>,
    /// What was looked up and found, in order, one sentence each.
    pub steps: Vec<String>,
    /// What would have to change for the opposite verdict, one clause each.
    #[serde(default)]
    pub change: Vec<String>,
}
