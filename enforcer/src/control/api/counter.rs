//! What goes over the control socket of what was counted.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    pub ports: Vec<PortCount>,
    pub rules: Vec<RuleCount>,
    pub flows_current: u64,
    pub flows_created: u64,
    pub flows_expired: u64,
    pub flows_refused: u64,
    /// Flows not, or not yet, known to both ends, or closed, which made room for new ones.
    #[serde(default)]
    pub flows_displaced: u64,
    /// Flows known to both ends that did.
    #[serde(default)]
    pub flows_evicted: u64,
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
