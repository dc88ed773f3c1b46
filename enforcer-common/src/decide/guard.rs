//! Guard stage: a device bound to addresses uses these and no others, and is
//! sent packets for these and no others.

use super::Policy;
use super::identify::Party;
use crate::addr::{Ip, Mac};
use crate::counter::seconds;
use crate::learned::LearnedKey;
use crate::packet::Packet;
use crate::table::{DEVICE_BOUND, DEVICE_DHCP_ADDRESS, DeviceLine, device_key};
use crate::tables::Tables;
use crate::verdict::Reason;

/// Checks the source address against the source's binding.
#[inline(always)]
pub(super) fn check_source<T: Tables>(
    policy: &Policy<'_, T>,
    party: &Party,
    packet: &Packet,
) -> Result<(), Reason> {
    if !party.bound || party.served || owns(policy, party, packet, packet.source_mac, packet.source)
    {
        Ok(())
    } else {
        Err(Reason::SpoofedSource)
    }
}

/// Checks the destination address against the destination's binding. Group
/// addresses belong to everybody.
#[inline(always)]
pub(super) fn check_destination<T: Tables>(
    policy: &Policy<'_, T>,
    party: &Party,
    packet: &Packet,
) -> Result<(), Reason> {
    if !party.bound
        || party.served
        || packet.destination.is_group()
        || owns(
            policy,
            party,
            packet,
            packet.destination_mac,
            packet.destination,
        )
    {
        Ok(())
    } else {
        Err(Reason::WrongDestination)
    }
}

/// Whether a bound device owns an address. An IPv6 link-local address is made by
/// the device itself and always its own.
#[inline(always)]
pub(super) fn owns<T: Tables>(
    policy: &Policy<'_, T>,
    party: &Party,
    packet: &Packet,
    mac: Mac,
    ip: Ip,
) -> bool {
    if ip.is_v6_link_local() {
        return true;
    }
    if party.flags & DEVICE_BOUND != 0
        && policy
            .device_line(party.number)
            .is_some_and(|line| contains(line, ip))
    {
        return true;
    }
    party.flags & DEVICE_DHCP_ADDRESS != 0 && was_given(policy, packet, mac, ip)
}

#[inline(always)]
fn contains(line: &DeviceLine, ip: Ip) -> bool {
    if ip.is_unspecified() {
        return false;
    }
    if ip.is_v4() {
        let bits = ip.to_v4_bits();
        return line.ipv4[0] == bits || line.ipv4[1] == bits;
    }
    let address = [ip.high, ip.low];
    line.ipv6[0] == address || line.ipv6[1] == address
}

/// Whether a DHCP server gave the address to the device.
#[inline(always)]
fn was_given<T: Tables>(policy: &Policy<'_, T>, packet: &Packet, mac: Mac, ip: Ip) -> bool {
    let key = LearnedKey {
        address: ip,
        name: 0,
        device: device_key(mac, packet.vlan),
        inner_vlan: u32::from(packet.vlan.inner),
        reserved: 0,
    };
    policy.tables.learned(&key) > seconds(policy.now())
}
