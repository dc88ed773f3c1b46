//! What goes over the control socket when a policy is to be put into force, or compared
//! with the one that is.

use serde::{Deserialize, Serialize};

use super::{CanaryStatus, TrialStatus};
use crate::policy::canary::Share;
use crate::policy::diagnostic::Diagnostics;
use crate::policy::source::Bundle;

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
