//! xdp-filter (xdp-tools), as far as it goes: it allows by MAC address and passes to the
//! bridge. Its own command attaches it by a dispatcher, which no other program may call;
//! so its object is loaded as it is, and its map filled as its command would.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use anyhow::{Context as _, Result};
use aya::maps::PerCpuHashMap;
use aya::programs::Xdp;
use aya::{Ebpf, EbpfLoader};
use enforcer_tests::live::stream::mac;

/// Denies what is not listed, by MAC address.
const OBJECT: &str = "/usr/lib/x86_64-linux-gnu/bpf/xdpfilt_dny_eth.o";
const MAP: &str = "filter_ethernet";
/// common_kern_user.h of xdp-filter: an address counts as a frame's source.
const AS_SOURCE: u64 = 1;

pub(super) struct Filter {
    pub(super) program: OwnedFd,
    _object: Ebpf,
}

pub(super) fn installed() -> bool {
    Path::new(OBJECT).exists()
}

impl Filter {
    /// Its maps are pinned, as it wants, in a folder of a BPF filesystem.
    pub(super) fn load(devices: u32, pins: &Path) -> Result<Self> {
        let mut loader = EbpfLoader::new();
        let mut object = loader
            .map_max_entries(MAP, devices.next_power_of_two())
            .default_map_pin_directory(pins)
            .load_file(OBJECT)
            .context("the object of xdp-filter")?;
        let name = object.programs().next().map(|(name, _)| name.to_owned());
        let program: &mut Xdp = name
            .and_then(|name| object.program_mut(&name))
            .context("xdp-filter's object holds no program")?
            .try_into()?;
        program.load()?;
        let program = program.fd()?.as_fd().try_clone_to_owned()?;
        let map = object.map_mut(MAP).context("xdp-filter has no such map")?;
        let mut map: PerCpuHashMap<_, [u8; 6], u64> = map.try_into()?;
        let cpus = aya::util::nr_cpus().map_err(|(_, error)| error)?;
        for number in 0..devices {
            map.insert(mac(number).0, vec![AS_SOURCE; cpus].try_into()?, 0)?;
        }
        Ok(Self {
            program,
            _object: object,
        })
    }
}
