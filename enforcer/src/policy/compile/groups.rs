//! Groups: the devices that rules tell apart as peers by their hardware address, and
//! signatures by tag. Two devices are of one group when every rule and signature that
//! names devices names both or neither. Group 0 is named by none.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::model::{Device, Model, Peer};

pub(super) struct Groups {
    /// Group of each device, by index in the model.
    of_device: Vec<u32>,
    /// Groups that a peer takes part in.
    of_peer: BTreeMap<Peer, Vec<u32>>,
    /// The peers of each group, sorted.
    pub(super) peers: Vec<Vec<Peer>>,
}

impl Groups {
    pub(super) fn new(model: &Model) -> Self {
        let signatures = model.signatures.iter();
        let tags = signatures.flat_map(|signature| signature.tags.iter().cloned().map(Peer::Tag));
        let named: BTreeSet<Peer> = model
            .profiles
            .iter()
            .flat_map(|profile| &profile.rules)
            .flat_map(|rule| &rule.peers)
            .cloned()
            .chain(tags)
            .collect();
        let mut numbers: BTreeMap<Vec<Peer>, u32> = BTreeMap::from([(Vec::new(), 0)]);
        let mut of_device = Vec::with_capacity(model.devices.len());
        for (index, device) in model.devices.iter().enumerate() {
            let mut peers: Vec<Peer> = peers_of(index, device)
                .filter(|peer| named.contains(peer))
                .collect();
            peers.sort();
            let next = numbers.len() as u32;
            of_device.push(*numbers.entry(peers).or_insert(next));
        }
        let mut peers = vec![Vec::new(); numbers.len()];
        let mut of_peer: BTreeMap<Peer, Vec<u32>> = BTreeMap::new();
        for (set, group) in numbers {
            for peer in &set {
                of_peer.entry(peer.clone()).or_default().push(group);
            }
            peers[group as usize] = set;
        }
        Self {
            of_device,
            of_peer,
            peers,
        }
    }

    /// Group of a device, by index in the model.
    pub(super) fn of_device(&self, index: usize) -> u32 {
        self.of_device[index]
    }

    /// The groups that make up a peer.
    pub(super) fn groups(&self, peer: &Peer) -> &[u32] {
        self.of_peer.get(peer).map_or(&[], Vec::as_slice)
    }

    /// Whether a group lies within a peer.
    pub(super) fn contains(&self, group: u32, peer: &Peer) -> bool {
        *peer == Peer::Any || self.peers[group as usize].binary_search(peer).is_ok()
    }
}

/// All the peers that stand for a device.
fn peers_of(index: usize, device: &Device) -> impl Iterator<Item = Peer> + '_ {
    let tags = device.tags.iter().cloned().map(Peer::Tag);
    [Peer::Profile(device.profile), Peer::Device(index)]
        .into_iter()
        .chain(tags)
}
