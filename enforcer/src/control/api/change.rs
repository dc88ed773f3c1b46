//! What goes over the control socket about changes of policy: trials, canaries,
//! and the history.

use serde::{Deserialize, Serialize};

use super::Change;
use crate::policy::source::Bundle;

/// A policy that stays only if somebody confirms it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialStatus {
    /// RFC 3339, UTC.
    pub until: String,
    pub seconds_left: u64,
    /// Hash of the policy that returns otherwise.
    pub before: String,
}

/// A policy that holds for a share of the devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryStatus {
    /// `PROFILE=5%` or `tag:NAME`.
    pub share: String,
    /// Devices that it holds for.
    pub devices: usize,
    /// Hash of the policy that holds for all others.
    pub before: String,
    /// Hash of the policy that holds for them.
    pub after: String,
}

/// A trial or a canary has come to its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settled {
    /// The policy in force now.
    pub epoch: u32,
    pub hash: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RollbackRequest {
    /// Policies to go back, from 1.
    pub steps: u32,
    /// As in [`super::ApplyRequest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_within: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Who did something. By the kernel's word, not by the client's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub pid: Option<i32>,
    /// Name of the user, else the number; `enforcerd` for the enforcer itself.
    pub user: String,
}

/// One row of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    pub id: i64,
    /// RFC 3339, UTC.
    pub time: String,
    /// `apply`, `rollback`, `confirm`, `withdraw`, `expire`, `promote`,
    /// `break-glass`, `quarantine`, `release`, `ended`, `accept-clock`, `refused`.
    pub action: String,
    pub author: Author,
    /// Device or profile that it is about.
    pub subject: Option<String>,
    /// The policy that it put, or kept, in force.
    pub hash: Option<String>,
    pub epoch: Option<u32>,
    pub note: Option<String>,
    pub changes: Option<ChangeSummary>,
    /// The row of the policy in force.
    pub in_force: bool,
}

/// How much a policy changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSummary {
    pub added: usize,
    pub removed: usize,
    pub changed: usize,
    /// The first of them.
    pub first: Vec<Change>,
}

/// A policy of the history.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HistoryText {
    pub entry: HistoryEntry,
    /// Its files; of a canary those for the share.
    pub bundle: Bundle,
    /// Of a canary: the share, and the files for all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<(String, Bundle)>,
}
