//! What one row of the record stands for: made from a flow, or from the event of a
//! packet that no flow was made for. Pure; writes nothing.

use enforcer_common::addr::{Ip, Mac, Vlan};
use enforcer_common::event::Event;
use enforcer_common::flow::{FLAG_BROADCAST, FLAG_INITIATOR_HIGH, Flow, FlowKey, protocol};
use enforcer_common::packet::ethertype;
use enforcer_common::port::Side;
use enforcer_common::verdict::{Fate, Reason};

use super::epochs::Epoch;
use crate::control::api::Starter;

/// First port that hosts commonly use for a short time (Linux; RFC 6335 begins
/// higher).
const SHORT_LIVED: u16 = 32_768;

/// Who is at one end of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum End {
    /// A declared device, by its row among the devices.
    Declared(i64),
    /// A device that is not declared; its address is zero where nobody told.
    Stranger(Mac),
    /// Anybody on the core side.
    Core,
}

/// What flows have in common that are recorded as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    /// Never [`End::Core`].
    pub(super) device: End,
    pub(super) peer: End,
    pub(super) vlan: Vlan,
    pub(super) starts: Starter,
    pub(super) address: Ip,
    pub(super) peer_address: Ip,
    pub(super) protocol: u8,
    pub(super) service: Option<u16>,
    pub(super) fate: Fate,
}

/// A row's key, and what its latest judgement was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) reason: Reason,
    /// Epoch and numbers of the rules that allowed, initiator's first.
    pub(super) epoch: u32,
    pub(super) rules: [u16; 2],
}

/// Where a flow belongs. `epoch` is the one that judged it.
pub(super) fn of_flow(epoch: &Epoch, key: &FlowKey, flow: &Flow) -> Option<Entry> {
    let (low, high) = ((key.low, key.low_port), (key.high, key.high_port));
    let (initiator, responder) = if flow.flags & FLAG_INITIATOR_HIGH != 0 {
        (high, low)
    } else {
        (low, high)
    };
    let reasons = flow
        .reasons
        .map(|reason| Reason::from_number(reason).unwrap_or(Reason::Rule));
    // An end that nobody judged has neither a rule nor a denial.
    let judged = |end: usize| flow.rules[end] != 0 || !reasons[end].allows();
    let end = |end: usize| match (epoch.device(flow.devices[end]), judged(end)) {
        (Some(row), _) => End::Declared(row),
        (None, true) if end == 1 && flow.flags & FLAG_BROADCAST != 0 => {
            End::Stranger(Mac::BROADCAST)
        }
        (None, true) => End::Stranger(Mac::ZERO),
        (None, false) => End::Core,
    };
    if flow
        .devices
        .iter()
        .any(|number| *number != 0 && epoch.device(*number).is_none())
    {
        return None;
    }
    let (starts, ends) = match [end(0), end(1)] {
        // No end was asked: nothing that a policy could change.
        [End::Core, End::Core] => return None,
        // What crosses from the core to everybody is everybody's.
        [End::Core, other] => (Starter::Peer, [other, End::Core]),
        [first, second] => (Starter::Device, [first, second]),
    };
    let (address, peer_address) = match starts {
        Starter::Device => (initiator.0, responder.0),
        Starter::Peer => (responder.0, initiator.0),
    };
    let denial = reasons.into_iter().find(|reason| !reason.allows());
    Some(Entry {
        key: Key {
            device: ends[0],
            peer: ends[1],
            vlan: key.vlan,
            starts,
            address,
            peer_address,
            protocol: key.protocol,
            service: service_of_flow(key, responder.1),
            fate: if denial.is_some() {
                Fate::Audit
            } else {
                Fate::Allow
            },
        },
        reason: denial.unwrap_or(Reason::Rule),
        epoch: flow.epoch,
        rules: flow.rules,
    })
}

