//! What is in the map of learned addresses, by device: the daemon's own copy, so
//! that nobody has to read the map to know what is new.

use std::collections::{BTreeMap, HashMap};

use enforcer_common::addr::Ip;
use enforcer_common::learned::LearnedKey;

use crate::learn::Identity;

/// Addresses of names that are held for one device at a time.
const PER_DEVICE: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Known {
    /// Second of the monotonic clock until which each holds.
    devices: HashMap<Identity, BTreeMap<(u64, Ip), u32>>,
    count: usize,
}

/// What noting something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// Of a name that the device had no address for, or an address of its own.
    First,
    New,
    /// Known already; holds longer now.
    Longer,
    /// Known already, and for no shorter time.
    Same,
    /// The device has too many.
    Full,
}

impl Known {
    pub(super) fn note(&mut self, key: &LearnedKey, until: u32) -> Noted {
        let known = self.devices.entry(Identity::of(key)).or_default();
        let place = (key.name, key.address);
        if let Some(held) = known.get_mut(&place) {
            // A device may use an earlier answer for as long as that one said.
            if *held >= until {
                return Noted::Same;
            }
            *held = until;
            return Noted::Longer;
        }
        // Names must not keep a device from its own address.
        if key.name != 0 && known.len() >= PER_DEVICE {
            return Noted::Full;
        }
        let of_name = (key.name, Ip::UNSPECIFIED)..;
        let named = known.range(of_name).next();
        let first = key.name == 0 || named.is_none_or(|((name, _), _)| *name != key.name);
        known.insert(place, until);
        self.count += 1;
        if first { Noted::First } else { Noted::New }
    }

    pub(super) fn forget(&mut self, key: &LearnedKey) {
        let known = self.devices.get_mut(&Identity::of(key));
        let gone = known.and_then(|known| known.remove(&(key.name, key.address)));
        self.count -= usize::from(gone.is_some());
    }

    /// Forgets what holds no longer at a second, and says what that was.
    pub(super) fn expire(&mut self, now: u32) -> Vec<LearnedKey> {
        let mut gone = Vec::new();
        for (device, known) in &mut self.devices {
            known.retain(|(name, address), until| {
                if *until <= now {
                    gone.push(device.key(*address, *name));
                }
                *until > now
            });
        }
        self.devices.retain(|_, known| !known.is_empty());
        self.count -= gone.len();
        gone
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Device, hash of the name, address, and second until which it holds.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Identity, u64, Ip, u32)> + '_ {
        self.devices.iter().flat_map(|(device, known)| {
            known
                .iter()
                .map(|((name, address), until)| (*device, *name, *address, *until))
        })
    }
}

#[cfg(test)]
mod tests {
    use enforcer_common::addr::{Mac, Vlan};

    use super::*;

    const DEVICE: Identity = Identity {
        mac: Mac([2, 0, 0, 0, 0, 1]),
        vlan: Vlan {
            outer: 10,
            inner: 7,
        },
    };

    fn key(host: u16, name: u64) -> LearnedKey {
        let [high, low] = host.to_be_bytes();
        DEVICE.key(Ip::v4([10, 0, high, low]), name)
    }

    #[test]
    fn what_is_known_never_holds_shorter() {
        let mut known = Known::default();
        assert_eq!(known.note(&key(1, 9), 100), Noted::First);
        assert_eq!(known.note(&key(2, 9), 50), Noted::New);
        assert_eq!(known.note(&key(1, 9), 80), Noted::Same);
        assert_eq!(known.note(&key(1, 9), 120), Noted::Longer);
        assert_eq!(known.note(&key(1, 8), 120), Noted::First);
        assert_eq!(known.note(&key(1, 0), 120), Noted::First);
        assert_eq!(known.expire(50), [key(2, 9)]);
        known.forget(&key(1, 9));
        known.forget(&key(1, 9));
        assert_eq!(known.note(&key(1, 9), 60), Noted::First);
        assert_eq!((known.len(), known.iter().count()), (3, 3));
    }

    #[test]
    fn one_device_cannot_fill_the_map() {
        let mut known = Known::default();
        for host in 0..PER_DEVICE as u16 {
            known.note(&key(host, 9), 100);
        }
        assert_eq!(known.note(&key(5_000, 9), 100), Noted::Full);
        assert_eq!(known.note(&key(5, 9), 200), Noted::Longer);
        assert_eq!(known.len(), PER_DEVICE);
    }
}
