//! What the enforcer has recorded of the traffic, as it goes over the control
//! socket: one [`Told`] a line. Times are Unix time in whole seconds.

use std::net::IpAddr;

use enforcer_common::addr::{Mac, Vlan};
use serde::{Deserialize, Serialize};

/// One line of the answer: first one `watch`, then `device` lines, then
/// `observation` lines, and last one `end`. An answer without it was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Told {
    Watch(Watch),
    Device(SeenDevice),
    Observation(Observation),
    End { observations: u64 },
}

/// When the enforcer was recording, within the period asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The period.
    pub since: u32,
    pub until: u32,
    /// When it began to record at all; absent where it never has.
    pub recording_since: Option<u32>,
    /// From the first second to before the second one, in order, none overlapping.
    pub watched: Vec<[u32; 2]>,
    /// Denials while it watched that no event told of: the budget of their device
    /// was spent, or the buffer was full.
    pub denials_untold: u64,
    /// Flows of a policy that was replaced before its flows were looked at.
    pub flows_unattributed: u64,
    /// Flows, and denials told of, that found no room.
    pub overflow: u64,
    /// Rows that one device may have.
    pub rows_per_device: u32,
    /// Days after which a row is forgotten.
    pub days_kept: u32,
}

/// A device that was declared at some time, or seen, under one name and profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenDevice {
    /// What observations call it.
    pub id: i64,
    /// Zero where a flow does not tell; broadcast for everybody on the device side.
    pub mac: Mac,
    pub vlan: Vlan,
    /// Absent for a device that no policy declared.
    pub name: Option<String>,
    pub profile: Option<String>,
    /// From when to before when it was declared; up to now if the end is absent.
    pub declared: Option<(u32, Option<u32>)>,
    /// When it was first and last seen, whenever that was.
    pub seen: Option<(u32, u32)>,
    /// Days of the period, counted from 1970, and hours of each (UTC) in which it was
    /// seen: bit 0 is the first.
    pub days: Vec<(u32, u32)>,
    /// Flows and denials of it that found no room.
    pub overflow: u64,
}

/// What started a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Starter {
    Device,
    Peer,
}

/// Flows, or denied packets, that differ in time alone. Numbers are of all that was
/// recorded of them, also before the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// [`SeenDevice::id`].
    pub device: i64,
    /// The same, where the peer was a declared device in the same VLAN.
    pub peer_device: Option<i64>,
    /// The peer was on the device side, declared or not.
    pub peer_at_device_side: bool,
    pub starts: Starter,
    /// Address of the device.
    pub address: IpAddr,
    pub peer: IpAddr,
    /// IP protocol number.
    pub protocol: u8,
    /// Port of the end that did not start, or the ICMP type that did; absent for
    /// other protocols, and for ICMP whose type was not recorded.
    pub service: Option<u16>,
    /// `allow`, `audit` or `deny`.
    pub fate: String,
    /// A label of `enforcer_common::verdict::Reason`, of the latest judgement.
    pub reason: String,
    /// `profile/rule` of each end that allowed it, at the latest judgement.
    pub rules: Vec<String>,
    pub first_seen: u32,
    pub last_seen: u32,
    /// Flows; where the fate is `deny`, packets that an event told of.
    pub flows: u64,
    pub packets: u64,
    pub bytes: u64,
}
