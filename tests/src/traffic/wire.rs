//! Raw frames: send any, see all that arrive (packet(7)).
//!
//! The kernel takes an outer VLAN tag off before a packet socket sees the frame
//! and tells it beside; [`Sniffer`] puts it back, so frames are as on the wire.

use std::{
    io, mem,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::{
    errno::Errno,
    net::if_::if_nametoindex,
    sys::{
        socket::{setsockopt, sockopt},
        time::TimeVal,
    },
};

use crate::namespace::Namespace;

/// Longest frame expected: jumbo with tags.
const LONGEST: usize = 16 * 1024;
/// Two MAC addresses: where a VLAN tag goes.
const TAG_OFFSET: usize = 12;

/// Sends raw frames out of one interface.
#[derive(Debug)]
pub struct Wire {
    socket: OwnedFd,
}

/// Sees every frame that arrives at (or leaves) one interface, from the moment
/// it is opened.
#[derive(Debug)]
pub struct Sniffer {
    socket: OwnedFd,
}

impl Wire {
    pub fn open(namespace: &Namespace, interface: &str) -> Result<Self> {
        // Protocol 0: receives nothing.
        Ok(Self {
            socket: namespace.run(|| open(interface, 0))?,
        })
    }

    /// Sends one frame, Ethernet header included, without checksum.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        // SAFETY: pointer and length are those of one live slice.
        let sent = unsafe {
            libc::send(
                self.socket.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                0,
            )
        };
        if sent < 0 {
            return Err(io::Error::last_os_error())
                .with_context(|| format!("send a frame of {} bytes", frame.len()));
        }
        Ok(())
    }
}

impl Sniffer {
    pub fn open(namespace: &Namespace, interface: &str) -> Result<Self> {
        let protocol = u16::try_from(libc::ETH_P_ALL)?;
        let socket = namespace.run(|| open(interface, protocol))?;
        let on: libc::c_int = 1;
        // SAFETY: pointer and length are those of one live integer.
        let set = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_AUXDATA,
                (&raw const on).cast(),
                libc::socklen_t::try_from(mem::size_of_val(&on))?,
            )
        };
        Errno::result(set).context("ask for VLAN tags")?;
        Ok(Self { socket })
    }

    /// The first frame that is `wanted`, or `None` once the deadline has passed.
    pub fn find(
        &self,
        deadline: Duration,
        mut wanted: impl FnMut(&[u8]) -> bool,
    ) -> Result<Option<Vec<u8>>> {
        let end = Instant::now() + deadline;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            match self.receive(left)? {
                Some(frame) if wanted(&frame) => return Ok(Some(frame)),
                _ => {}
            }
        }
    }

    /// The first frame that contains these bytes.
    pub fn find_bytes(&self, deadline: Duration, bytes: &[u8]) -> Result<Option<Vec<u8>>> {
        self.find(deadline, |frame| {
            frame.windows(bytes.len()).any(|window| window == bytes)
        })
    }

    fn receive(&self, deadline: Duration) -> Result<Option<Vec<u8>>> {
        // Zero would mean to wait for ever.
        let micros = deadline.max(Duration::from_millis(1)).as_micros();
        let micros = i64::try_from(micros)?;
        let timeout = TimeVal::new(micros / 1_000_000, micros % 1_000_000);
        setsockopt(&self.socket, sockopt::ReceiveTimeout, &timeout).context("set a deadline")?;
        let mut frame = vec![0; LONGEST];
        // Aligned for control message headers.
        let mut control = [0_u64; 16];
        let mut buffer = libc::iovec {
            iov_base: frame.as_mut_ptr().cast(),
            iov_len: frame.len(),
        };
        // SAFETY: all zeros is a valid msghdr.
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_iov = &raw mut buffer;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = mem::size_of_val(&control);
        // SAFETY: the message names one live buffer and one live control area,
        // each with its own length.
        let length = unsafe { libc::recvmsg(self.socket.as_raw_fd(), &raw mut message, 0) };
        match Errno::result(length) {
            Ok(length) => frame.truncate(usize::try_from(length)?),
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
            Err(error) => return Err(error).context("receive a frame"),
        }
        if let Some(tag) = vlan_tag(&message) {
            frame.splice(TAG_OFFSET..TAG_OFFSET, tag);
        }
        Ok(Some(frame))
    }
}

/// A packet socket on one interface of the current namespace.
fn open(interface: &str, protocol: u16) -> Result<OwnedFd> {
    let index = if_nametoindex(interface).with_context(|| format!("no interface {interface}"))?;
    // SAFETY: no pointers are passed.
    let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    let socket = Errno::result(socket).context("open a packet socket")?;
    // SAFETY: the descriptor was made just now and has no other owner.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    // SAFETY: all zeros is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = u16::try_from(libc::AF_PACKET)?;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = i32::try_from(index)?;
    let length = libc::socklen_t::try_from(mem::size_of_val(&address))?;
    // SAFETY: pointer and length are those of one live address.
    let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    Errno::result(bound).with_context(|| format!("bind a packet socket to {interface}"))?;
    Ok(socket)
}

/// The tag that the kernel took off, as the four bytes it was.
fn vlan_tag(message: &libc::msghdr) -> Option<[u8; 4]> {
    // SAFETY: the kernel filled the control area that the message still names.
    let header = unsafe { libc::CMSG_FIRSTHDR(message).as_ref() }?;
    if (header.cmsg_level, header.cmsg_type) != (libc::SOL_PACKET, libc::PACKET_AUXDATA) {
        return None;
    }
    // SAFETY: a control message of this type holds one tpacket_auxdata, which is
    // plain integers and may be unaligned.
    let beside: libc::tpacket_auxdata = unsafe {
        libc::CMSG_DATA(header)
            .cast::<libc::tpacket_auxdata>()
            .read_unaligned()
    };
    if beside.tp_status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let [a, b] = beside.tp_vlan_tpid.to_be_bytes();
    let [c, d] = beside.tp_vlan_tci.to_be_bytes();
    Some([a, b, c, d])
}
