//! Events, as people read them.

use std::net::IpAddr;
use std::time::SystemTime;

use enforcer_common::addr::Ip;
use enforcer_common::event::Event as Record;
use enforcer_common::flow::protocol;
use enforcer_common::packet::ethertype;
use enforcer_common::verdict::{Fate, Reason};

use super::protocol_name;
use crate::control::api::{Event, FoundSignature};
use crate::daemon::engine::{Engine, hex};

pub(in crate::daemon) fn event(
    engine: &Engine,
    record: &Record,
    payload: Option<&[u8]>,
    time: SystemTime,
) -> Event {
    let running = engine
        .running()
        .filter(|running| running.epoch == record.epoch);
    let device = running
        .as_ref()
        .and_then(|running| running.device(record.device));
    let is_ip = matches!(record.ethertype, ethertype::IPV4 | ethertype::IPV6);
    let address = |ip: Ip| {
        (ip != Ip::UNSPECIFIED || record.ethertype == ethertype::IPV6).then(|| IpAddr::from(ip))
    };
    let has_ports = is_ip && matches!(record.protocol, protocol::TCP | protocol::UDP);
    let has_addresses = is_ip || record.ethertype == ethertype::ARP;
    let is_icmp = is_ip && matches!(record.protocol, protocol::ICMP | protocol::ICMPV6);
    let port = engine.config.ports.get(record.port as usize);
    Event {
        time: humantime::format_rfc3339_micros(time).to_string(),
        port: port.map(|port| port.name.clone()).unwrap_or_default(),
        fate: Fate::ALL
            .get(usize::from(record.fate))
            .map_or("deny", |fate| fate.label())
            .to_owned(),
        reason: Reason::from_number(record.reason)
            .map_or("unknown", Reason::label)
            .to_owned(),
        device: device.map(|device| device.name.clone()),
        profile: device
            .zip(running.as_ref())
            .map(|(device, running)| running.model.profiles[device.profile].name.clone()),
        vlan: record.vlan,
        source_mac: record.source_mac,
        destination_mac: record.destination_mac,
        ethertype: format!("0x{:04x}", record.ethertype),
        source: if has_addresses {
            address(record.source)
        } else {
            None
        },
        destination: if has_addresses {
            address(record.destination)
        } else {
            None
        },
        protocol: is_ip.then(|| protocol_name(record.protocol)),
        source_port: has_ports.then_some(record.source_port),
        destination_port: has_ports.then_some(record.destination_port),
        icmp_type: is_icmp.then_some(record.icmp_type),
        length: record.length,
        signature: running
            .as_ref()
            .and_then(|running| running.signature(record.signature.into()))
            .map(|signature| FoundSignature {
                name: signature.name.to_owned(),
                id: signature.id,
                severity: signature.severity,
                message: signature.message.to_owned(),
                payload: payload.map(hex),
            }),
        said: payload.filter(|_| record.signature == 0).map(hex),
    }
}
