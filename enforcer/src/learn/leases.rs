//! Which device holds which address by DHCP. An address is one device's at a time;
//! who has it keeps it until the lease has run out.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use enforcer_common::addr::Vlan;

use super::dhcp::FOR_EVER;
use super::{Identity, Refusal};

/// Addresses that one device may hold at a time.
const PER_DEVICE: usize = 8;

/// An address that a device holds. Times are seconds of the monotonic clock;
/// [`FOR_EVER`] never comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// When the server may give it to another device.
    pub ends: u32,
    /// Until when the device may use it: the end and a grace.
    pub until: u32,
}

impl Lease {
    /// A lease of so many seconds that begins now. A tenth more is the grace: clocks
    /// differ, and clients that find no server go on for a while.
    pub const fn from(now: u32, seconds: u32) -> Self {
        if seconds == FOR_EVER {
            return Self {
                ends: FOR_EVER,
                until: FOR_EVER,
            };
        }
        Self {
            ends: now.saturating_add(seconds),
            until: now.saturating_add(seconds).saturating_add(seconds / 10),
        }
    }
}

/// What taking an address has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Who had it in grace alone, and has it no longer.
    pub from: Option<Identity>,
    /// What the device gave up for it.
    pub instead_of: Option<IpAddr>,
}

/// All addresses held.
#[derive(Debug, Default)]
pub struct Leases {
    held: BTreeMap<Identity, BTreeMap<IpAddr, Lease>>,
    holders: HashMap<(Vlan, IpAddr), Identity>,
}

impl Leases {
    /// Gives an address to a device. `keeps` says whether another device's claim
    /// still counts.
    ///
    /// # Errors
    /// [`Refusal::Taken`], with the device whose address it is.
    pub fn take(
        &mut self,
        device: Identity,
        address: IpAddr,
        lease: Lease,
        now: u32,
        keeps: impl Fn(Identity) -> bool,
    ) -> Result<Taken, (Refusal, Identity)> {
        let mut taken = Taken::default();
        if let Some(holder) = self
            .holder(device.vlan, address)
            .filter(|holder| *holder != device)
        {
            if keeps(holder)
                && self
                    .lease(holder, address)
                    .is_some_and(|lease| lease.ends > now)
            {
                return Err((Refusal::Taken, holder));
            }
            self.drop(holder, address);
            taken.from = Some(holder);
        }
        let held = self.held.entry(device).or_default();
        if held.len() >= PER_DEVICE && !held.contains_key(&address) {
            let first = held.iter().min_by_key(|(_, lease)| lease.until);
            taken.instead_of = first.map(|(address, _)| *address);
        }
        held.insert(address, lease);
        self.holders.insert((device.vlan, address), device);
        if let Some(old) = taken.instead_of {
            self.drop(device, old);
        }
        Ok(taken)
    }

    pub fn holder(&self, vlan: Vlan, address: IpAddr) -> Option<Identity> {
        self.holders.get(&(vlan, address)).copied()
    }

    pub fn lease(&self, device: Identity, address: IpAddr) -> Option<Lease> {
        self.held.get(&device)?.get(&address).copied()
    }

    /// Forgets what nobody may use any more; whether there was any.
    pub fn expire(&mut self, now: u32) -> bool {
        let before = self.holders.len();
        for held in self.held.values_mut() {
            held.retain(|_, lease| lease.until > now);
        }
        self.held.retain(|_, held| !held.is_empty());
        let held = &self.held;
        self.holders.retain(|(_, address), device| {
            held.get(device)
                .is_some_and(|held| held.contains_key(address))
        });
        self.holders.len() < before
    }

    /// Everything held, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Identity, IpAddr, Lease)> + '_ {
        self.held.iter().flat_map(|(device, held)| {
            held.iter()
                .map(|(address, lease)| (*device, *address, *lease))
        })
    }

    fn drop(&mut self, device: Identity, address: IpAddr) {
        if let Some(held) = self.held.get_mut(&device) {
            held.remove(&address);
        }
        if self.holder(device.vlan, address) == Some(device) {
            self.holders.remove(&(device.vlan, address));
        }
    }
}

#[cfg(test)]
mod tests {

    use enforcer_common::addr::Mac;

    use super::*;

    fn device(number: u8) -> Identity {
        Identity {
            mac: Mac([2, 0, 0, 0, 0, number]),
            vlan: Vlan::single(10),
        }
    }

    fn address(host: u8) -> IpAddr {
        [10, 0, 0, host].into()
    }

    #[test]
    fn an_address_is_one_devices_until_the_lease_ends() {
        let mut leases = Leases::default();
        let lease = Lease::from(0, 1_000);
        assert_eq!((lease.ends, lease.until), (1_000, 1_100));
        let always = |_| true;
        let taken = leases
            .take(device(1), address(5), lease, 0, always)
            .unwrap();
        assert_eq!(taken, Taken::default());
        let refused = leases.take(device(2), address(5), Lease::from(999, 60), 999, always);
        assert_eq!(refused, Err((Refusal::Taken, device(1))));
        // Another VLAN is another network.
        let elsewhere = Identity {
            vlan: Vlan::single(11),
            ..device(2)
        };
        leases
            .take(elsewhere, address(5), lease, 0, always)
            .unwrap();
        // In its grace the address may be given to another, and is the first one's no longer.
        let taken = leases.take(device(2), address(5), Lease::from(1_000, 60), 1_000, always);
        assert_eq!(taken.unwrap().from, Some(device(1)));
        assert_eq!(leases.lease(device(1), address(5)), None);
        assert_eq!(leases.holder(Vlan::single(10), address(5)), Some(device(2)));
    }

    #[test]
    fn a_claim_that_no_longer_counts_stands_in_nobodys_way() {
        let mut leases = Leases::default();
        let lease = Lease::from(0, FOR_EVER);
        assert_eq!(lease.until, FOR_EVER);
        leases
            .take(device(1), address(5), lease, 0, |_| true)
            .unwrap();
        let taken = leases.take(device(2), address(5), lease, 1, |holder| {
            holder != device(1)
        });
        assert_eq!(taken.unwrap().from, Some(device(1)));
    }

    #[test]
    fn a_device_holds_only_so_many() {
        let mut leases = Leases::default();
        for host in 1..=9 {
            let lease = Lease::from(u32::from(host), 1_000);
            let taken = leases
                .take(device(1), address(host), lease, 0, |_| true)
                .unwrap();
            assert_eq!(taken.instead_of, (host == 9).then(|| address(1)));
        }
        assert_eq!(leases.iter().count(), PER_DEVICE);
        assert_eq!(leases.holder(Vlan::single(10), address(1)), None);
    }

    #[test]
    fn what_has_passed_is_forgotten() {
        let mut leases = Leases::default();
        leases
            .take(device(1), address(5), Lease::from(0, 100), 0, |_| true)
            .unwrap();
        assert!(!leases.expire(109));
        assert!(leases.expire(110));
        assert_eq!(leases.iter().count(), 0);
        assert_eq!(leases.holder(Vlan::single(10), address(5)), None);
    }
}
