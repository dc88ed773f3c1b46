//! VLAN stripping: a network card that takes the tag off before XDP sees the
//! frame hides which VLAN a device is in.

use std::ffi::CString;
use std::io;
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

// linux/sockios.h and linux/ethtool.h.
const SIOCETHTOOL: libc::Ioctl = 0x8946;
const ETHTOOL_GFLAGS: u32 = 0x25;
const ETHTOOL_SFLAGS: u32 = 0x26;
const ETH_FLAG_RXVLAN: u32 = 1 << 8;

/// Whether the interface strips VLAN tags from what it receives.
///
/// # Errors
/// When the driver does not tell.
pub fn strips_vlan(interface: &str) -> io::Result<bool> {
    Ok(ethtool(interface, ETHTOOL_GFLAGS, 0)? & ETH_FLAG_RXVLAN != 0)
}

/// Makes the interface leave VLAN tags in the frame.
///
/// # Errors
/// When the driver cannot.
pub fn keep_vlan(interface: &str) -> io::Result<()> {
    let flags = ethtool(interface, ETHTOOL_GFLAGS, 0)?;
    ethtool(interface, ETHTOOL_SFLAGS, flags & !ETH_FLAG_RXVLAN)?;
    if strips_vlan(interface)? {
        return Err(io::Error::other("the driver keeps VLAN stripping on"));
    }
    Ok(())
}

/// `struct ethtool_value`.
#[repr(C)]
struct Request {
    command: u32,
    data: u32,
}

fn ethtool(interface: &str, command: u32, data: u32) -> io::Result<u32> {
    let socket = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    let name = CString::new(interface)?;
    let name = name.as_bytes_with_nul();
    if name.len() > libc::IFNAMSIZ {
        return Err(io::Error::other("the name is too long for an interface"));
    }
    let mut request = Request { command, data };
    // SAFETY: all zeros is a valid ifreq.
    let mut query: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in query.ifr_name.iter_mut().zip(name) {
        *to = from.cast_signed();
    }
    query.ifr_ifru.ifru_data = (&raw mut request).cast();
    // SAFETY: both commands read and write one `ethtool_value`, which outlives the call.
    if unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut query) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(request.data)
}
