//! What the rules of a policy say, read in the plainest way.

use std::net::IpAddr;

use enforcer::policy::model::{Device, Direction, Model, Peer, Service};
use enforcer_common::table::{SERVICE_ICMP, SERVICE_ICMPV6, SERVICE_PROTOCOL, SERVICE_UDP};

/// Whether a peer of a rule is at this address, or is this declared device's profile.
fn is_at(model: &Model, peer: &Peer, address: IpAddr, known: Option<usize>) -> bool {
    match peer {
        Peer::Any => true,
        Peer::Named(name) => model.peers[name]
            .iter()
            .any(|prefix| prefix.contains(&address)),
        Peer::Prefix(prefix) => prefix.contains(&address),
        Peer::Profile(profile) => {
            let mut devices = model.devices.iter();
            devices.any(|device| device.profile == *profile && is_device(device, address, known))
        }
        Peer::Tag(tag) => {
            let mut devices = model.devices.iter();
            devices.any(|device| device.tags.contains(tag) && is_device(device, address, known))
        }
        Peer::Device(index) => is_device(&model.devices[*index], address, known),
        Peer::Name(_) => false,
    }
}

/// Whether a device has this address, or is the declared one, of which each has a
/// profile of its own here.
fn is_device(device: &Device, address: IpAddr, known: Option<usize>) -> bool {
    known == Some(device.profile) || device.addresses().any(|own| own == address)
}

/// Whether a service of a rule holds this place of the service table.
fn holds(service: Service, place: u32) -> bool {
    let (base, first, last) = match service {
        Service::Tcp(first, last) => (0, u32::from(first), u32::from(last)),
        Service::Udp(first, last) => (SERVICE_UDP, u32::from(first), u32::from(last)),
        Service::Icmp(first, last) => (SERVICE_ICMP, u32::from(first), u32::from(last)),
        Service::Icmpv6(first, last) => (SERVICE_ICMPV6, u32::from(first), u32::from(last)),
        Service::Protocol(number) => (SERVICE_PROTOCOL, u32::from(number), u32::from(number)),
    };
    (base + first..=base + last).contains(&place)
}

/// Numbers of the rules of a profile that allow a flow.
pub(crate) fn allowing(
    model: &Model,
    profile: usize,
    direction: Direction,
    (address, known): (IpAddr, Option<usize>),
    place: u32,
) -> Vec<u16> {
    let before: usize = model.profiles[..profile]
        .iter()
        .map(|profile| profile.rules.len())
        .sum();
    let rules = model.profiles[profile]
        .rules
        .iter()
        .zip(before as u16 + 1..);
    let matching = rules.filter(|(rule, _)| {
        rule.direction == direction
            && rule
                .peers
                .iter()
                .any(|peer| is_at(model, peer, address, known))
            && rule.services.iter().any(|service| holds(*service, place))
    });
    matching.map(|(_, number)| number).collect()
}
