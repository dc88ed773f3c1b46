//! `learned.json` in the state directory: the addresses that devices hold by DHCP,
//! so that after a restart of the machine they need not renew them first. Names are
//! not in it: devices ask again.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use enforcer_common::addr::{Mac, Vlan};
use serde::{Deserialize, Serialize};

use crate::learn::Identity;
use crate::learn::dhcp::FOR_EVER;
use crate::learn::leases::{Lease, Leases};

const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    version: u32,
    addresses: Vec<Address>,
}

/// An address that a device holds; times are Unix seconds, absent without an end.
#[derive(Debug, Serialize, Deserialize)]
struct Address {
    mac: Mac,
    vlan: Vlan,
    address: IpAddr,
    lease_ends: Option<u64>,
    held_until: Option<u64>,
}

/// Both clocks at one moment, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Now {
    pub(super) monotonic: u32,
    pub(super) unix: u64,
}

impl Now {
    fn to_unix(self, monotonic: u32) -> Option<u64> {
        let ahead = i64::from(monotonic) - i64::from(self.monotonic);
        (monotonic != FOR_EVER).then(|| self.unix.saturating_add_signed(ahead))
    }

    /// 0 for what lies before the machine's start.
    fn to_monotonic(self, unix: Option<u64>) -> u32 {
        let Some(unix) = unix else {
            return FOR_EVER;
        };
        let moved = (u64::from(self.monotonic) + unix).saturating_sub(self.unix);
        u32::try_from(moved).unwrap_or(FOR_EVER)
    }
}

/// Writes what is held, all of it or nothing.
pub(super) fn save(path: &Path, leases: &[(Identity, IpAddr, Lease)], now: Now) -> Result<()> {
    let addresses = leases.iter().map(|(device, address, lease)| Address {
        mac: device.mac,
        vlan: device.vlan,
        address: *address,
        lease_ends: now.to_unix(lease.ends),
        held_until: now.to_unix(lease.until),
    });
    let saved = Saved {
        version: VERSION,
        addresses: addresses.collect(),
    };
    let text = serde_json::to_vec(&saved)?;
    let new = path.with_extension("json.new");
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(&text)?;
        file.sync_all()
    });
    written.with_context(|| format!("cannot write {}", new.display()))?;
    std::fs::rename(&new, path).with_context(|| format!("cannot replace {}", path.display()))
}

/// Reads what was held and holds still; none where there is no file.
///
/// # Errors
/// When the file is there and cannot be understood.
pub(super) fn load(path: &Path, now: Now) -> Result<Leases> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Leases::default()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let saved: Saved =
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?;
    ensure!(
        saved.version == VERSION,
        "{} has version {}, this enforcerd reads version {VERSION}",
        path.display(),
        saved.version
    );
    let mut leases = Leases::default();
    for saved in saved.addresses {
        let device = Identity {
            mac: saved.mac,
            vlan: saved.vlan,
        };
        let lease = Lease {
            ends: now.to_monotonic(saved.lease_ends),
            until: now.to_monotonic(saved.held_until),
        };
        if lease.until > now.monotonic {
            // The file holds each address once.
            let _ = leases.take(device, saved.address, lease, now.monotonic, |_| true);
        }
    }
    Ok(leases)
}

#[cfg(test)]
mod tests {

    use super::*;

    const DEVICE: Identity = Identity {
        mac: Mac([2, 0, 0, 0, 0, 1]),
        vlan: Vlan {
            outer: 10,
            inner: 0,
        },
    };

    /// The monotonic clock begins anew with the machine; the wall clock goes on.
    #[test]
    fn what_is_held_outlives_the_machine() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("learned.json");
        let before = Now {
            monotonic: 50_000,
            unix: 1_800_000_000,
        };
        let address = |host| IpAddr::from([10, 0, 0, host]);
        let held = [
            (DEVICE, address(1), Lease::from(50_000, 1_000)),
            (DEVICE, address(2), Lease::from(50_000, FOR_EVER)),
            (DEVICE, address(3), Lease::from(50_000, 60)),
        ];
        save(&path, &held, before).unwrap();
        let after = Now {
            monotonic: 20,
            unix: 1_800_000_100,
        };
        let leases = load(&path, after).unwrap();
        let expected = [
            (
                DEVICE,
                address(1),
                Lease {
                    ends: 920,
                    until: 1_020,
                },
            ),
            (DEVICE, address(2), Lease::from(0, FOR_EVER)),
        ];
        assert_eq!(leases.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_file_that_is_not_understood_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("learned.json");
        let now = Now {
            monotonic: 1,
            unix: 1,
        };
        assert_eq!(load(&path, now).unwrap().iter().count(), 0);
        for (text, words) in [
            ("{", "damaged"),
            (r#"{"version":2,"addresses":[]}"#, "version 2"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = format!("{:#}", load(&path, now).unwrap_err());
            assert!(error.contains(words), "{error}");
        }
    }
}
