//! What goes over the control socket of each denial.

use std::net::IpAddr;

use enforcer_common::addr::{Mac, Vlan};
use serde::{Deserialize, Serialize};

use super::FoundSignature;

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
    /// As in [`super::Flow`]; absent for what is not IP.
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
