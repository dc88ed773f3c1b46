//! `devices:` of all files, each device by itself. What no two may share is kept
//! in `unique`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use enforcer_common::addr::{Ip, Vlan};
use enforcer_common::limits;

use super::super::findings::Findings;
use super::super::lenient::{OneOrMany, Scalar};
use super::super::model::{Device, Profile};
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::scalar::{each, is_mapping, mode, word};
use super::unique::{Origin, Taken};
use super::{Names, address, closest, name, profile_named};

/// The devices of one file, each with its index there.
pub(in super::super) type Listed = Vec<(usize, raw::Device)>;

/// Reads the devices of every file, by number of file.
pub(super) fn devices(
    lists: &[(usize, Listed)],
    names: &Names,
    profiles: &[Profile],
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
    names: &'a Names,
    profiles: &'a [Profile],
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

        let (ipv4, ipv6) = addresses.unwrap_or_default();
        let profile = profile?;
        let mode = own_mode.or_else(|| self.profiles.get(profile).map(|profile| profile.mode))?;
        Some(Device {
            name: name?,
            mac: mac?,
            vlan: vlan?,
            ipv4,
            ipv6,
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
    ) -> (Vec<Ipv4Addr>, Vec<Ipv6Addr>) {
        let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
        each(values, here, |value, here| {
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
        (ipv4, ipv6)
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
