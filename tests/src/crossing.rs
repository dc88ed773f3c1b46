//! Raw frames on their way through the enforcer. That one does not arrive is
//! proved by another that was sent after it and does.

use std::{cell::Cell, time::Duration};

use anyhow::{Context, Result};

use crate::{
    lab::Lab,
    topology::CORE_MAC,
    traffic::{
        dns,
        frame::{self, Link},
        wire::{Sniffer, Wire},
    },
};

const DEADLINE: Duration = Duration::from_secs(10);

/// One direction, watched at its far end.
#[derive(Debug)]
pub struct Crossing {
    near: Wire,
    /// Sends the frames that prove; their way is allowed by `policies/ward.yaml`.
    prover: Wire,
    far: Sniffer,
    link: Link<'static>,
    ends: (std::net::SocketAddr, std::net::SocketAddr),
    proofs: Cell<u32>,
}

impl Crossing {
    /// From a device to the core. Proofs are datagrams of monitor-1 to the DNS.
    pub fn from_device(lab: &Lab, device: &str) -> Result<Self> {
        let (device, monitor) = (lab.endpoint(device)?, lab.endpoint("monitor-1")?);
        let server = lab.endpoint("dns")?;
        Ok(Self {
            near: Wire::open(&device.namespace, device.interface)?,
            prover: Wire::open(&monitor.namespace, monitor.interface)?,
            far: Sniffer::open(&server.namespace, server.interface)?,
            link: Link {
                source: monitor.mac,
                destination: CORE_MAC,
                vlans: &[],
            },
            ends: (monitor.at(40_001), server.at(dns::PORT)),
            proofs: Cell::default(),
        })
    }

    /// From the core to monitor-1. Proofs are datagrams of the central station.
    pub fn from_core(lab: &Lab) -> Result<Self> {
        let (station, monitor) = (lab.endpoint("central-station")?, lab.endpoint("monitor-1")?);
        Ok(Self {
            near: Wire::open(&station.namespace, station.interface)?,
            prover: Wire::open(&station.namespace, station.interface)?,
            far: Sniffer::open(&monitor.namespace, monitor.interface)?,
            link: Link {
                source: CORE_MAC,
                destination: monitor.mac,
                vlans: &[],
            },
            ends: (station.at(40_001), monitor.at(24105)),
            proofs: Cell::default(),
        })
    }

    pub fn send(&self, frame: &[u8]) -> Result<()> {
        self.near.send(frame)
    }

    /// Whether a frame sent before arrives, looked at until a proof does.
    pub fn arrives(&self, frame: &[u8]) -> Result<bool> {
        let number = self.proofs.get();
        self.proofs.set(number + 1);
        let payload = format!("proof {number} that frames get through");
        let (source, destination) = self.ends;
        let proof = frame::udp(self.link, source, destination, payload.as_bytes())?;
        self.prover.send(&proof)?;
        let mut arrived = false;
        // Short frames may have been padded on the way.
        self.far
            .find(DEADLINE, |seen| {
                arrived |= seen.starts_with(frame);
                seen.starts_with(&proof)
            })?
            .context("not even the frame that proves the way arrived")?;
        Ok(arrived)
    }
}
