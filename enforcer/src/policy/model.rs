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

use super::application::Application;
use super::sanity::Sanity;
use super::signature::Signature;

/// Bytes of each end of a connection that are looked through unless stated otherwise: a
/// bulk transfer goes on without.
pub const INSPECT_FIRST: u32 = 1 << 20;

/// A whole policy, `version: 1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    pub defaults: Defaults,
    /// What each port may carry, by name of the interface; a port that is not
    /// here may carry anything.
    pub ports: BTreeMap<String, Port>,
    /// Named peers: each a set of prefixes, none empty.
    pub peers: BTreeMap<String, Vec<IpNet>>,
    /// Profiles in order of declaration, at most [`enforcer_common::limits::PROFILES`].
    pub profiles: Vec<Profile>,
    /// Devices in order of declaration, at most [`enforcer_common::limits::DEVICES`].
    pub devices: Vec<Device>,
    /// What of payloads is looked for, at most [`enforcer_common::limits::SIGNATURES`].
    pub signatures: Vec<Signature>,
    /// What the policy's author expects of it.
    pub tests: Vec<Test>,
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
    /// Guards for profiles that say nothing else, and for broadcast from the core side.
    pub guards: Guards,
    pub fragments: Fragments,
    /// Where no profile says otherwise, and for frames that no device answers for.
    pub on_error: OnError,
    /// Bytes that each end of a connection sends in which signatures are looked for;
    /// 0: all.
    pub inspect_first: u32,
    /// What follows where a sanity predicate is met.
    pub sanity: Sanity,
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

/// Whom a device may believe about its network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guards {
    /// DHCP servers; `None`: any. Prefixes, names and `any` alone.
    pub dhcp_servers: Option<Vec<Peer>>,
    /// Routers that may advertise themselves by IPv6; `None`: any. As above.
    pub routers: Option<Vec<Peer>>,
    /// How long a device's hardware address is held to the port it was seen on;
    /// zero: not at all.
    pub hold_port: Duration,
}

/// What becomes of IP fragments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fragments {
    #[default]
    Deny,
    /// The first one is judged, those that follow in order share its verdict.
    Track,
}

/// What becomes of a frame that cannot be judged. True: it passes, is counted as
/// `fail-open`, and reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnError {
    /// A header is malformed or cannot be followed.
    pub bad_frame: bool,
    /// The flow table takes no new entry.
    pub flow_table_full: bool,
    /// Bytes that signatures are looked for in cannot be followed in their order.
    pub stream_lost: bool,
}

/// Rates a second; 0 is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    pub packets: u32,
    pub bytes: u32,
    pub flows: u32,
}

/// Which tags a port may carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Outer VLAN identifiers from the first to the second, both included; 0 is untagged.
    pub vlans: Vec<(u16, u16)>,
    pub double_tags: bool,
    /// Tags with identifier 0, which carry a priority alone.
    pub priority_tags: bool,
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
    /// Names of the profiles whose rules this one inherits; they are in `rules` already.
    pub extends: Vec<String>,
    /// Already resolved against the defaults.
    pub network: Network,
    /// Already resolved against the defaults.
    pub guards: Guards,
    pub fragments: Fragments,
    pub on_error: OnError,
    /// As in [`Defaults::inspect_first`].
    pub inspect_first: u32,
    /// Already resolved against the defaults.
    pub sanity: Sanity,
    /// For each device by itself, all its traffic taken together.
    pub limit: Limit,
    /// EtherTypes other than IP and ARP that pass without state, at most
    /// [`enforcer_common::limits::ETHERTYPES`].
    pub ethertypes: Vec<u16>,
    /// At most [`enforcer_common::limits::RULES`] over all profiles.
    pub rules: Vec<Rule>,
}

/// One permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Unique in its profile; made from direction, peer and service when not given.
    pub name: String,
    /// Why it is there, for people.
    pub comment: String,
    /// Where it comes from, for people: an advisory, a manual, a MUD file.
    pub source: String,
    pub direction: Direction,
    pub peers: Vec<Peer>,
    pub services: Vec<Service>,
    /// First second in which it no longer matches: Unix time, UTC; 0 never.
    pub expires: u32,
    /// When it matches; always if empty.
    pub schedule: Vec<Window>,
    /// For each device by itself.
    pub limit: Limit,
    /// What may be said; anything if `None`.
    pub application: Option<Application>,
    /// Where it was written: profile, as index in [`Model::profiles`], and place
    /// in that profile's `allow`. Another than its own for an inherited rule.
    pub origin: (usize, usize),
}

impl Rule {
    /// Whether it holds always, for all packets and by address alone.
    pub fn is_plain(&self) -> bool {
        self.application.is_none()
            && self.expires == 0
            && self.schedule.is_empty()
            && self.limit == Limit::default()
            && !self.peers.iter().any(|peer| matches!(peer, Peer::Name(_)))
    }
}

/// A part of each week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Days on which it begins: bit 0 is Monday.
    pub days: u8,
    /// Minutes after local midnight, 0 to 1439.
    pub from: u16,
    /// Minutes after local midnight, 1 to 1440; on the next day where not above `from`.
    pub until: u16,
    /// IANA name of the time zone.
    pub zone: String,
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
    /// One device, by index in [`Model::devices`].
    Device(usize),
    /// The devices that carry a tag.
    Tag(String),
    /// The addresses that a device was given for a DNS name, in lower case and
    /// without the final dot; a leading `*.` stands for one or more labels.
    Name(String),
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
    /// Bound to the address that a DHCP server gave it, too.
    pub dhcp_address: bool,
    /// Name of the interface that it must be seen on.
    pub port: Option<String>,
    /// Sorted, none twice.
    pub tags: Vec<String>,
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

/// A first packet, and what must become of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// Unique; made from the rest when not given.
    pub name: String,
    /// A device's name, a MAC address or an IP address.
    pub from: String,
    /// The same.
    pub to: String,
    pub service: Asked,
    /// Whether it must be allowed, by the true verdict: audit mode changes nothing.
    pub allow: bool,
    /// Label of the reason that must be given; any if `None`.
    pub reason: Option<String>,
    /// `rule` or `profile/rule` that must allow it; any if `None`.
    pub rule: Option<String>,
    /// For rules with a schedule: Unix time at which it is asked.
    pub at: Option<u32>,
}

/// What a first packet asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    Tcp(u16),
    Udp(u16),
    /// ICMP or ICMPv6 by the addresses' family, by type.
    Icmp(u8),
    Protocol(u8),
}
