//! `devices:` of all files, each device by itself. What no two may share is kept
//! in `unique`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use enforcer_common::addr::{Ip, Vlan};
use enforcer_common::limits;

use super::super::findings::Findings;
use super::super::lenient::{OneOrMany, Scalar};
use super::super::model::{Device, Port, Profile};
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::scalar::{each, is_mapping, mode, word};
use super::unique::{Origin, Taken};
use super::{Names, address, closest, name, port, profile_named};

/// The devices of one file, each with its index there.
pub(in super::super) type Listed = Vec<(usize, raw::Device)>;

/// The word among a device's addresses for that which a DHCP server gives it.
const DHCP: &str = "dhcp";

/// The names that rules and tests may call devices by, each with the index that its
/// device will have, and all tags. Nothing is judged: of two devices of one name
/// the second one is reported when it is read.
pub(super) fn names(lists: &[(usize, Listed)]) -> (HashMap<Cow<'_, str>, usize>, BTreeSet<String>) {
    let (mut names, mut tags) = (HashMap::new(), BTreeSet::new());
    let devices = lists.iter().flat_map(|(_, list)| list);
    for (index, (_, device)) in devices.enumerate() {
        match &device.name {
            Some(Scalar::Text(text)) => {
                names.entry(Cow::from(text)).or_insert(index);
            }
            Some(Scalar::Int(number)) => {
                names.entry(Cow::from(number.to_string())).or_insert(index);
            }
            _ => {}
        }
        match &device.tags {
            Some(OneOrMany::One(tag)) => {
                tags.insert(tag.to_text());
            }
            Some(OneOrMany::Many(list)) => tags.extend(list.iter().map(Scalar::to_text)),
            None => {}
        }
    }
    (names, tags)
}

/// Reads the devices of every file, by number of file.
pub(super) fn devices(
    lists: &[(usize, Listed)],
    names: &Names<'_>,
    profiles: &[Profile],
    ports: &BTreeMap<String, Port>,
    findings: &mut Findings,
) -> Vec<Device> {
    let count: usize = lists.iter().map(|(_, list)| list.len()).sum();
    if count > limits::DEVICES as usize {
        let most = limits::DEVICES;
        let message = format!("{count} devices in all files; a policy has at most {most}");
        findings.error(Here::top(0).key("devices").key_place(), message);
        return Vec::new();
    }
    let mut devices = Vec::with_capacity(count);
    let mut reader = Reader {
        names,
        profiles,
        ports,
        taken: Taken::default(),
    };
    for (file, list) in lists {
        let top = Here::top(*file);
        let here = top.key("devices");
        for (index, raw) in list {
            devices.extend(reader.device(raw, (*file, *index), &here.index(*index), findings));
        }
    }
    devices
}

struct Reader<'a> {
    names: &'a Names<'a>,
    profiles: &'a [Profile],
    ports: &'a BTreeMap<String, Port>,
    taken: Taken,
}

