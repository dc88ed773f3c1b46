//! What only one device of a policy may have: its name, its identity, its
//! addresses. Remembers who has what and reports a second one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::IpAddr;

use enforcer_common::addr::{Ip, Mac, Vlan};

use super::super::findings::Findings;
use super::super::place::{Here, Place, quoted};

/// File and index of a device.
pub(super) type Origin = (usize, usize);

#[derive(Debug, Default)]
pub(super) struct Taken {
    names: HashMap<String, Origin>,
    identities: HashMap<(Mac, Vlan), Origin>,
    addresses: HashMap<(Ip, Vlan), Origin>,
}

impl Taken {
    pub(super) fn name(
        &mut self,
        name: &str,
        by: Origin,
        here: &Here<'_>,
        findings: &mut Findings,
    ) {
        if let Some(other) = claim(&mut self.names, name.to_owned(), by) {
            let message = format!("another device is named {}", quoted(name));
            findings.error(here, message).beside(place(other, "name"));
        }
    }

    pub(super) fn identity(
        &mut self,
        mac: Mac,
        vlan: Vlan,
        by: Origin,
        here: &Here<'_>,
        findings: &mut Findings,
    ) {
        if let Some(other) = claim(&mut self.identities, (mac, vlan), by) {
            let message = format!("another device has the address {mac} ({})", on(vlan));
            findings.error(here, message).beside(place(other, "mac"));
        }
    }

    pub(super) fn address(
        &mut self,
        ip: IpAddr,
        vlan: Vlan,
        by: Origin,
        here: &Here<'_>,
        findings: &mut Findings,
    ) {
        if let Some(other) = claim(&mut self.addresses, (Ip::from(ip), vlan), by) {
            let message = format!("another device has the address {ip} ({})", on(vlan));
            findings.error(here, message).beside(place(other, "ip"));
        }
    }
}

/// Takes `what`, or says who has it already.
fn claim<K: Eq + Hash>(taken: &mut HashMap<K, Origin>, what: K, by: Origin) -> Option<Origin> {
    match taken.entry(what) {
        Entry::Vacant(entry) => {
            entry.insert(by);
            None
        }
        Entry::Occupied(entry) => Some(*entry.get()),
    }
}

fn place((file, index): Origin, key: &str) -> Place {
    Here::top(file).key("devices").index(index).key(key).place()
}

fn on(vlan: Vlan) -> String {
    match vlan {
        Vlan::UNTAGGED => vlan.to_string(),
        _ => format!("VLAN {vlan}"),
    }
}
