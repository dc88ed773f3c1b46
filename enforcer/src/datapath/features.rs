//! Whether a driver has native XDP, asked of the kernel without attaching
//! anything: the generic netlink family `netdev` (Linux 6.3 and newer).

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

// linux/netlink.h, linux/genetlink.h and linux/netdev.h.
const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const GENL_ID_CTRL: u16 = 16;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const NETDEV_CMD_DEV_GET: u8 = 1;
const NETDEV_A_DEV_IFINDEX: u16 = 1;
const NETDEV_A_DEV_XDP_FEATURES: u16 = 3;
const NETDEV_XDP_ACT_BASIC: u64 = 1;

/// Message header, then that of generic netlink.
const HEADERS: usize = 16 + 4;
const ATTRIBUTE: usize = 4;

/// Whether the interface can run XDP programs in its driver.
///
/// # Errors
/// When the kernel does not tell, as those before 6.3 do not.
pub fn has_native_xdp(interface: u32) -> io::Result<bool> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkGeneric,
    )?;
    let name = attribute(CTRL_ATTR_FAMILY_NAME, b"netdev\0");
    let answer = ask(&socket, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, &name)?;
    let family = number(&answer, CTRL_ATTR_FAMILY_ID)?;
    let index = attribute(NETDEV_A_DEV_IFINDEX, &interface.to_ne_bytes());
    let answer = ask(&socket, family as u16, NETDEV_CMD_DEV_GET, &index)?;
    Ok(number(&answer, NETDEV_A_DEV_XDP_FEATURES)? & NETDEV_XDP_ACT_BASIC != 0)
}

/// One attribute, padded to four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = (ATTRIBUTE + value.len()) as u16;
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Sends a request and returns the attributes of the answer.
fn ask(socket: &OwnedFd, kind: u16, command: u8, attributes: &[u8]) -> io::Result<Vec<u8>> {
    let length = (HEADERS + attributes.len()) as u32;
    let mut request = length.to_ne_bytes().to_vec();
    request.extend(kind.to_ne_bytes());
    request.extend(NLM_F_REQUEST.to_ne_bytes());
    // Sequence and port numbers: one question at a time needs neither.
    request.extend([0; 8]);
    request.extend([command, 1, 0, 0]);
    request.extend(attributes);
    send(socket.as_raw_fd(), &request, MsgFlags::empty())?;
    let mut answer = vec![0; 8192];
    let received = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    answer.truncate(received);
    match answer.get(4..6) {
        Some(kind) if kind != NLMSG_ERROR.to_ne_bytes() && received >= HEADERS => {
            Ok(answer.split_off(HEADERS))
        }
        _ => Err(io::Error::other("the kernel does not know this request")),
    }
}

/// The value of an attribute of two, four or eight bytes.
fn number(mut attributes: &[u8], wanted: u16) -> io::Result<u64> {
    while let Some((header, rest)) = attributes.split_first_chunk::<ATTRIBUTE>() {
        let [l0, l1, k0, k1] = *header;
        let length = usize::from(u16::from_ne_bytes([l0, l1])).saturating_sub(ATTRIBUTE);
        let Some(value) = rest.get(..length) else {
            break;
        };
        if u16::from_ne_bytes([k0, k1]) == wanted {
            return match *value {
                [a, b] => Ok(u16::from_ne_bytes([a, b]).into()),
                [a, b, c, d] => Ok(u32::from_ne_bytes([a, b, c, d]).into()),
                [a, b, c, d, e, f, g, h] => Ok(u64::from_ne_bytes([a, b, c, d, e, f, g, h])),
                _ => Err(io::Error::other("an attribute of an unexpected length")),
            };
        }
        attributes = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Err(io::Error::other("the kernel's answer lacks an attribute"))
}
