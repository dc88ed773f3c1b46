//! Makes a veth pair behave like a cable: checksums complete, VLAN tags inside
//! the frame, no frames larger than the MTU. Does what `ethtool -K` would, which
//! is not installed everywhere.
//!
//! A veth hands over unfinished frames (checksum still to be computed, tag kept
//! beside the frame). XDP at the other end would judge something that never
//! crosses a real cable, and XDP_REDIRECT would lose the promise to finish it.

use std::{ffi::CString, io, os::fd::AsRawFd};

use anyhow::{Context, Result, ensure};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

// linux/ethtool.h
const SIOCETHTOOL: libc::Ioctl = 0x8946;
const ETHTOOL_GSTRINGS: u32 = 0x1b;
const ETHTOOL_GSSET_INFO: u32 = 0x37;
const ETHTOOL_SFEATURES: u32 = 0x3b;
const ETH_SS_FEATURES: u32 = 4;
/// Words in one feature name of 32 bytes.
const NAME_WORDS: usize = 8;

/// Features and their state on a lab's interfaces. GRO at the receiving end is
/// what lets a veth take redirected frames without an XDP program of its own.
const CABLE: [(&str, bool); 6] = [
    ("tx-checksum-ip-generic", false),
    ("tx-tcp-segmentation", false),
    ("tx-tcp6-segmentation", false),
    ("tx-vlan-hw-insert", false),
    ("tx-vlan-stag-hw-insert", false),
    ("rx-gro", true),
];

/// Applies the cable features to an interface of the current namespace.
pub fn like_a_cable(interface: &str) -> Result<()> {
    set_features(interface, &CABLE)
}

/// Back to what a veth does by itself: segments and checksums are left to whoever
/// takes the frames.
pub fn like_a_virtual_machine(interface: &str) -> Result<()> {
    set_features(
        interface,
        &[
            ("tx-checksum-ip-generic", true),
            ("tx-tcp-segmentation", true),
            ("tx-tcp6-segmentation", true),
        ],
    )
}

/// Sets features by the names that `ethtool -k` knows (its long ones).
pub fn set_features(interface: &str, features: &[(&str, bool)]) -> Result<()> {
    let names = feature_names(interface)?;
    let blocks = names.len().div_ceil(32);
    // struct ethtool_sfeatures: command, number of blocks, then per block of 32
    // features a word that selects and a word that requests.
    let mut request = vec![0; 2 + 2 * blocks];
    request[0] = ETHTOOL_SFEATURES;
    request[1] = u32::try_from(blocks)?;
    for (feature, on) in features {
        let position = names
            .iter()
            .position(|name| name == feature)
            .with_context(|| format!("no network feature {feature}"))?;
        let bit = 1 << (position % 32);
        request[2 + 2 * (position / 32)] |= bit;
        if *on {
            request[3 + 2 * (position / 32)] |= bit;
        }
    }
    let unfulfilled = ethtool(interface, &mut request)?;
    ensure!(
        unfulfilled == 0,
        "{interface} refused some of the features {features:?} ({unfulfilled})"
    );
    Ok(())
}

fn feature_names(interface: &str) -> Result<Vec<String>> {
    // struct ethtool_sset_info: command, reserved, 64-bit mask of sets, counts.
    let mut count = [ETHTOOL_GSSET_INFO, 0, 1 << ETH_SS_FEATURES, 0, 0];
    if cfg!(target_endian = "big") {
        count.swap(2, 3);
    }
    ethtool(interface, &mut count)?;
    let count = count[4];
    // struct ethtool_gstrings: command, set, number, then names of 32 bytes.
    let mut strings = vec![0; 3 + NAME_WORDS * usize::try_from(count)?];
    strings[0] = ETHTOOL_GSTRINGS;
    strings[1] = ETH_SS_FEATURES;
    strings[2] = count;
    ethtool(interface, &mut strings)?;
    let (names, _) = strings[3..].as_chunks::<NAME_WORDS>();
    Ok(names.iter().map(feature_name).collect())
}

fn feature_name(words: &[u32; NAME_WORDS]) -> String {
    let bytes = words.iter().flat_map(|word| word.to_ne_bytes());
    bytes
        .take_while(|byte| *byte != 0)
        .map(char::from)
        .collect()
}

/// One ethtool request, read and answered in place.
fn ethtool(interface: &str, request: &mut [u32]) -> Result<libc::c_int> {
    let socket = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .context("open a socket for ethtool")?;
    let name = CString::new(interface).context("an interface name with a zero in it")?;
    let name = name.as_bytes_with_nul();
    ensure!(
        name.len() <= libc::IFNAMSIZ,
        "interface name {interface:?} is too long"
    );
    // SAFETY: all zeros is a valid ifreq.
    let mut query: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in query.ifr_name.iter_mut().zip(name) {
        *to = from.cast_signed();
    }
    query.ifr_ifru.ifru_data = request.as_mut_ptr().cast();
    // SAFETY: the kernel reads and writes the request, whose length follows from
    // the counts it was built with, and nothing beyond; it outlives the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut query) };
    if result < 0 {
        return Err(io::Error::last_os_error())
            .with_context(|| format!("ethtool request on {interface}"));
    }
    Ok(result)
}
