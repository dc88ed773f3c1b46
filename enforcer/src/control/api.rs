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

use serde::{Deserialize, Serialize};

mod apply;
mod change;
mod counter;
mod event;
mod exception;
mod explain;
mod listing;
mod observation;
mod signature;
mod status;

pub use apply::{Action, Applied, ApplyRequest, Change, Changes};
pub use change::{
    Author, CanaryStatus, ChangeSummary, HistoryEntry, HistoryText, RollbackRequest, Settled,
    TrialStatus,
};
pub use counter::{Counters, PortCount, RuleCount};
pub use event::Event;
pub use exception::{BreakGlassRequest, Clock, Exception, QuarantineRequest, ReleaseRequest};
pub use explain::{Circumstances, Explanation, Inquiry, Question};
pub use listing::{Device, Flow, Learned, Rule};
pub use observation::{Observation, SeenDevice, Starter, Told, Watch};
pub use signature::{FoundSignature, Signature, SignatureGroup, Signatures};
pub use status::{Path, PolicyStatus, PortStatus, Status, VlanTags};

use crate::policy::diagnostic::Diagnostics;
pub use crate::policy::model::Asked;

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
