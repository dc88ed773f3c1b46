//! Canaries: a new policy for a share of the devices, the old one for all others,
//! as one policy. Pure; the same two policies and share give the same result.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::model::{Device, Model};
use merging::Merging;

mod merging;
#[cfg(test)]
mod tests;

/// The devices that a new policy holds for at first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Share {
    /// So many in 10,000 of a profile's devices, at least one; always the same ones.
    Profile { name: String, in_10_000: u32 },
    /// The devices that carry a tag.
    Tag(String),
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile { name, in_10_000 } => {
                write!(f, "{name}={}%", f64::from(*in_10_000) / 100.0)
            }
            Self::Tag(name) => write!(f, "tag:{name}"),
        }
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("tag:").filter(|name| !name.is_empty()) {
            return Ok(Self::Tag(name.to_owned()));
        }
        let wrong = || format!("expected PROFILE=5% or tag:NAME, found {text:?}");
        let (name, share) = text.rsplit_once('=').ok_or_else(wrong)?;
        let percent: f64 = share
            .strip_suffix('%')
            .and_then(|number| number.trim().parse().ok())
            .ok_or_else(wrong)?;
        if name.is_empty() {
            return Err(wrong());
        }
        if !(0.01..=100.0).contains(&percent) {
            return Err(format!("{share} is no share: between 0.01% and 100%"));
        }
        Ok(Self::Profile {
            name: name.to_owned(),
            in_10_000: (percent * 100.0).round() as u32,
        })
    }
}

/// Two policies as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    pub model: Model,
    /// Devices that the new one holds for.
    pub devices: usize,
}

/// Ends the name of what comes from the new policy.
const CANARY: &str = "@canary";

/// Name of a profile's new version while a canary is out.
pub fn twin_of(profile: &str) -> String {
    format!("{profile}{CANARY}")
}

/// The old policy, with the devices of the share taken from the new one: address,
/// profile, rules, named peers, tags. What holds for the policy as a whole, such
/// as defaults and ports, stays the old one's.
///
/// # Errors
/// When the share is empty or names what the new policy does not have.
pub fn merge(old: &Model, new: &Model, share: &Share) -> Result<Merged, String> {
    let chosen = choose(new, share)?;
    let merging = Merging::new(old, new, &chosen);
    Ok(Merged {
        model: merging.model(),
        devices: chosen.len(),
    })
}

/// Indices in the new policy of the devices of the share.
fn choose(new: &Model, share: &Share) -> Result<BTreeSet<usize>, String> {
    let all = || new.devices.iter().enumerate();
    match share {
        Share::Tag(tag) => {
            let tagged: BTreeSet<usize> = all()
                .filter(|(_, device)| device.tags.contains(tag))
                .map(|(index, _)| index)
                .collect();
            if tagged.is_empty() {
                return Err(format!(
                    "no device of the new policy carries the tag {tag:?}: the canary would be empty"
                ));
            }
            Ok(tagged)
        }
        Share::Profile { name, in_10_000 } => {
            let names = || new.profiles.iter().map(|profile| profile.name.as_str());
            let Some(profile) = names().position(|known| known == name) else {
                let closest = names().map(|known| (strsim::osa_distance(known, name), known));
                let closest = closest.min().map_or_else(String::new, |(_, known)| {
                    format!("; the closest is {known:?}")
                });
                return Err(format!("the new policy has no profile {name:?}{closest}"));
            };
            let mut ranked: Vec<(u32, usize)> = all()
                .filter(|(_, device)| device.profile == profile)
                .map(|(index, device)| (rank(device), index))
                .collect();
            ranked.sort_unstable();
            if ranked.is_empty() {
                return Err(format!(
                    "the profile {name:?} has no device: the canary would be empty"
                ));
            }
            let within = ranked.partition_point(|(rank, _)| rank < in_10_000).max(1);
            Ok(ranked[..within].iter().map(|(_, index)| *index).collect())
        }
    }
}

/// From 0 to 9,999: the same for a device whatever the policy, so that a larger
/// share holds the smaller one.
fn rank(device: &Device) -> u32 {
    let mut hash = Sha256::new();
    hash.update(device.mac.0);
    hash.update(device.vlan.outer.to_be_bytes());
    hash.update(device.vlan.inner.to_be_bytes());
    let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
    u32::from_be_bytes([a, b, c, d]) % 10_000
}
