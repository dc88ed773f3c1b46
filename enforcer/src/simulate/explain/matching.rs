//! What rules say of a first packet, going by the model: for what the decision does
//! not tell, such as the rules that nearly allow it. The verdict is not made here.

use std::net::IpAddr;

use crate::policy::model::{Device, Direction, Model, Peer, Rule, Service};

/// The other end of a packet, as a profile's rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Other {
    pub(super) ip: IpAddr,
    /// Index in [`Model::devices`].
    pub(super) device: Option<usize>,
}

/// Whether a rule is for this peer. What a DNS name stands for is not known here, so
/// that any address may be meant.
pub(super) fn is_for(model: &Model, rule: &Rule, other: Other) -> bool {
    rule.peers.iter().any(|peer| match peer {
        Peer::Any | Peer::Name(_) => true,
        _ => contains(model, peer, other.ip) || is_device(model, peer, other.device),
    })
}

/// Whether a rule is for a peer by a DNS name alone.
pub(super) fn is_by_name(model: &Model, rule: &Rule, other: Other) -> bool {
    is_for(model, rule, other)
        && !rule.peers.iter().any(|peer| match peer {
            Peer::Any => true,
            Peer::Name(_) => false,
            _ => contains(model, peer, other.ip) || is_device(model, peer, other.device),
        })
}

/// Whether a rule names a service.
pub(super) fn names(rule: &Rule, asked: Service) -> bool {
    rule.services.iter().any(|service| covers(*service, asked))
}

/// Whether a rule allows it, at some time and if names stand for the peer.
pub(super) fn allows(
    model: &Model,
    rule: &Rule,
    direction: Direction,
    other: Other,
    asked: Service,
) -> bool {
    rule.direction == direction && names(rule, asked) && is_for(model, rule, other)
}

/// Whether a peer holds an address. Not so `any`, which is no part of a class, and
/// names, which other tables know.
pub(super) fn contains(model: &Model, peer: &Peer, address: IpAddr) -> bool {
    match peer {
        Peer::Any | Peer::Name(_) => false,
        Peer::Named(name) => model
            .peers
            .get(name)
            .is_some_and(|all| all.iter().any(|net| net.contains(&address))),
        Peer::Prefix(prefix) => prefix.contains(&address),
        Peer::Profile(profile) => owned(model, address, |device| device.profile == *profile),
        Peer::Tag(tag) => owned(model, address, |device| device.tags.contains(tag)),
        Peer::Device(index) => {
            let device = model.devices.get(*index);
            device.is_some_and(|device| device.addresses().any(|own| own == address))
        }
    }
}

/// Whether one of some devices is bound to an address.
fn owned(model: &Model, address: IpAddr, of: impl Fn(&Device) -> bool) -> bool {
    let devices = model.devices.iter().filter(|device| of(device));
    devices
        .flat_map(Device::addresses)
        .any(|own| own == address)
}

fn is_device(model: &Model, peer: &Peer, index: Option<usize>) -> bool {
    let Some(device) = index.and_then(|index| model.devices.get(index)) else {
        return false;
    };
    match peer {
        Peer::Profile(profile) => device.profile == *profile,
        Peer::Tag(tag) => device.tags.contains(tag),
        Peer::Device(other) => index == Some(*other),
        Peer::Any | Peer::Named(_) | Peer::Prefix(_) | Peer::Name(_) => false,
    }
}

fn covers(service: Service, asked: Service) -> bool {
    match (service, asked) {
        (Service::Tcp(first, last), Service::Tcp(port, _))
        | (Service::Udp(first, last), Service::Udp(port, _)) => (first..=last).contains(&port),
        (Service::Icmp(first, last), Service::Icmp(kind, _))
        | (Service::Icmpv6(first, last), Service::Icmpv6(kind, _)) => {
            (first..=last).contains(&kind)
        }
        (Service::Protocol(number), Service::Protocol(asked)) => number == asked,
        _ => false,
    }
}
