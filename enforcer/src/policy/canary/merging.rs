//! How two policies become one: what each part of either is in the merged one, so
//! that every rule goes on meaning what it meant.

use std::collections::{BTreeMap, BTreeSet};

use enforcer_common::addr::{Mac, Vlan};
use ipnet::IpNet;

use super::{CANARY, twin_of};
use crate::policy::model::{Device, Model, Peer, Profile, Rule};

/// Ends the name of what only rules of the old policy ask for.
const BEFORE: &str = "@before";

type Identity = (Mac, Vlan);

fn identity(device: &Device) -> Identity {
    (device.mac, device.vlan)
}

pub(super) struct Merging<'m> {
    old: &'m Model,
    new: &'m Model,
    chosen: &'m BTreeSet<usize>,
    profiles: BTreeMap<usize, usize>,
    renamed: BTreeMap<String, String>,
    /// Of every device of the old policy, its index there.
    known: BTreeMap<Identity, usize>,
    places: BTreeMap<usize, usize>,
}

impl<'m> Merging<'m> {
    /// `chosen` are indices of devices of the new policy.
    pub(super) fn new(old: &'m Model, new: &'m Model, chosen: &'m BTreeSet<usize>) -> Self {
        let devices = old.devices.iter().zip(0..);
        let known = devices.map(|(device, at)| (identity(device), at)).collect();
        Self {
            old,
            new,
            profiles: profiles_of(old, new, chosen),
            renamed: renamed_peers(old, new),
            places: chosen_places(new, chosen, &known, old.devices.len()),
            known,
            chosen,
        }
    }

    pub(super) fn model(&self) -> Model {
        let mut model = self.old.clone();
        model.tests.clear();
        for (name, prefixes) in &self.new.peers {
            let name = self.renamed.get(name).unwrap_or(name);
            model.peers.insert(name.clone(), prefixes.clone());
        }
        for profile in &mut model.profiles {
            for rule in &mut profile.rules {
                rule.peers = rule
                    .peers
                    .iter()
                    .flat_map(|peer| self.old_peer(peer))
                    .collect();
            }
        }
        model
            .profiles
            .extend(self.profiles.keys().map(|index| self.profile(*index)));
        self.watch(&mut model);
        self.place_devices(&mut model);
        model
    }

    /// Signatures are those of the old policy; they go on for the devices of a profile
    /// that are of its twin now.
    fn watch(&self, model: &mut Model) {
        for signature in &mut model.signatures {
            for (index, twin) in &self.profiles {
                let name = &self.new.profiles[*index].name;
                let old = self.old.profiles.iter();
                let old = old.zip(0..).find(|(profile, _)| profile.name == *name);
                if old.is_some_and(|(_, old)| signature.profiles.contains(&old)) {
                    signature.profiles.push(*twin);
                }
            }
        }
    }

    /// A rule of the old policy means the devices that were of a profile, though
    /// they are of a new one now.
    fn old_peer(&self, peer: &Peer) -> Vec<Peer> {
        let mut peers = vec![peer.clone()];
        if let Peer::Profile(index) = peer {
            peers.push(Peer::Tag(was_of(&self.old.profiles[*index].name)));
        }
        peers
    }

    /// A profile of the new policy under its new name.
    fn profile(&self, index: usize) -> Profile {
        let profile = &self.new.profiles[index];
        let own = self.profiles[&index];
        let mut merged = Profile {
            name: twin_of(&profile.name),
            rules: Vec::new(),
            ..profile.clone()
        };
        for guard in [&mut merged.guards.dhcp_servers, &mut merged.guards.routers] {
            for peer in guard.iter_mut().flatten() {
                *peer = self.renamed_peer(peer);
            }
        }
        for (place, rule) in profile.rules.iter().enumerate() {
            let peers: Vec<Peer> = rule
                .peers
                .iter()
                .flat_map(|peer| self.new_peer(peer))
                .collect();
            // None of whom it allows is there.
            if peers.is_empty() {
                continue;
            }
            let origin = match self.profiles.get(&rule.origin.0) {
                Some(profile) => (*profile, rule.origin.1),
                None => (own, place),
            };
            merged.rules.push(Rule {
                peers,
                origin,
                ..rule.clone()
            });
        }
        merged
    }

    /// What a peer of the new policy is in the merged one. Devices that are not
    /// declared there are peers by their addresses.
    fn new_peer(&self, peer: &Peer) -> Vec<Peer> {
        let absent = |of: &dyn Fn(&Device) -> bool| -> Vec<Peer> {
            let devices = self.new.devices.iter().enumerate();
            devices
                .filter(|(index, device)| of(device) && !self.places.contains_key(index))
                .flat_map(|(_, device)| addresses(device))
                .collect()
        };
        match peer {
            Peer::Profile(index) => {
                let mut peers = absent(&|device| device.profile == *index);
                peers.push(Peer::Tag(is_of(&self.new.profiles[*index].name)));
                peers
            }
            Peer::Tag(tag) => {
                let mut peers = absent(&|device| device.tags.contains(tag));
                peers.push(Peer::Tag(format!("{tag}{CANARY}")));
                peers
            }
            Peer::Device(index) => match self.places.get(index) {
                Some(place) => vec![Peer::Device(*place)],
                None => addresses(&self.new.devices[*index]),
            },
            other => vec![self.renamed_peer(other)],
        }
    }

