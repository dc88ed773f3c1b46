//! What goes over the control socket where all of a kind are listed: devices, what they
//! were given, rules, flows.

use std::net::IpAddr;

use enforcer_common::addr::{Mac, Vlan};
use enforcer_common::verdict::Mode;
use serde::{Deserialize, Serialize};

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
