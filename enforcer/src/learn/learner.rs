//! One frame after the other: what each teaches of which device.

use std::net::IpAddr;

use enforcer_common::addr::{Mac, Vlan};
use enforcer_common::counter::seconds;
use enforcer_common::learned::{LearnedKey, name_hash};
use enforcer_common::packet::ethertype;

use super::datagram::Datagram;
use super::dhcp::{self, Grant};
use super::dns::{self, Message, Resolver};
use super::guide::{Guide, identity};
use super::leases::{Lease, Leases};
use super::{Identity, Refusal};
use crate::policy::model::Device;

/// A frame that the policy allowed.
#[derive(Clone, Copy, Debug)]
pub struct Lesson<'a> {
    /// Monotonic clock, ns.
    pub time: u64,
    /// Numbers of the devices that it is from and to, 0 where one is not declared.
    pub source: u32,
    pub destination: u32,
    pub frame: &'a [u8],
}

/// One thing learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    pub device: Identity,
    /// The device's name in the policy.
    pub device_name: String,
    pub key: LearnedKey,
    /// Second of the monotonic clock.
    pub until: u32,
    pub address: IpAddr,
    /// As the policy writes it; `None`: the device's own address.
    pub name: Option<String>,
}

/// All that a frame taught.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taught {
    pub learned: Vec<Learned>,
    /// What holds no longer.
    pub revoked: Vec<LearnedKey>,
    /// Devices and addresses that the frame gave them, and whose these are.
    pub refused: Vec<(String, IpAddr, String)>,
}

/// Questions that wait and addresses that are held.
#[derive(Debug, Default)]
pub struct Learner {
    pub resolver: Resolver,
    pub leases: Leases,
}

impl Learner {
    /// Learns from a frame. Nothing, and no error, where there was nothing to learn.
    ///
    /// # Errors
    /// Why an answer taught nothing.
    pub fn study(&mut self, guide: &Guide, lesson: &Lesson<'_>) -> Result<Taught, Refusal> {
        let datagram = Datagram::parse(lesson.frame)?;
        let packet = &datagram.packet;
        match (packet.ethertype, packet.source_port) {
            (ethertype::IPV4, dhcp::SERVER) => {
                let grant = dhcp::grant(datagram.payload)?;
                self.hold(guide, lesson, &datagram, grant)
            }
            (ethertype::IPV6, dhcp::V6_SERVER) => {
                let grant = dhcp::grant_v6(datagram.payload)?;
                self.hold(guide, lesson, &datagram, grant)
            }
            _ => self.resolve(guide, lesson, &datagram),
        }
    }

    fn resolve(
        &mut self,
        guide: &Guide,
        lesson: &Lesson<'_>,
        datagram: &Datagram<'_>,
    ) -> Result<Taught, Refusal> {
        let message = Message::parse(datagram.payload)?;
        let number = if message.is_answer() {
            lesson.destination
        } else {
            lesson.source
        };
        let device = guide.device(number).ok_or(Refusal::OtherDevice)?;
        let named = guide.named(device);
        let names = named.map(|named| named.matching(&message.question.name));
        let names = names.unwrap_or_default();
        if !message.is_answer() {
            // Others need not be remembered, so that they take no room.
            if !names.is_empty() {
                let asked = identity(device);
                self.resolver.ask(asked, datagram, &message, lesson.time)?;
            }
            return Ok(Taught::default());
        }
        if names.is_empty() {
            return Err(Refusal::OtherName);
        }
        let answered = self
            .resolver
            .answer(identity(device), datagram, &message, lesson.time)?;
        let own = IpAddr::from(datagram.packet.destination);
        let now = seconds(lesson.time);
        let mut taught = Taught::default();
        for given in answered.given {
            if !dns::is_peer(given.address, device.addresses().chain([own])) {
                continue;
            }
            let until = now.saturating_add(dns::held_for(given));
            taught.learned.extend(names.iter().map(|name| {
                let hash = name_hash(name.as_bytes());
                Learned {
                    device: identity(device),
                    device_name: device.name.clone(),
                    key: identity(device).key(given.address.into(), hash),
                    until,
                    address: given.address,
                    name: Some((*name).to_owned()),
                }
            }));
        }
        if taught.learned.is_empty() {
            return Err(Refusal::NoAddress);
        }
        Ok(taught)
    }

    fn hold(
        &mut self,
        guide: &Guide,
        lesson: &Lesson<'_>,
        datagram: &Datagram<'_>,
        grant: Option<Grant>,
    ) -> Result<Taught, Refusal> {
        let Some(grant) = grant else {
            return Ok(Taught::default());
        };
        let packet = &datagram.packet;
        let device = client(guide, packet.destination_mac, packet.vlan, &grant)?;
        if !guide.believes(device, packet.source.into()) {
            return Err(Refusal::RogueServer);
        }
        let now = seconds(lesson.time);
        let mut taught = Taught::default();
        for (address, seconds) in grant.addresses {
            if !dns::is_possible(address) {
                continue;
            }
            self.take(
                guide,
                device,
                address,
                Lease::from(now, seconds),
                now,
                &mut taught,
            );
        }
        if taught.learned.is_empty() && taught.refused.is_empty() {
            return Err(Refusal::NoAddress);
        }
        Ok(taught)
    }

    fn take(
        &mut self,
        guide: &Guide,
        device: &Device,
        address: IpAddr,
        lease: Lease,
        now: u32,
        taught: &mut Taught,
    ) {
        let own = identity(device);
        if let Some(other) = guide.bound_to(device, address) {
            let refused = (device.name.clone(), address, other.name.clone());
            taught.refused.push(refused);
            return;
        }
        let keeps = |holder: Identity| guide.client(holder).is_some();
        match self.leases.take(own, address, lease, now, keeps) {
            Ok(taken) => {
                let revoked = taken.from.map(|holder| holder.key(address.into(), 0));
                let given_up = taken.instead_of.map(|old| own.key(old.into(), 0));
                taught.revoked.extend(revoked.into_iter().chain(given_up));
                taught.learned.push(Learned {
                    device: own,
                    device_name: device.name.clone(),
                    key: own.key(address.into(), 0),
                    until: lease.until,
                    address,
                    name: None,
                });
            }
            Err((_, holder)) => {
                let name = guide.client(holder).map(|device| device.name.clone());
                let name = name.unwrap_or_else(|| holder.to_string());
                taught.refused.push((device.name.clone(), address, name));
            }
        }
    }
}

/// The device that a grant is for: the one that the frame is sent to, or the one
/// that a broadcast names. Where both are said they must agree.
fn client<'g>(
    guide: &'g Guide,
    destination: Mac,
    vlan: Vlan,
    grant: &Grant,
) -> Result<&'g Device, Refusal> {
    let mac = match grant.client {
        Some(client) if destination.is_group() || client == destination => client,
        None if !destination.is_group() => destination,
        _ => return Err(Refusal::OtherDevice),
    };
    let device = guide.client(Identity { mac, vlan });
    device.ok_or(Refusal::OtherDevice)
}

#[cfg(test)]
mod tests;