/// Where a denied packet belongs. `None` for what a flow tells of, and for what is
/// not about a policy's rules.
pub(super) fn of_event(epoch: &Epoch, event: &Event, side: Side) -> Option<Entry> {
    let reason = Reason::from_number(event.reason)?;
    let fate = *Fate::ALL.iter().find(|fate| **fate as u8 == event.fate)?;
    let recorded = match fate {
        Fate::Deny => depends_on_policy(reason),
        // In audit all other packets begin a flow.
        Fate::Audit => matches!(reason, Reason::UnknownDevice | Reason::UnknownDestination),
        Fate::Allow | Fate::FailOpen => false,
    };
    let is_ip = matches!(event.ethertype, ethertype::IPV4 | ethertype::IPV6);
    if !recorded || !is_ip || is_neighbourly(event) || event.destination.is_unspecified() {
        return None;
    }
    let end = |mac: Mac, at_device_side: bool| match epoch.row(mac, event.vlan) {
        Some(row) => End::Declared(row),
        None if at_device_side => End::Stranger(mac),
        None => End::Core,
    };
    // What comes from the core is for the device side, whoever that is there.
    let from_core = side == Side::Core;
    let group = event.destination_mac.is_group();
    let source = end(event.source_mac, !from_core);
    let destination = if from_core && group {
        End::Stranger(Mac::BROADCAST)
    } else {
        end(event.destination_mac, from_core)
    };
    let replies = is_probably_reply(reason, event);
    let (source, destination) = (
        (source, event.source, event.source_port),
        (destination, event.destination, event.destination_port),
    );
    let (initiator, responder) = if replies {
        (destination, source)
    } else {
        (source, destination)
    };
    let (starts, device, peer) = match (initiator.0, responder.0) {
        (End::Core, End::Core) => return None,
        (End::Core, _) => (Starter::Peer, responder, initiator),
        _ => (Starter::Device, initiator, responder),
    };
    Some(Entry {
        key: Key {
            device: device.0,
            peer: peer.0,
            vlan: event.vlan,
            starts,
            address: device.1,
            peer_address: peer.1,
            protocol: event.protocol,
            service: match event.protocol {
                protocol::TCP | protocol::UDP => Some(responder.2),
                protocol::ICMP | protocol::ICMPV6 => Some(event.icmp_type.into()),
                _ => None,
            },
            fate,
        },
        reason,
        epoch: event.epoch,
        rules: [0; 2],
    })
}

/// Neighbour discovery and multicast listener reports, which flows do not tell of
/// either (RFC 4861, RFC 2710, RFC 3810).
fn is_neighbourly(event: &Event) -> bool {
    event.protocol == protocol::ICMPV6 && matches!(event.icmp_type, 130..=137 | 143)
}

/// Packets of both directions are denied where a device is not declared, and the
/// event does not say which began: the lower port is taken for the one asked.
fn is_probably_reply(reason: Reason, event: &Event) -> bool {
    matches!(reason, Reason::UnknownDevice | Reason::UnknownDestination)
        && matches!(event.protocol, protocol::TCP | protocol::UDP)
        && event.source_port < event.destination_port
        && event.destination_port >= SHORT_LIVED
}

/// The port asked; of ICMP the request's type, as far as the key tells it.
fn service_of_flow(key: &FlowKey, port: u16) -> Option<u16> {
    match (key.protocol, key.query >> 1) {
        (protocol::TCP | protocol::UDP, _) => Some(port),
        (protocol::ICMP, 1) => Some(8),
        (protocol::ICMP, 2) => Some(13),
        (protocol::ICMPV6, 1) => Some(128),
        _ => None,
    }
}

/// Whether another policy might say otherwise of a first packet like this one. Of
/// what was denied for its form, its rate, or what went before, a first packet
/// tells nothing. Total: a new reason does not compile until its side is chosen.
pub(super) const fn depends_on_policy(reason: Reason) -> bool {
    match reason {
        Reason::UnknownDevice
        | Reason::UnknownDestination
        | Reason::SpoofedSource
        | Reason::WrongDestination
        | Reason::NoRule
        | Reason::RuleAsleep
        | Reason::NameNotLearned
        | Reason::WrongPort
        | Reason::VlanNotCarried
        | Reason::TagNotCarried => true,
        Reason::Rule
        | Reason::Established
        | Reason::Adopted
        | Reason::Related
        | Reason::Arp
        | Reason::NeighbourDiscovery
        | Reason::Dhcp
        | Reason::ControlFrame
        | Reason::ToEnforcer
        | Reason::EtherTypeListed
        | Reason::NoPolicy
        | Reason::Truncated
        | Reason::BadSourceMac
        | Reason::BadVlan
        | Reason::TooManyTags
        | Reason::EtherType
        | Reason::ControlFrameDenied
        | Reason::ArpDenied
        | Reason::BadIpv4
        | Reason::BadIpv6
        | Reason::TooManyExtensions
        | Reason::Fragment
        | Reason::BadAddress
        | Reason::BadTcp
        | Reason::BadTcpFlags
        | Reason::BadUdp
        | Reason::NeighbourDiscoveryDenied
        | Reason::NoFlow
        | Reason::FlowBudget
        | Reason::FlowTableFull
        | Reason::RateLimit
        | Reason::Quarantined
        | Reason::HeldElsewhere
        | Reason::RogueDhcpServer
        | Reason::BadDhcp
        | Reason::RogueRouter
        | Reason::FragmentOrphan
        | Reason::FragmentOverlap
        | Reason::FragmentTiny
        | Reason::Signature
        | Reason::StreamLost
        | Reason::StreamDiffers
        | Reason::WrongProtocol
        | Reason::ApplicationDenied
        | Reason::Encrypted => false,
    }
}
