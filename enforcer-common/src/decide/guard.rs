//! Guard stage: a device bound to addresses uses these and no others, and is
//! sent packets for these and no others.

use super::Policy;
use super::identify::Party;
use crate::addr::Ip;
use crate::packet::Packet;
use crate::table::Binding;
use crate::tables::Tables;
use crate::verdict::Reason;

/// Checks the source address against the source's binding.
#[inline(always)]
pub(super) fn check_source<T: Tables>(
    policy: &Policy<'_, T>,
    party: &Party,
    packet: &Packet,
) -> Result<(), Reason> {
    if !party.bound || party.served || owns(policy, party, packet.source) {
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
        || owns(policy, party, packet.destination)
    {
        Ok(())
    } else {
        Err(Reason::WrongDestination)
    }
}

/// Whether a bound device owns an address. An IPv6 link-local address is made by
/// the device itself and always its own.
#[inline(always)]
pub(super) fn owns<T: Tables>(policy: &Policy<'_, T>, party: &Party, ip: Ip) -> bool {
    ip.is_v6_link_local()
        || policy
            .binding(party.number)
            .is_some_and(|binding| contains(binding, ip))
}

#[inline(always)]
fn contains(binding: &Binding, ip: Ip) -> bool {
    let [a, b, c, d] = &binding.0;
    !ip.is_unspecified() && (*a == ip || *b == ip || *c == ip || *d == ip)
}
