//! Peers become classes: a class is the set of peers that contain an address,
//! and a trie maps each address to its class. Class 0 is the empty set.

use std::collections::BTreeMap;
use std::net::IpAddr;

use enforcer_common::table::{TRIE_CHILD, TrieNode};
use ipnet::IpNet;

use crate::policy::model::{Model, Peer};

pub(super) struct PeerClasses {
    /// Classes that a peer takes part in, by peer; `any` has no entry.
    of_peer: BTreeMap<Peer, Vec<u32>>,
    /// The peers of each class.
    peers: Vec<Vec<Peer>>,
    /// The root of IPv4, that of IPv6, then all others.
    pub(super) nodes: Vec<TrieNode>,
}

impl PeerClasses {
    pub(super) fn new(model: &Model) -> Self {
        let prefixes = prefixes_of_peers(model);
        let mut numbers: BTreeMap<Vec<Peer>, u32> = BTreeMap::from([(Vec::new(), 0)]);
        let mut classed = Vec::with_capacity(prefixes.len());
        // A prefix belongs to its own peers and to those of every prefix around it.
        let mut around: Vec<(IpNet, Vec<Peer>)> = Vec::new();
        for (prefix, own) in prefixes {
            while around
                .last()
                .is_some_and(|(outer, _)| !outer.contains(&prefix))
            {
                around.pop();
            }
            let mut peers = around
                .last()
                .map(|(_, peers)| peers.clone())
                .unwrap_or_default();
            peers.extend(own);
            peers.sort();
            peers.dedup();
            let next = numbers.len() as u32;
            classed.push((prefix, *numbers.entry(peers.clone()).or_insert(next)));
            around.push((prefix, peers));
        }
        let mut peers = vec![Vec::new(); numbers.len()];
        let mut of_peer: BTreeMap<Peer, Vec<u32>> = BTreeMap::new();
        for (set, class) in numbers {
            for peer in &set {
                of_peer.entry(peer.clone()).or_default().push(class);
            }
            peers[class as usize] = set;
        }
        let mut trie = Trie::default();
        let (root_v4, root_v6) = (trie.add_node(0), trie.add_node(0));
        // Shorter prefixes first: a longer one then overwrites its part.
        classed.sort_by_key(|(prefix, _)| (prefix.prefix_len(), *prefix));
        for (prefix, class) in classed {
            let root = if prefix.addr().is_ipv4() {
                root_v4
            } else {
                root_v6
            };
            trie.insert(root, prefix, class);
        }
        Self {
            of_peer,
            peers,
            nodes: trie.nodes,
        }
    }

    /// The classes that make up a peer.
    pub(super) fn classes(&self, peer: &Peer) -> &[u32] {
        self.of_peer.get(peer).map_or(&[], Vec::as_slice)
    }

    /// Whether a class lies within a peer.
    pub(super) fn contains(&self, class: u32, peer: &Peer) -> bool {
        *peer == Peer::Any || self.peers[class as usize].binary_search(peer).is_ok()
    }
}

/// Every prefix that a rule's peers name, sorted so that an outer prefix comes
/// before those within it, with the peers that name it.
fn prefixes_of_peers(model: &Model) -> BTreeMap<IpNet, Vec<Peer>> {
    let of_rules = model
        .profiles
        .iter()
        .flat_map(|profile| &profile.rules)
        .flat_map(|rule| &rule.peers);
    let guards = model.profiles.iter().map(|profile| &profile.guards);
    let of_guards = guards
        .chain([&model.defaults.guards])
        .flat_map(|guards| [&guards.dhcp_servers, &guards.routers])
        .flatten()
        .flatten();
    let mut used: Vec<&Peer> = of_rules.chain(of_guards).collect();
    used.sort();
    used.dedup();
    let mut of_profile: BTreeMap<usize, Vec<IpNet>> = BTreeMap::new();
    let mut of_tag: BTreeMap<&str, Vec<IpNet>> = BTreeMap::new();
    for device in &model.devices {
        let addresses = || device.addresses().map(IpNet::from);
        of_profile
            .entry(device.profile)
            .or_default()
            .extend(addresses());
        for tag in &device.tags {
            of_tag.entry(tag).or_default().extend(addresses());
        }
    }
    let mut prefixes: BTreeMap<IpNet, Vec<Peer>> = BTreeMap::new();
    for peer in used {
        let one: Vec<IpNet>;
        let named: &[IpNet] = match peer {
            // Names have no address before they are answered.
            Peer::Any | Peer::Name(_) => &[],
            Peer::Named(name) => model.peers.get(name).map_or(&[], Vec::as_slice),
            Peer::Prefix(prefix) => std::slice::from_ref(prefix),
            Peer::Profile(profile) => of_profile.get(profile).map_or(&[], Vec::as_slice),
            Peer::Tag(tag) => of_tag.get(tag.as_str()).map_or(&[], Vec::as_slice),
            Peer::Device(index) => {
                one = model.devices[*index].addresses().map(IpNet::from).collect();
                &one
            }
        };
        for prefix in named {
            let entry = prefixes.entry(prefix.trunc()).or_default();
            if entry.last() != Some(peer) {
                entry.push(peer.clone());
            }
        }
    }
    prefixes
}

#[derive(Default)]
struct Trie {
    nodes: Vec<TrieNode>,
}

impl Trie {
    fn add_node(&mut self, class: u32) -> u32 {
        self.nodes.push(TrieNode([class; 16]));
        self.nodes.len() as u32 - 1
    }

    fn insert(&mut self, root: u32, prefix: IpNet, class: u32) {
        let bits = match prefix.network() {
            IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let nibble = |depth: u32| (bits >> (124 - 4 * depth)) as usize & 15;
        let length = u32::from(prefix.prefix_len());
        let mut node = root;
        let mut depth = 0;
        // Down to the node in which the prefix ends.
        while 4 * (depth + 1) < length {
            let entry = self.nodes[node as usize].0[nibble(depth)];
            let child = if entry & TRIE_CHILD != 0 {
                entry & !TRIE_CHILD
            } else {
                self.add_node(entry)
            };
            self.nodes[node as usize].0[nibble(depth)] = TRIE_CHILD | child;
            node = child;
            depth += 1;
        }
        let covered = 1usize << (4 * (depth + 1) - length);
        let start = nibble(depth) & !(covered - 1);
        self.nodes[node as usize].0[start..start + covered].fill(class);
    }
}
