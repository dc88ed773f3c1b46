//! What `enforcerctl -o json` prints, as far as the lab reads it. Tolerant:
//! fields that are missing are empty, fields that are new are ignored.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

/// One line of `enforcerctl events`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Event {
    pub time: Value,
    pub port: Option<String>,
    /// `allow`, `audit` or `deny`.
    pub fate: String,
    pub reason: String,
    pub device: Option<String>,
    pub rule: Option<String>,
    /// `untagged`, `10` or `100.10`.
    pub vlan: Value,
    pub source_mac: Option<String>,
    pub destination_mac: Option<String>,
    pub ethertype: Value,
    pub source: Option<IpAddr>,
    pub destination: Option<IpAddr>,
    pub protocol: Value,
    pub source_port: Option<u16>,
    pub destination_port: Option<u16>,
    /// The signature that was found.
    pub signature: Option<Value>,
    /// The payload that a rule does not let be said.
    pub said: Option<String>,
}

/// One flow of `enforcerctl flows`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Flow {
    pub initiator: Option<IpAddr>,
    pub initiator_port: Option<u16>,
    pub responder: Option<IpAddr>,
    pub responder_port: Option<u16>,
    pub protocol: Value,
    /// `untagged`, `10` or `100.10`.
    pub vlan: Value,
    pub state: Value,
    /// `profile/rule`, one for each device of the two that is managed.
    pub rules: Vec<String>,
    pub devices: Vec<String>,
    /// From the initiator, from the responder.
    pub packets: Vec<u64>,
    pub bytes: Vec<u64>,
}

/// `enforcerctl counters`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Counters {
    pub ports: Vec<PortCounter>,
    pub rules: Vec<RuleCounter>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PortCounter {
    pub port: String,
    pub fate: String,
    pub reason: String,
    pub packets: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RuleCounter {
    pub profile: String,
    pub rule: String,
    pub packets: u64,
    pub bytes: u64,
}

impl Counters {
    /// Packets over all ports with this fate and reason.
    pub fn packets(&self, fate: &str, reason: &str) -> u64 {
        let matching = self
            .ports
            .iter()
            .filter(|counter| counter.fate == fate && counter.reason == reason);
        matching.map(|counter| counter.packets).sum()
    }

    /// Packets that a rule has let pass.
    pub fn rule_packets(&self, profile: &str, rule: &str) -> u64 {
        let matching = self
            .rules
            .iter()
            .filter(|counter| counter.profile == profile && counter.rule == rule);
        matching.map(|counter| counter.packets).sum()
    }
}
