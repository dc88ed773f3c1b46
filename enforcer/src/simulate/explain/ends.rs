//! Who a question is about: names, MAC addresses and IP addresses become the two
//! ends of a packet. Judges nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use enforcer_common::addr::{Ip, Mac, Vlan};

use crate::control::api::Question;
use crate::policy::describe;
use crate::policy::model::{Device, Model};

/// Stand for what the policy does not know; locally administered.
pub(super) const ROUTER: Mac = Mac([0x02, 0, 0x5e, 0, 0, 0x01]);
const HOST: [Mac; 2] = [
    Mac([0x02, 0, 0x5e, 0, 0, 0x02]),
    Mac([0x02, 0, 0x5e, 0, 0, 0x03]),
];

/// Stand for addresses that are not known (RFC 2544 and RFC 3849), source first.
const V4: [Ipv4Addr; 2] = [Ipv4Addr::new(198, 18, 0, 1), Ipv4Addr::new(198, 18, 0, 2)];
const V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2),
];

/// Whether a hardware address stands for one that is not known.
pub(super) fn is_stand_in(mac: Mac) -> bool {
    mac == ROUTER || HOST.contains(&mac)
}

/// Devices listed where a text means several.
const LISTED: usize = 5;

/// Both ends of a packet, and what had to be assumed about them.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) source: Host,
    pub(super) destination: Host,
    pub(super) notes: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) mac: Mac,
    pub(super) ip: IpAddr,
    /// Index in [`Model::devices`].
    pub(super) device: Option<usize>,
    /// `None`: in whichever VLAN the other end is.
    pub(super) vlan: Option<Vlan>,
    /// Whether its frames come in by a device-side port.
    pub(super) at_device_side: bool,
}

impl Host {
    /// Sends from this address, whatever it is bound to.
    ///
    /// # Errors
    /// When it cannot be sent from towards the other end.
    pub(super) fn use_address(&mut self, address: IpAddr, other: &Self) -> Result<(), String> {
        if address.is_ipv4() != other.ip.is_ipv4() {
            return Err(format!(
                "{address} and {} are of different families: ask with an address of the other end",
                other.ip
            ));
        }
        self.ip = address;
        Ok(())
    }
}

/// What a text may mean.
#[derive(Debug)]
enum Meaning {
    /// Devices in different VLANs may share an address.
    Devices(Vec<usize>),
    UndeclaredMac(Mac),
    Address(IpAddr),
}

pub(super) fn resolve(model: &Model, question: &Question) -> Result<Ends, String> {
    let meanings = [
        meaning(model, &question.from)?,
        meaning(model, &question.to)?,
    ];
    let vlans = [vlan_of(model, &meanings[0]), vlan_of(model, &meanings[1])];
    let devices = [
        one_device(model, &meanings[0], vlans[1], &question.from)?,
        one_device(model, &meanings[1], vlans[0], &question.to)?,
    ];
    let (addresses, notes) = addresses(model, question, &meanings, devices)?;
    let host = |end: usize| match (
        &meanings[end],
        devices[end].and_then(|index| model.devices.get(index)),
    ) {
        (_, Some(device)) => Host {
            mac: device.mac,
            ip: addresses[end],
            device: devices[end],
            vlan: Some(device.vlan),
            at_device_side: true,
        },
        (Meaning::UndeclaredMac(mac), None) => Host {
            mac: *mac,
            ip: addresses[end],
            device: None,
            vlan: None,
            at_device_side: true,
        },
        _ => Host {
            mac: group_mac(addresses[end]).unwrap_or(HOST[end]),
            ip: addresses[end],
            device: None,
            vlan: None,
            at_device_side: false,
        },
    };
    Ok(Ends {
        source: host(0),
        destination: host(1),
        notes,
    })
}

fn meaning(model: &Model, text: &str) -> Result<Meaning, String> {
    let devices = |matches: &dyn Fn(&Device) -> bool| -> Vec<usize> {
        let all = model.devices.iter().enumerate();
        all.filter(|(_, device)| matches(device))
            .map(|(index, _)| index)
            .collect()
    };
    let named = devices(&|device| device.name == text);
    if !named.is_empty() {
        return Ok(Meaning::Devices(named));
    }
    if let Ok(mac) = text.parse::<Mac>() {
        let having = devices(&|device| device.mac == mac);
        return Ok(if having.is_empty() {
            Meaning::UndeclaredMac(mac)
        } else {
            Meaning::Devices(having)
        });
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        let address = address.to_canonical();
        let bound = devices(&|device| device.addresses().any(|own| own == address));
        return Ok(if bound.is_empty() {
            Meaning::Address(address)
        } else {
            Meaning::Devices(bound)
        });
    }
    Err(unknown(model, text))
}

