//! One observation, judged by the candidate: its first packet is built anew, with
//! the addresses recorded, and goes through the decision at the same time of the
//! same day of the week.

use std::collections::HashMap;
use std::net::IpAddr;

use anyhow::Result;
use enforcer_common::addr::{Ip, Mac, Vlan};
use enforcer_common::flow::protocol;
use enforcer_common::learned::LearnedKey;
use enforcer_common::port::{Port, Side};
use enforcer_common::table::device_key;

use crate::control::api::{Asked, Observation, SeenDevice, Starter};
use crate::datapath::observe::Observed;
use crate::policy::calendar;
use crate::policy::compile::Compiled;
use crate::policy::model::{Device, Model};
use crate::simulate::engine::{Engine as _, InModel};
use crate::simulate::explain::first_packet;
use crate::simulate::ports;

const SECOND: u64 = 1_000_000_000;
const WEEK: u32 = 7 * 86_400;

/// Stand for hardware addresses that were not recorded; locally administered.
const STRANGER: Mac = Mac([0x02, 0, 0x5e, 0, 0, 0x04]);
const CORE: Mac = Mac([0x02, 0, 0x5e, 0, 0, 0x05]);

/// An end of an observation as the candidate sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) mac: Mac,
    pub(super) ip: IpAddr,
    /// Index in [`Model::devices`].
    pub(super) device: Option<usize>,
    at_device_side: bool,
}

/// The candidate, ready to judge.
#[derive(Debug)]
pub(super) struct Judge<'m> {
    model: &'m Model,
    compiled: &'m Compiled,
    engine: InModel,
    identities: HashMap<(Mac, Vlan), usize>,
    addresses: HashMap<(IpAddr, Vlan), usize>,
    /// Seconds of the simulation's clock: each packet has one of its own, so that no
    /// budget runs out.
    second: u32,
    now: u32,
}

impl<'m> Judge<'m> {
    /// `compiled` has the pretended ports in their places; `now` is Unix time.
    pub(super) fn new(model: &'m Model, compiled: &'m Compiled, now: u32) -> Result<Self> {
        let mut engine = InModel::default();
        engine.install(compiled)?;
        let devices = || model.devices.iter().enumerate();
        let addresses = devices().flat_map(|(index, device)| {
            device.addresses().map(move |ip| ((ip, device.vlan), index))
        });
        Ok(Self {
            model,
            compiled,
            engine,
            identities: devices()
                .map(|(index, of)| ((of.mac, of.vlan), index))
                .collect(),
            addresses: addresses.collect(),
            second: 0,
            now,
        })
    }

    /// The device of the candidate that has an identity.
    pub(super) fn device(&self, mac: Mac, vlan: Vlan) -> Option<usize> {
        self.identities.get(&(mac, vlan)).copied()
    }

    /// Both ends of an observation: who began first.
    pub(super) fn ends(
        &self,
        observation: &Observation,
        device: &SeenDevice,
        peer: Option<&SeenDevice>,
    ) -> [End; 2] {
        let vlan = device.vlan;
        let everybody = device.mac == Mac::BROADCAST;
        let own = self.end(known(device.mac), observation.address, vlan, !everybody);
        let peer_mac = peer.and_then(|peer| known(peer.mac));
        let peer = self.end(
            peer_mac,
            observation.peer,
            vlan,
            observation.peer_at_device_side,
        );
        match observation.starts {
            Starter::Device => [own, peer],
            Starter::Peer => [peer, own],
        }
    }

