//! The bridge and its ports as netlink shows them: what forwarding past the bridge has to
//! know so as to do as it would. Netlink and not /sys, which shows the interfaces of
//! another network namespace than the daemon may be in.

use anyhow::Result;
use enforcer_common::addr::Mac;
use futures_util::TryStreamExt as _;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::link::{
    BridgePortState, BridgeStpState, InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoPortData,
    LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use rtnetlink::packet_route::neighbour::{NeighbourAttribute, NeighbourMessage, NeighbourState};

use super::links;

/// Time in netlink's messages of bridges.
const TICKS_PER_SECOND: u32 = 100;

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Switch {
    pub(super) bridge: Option<Bridge>,
    pub(super) links: Vec<Interface>,
    /// Addresses of the host itself.
    pub(super) reserved: Vec<Mac>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bridge {
    pub(super) index: u32,
    pub(super) mac: Mac,
    pub(super) filters_vlans: bool,
    /// Seconds.
    pub(super) ageing: u32,
    pub(super) forward_delay: u32,
    pub(super) runs_stp: bool,
}

/// One interface; what it is as a port, where it is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) master: Option<u32>,
    pub(super) mtu: u32,
    pub(super) up: bool,
    /// What kind of virtual interface it is; `None` for hardware.
    pub(super) kind: Option<String>,
    /// Interface in this namespace that this one stands on.
    pub(super) below: Option<u32>,
    pub(super) forwards: bool,
    /// What sets the port apart from others, in the words of `bridge link`.
    pub(super) special: Option<&'static str>,
}

/// # Errors
/// When netlink cannot be used.
pub(super) async fn look(bridge: &str) -> Result<Switch> {
    let messages = links::messages().await?;
    let mut switch = Switch::default();
    for message in &messages {
        let (interface, mac, as_bridge) = interface(message);
        switch.reserved.push(mac);
        if interface.name == bridge {
            switch.bridge = as_bridge.map(|found| Bridge {
                index: interface.index,
                mac,
                ..found
            });
        }
        switch.links.push(interface);
    }
    switch
        .reserved
        .retain(|mac| *mac != Mac::ZERO && !mac.is_group());
    Ok(switch)
}

fn interface(message: &LinkMessage) -> (Interface, Mac, Option<Bridge>) {
    let mut interface = Interface {
        index: message.header.index,
        up: message.header.flags.contains(LinkFlags::Up),
        ..Interface::default()
    };
    let (mut mac, mut bridge, mut elsewhere) = (Mac::ZERO, None, false);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => interface.name.clone_from(name),
            LinkAttribute::Controller(index) => interface.master = Some(*index),
            LinkAttribute::Mtu(mtu) => interface.mtu = *mtu,
            LinkAttribute::Link(index) => interface.below = Some(*index),
            LinkAttribute::LinkNetNsId(_) => elsewhere = true,
            LinkAttribute::Address(bytes) => {
                if let Ok(octets) = <[u8; 6]>::try_from(bytes.as_slice()) {
                    mac = Mac(octets);
                }
            }
            LinkAttribute::LinkInfo(infos) => {
                for info in infos {
                    match info {
                        LinkInfo::Kind(kind) => {
                            interface.kind = Some(kind.to_string());
                            // The other end of a pair does not stand on this one.
                            elsewhere |= *kind == InfoKind::Veth;
                        }
                        LinkInfo::Data(InfoData::Bridge(data)) => bridge = Some(as_bridge(data)),
                        LinkInfo::PortData(InfoPortData::BridgePort(data)) => {
                            as_port(data, &mut interface);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    if elsewhere {
        interface.below = None;
    }
    (interface, mac, bridge)
}

fn as_bridge(data: &[InfoBridge]) -> Bridge {
    let mut bridge = Bridge::default();
    for one in data {
        match one {
            InfoBridge::VlanFiltering(on) => bridge.filters_vlans = *on,
            InfoBridge::AgeingTime(ticks) => bridge.ageing = ticks / TICKS_PER_SECOND,
            InfoBridge::ForwardDelay(ticks) => bridge.forward_delay = ticks / TICKS_PER_SECOND,
            InfoBridge::StpState(state) => bridge.runs_stp = *state != BridgeStpState::Disabled,
            _ => {}
        }
    }
    bridge
}

fn as_port(data: &[InfoBridgePort], port: &mut Interface) {
    for one in data {
        match one {
            InfoBridgePort::State(state) => port.forwards = *state == BridgePortState::Forwarding,
            InfoBridgePort::Isolated(true) => port.special = Some("isolated"),
            InfoBridgePort::Locked(true) => port.special = Some("locked"),
            InfoBridgePort::Learning(false) => port.special = Some("learning off"),
            InfoBridgePort::VlanTunnel(true) => port.special = Some("vlan_tunnel on"),
            _ => {}
        }
    }
}

/// Addresses that somebody has told the bridge of, and that it does not learn.
///
/// # Errors
/// When netlink cannot be used.
pub(super) async fn fixed(bridge: u32) -> Result<Vec<Mac>> {
    let (connection, handle, _) = rtnetlink::new_connection()?;
    let task = tokio::spawn(connection);
    let mut request = handle.neighbours().get();
    request.message_mut().header.family = AddressFamily::Bridge;
    let entries: Vec<NeighbourMessage> = request.execute().try_collect().await?;
    task.abort();
    let fixed = entries.iter().filter(|entry| {
        let state = entry.header.state;
        let of_bridge = entry.header.ifindex == bridge
            || entry
                .attributes
                .contains(&NeighbourAttribute::Controller(bridge));
        of_bridge && (state == NeighbourState::Permanent || state == NeighbourState::Noarp)
    });
    Ok(fixed.filter_map(address).collect())
}

fn address(entry: &NeighbourMessage) -> Option<Mac> {
    entry
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NeighbourAttribute::LinkLayerAddress(bytes) => {
                Some(Mac(<[u8; 6]>::try_from(bytes.as_slice()).ok()?))
            }
            _ => None,
        })
}
