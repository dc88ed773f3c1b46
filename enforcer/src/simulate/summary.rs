//! A frame in one line, as far as the decision parsed it.

use std::net::{IpAddr, SocketAddr};

use enforcer_common::addr::{Ip, Vlan};
use enforcer_common::flow::protocol;
use enforcer_common::packet::transport::flags;
use enforcer_common::packet::{Packet, ethertype};

use crate::policy::describe;

/// Flags that tell how a connection goes.
const FLAGS: [(u8, &str); 4] = [
    (flags::SYN, "SYN"),
    (flags::ACK, "ACK"),
    (flags::FIN, "FIN"),
    (flags::RST, "RST"),
];

/// `10.0.0.1:40000 > 10.0.0.2:80 TCP SYN, 60 bytes, VLAN 10`.
pub(super) fn summarize(packet: &Packet) -> String {
    let addressed = packet.is_ip() && !(unset(packet.source) && unset(packet.destination));
    let mut text = if addressed {
        in_ip(packet)
    } else {
        in_ethernet(packet)
    };
    text += &format!(", {} bytes", packet.length);
    if packet.vlan != Vlan::UNTAGGED {
        text += &format!(", {}", describe::vlan(packet.vlan));
    }
    text
}

fn unset(ip: Ip) -> bool {
    ip == Ip::UNSPECIFIED
}

fn in_ip(packet: &Packet) -> String {
    let (source, destination) = (
        IpAddr::from(packet.source),
        IpAddr::from(packet.destination),
    );
    let name = match packet.protocol {
        protocol::TCP => format!("TCP{}", tcp_flags(packet.tcp_flags)),
        protocol::UDP => "UDP".to_owned(),
        protocol::ICMP => format!("ICMP type {} code {}", packet.icmp_type, packet.icmp_code),
        protocol::ICMPV6 => format!("ICMPv6 type {} code {}", packet.icmp_type, packet.icmp_code),
        number => format!("IP protocol {number}"),
    };
    let part = if packet.is_fragment() {
        ", fragment"
    } else {
        ""
    };
    let ports = matches!(packet.protocol, protocol::TCP | protocol::UDP)
        && packet.source_port | packet.destination_port != 0;
    if ports {
        let source = SocketAddr::new(source, packet.source_port);
        let destination = SocketAddr::new(destination, packet.destination_port);
        format!("{source} > {destination} {name}{part}")
    } else {
        format!("{source} > {destination} {name}{part}")
    }
}

fn tcp_flags(set: u8) -> String {
    let names = FLAGS.iter().filter(|(flag, _)| set & flag != 0);
    names.map(|(_, name)| format!(" {name}")).collect()
}

fn in_ethernet(packet: &Packet) -> String {
    let (source, destination) = (packet.source_mac, packet.destination_mac);
    let name = match packet.ethertype {
        ethertype::ARP => "ARP".to_owned(),
        ethertype::IPV4 => "IPv4".to_owned(),
        ethertype::IPV6 => "IPv6".to_owned(),
        ethertype::LLDP => "LLDP".to_owned(),
        ethertype::EAPOL => "EAPOL".to_owned(),
        ethertype::SLOW_PROTOCOLS => "slow protocols (LACP)".to_owned(),
        length if length < ethertype::FIRST => "IEEE 802.3".to_owned(),
        other => format!("EtherType {other:#06x}"),
    };
    format!("{source} > {destination} {name}")
}

#[cfg(test)]
mod tests {
    use enforcer_common::addr::Mac;

    use super::*;

    #[test]
    fn frames_are_told_as_far_as_they_were_parsed() {
        let mut packet = Packet {
            source_mac: Mac([2, 0, 0, 0, 0, 1]),
            destination_mac: Mac::BROADCAST,
            ethertype: ethertype::ARP,
            length: 60,
            ..Packet::EMPTY
        };
        let ends = "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff";
        assert_eq!(summarize(&packet), format!("{ends} ARP, 60 bytes"));
        packet.ethertype = 0x88b8;
        packet.vlan = Vlan::single(10);
        assert!(summarize(&packet).starts_with(&format!("{ends} EtherType 0x88b8, 60 bytes, ")));
        packet.ethertype = ethertype::IPV4;
        assert!(
            summarize(&packet).starts_with(&format!("{ends} IPv4, ")),
            "not parsed"
        );
        packet.vlan = Vlan::UNTAGGED;
        packet.source = Ip::v4([10, 0, 0, 1]);
        packet.destination = Ip::v4([10, 0, 0, 2]);
        packet.protocol = protocol::TCP;
        packet.tcp_flags = flags::SYN | flags::ACK;
        (packet.source_port, packet.destination_port) = (80, 40_000);
        assert_eq!(
            summarize(&packet),
            "10.0.0.1:80 > 10.0.0.2:40000 TCP SYN ACK, 60 bytes"
        );
    }
}
