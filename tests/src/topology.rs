//! What a lab looks like: devices on the ward, hosts in the core. Plain data;
//! `wiring` makes it real.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::mac::Mac;

/// Length of the IPv4 prefix of the lab's one subnet.
pub const IPV4_PREFIX: u8 = 16;
/// Length of the IPv6 prefix of the lab's one subnet.
pub const IPV6_PREFIX: u8 = 64;

/// The one MAC address of the core: all its hosts live in one namespace.
pub const CORE_MAC: Mac = Mac([0x02, 0, 0, 0, 0xc0, 0x01]);

/// Devices behind the ward switch and hosts behind the core port.
#[derive(Debug, Clone)]
pub struct Topology {
    pub devices: Vec<Device>,
    pub core: Vec<CoreHost>,
    /// MTU of every interface.
    pub mtu: u16,
}

/// A device: a namespace of its own, one port of the ward switch.
#[derive(Debug, Clone)]
pub struct Device {
    /// Also the name of the switch port: at most 15 characters.
    pub name: String,
    pub mac: Mac,
    pub ipv4: Ipv4Addr,
    pub ipv6: Ipv6Addr,
}

/// A host of the core network: one pair of addresses among several.
#[derive(Debug, Clone)]
pub struct CoreHost {
    pub name: String,
    pub ipv4: Ipv4Addr,
    pub ipv6: Ipv6Addr,
}

impl Device {
    pub fn new(name: &str, mac: [u8; 6], ipv4: [u8; 4], ipv6: u16) -> Self {
        Self {
            name: name.to_owned(),
            mac: Mac(mac),
            ipv4: ipv4.into(),
            ipv6: lab_ipv6(ipv6),
        }
    }
}

impl CoreHost {
    pub fn new(name: &str, ipv4: [u8; 4], ipv6: u16) -> Self {
        Self {
            name: name.to_owned(),
            ipv4: ipv4.into(),
            ipv6: lab_ipv6(ipv6),
        }
    }
}

impl Default for Topology {
    /// The ward of `policies/ward.yaml`, a stranger that no policy names, and
    /// the hosts they talk to. The first core host is the DHCP server, because
    /// dnsmasq answers from the first address of its interface.
    fn default() -> Self {
        Self {
            devices: vec![
                Device::new("pump-1", [0x02, 0, 0, 0, 0x10, 0x01], [10, 10, 0, 11], 0x11),
                Device::new(
                    "monitor-1",
                    [0x02, 0, 0, 0, 0x10, 0x02],
                    [10, 10, 0, 12],
                    0x12,
                ),
                Device::new(
                    "printer-1",
                    [0x02, 0, 0, 0, 0x10, 0x03],
                    [10, 10, 0, 13],
                    0x13,
                ),
                Device::new(
                    "stranger",
                    [0x02, 0, 0, 0, 0x66, 0x66],
                    [10, 10, 0, 66],
                    0x66,
                ),
            ],
            core: vec![
                CoreHost::new("dhcp", [10, 10, 0, 67], 0x43),
                CoreHost::new("engine", [10, 10, 0, 100], 0x64),
                CoreHost::new("dns", [10, 10, 0, 53], 0x53),
                CoreHost::new("ntp", [10, 10, 0, 123], 0x7b),
                CoreHost::new("systems-manager", [10, 10, 0, 36], 0x24),
                CoreHost::new("central-station", [10, 10, 0, 24], 0x18),
                CoreHost::new("pacs", [10, 10, 0, 104], 0x68),
                CoreHost::new("print-server", [10, 10, 0, 91], 0x5b),
                CoreHost::new("intruder", [10, 10, 0, 200], 0xc8),
            ],
            mtu: 1500,
        }
    }
}

/// `fd00:10::<host>`.
fn lab_ipv6(host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0x10, 0, 0, 0, 0, 0, host)
}
