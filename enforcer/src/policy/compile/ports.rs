//! Ports become a bitmap of the VLANs that each may carry.

use std::collections::BTreeSet;

use enforcer_common::table::{
    PORT_DOUBLE_TAGS, PORT_LINES, PORT_PRIORITY_TAGS, PORT_VLANS, PortLine, PortPlaces,
};

use super::image::Image;
use crate::policy::model::{Model, Port};

const WORDS: usize = 8 * (PORT_LINES as usize - 1);

/// Every port that the policy speaks of, in the order of their numbers from 1.
pub(super) fn names(model: &Model) -> Vec<String> {
    let of_devices = model
        .devices
        .iter()
        .filter_map(|device| device.port.as_ref());
    let names: BTreeSet<&String> = model.ports.keys().chain(of_devices).collect();
    names.into_iter().cloned().collect()
}

/// Places the ports' lines; 0 where there are none.
pub(super) fn place(image: &mut Image, model: &Model, names: &[String]) -> u32 {
    if names.is_empty() {
        return 0;
    }
    let first = image.place(&[PortPlaces([0; 64])]);
    for name in names {
        let (line, vlans) = match model.ports.get(name) {
            Some(port) => (line(port), bitmap(port)),
            None => (PortLine::default(), [0; WORDS]),
        };
        image.place(&[line]);
        let (lines, _) = vlans.as_chunks::<8>();
        image.place(lines);
    }
    first
}

fn line(port: &Port) -> PortLine {
    let mut flags = PORT_VLANS;
    if port.double_tags {
        flags |= PORT_DOUBLE_TAGS;
    }
    if port.priority_tags {
        flags |= PORT_PRIORITY_TAGS;
    }
    PortLine {
        flags,
        ..PortLine::default()
    }
}

fn bitmap(port: &Port) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    for &(first, last) in &port.vlans {
        for vlan in usize::from(first)..=usize::from(last) {
            words[vlan / 64 % WORDS] |= 1 << (vlan % 64);
        }
    }
    words
}
