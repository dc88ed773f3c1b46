//! DHCP answers (RFC 2131, RFC 8415): the addresses that a server gives, and for how
//! long. Reads the few fields that matter, and nothing of a message that is not
//! well-formed; crates that know all options bring a DNS library and tables of
//! Unicode with them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use enforcer_common::addr::Mac;

use super::Refusal;

/// UDP ports of servers.
pub const SERVER: u16 = 67;
pub const V6_SERVER: u16 = 547;

/// Lease of a server that states none, and the shortest that is believed; seconds.
const UNSTATED: u32 = 60 * 60;
const SHORTEST: u32 = 60;
/// A lease without an end (RFC 2131, 3.3; RFC 8415, 7.7).
pub const FOR_EVER: u32 = u32::MAX;

/// What a server granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The client that the message names; `None` where it names none by its
    /// hardware address.
    pub client: Option<Mac>,
    /// Addresses, and for how many seconds, [`FOR_EVER`] without an end.
    pub addresses: Vec<(IpAddr, u32)>,
}

/// Fixed fields of a DHCP message (RFC 2131, 2), and the cookie behind them.
mod v4 {
    pub(super) const BOOTREPLY: u8 = 2;
    pub(super) const ETHERNET: [u8; 2] = [1, 6];
    pub(super) const YIADDR: usize = 16;
    pub(super) const CHADDR: usize = 28;
    pub(super) const COOKIE: usize = 236;
    pub(super) const COOKIE_VALUE: [u8; 4] = [99, 130, 83, 99];
    pub(super) const OPTIONS: usize = 240;
    /// Options (RFC 2132).
    pub(super) const PAD: u8 = 0;
    pub(super) const LEASE_TIME: u8 = 51;
    pub(super) const MESSAGE_TYPE: u8 = 53;
    pub(super) const END: u8 = 255;
    pub(super) const ACK: u8 = 5;
}

/// An acknowledgement; `None` for every other message.
///
/// # Errors
/// [`Refusal::Malformed`], also where a field that matters is there twice.
pub fn grant(message: &[u8]) -> Result<Option<Grant>, Refusal> {
    let malformed = Refusal::Malformed;
    let address: [u8; 4] = bytes(message, v4::YIADDR).ok_or(malformed)?;
    let client: [u8; 6] = bytes(message, v4::CHADDR).ok_or(malformed)?;
    let cookie: [u8; 4] = bytes(message, v4::COOKIE).ok_or(malformed)?;
    let Some([v4::BOOTREPLY, kind, length]) = bytes(message, 0) else {
        return Err(malformed);
    };
    if [kind, length] != v4::ETHERNET || cookie != v4::COOKIE_VALUE {
        return Err(malformed);
    }
    let (mut kind, mut lease) = (None, None);
    for (option, value) in options(&message[v4::OPTIONS..]).ok_or(malformed)? {
        let twice = match option {
            v4::MESSAGE_TYPE => {
                let [value] = value.try_into().map_err(|_| malformed)?;
                kind.replace(value).is_some()
            }
            v4::LEASE_TIME => {
                let value = value.try_into().map_err(|_| malformed)?;
                lease.replace(u32::from_be_bytes(value)).is_some()
            }
            _ => false,
        };
        if twice {
            return Err(malformed);
        }
    }
    if kind.ok_or(malformed)? != v4::ACK {
        return Ok(None);
    }
    let address = Ipv4Addr::from(address);
    // The answer to an inform gives no address.
    if address.is_unspecified() {
        return Ok(None);
    }
    let lease = lease.unwrap_or(UNSTATED).max(SHORTEST);
    Ok(Some(Grant {
        client: Some(Mac(client)),
        addresses: vec![(address.into(), lease)],
    }))
}

/// The options up to the one that ends them, behind which there is padding alone.
fn options(mut rest: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut found = Vec::new();
    loop {
        let (&option, behind) = rest.split_first()?;
        rest = behind;
        match option {
            v4::PAD => {}
            v4::END => return rest.iter().all(|byte| *byte == v4::PAD).then_some(found),
            _ => {
                let (&length, behind) = rest.split_first()?;
                let (value, behind) = behind.split_at_checked(usize::from(length))?;
                found.push((option, value));
                rest = behind;
            }
        }
    }
}

/// DHCPv6 (RFC 8415): messages 7.3, options 21.
mod v6 {
    pub(super) const REPLY: u8 = 7;
    pub(super) const OPTIONS: usize = 4;
    pub(super) const IA_NA: u16 = 3;
    pub(super) const IA_ADDRESS: u16 = 5;
    pub(super) const STATUS: u16 = 13;
    /// Fixed fields of an association, and of an address in it.
    pub(super) const IA_NA_FIXED: usize = 12;
    pub(super) const IA_ADDRESS_FIXED: usize = 24;
    pub(super) const VALID_LIFETIME: usize = 20;
}

/// A reply with addresses; `None` for every other message.
///
/// # Errors
/// [`Refusal::Malformed`].
pub fn grant_v6(message: &[u8]) -> Result<Option<Grant>, Refusal> {
    let (&kind, _) = message.split_first().ok_or(Refusal::Malformed)?;
    if kind != v6::REPLY {
        return Ok(None);
    }
    let addresses = replied(message).ok_or(Refusal::Malformed)?;
    Ok((!addresses.is_empty()).then_some(Grant {
        client: None,
        addresses,
    }))
}

fn replied(message: &[u8]) -> Option<Vec<(IpAddr, u32)>> {
    let options = options_v6(message.get(v6::OPTIONS..)?)?;
    if !succeeded(&options)? {
        return Some(Vec::new());
    }
    let mut addresses = Vec::new();
    for (_, value) in options.iter().filter(|(option, _)| *option == v6::IA_NA) {
        let association = options_v6(value.get(v6::IA_NA_FIXED..)?)?;
        if !succeeded(&association)? {
            continue;
        }
        for (_, value) in association
            .iter()
            .filter(|(option, _)| *option == v6::IA_ADDRESS)
        {
            let within = options_v6(value.get(v6::IA_ADDRESS_FIXED..)?)?;
            let address: [u8; 16] = bytes(value, 0)?;
            let valid = u32::from_be_bytes(bytes(value, v6::VALID_LIFETIME)?);
            // A lifetime of 0 takes the address back.
            if valid > 0 && succeeded(&within)? {
                addresses.push((Ipv6Addr::from(address).into(), valid.max(SHORTEST)));
            }
        }
    }
    Some(addresses)
}

/// Whether no status says otherwise; `None` where one is cut short.
fn succeeded(options: &[(u16, &[u8])]) -> Option<bool> {
    let mut good = true;
    for (_, value) in options.iter().filter(|(option, _)| *option == v6::STATUS) {
        good &= bytes(value, 0)? == [0, 0];
    }
    Some(good)
}

/// Options that fill what is given.
fn options_v6(mut rest: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let option = u16::from_be_bytes(bytes(rest, 0)?);
        let length = usize::from(u16::from_be_bytes(bytes(rest, 2)?));
        let (value, behind) = rest[4..].split_at_checked(length)?;
        found.push((option, value));
        rest = behind;
    }
    Some(found)
}

fn bytes<const N: usize>(message: &[u8], place: usize) -> Option<[u8; N]> {
    message.get(place..place.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests;