    fn renamed_peer(&self, peer: &Peer) -> Peer {
        match peer {
            Peer::Named(name) => Peer::Named(self.renamed.get(name).unwrap_or(name).clone()),
            other => other.clone(),
        }
    }

    /// Devices of the share in place of what they were, the others as they were.
    /// Tags say what each is to the rules of either policy.
    fn place_devices(&self, model: &mut Model) {
        let asked = Asked::of(self);
        let mut names: BTreeSet<String> = self
            .old
            .devices
            .iter()
            .map(|device| device.name.clone())
            .collect();
        for (index, device) in self.new.devices.iter().enumerate() {
            let Some(&place) = self.places.get(&index) else {
                continue;
            };
            let before = self
                .known
                .get(&identity(device))
                .map(|place| &self.old.devices[*place]);
            let mut tags: Vec<String> = before.map_or_else(Vec::new, |device| device.tags.clone());
            tags.extend(asked.tags_of(self.new, device));
            if self.chosen.contains(&index) {
                if let Some(before) = before {
                    tags.extend(asked.tag_before(self.old, before));
                    names.remove(&before.name);
                }
                let mut merged = Device {
                    profile: self.profiles[&device.profile],
                    ..device.clone()
                };
                if !names.insert(merged.name.clone()) {
                    merged.name += CANARY;
                }
                if place < model.devices.len() {
                    model.devices[place] = merged;
                } else {
                    model.devices.push(merged);
                }
            }
            tags.sort();
            tags.dedup();
            model.devices[place].tags = tags;
        }
    }
}

/// Of which profiles and tags rules ask, so that no more is written than is needed.
struct Asked {
    /// Profiles of the old policy, by index.
    before: BTreeSet<usize>,
    /// Profiles of the new policy, by index.
    profiles: BTreeSet<usize>,
    tags: BTreeSet<String>,
}

impl Asked {
    fn of(merging: &Merging<'_>) -> Self {
        let peers = |profile: &Profile| -> Vec<Peer> {
            let rules = profile.rules.iter();
            rules.flat_map(|rule| rule.peers.clone()).collect()
        };
        let profiles = |peers: &[Peer]| -> BTreeSet<usize> {
            let found = peers.iter().filter_map(|peer| match peer {
                Peer::Profile(index) => Some(*index),
                _ => None,
            });
            found.collect()
        };
        let old: Vec<Peer> = merging.old.profiles.iter().flat_map(peers).collect();
        let new: Vec<Peer> = merging
            .profiles
            .keys()
            .flat_map(|index| peers(&merging.new.profiles[*index]))
            .collect();
        let tags = new.iter().filter_map(|peer| match peer {
            Peer::Tag(tag) => Some(tag.clone()),
            _ => None,
        });
        Self {
            before: profiles(&old),
            profiles: profiles(&new),
            tags: tags.collect(),
        }
    }

    /// What a device of the new policy is to the rules of that policy.
    fn tags_of(&self, new: &Model, device: &Device) -> Vec<String> {
        let tags = device.tags.iter().filter(|tag| self.tags.contains(*tag));
        let mut tags: Vec<String> = tags.map(|tag| format!("{tag}{CANARY}")).collect();
        if self.profiles.contains(&device.profile) {
            tags.push(is_of(&new.profiles[device.profile].name));
        }
        tags
    }

    /// What a device that has left its profile still is to the rules of the old policy.
    fn tag_before(&self, old: &Model, device: &Device) -> Option<String> {
        let asked = self.before.contains(&device.profile);
        asked.then(|| was_of(&old.profiles[device.profile].name))
    }
}

/// Tag of the devices that are of a profile by the new policy.
fn is_of(profile: &str) -> String {
    format!("profile:{profile}{CANARY}")
}

/// Tag of the devices of the share that were of a profile by the old policy.
fn was_of(profile: &str) -> String {
    format!("profile:{profile}{BEFORE}")
}

fn addresses(device: &Device) -> Vec<Peer> {
    device
        .addresses()
        .map(|address| Peer::Prefix(IpNet::from(address)))
        .collect()
}

/// New profiles of the chosen devices, by index in the new policy: their index in
/// the merged one.
fn profiles_of(old: &Model, new: &Model, chosen: &BTreeSet<usize>) -> BTreeMap<usize, usize> {
    let used: BTreeSet<usize> = chosen
        .iter()
        .map(|index| new.devices[*index].profile)
        .collect();
    used.into_iter().zip(old.profiles.len()..).collect()
}

/// Named peers that mean something else in the new policy: what they are called
/// in the merged one.
fn renamed_peers(old: &Model, new: &Model) -> BTreeMap<String, String> {
    let differs = |(name, prefixes): &(&String, &Vec<IpNet>)| {
        old.peers.get(*name).is_some_and(|known| known != *prefixes)
    };
    new.peers
        .iter()
        .filter(differs)
        .map(|(name, _)| (name.clone(), format!("{name}{CANARY}")))
        .collect()
}

/// Where the devices of the new policy stand in the merged one, by index in the
/// new one; those that do not come along are missing.
fn chosen_places(
    new: &Model,
    chosen: &BTreeSet<usize>,
    places: &BTreeMap<Identity, usize>,
    mut next: usize,
) -> BTreeMap<usize, usize> {
    let mut found = BTreeMap::new();
    for (index, device) in new.devices.iter().enumerate() {
        if let Some(place) = places.get(&identity(device)) {
            found.insert(index, *place);
        } else if chosen.contains(&index) {
            found.insert(index, next);
            next += 1;
        }
    }
    found
}
