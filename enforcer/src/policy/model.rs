//! A valid policy. Made by `validate`, read by `compile`, `diff` and whoever
//! shows a policy; it cannot hold a dangling name, a bad address or two devices
//! with one identity. Order is that of the sources, so that indices are stable.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use enforcer_common::addr::{Mac, Vlan};
use enforcer_common::verdict::Mode;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A whole policy, `version: 1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    pub defaults: Defaults,
    /// Named peers: each a set of prefixes, none empty.
    pub peers: BTreeMap<String, Vec<IpNet>>,
    /// Profiles in order of declaration, at most [`enforcer_common::limits::PROFILES`].
    pub profiles: Vec<Profile>,
    /// Devices in order of declaration, at most [`enforcer_common::limits::DEVICES`].
    pub devices: Vec<Device>,
}

/// What holds where a profile or a device says nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defaults {
    pub mode: Mode,
    /// Index of the profile of devices that are not declared; `None` denies them.
    pub unknown_devices: Option<usize>,
    /// Index of the profile that judges broadcast and multicast from the core
    /// side, which no single device answers for; `None` allows network services only.
    pub core_broadcast: Option<usize>,
    /// What every device may use to live on its network.
    pub network: Network,
    /// Link-local control protocols that may cross or reach the bridge.
    pub control_frames: ControlFrames,
    pub timeouts: Timeouts,
    /// How long after a policy first enforces a device live sessions are adopted.
    pub adopt_sessions: Duration,
    /// New flows a second that one device may create, on each CPU; 0 is unlimited.
    pub new_flows_per_second: u32,
    /// Events a second that one device may cause, on each CPU.
    pub events_per_second: u32,
}

/// Protocols a device needs to live on its network, apart from its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    pub arp: bool,
    /// IPv6 neighbour discovery, with the MLD that it depends on.
    pub neighbour_discovery: bool,
    /// DHCP and DHCPv6 as a client.
    pub dhcp: bool,
}

/// IEEE 802.1 link-local protocols, by destination address 01:80:C2:00:00:0x.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlFrames {
    pub stp: bool,
    pub lldp: bool,
    pub lacp: bool,
    pub eapol: bool,
}

/// Idle timeouts of flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    pub tcp_opening: Duration,
    pub tcp_established: Duration,
    pub tcp_closing: Duration,
    pub udp: Duration,
    pub icmp: Duration,
    pub other: Duration,
}

/// What the devices of one kind may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub name: String,
    pub description: String,
    /// The profile's own mode, already resolved against the defaults.
    pub mode: Mode,
    /// Already resolved against the defaults.
    pub network: Network,
    /// At most [`enforcer_common::limits::RULES`] over all profiles.
    pub rules: Vec<Rule>,
}

/// One permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Unique in its profile; made from direction, peer and service when not given.
    pub name: String,
    pub direction: Direction,
    pub peers: Vec<Peer>,
    pub services: Vec<Service>,
}

/// Who may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The device starts.
    To,
    /// The peer starts.
    From,
}

/// The other end of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    Any,
    /// A name in [`Model::peers`].
    Named(String),
    /// A prefix written in the rule itself.
    Prefix(IpNet),
    /// The devices of a profile, by index in [`Model::profiles`].
    Profile(usize),
}

/// What a rule allows to be reached, at the end that did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Ports from the first to the second, both included.
    Tcp(u16, u16),
    Udp(u16, u16),
    /// ICMP types from the first to the second, both included.
    Icmp(u8, u8),
    Icmpv6(u8, u8),
    /// An IP protocol other than TCP, UDP, ICMP and ICMPv6.
    Protocol(u8),
}

/// One managed device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Unique.
    pub name: String,
    /// Unique together with the VLAN; never zero, never a group address.
    pub mac: Mac,
    pub vlan: Vlan,
    /// All addresses that the device may use, at most
    /// [`enforcer_common::limits::IPV4_PER_DEVICE`] and
    /// [`enforcer_common::limits::IPV6_PER_DEVICE`]; none: it is not bound.
    pub ipv4: Vec<Ipv4Addr>,
    pub ipv6: Vec<Ipv6Addr>,
    /// Index in [`Model::profiles`].
    pub profile: usize,
    /// The device's own mode, already resolved against its profile.
    pub mode: Mode,
}

impl Device {
    /// All addresses that the device is bound to.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let v4 = self.ipv4.iter().copied().map(IpAddr::V4);
        v4.chain(self.ipv6.iter().copied().map(IpAddr::V6))
    }
}
