//! What a policy says of learning: which names its profiles name, which devices get
//! their address by DHCP, from which servers, and which addresses are taken. Made
//! once a policy.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use enforcer_common::addr::Vlan;
use enforcer_common::learned::name_hash;

use super::Identity;
use super::names::Named;
use crate::policy::model::{Device, Model, Peer};

#[derive(Debug)]
pub struct Guide {
    model: Arc<Model>,
    /// By index of the profile.
    named: Vec<Named>,
    /// Devices that get their address by DHCP, as index.
    clients: HashMap<Identity, usize>,
    /// Who is bound to an address, as index; filled where there are such devices.
    bound: HashMap<(Vlan, IpAddr), usize>,
}

impl Guide {
    pub fn new(model: Arc<Model>) -> Self {
        let indexed = || model.devices.iter().enumerate();
        let clients: HashMap<Identity, usize> = indexed()
            .filter(|(_, device)| device.dhcp_address)
            .map(|(index, device)| (identity(device), index))
            .collect();
        let bound = if clients.is_empty() {
            HashMap::new()
        } else {
            indexed()
                .flat_map(|(index, device)| {
                    let addresses = device.addresses();
                    addresses.map(move |address| ((device.vlan, address), index))
                })
                .collect()
        };
        Self {
            named: model.profiles.iter().map(Named::by).collect(),
            clients,
            bound,
            model,
        }
    }

    /// The device with a number in the compiled policy; `None` for 0 and unknown ones.
    pub fn device(&self, number: u32) -> Option<&Device> {
        self.model.devices.get((number as usize).checked_sub(1)?)
    }

    /// The names in the rules of the device's profile.
    pub fn named(&self, device: &Device) -> Option<&Named> {
        self.named.get(device.profile)
    }

    /// The device of this identity, if it gets its address by DHCP.
    pub fn client(&self, identity: Identity) -> Option<&Device> {
        self.model.devices.get(*self.clients.get(&identity)?)
    }

    /// Another device that the policy binds to the address in this network.
    pub fn bound_to(&self, device: &Device, address: IpAddr) -> Option<&Device> {
        let index = self.bound.get(&(device.vlan, address))?;
        let other = self.model.devices.get(*index)?;
        (identity(other) != identity(device)).then_some(other)
    }

    /// Whether the device's profile lets it believe a DHCP server. The kernel half has
    /// asked this already for what is sent to the device alone, but for a broadcast
    /// another profile answered.
    pub fn believes(&self, device: &Device, server: IpAddr) -> bool {
        let Some(profile) = self.model.profiles.get(device.profile) else {
            return false;
        };
        let Some(servers) = &profile.guards.dhcp_servers else {
            return profile.network.dhcp;
        };
        let is = |peer: &Peer| match peer {
            Peer::Any => true,
            Peer::Prefix(prefix) => prefix.contains(&server),
            Peer::Named(name) => {
                let prefixes = self.model.peers.get(name);
                prefixes.is_some_and(|all| all.iter().any(|prefix| prefix.contains(&server)))
            }
            Peer::Profile(_) | Peer::Device(_) | Peer::Tag(_) | Peer::Name(_) => false,
        };
        profile.network.dhcp && servers.iter().any(is)
    }

    /// Names by their hash, as the policy writes them.
    pub fn names(&self) -> HashMap<u64, &str> {
        let names = self.named.iter().flat_map(Named::iter);
        names
            .map(|name| (name_hash(name.as_bytes()), name))
            .collect()
    }

    /// Names of devices by their identity.
    pub fn devices(&self) -> HashMap<Identity, &str> {
        let devices = self.model.devices.iter();
        devices
            .map(|device| (identity(device), device.name.as_str()))
            .collect()
    }
}

pub fn identity(device: &Device) -> Identity {
    Identity {
        mac: device.mac,
        vlan: device.vlan,
    }
}