    /// What would become of the first packet; an inner error is why nobody can say.
    pub(super) fn judge(
        &mut self,
        ends: [End; 2],
        vlan: Vlan,
        service: Asked,
        seen: u32,
    ) -> Result<Result<Observed, String>> {
        let frame = match first_packet(ends.map(|end| (end.mac, end.ip)), vlan, service) {
            Ok(frame) => frame,
            Err(why) => return Ok(Err(why)),
        };
        self.second = self.second.wrapping_add(1).max(1);
        let time = again(seen, self.now);
        self.engine.set_clock_offset(time.wrapping_sub(self.second));
        for scheduled in &self.compiled.scheduled {
            let (profile, rule) = scheduled.rule;
            let rule = &self.model.profiles[profile].rules[rule];
            self.engine
                .set_windows(scheduled.line, calendar::intervals(rule, time));
        }
        for end in ends {
            self.lease(end, vlan)?;
        }
        let observed =
            self.engine
                .judge(&frame, &self.port(ends[0]), u64::from(self.second) * SECOND)?;
        self.engine.forget_flows()?;
        Ok(observed.ok_or_else(|| "it cannot be built".to_owned()))
    }

    fn end(&self, mac: Option<Mac>, ip: IpAddr, vlan: Vlan, at_device_side: bool) -> End {
        // Who is declared only now was known by its address alone.
        let device = match mac {
            Some(mac) => self.device(mac, vlan),
            None => self.addresses.get(&(ip, vlan)).copied(),
        };
        let stand_in = if at_device_side { STRANGER } else { CORE };
        End {
            mac: mac
                .or_else(|| {
                    device
                        .and_then(|index| self.declared(index))
                        .map(|of| of.mac)
                })
                .unwrap_or(stand_in),
            ip,
            device,
            at_device_side,
        }
    }

    fn declared(&self, index: usize) -> Option<&'m Device> {
        self.model.devices.get(index)
    }

    /// A device that must use the address which it was given is taken to have been
    /// given the one that it used.
    fn lease(&mut self, end: End, vlan: Vlan) -> Result<()> {
        let device = end.device.and_then(|index| self.declared(index));
        if !device.is_some_and(|device| device.dhcp_address) {
            return Ok(());
        }
        let key = LearnedKey {
            address: Ip::from(end.ip),
            name: 0,
            device: device_key(end.mac, vlan),
            inner_vlan: u32::from(vlan.inner),
            reserved: 0,
        };
        self.engine.learn(&key, u32::MAX)
    }

    fn port(&self, source: End) -> Port {
        match source.device.and_then(|index| self.declared(index)) {
            Some(device) => ports::of_device(self.compiled, device),
            None if source.at_device_side => ports::unnamed(Side::Device),
            None => ports::unnamed(Side::Core),
        }
    }
}

/// What the first packet asked for; an error is why that is not known.
pub(super) fn asked(observation: &Observation) -> Result<Asked, String> {
    let kind = |service: Option<u16>| service.and_then(|kind| u8::try_from(kind).ok());
    match (observation.protocol, observation.service) {
        (protocol::TCP, Some(port)) => Ok(Asked::Tcp(port)),
        (protocol::UDP, Some(port)) => Ok(Asked::Udp(port)),
        (protocol::ICMP | protocol::ICMPV6, service) => kind(service)
            .map(Asked::Icmp)
            .ok_or_else(|| "the type of the ICMP message was not recorded".to_owned()),
        (protocol::TCP | protocol::UDP, None) => Err("the port was not recorded".to_owned()),
        (number, _) => Ok(Asked::Protocol(number)),
    }
}

fn known(mac: Mac) -> Option<Mac> {
    (mac != Mac::ZERO).then_some(mac)
}

/// The same time of the same day of the week again, from `now` on: rules have
/// schedules, and expire.
fn again(seen: u32, now: u32) -> u32 {
    let weeks = now.saturating_sub(seen).div_ceil(WEEK);
    seen.saturating_add(weeks.saturating_mul(WEEK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_comes_again_on_the_same_day_of_the_week() {
        assert_eq!(again(1_000, 1_000), 1_000);
        assert_eq!(again(1_000, 1_001), 1_000 + WEEK);
        assert_eq!(again(1_000, 1_000 + 3 * WEEK), 1_000 + 3 * WEEK);
        assert_eq!(again(2_000, 1_000), 2_000);
    }
}
