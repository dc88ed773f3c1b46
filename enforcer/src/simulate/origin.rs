//! Which port a captured frame would have come in by: a capture tells neither
//! side nor port, so declared devices are taken to be on the device side.

use std::collections::{BTreeMap, HashMap};

use enforcer_common::addr::{Mac, Vlan};
use enforcer_common::packet::{Packet, ethernet};
use enforcer_common::port::{Port, Side};

use super::ports;
use crate::policy::compile::Compiled;
use crate::policy::model::Model;

/// Where frames come from that tell nothing of it.
#[derive(Clone, Debug)]
pub struct Origins {
    devices: HashMap<(Mac, Vlan), Port>,
    unknown: Side,
    interfaces: BTreeMap<String, Side>,
}

impl Origins {
    /// `unknown` is the side of frames between two ends that are no devices;
    /// `interfaces` are the sides of a capture's interfaces, by name.
    pub fn new(
        model: &Model,
        compiled: &Compiled,
        unknown: Side,
        interfaces: BTreeMap<String, Side>,
    ) -> Self {
        let devices = model.devices.iter().map(|device| {
            let port = ports::of_device(compiled, device);
            ((device.mac, device.vlan), port)
        });
        Self {
            devices: devices.collect(),
            unknown,
            interfaces,
        }
    }

    /// The port of a frame that was captured on an interface. What the interface
    /// says comes first, then a source that is a device, then a destination that is.
    pub fn port(&self, frame: &[u8], interface: &str) -> Port {
        let mut packet = Packet::EMPTY;
        // What cannot be parsed further still has the addresses that were read.
        let _ = ethernet::parse(frame, &mut packet);
        let of = |mac| self.devices.get(&(mac, packet.vlan)).copied();
        let (source, destination) = (of(packet.source_mac), of(packet.destination_mac));
        let side = match self.interfaces.get(interface) {
            Some(side) => *side,
            None if source.is_some() => Side::Device,
            None if destination.is_some() => Side::Core,
            None => self.unknown,
        };
        match source {
            Some(port) if side == Side::Device => port,
            _ => ports::unnamed(side),
        }
    }
}
