//! What goes over the control socket about the daemon: how it does, its ports, what is in
//! force.

use enforcer_common::port::Side;
use enforcer_common::verdict::Mode;
use serde::{Deserialize, Serialize};

use super::{CanaryStatus, TrialStatus};

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