impl Reader<'_> {
    fn device(
        &mut self,
        raw: &raw::Device,
        origin: Origin,
        here: &Here<'_>,
        findings: &mut Findings,
    ) -> Option<Device> {
        if !is_mapping(&raw.odd, raw::Device::KEYS, here, findings) {
            return None;
        }
        let (name_here, mac_here, ip_here) = (here.key("name"), here.key("mac"), here.key("ip"));
        let (profile_here, mode_here) = (here.key("profile"), here.key("mode"));

        let name = required(&raw.name, &name_here, findings, word);
        if let Some(name) = &name {
            name::check_device(name, &name_here, findings);
            self.taken.name(name, origin, &name_here, findings);
        }
        let vlan = match &raw.vlan {
            None => Some(Vlan::UNTAGGED),
            Some(value) => address::vlan(value, &here.key("vlan"), findings),
        };
        let mac = required(&raw.mac, &mac_here, findings, address::mac);
        // Where the VLAN is wrong, nobody knows what else lives there.
        if let (Some(mac), Some(vlan)) = (mac, vlan) {
            self.taken.identity(mac, vlan, origin, &mac_here, findings);
        }
        let addresses = raw
            .ip
            .as_ref()
            .map(|ip| self.addresses(ip, vlan, origin, &ip_here, findings));
        let profile = required(
            &raw.profile,
            &profile_here,
            findings,
            |value, here, findings| self.profile(value, here, findings),
        );
        let own_mode = raw
            .mode
            .as_ref()
            .and_then(|value| mode(value, &mode_here, findings));
        let port_here = here.key("port");
        let port = raw
            .port
            .as_ref()
            .and_then(|value| port::interface(value, &port_here, findings));
        if let (Some(port), Some(vlan)) = (&port, vlan) {
            port::check_carried(port, vlan, self.ports, &port_here, findings);
        }
        let tags = raw
            .tags
            .as_ref()
            .map(|values| tags(values, &here.key("tags"), findings));

        let (ipv4, ipv6, dhcp_address) = addresses.unwrap_or_default();
        let profile = profile?;
        let mode = own_mode.or_else(|| self.profiles.get(profile).map(|profile| profile.mode))?;
        Some(Device {
            name: name?,
            mac: mac?,
            vlan: vlan?,
            ipv4,
            ipv6,
            dhcp_address,
            port,
            tags: tags.unwrap_or_default(),
            profile,
            mode,
        })
    }

    fn addresses(
        &mut self,
        values: &OneOrMany,
        vlan: Option<Vlan>,
        origin: Origin,
        here: &Here<'_>,
        findings: &mut Findings,
    ) -> (Vec<Ipv4Addr>, Vec<Ipv6Addr>, bool) {
        let (mut ipv4, mut ipv6, mut dhcp) = (Vec::new(), Vec::new(), false);
        each(values, here, |value, here| {
            if matches!(value, Scalar::Text(text) if text == DHCP) {
                dhcp = true;
                return;
            }
            let Some(address) = address::device_address(value, here, findings) else {
                return;
            };
            if Ip::from(address).is_v6_link_local() {
                let message =
                    format!("{address} is ignored: link-local addresses are always allowed");
                findings.warning(here, message);
                return;
            }
            let repeated = match address {
                IpAddr::V4(v4) => ipv4.contains(&v4),
                IpAddr::V6(v6) => ipv6.contains(&v6),
            };
            if repeated {
                findings.warning(here, format!("{address} is listed twice"));
                return;
            }
            if let Some(vlan) = vlan {
                self.taken.address(address, vlan, origin, here, findings);
            }
            match address {
                IpAddr::V4(v4) => ipv4.push(v4),
                IpAddr::V6(v6) => ipv6.push(v6),
            }
        });
        limit("IPv4", ipv4.len(), limits::IPV4_PER_DEVICE, here, findings);
        limit("IPv6", ipv6.len(), limits::IPV6_PER_DEVICE, here, findings);
        (ipv4, ipv6, dhcp)
    }

    fn profile(&self, value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<usize> {
        let text = word(value, here, findings)?;
        let index = profile_named(&text, self.names);
        if index.is_none() {
            let known = self.names.profiles.keys().map(String::as_str);
            findings
                .error(here, format!("no profile {}", quoted(&text)))
                .suggest(|| closest(&text, known));
        }
        index
    }
}

/// The tags of a device, sorted.
fn tags(values: &OneOrMany, here: &Here<'_>, findings: &mut Findings) -> Vec<String> {
    let mut tags = BTreeSet::new();
    each(values, here, |value, here| {
        let Some(tag) = word(value, here, findings) else {
            return;
        };
        name::check("tag", &tag, here.place(), findings);
        if !tags.insert(tag) {
            findings.warning(here, "listed before");
        }
    });
    tags.into_iter().collect()
}

fn limit(family: &str, count: usize, most: usize, here: &Here<'_>, findings: &mut Findings) {
    if count > most {
        let message = format!("{count} {family} addresses; a device is bound to at most {most}");
        findings.error(here, message);
    }
}

fn required<T>(
    value: &Option<Scalar>,
    here: &Here<'_>,
    findings: &mut Findings,
    convert: impl FnOnce(&Scalar, &Here<'_>, &mut Findings) -> Option<T>,
) -> Option<T> {
    let Some(value) = value else {
        findings.error(here, "missing");
        return None;
    };
    convert(value, here, findings)
}
