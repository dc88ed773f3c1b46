//! Devices that may do anything, one for each level and each depth of tags.

use std::net::IpAddr;

use enforcer_common::port::Side;
use enforcer_tests::program::frame::Link;
use enforcer_tests::program::ward::{Family, ROUTER, device, mac, station};

use super::Build;

/// No tag, one, two.
pub(crate) const VARIANTS: u8 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Drop,
    Alert,
    Off,
}

impl Level {
    pub(crate) const ALL: [Self; 3] = [Self::Drop, Self::Alert, Self::Off];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Alert => "alert",
            Self::Off => "off",
        }
    }
}

/// The profile for alerts says nothing of sanity: that is what holds then.
pub(crate) fn policy() -> String {
    let mut text = String::from(
        r#"
version: 1
defaults: {new_flows_per_second: 0, fragments: track}
profiles:
  alert:
    allow:
      - {name: out, to: any, protocol: any}
      - {name: in, from: any, protocol: any}
  drop: {extends: alert, sanity: drop}
  "off":
    extends: alert
    sanity: {tcp-stack: "off", ip-stack: "off", ipv6-stack: "off", dhcp: "off", dns: "off", arp: "off"}
devices:
"#,
    );
    for level in Level::ALL {
        for variant in 0..VARIANTS {
            let vlan = ["untagged", "10", "\"100.10\""][usize::from(variant)];
            let number = number(level, variant);
            text += &format!(
                "  - {{name: d{number}, mac: \"02:00:00:00:00:{number:02}\", vlan: {vlan}, profile: \"{}\"}}\n",
                level.word()
            );
        }
    }
    text
}

/// The frame from a device to a station of the core, or from there to the device.
pub(crate) fn frame(
    family: Family,
    side: Side,
    level: Level,
    variant: u8,
    build: Build<'_>,
) -> Vec<u8> {
    let (link, own, other) = ends(family, level, variant);
    match side {
        Side::Device => build(&link, own, other),
        Side::Core => build(&link.back(), other, own),
    }
}

/// A device's link to the router, its address, and that of a station.
pub(crate) fn ends(family: Family, level: Level, variant: u8) -> (Link, IpAddr, IpAddr) {
    let number = number(level, variant);
    let link = Link::new(mac(number), ROUTER);
    let link = match variant {
        0 => link,
        1 => link.vlan(10),
        _ => link.provider_vlan(100).vlan(10),
    };
    (link, device(family, number), station(family))
}

pub(crate) const fn number(level: Level, variant: u8) -> u8 {
    level as u8 * VARIANTS + variant + 1
}
