//! What goes over the control socket about exceptions from the policy, and about
//! the clock by which they end.

use serde::{Deserialize, Serialize};

/// Opens a profile: what its rules deny passes, and is counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BreakGlassRequest {
    pub profile: String,
    pub seconds: u64,
    pub reason: String,
}

/// Cuts a device off.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuarantineRequest {
    /// Name or MAC address.
    pub device: String,
    /// Until released if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Ends an exception. One of both is given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReleaseRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// An exception from the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// `quarantine` or `break-glass`.
    pub kind: String,
    /// Name of the device or the profile.
    pub name: String,
    /// MAC address and VLAN of a device, else the profile's name.
    pub subject: String,
    /// RFC 3339, UTC.
    pub since: String,
    /// Absent where it does not end by itself.
    pub until: Option<String>,
    pub seconds_left: Option<u64>,
    pub user: String,
    pub reason: String,
    /// Whether the policy in force has the device or the profile.
    pub in_effect: bool,
}

/// The time by which rules expire and exceptions end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// RFC 3339, UTC: Unix time that never runs backwards.
    pub policy_time: String,
    /// RFC 3339, UTC.
    pub wall_clock: String,
    /// Seconds that the wall clock is behind.
    pub behind_seconds: u64,
}