fn unknown(model: &Model, text: &str) -> String {
    if let Some(prefix) = model.peers.get(text).and_then(|prefixes| prefixes.first()) {
        return format!(
            "`{text}` is a peer: ask about one of its addresses, such as {}",
            prefix.addr()
        );
    }
    if model.profiles.iter().any(|profile| profile.name == text) {
        let of = |device: &&Device| describe::profile_name(model, device.profile) == text;
        let example = model
            .devices
            .iter()
            .find(of)
            .map(|device| format!(", such as {}", device.name));
        return format!(
            "`{text}` is a profile: ask about one of its devices{}",
            example.unwrap_or_default()
        );
    }
    let names = model.devices.iter().map(|device| device.name.as_str());
    let lower = text.to_ascii_lowercase();
    let close = names
        .map(|name| {
            (
                strsim::damerau_levenshtein(&lower, &name.to_ascii_lowercase()),
                name,
            )
        })
        .min()
        .filter(|(distance, _)| *distance <= (text.len() / 3).max(1));
    let hint = close.map_or_else(
        || "; name a device, a MAC address or an IP address".to_owned(),
        |(_, name)| format!("; did you mean `{name}`?"),
    );
    format!("no device is named `{text}`{hint}")
}

/// The VLAN of a meaning that is clear about it.
fn vlan_of(model: &Model, meaning: &Meaning) -> Option<Vlan> {
    match meaning {
        Meaning::Devices(indices) if indices.len() == 1 => {
            model.devices.get(indices[0]).map(|device| device.vlan)
        }
        _ => None,
    }
}

/// The device meant; of several, the one in the VLAN of the other end.
fn one_device(
    model: &Model,
    meaning: &Meaning,
    beside: Option<Vlan>,
    text: &str,
) -> Result<Option<usize>, String> {
    let Meaning::Devices(indices) = meaning else {
        return Ok(None);
    };
    if let [only] = indices[..] {
        return Ok(Some(only));
    }
    let vlan = |index: &&usize| model.devices.get(**index).map(|device| device.vlan);
    if let Some(near) = indices
        .iter()
        .find(|index| beside.is_some() && vlan(index) == beside)
    {
        return Ok(Some(*near));
    }
    let names: Vec<_> = indices
        .iter()
        .take(LISTED)
        .filter_map(|index| model.devices.get(*index))
        .collect();
    let names: Vec<_> = names
        .iter()
        .map(|device| format!("{} ({})", device.name, describe::vlan(device.vlan)))
        .collect();
    Err(format!(
        "{} devices have {text}: name one of them: {}",
        indices.len(),
        names.join(", ")
    ))
}

/// The addresses of both ends, of one family.
fn addresses(
    model: &Model,
    question: &Question,
    meanings: &[Meaning; 2],
    devices: [Option<usize>; 2],
) -> Result<([IpAddr; 2], Vec<String>), String> {
    let known = [
        candidates(model, &question.from, &meanings[0], devices[0]),
        candidates(model, &question.to, &meanings[1], devices[1]),
    ];
    let mut families = [true, false].into_iter();
    let fits = |v4: bool| {
        known
            .iter()
            .all(|ips| ips.is_empty() || ips.iter().any(|ip| ip.is_ipv4() == v4))
    };
    let Some(v4) = families.find(|v4| fits(*v4)) else {
        return Err(format!(
            "{} and {} have no address family in common: one has IPv4, the other IPv6",
            question.from, question.to
        ));
    };
    let mut notes = Vec::new();
    let mut pick = |end: usize, text: &str| {
        if let Some(ip) = known[end].iter().find(|ip| ip.is_ipv4() == v4) {
            return *ip;
        }
        let ip = if v4 {
            IpAddr::V4(V4[end])
        } else {
            IpAddr::V6(V6[end])
        };
        notes.push(format!(
            "No address of {text} is known; {ip} stands in for it."
        ));
        ip
    };
    Ok(([pick(0, &question.from), pick(1, &question.to)], notes))
}

fn candidates(model: &Model, text: &str, meaning: &Meaning, device: Option<usize>) -> Vec<IpAddr> {
    if let Meaning::Address(address) = meaning {
        return vec![*address];
    }
    let own: Vec<_> = device
        .and_then(|index| model.devices.get(index))
        .into_iter()
        .flat_map(Device::addresses)
        .collect();
    // A device that was asked for by an address is meant with that one.
    match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(address) if own.contains(&address) => vec![address],
        _ => own,
    }
}

/// The hardware address of a group (RFC 1112, 6.4; RFC 2464, 7).
pub(super) fn group_mac(ip: IpAddr) -> Option<Mac> {
    if !Ip::from(ip).is_group() {
        return None;
    }
    Some(match ip {
        IpAddr::V4(Ipv4Addr::BROADCAST) => Mac::BROADCAST,
        IpAddr::V4(v4) => {
            let [_, b, c, d] = v4.octets();
            Mac([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(v6) => {
            let [.., a, b, c, d] = v6.octets();
            Mac([0x33, 0x33, a, b, c, d])
        }
    })
}
