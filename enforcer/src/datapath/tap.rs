//! What the kernel knows of the frames that it receives by a port, behind the program:
//! how many have a VLAN tag, and whether their checksums are finished.
//! A tag that was taken off on the way to the program is still known to the
//! kernel here, so that the two counts tell whether the program sees what it judges by.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// `SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT` of linux/filter.h: whether the frame had a tag.
const TAG_PRESENT: u32 = (-0x1000_i32 + 48).cast_unsigned();

/// Bytes of frames that wait to be looked at: some dozens.
const BUFFER: i32 = 1 << 16;
/// Frames that are looked at for one question.
const AT_A_TIME: u32 = 256;

/// A packet socket that accepts frames with a tag alone, one byte of each, and is
/// never read: it counts.
#[derive(Debug)]
pub struct Tap {
    socket: OwnedFd,
    counted: u64,
}

impl Tap {
    /// Counts from now on.
    ///
    /// # Errors
    /// When the interface is gone, or the rights for packet sockets are missing.
    pub fn open(interface: u32) -> io::Result<Self> {
        let socket = packet_socket()?;
        accept_tagged(&socket)?;
        set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &0_i32)?;
        listen(&socket, interface)?;
        Ok(Self { socket, counted: 0 })
    }

    /// Frames with a tag since the tap was opened.
    ///
    /// # Errors
    /// Never on a socket of this kind.
    pub fn tagged(&mut self) -> io::Result<u64> {
        // SAFETY: all zeros is a valid tpacket_stats.
        let mut statistics: libc::tpacket_stats = unsafe { std::mem::zeroed() };
        let mut length = size_of_val(&statistics) as libc::socklen_t;
        // SAFETY: pointer and length are those of one live record, plain integers.
        check(unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut statistics).cast(),
                &raw mut length,
            )
        })?;
        // The kernel begins anew with each question, and counts what it dropped too.
        self.counted += u64::from(statistics.tp_packets);
        Ok(self.counted)
    }
}

/// A packet socket that looks whether frames come with a checksum that somebody is still
/// to finish: those of a virtual machine or container on the same host.
#[derive(Debug)]
pub struct Checksums {
    socket: OwnedFd,
}

impl Checksums {
    /// Looks from now on, at some of the frames that pass the program.
    ///
    /// # Errors
    /// As for [`Tap::open`].
    pub fn open(interface: u32) -> io::Result<Self> {
        let socket = packet_socket()?;
        set(&socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, &1_i32)?;
        set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &BUFFER)?;
        listen(&socket, interface)?;
        Ok(Self { socket })
    }

    /// Whether such a frame came since the last question.
    ///
    /// # Errors
    /// When the interface is gone.
    pub fn unfinished(&self) -> io::Result<bool> {
        let mut found = false;
        for _ in 0..AT_A_TIME {
            match self.status()? {
                Some(status) => found |= status & libc::TP_STATUS_CSUMNOTREADY != 0,
                None => break,
            }
        }
        Ok(found)
    }

    /// What the kernel says of the next frame; `None` when none is left.
    fn status(&self) -> io::Result<Option<u32>> {
        // Aligned for control message headers.
        let mut control = [0_u64; 16];
        // SAFETY: all zeros is a valid msghdr.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control);
        // SAFETY: the message names no buffer and one live control area, with its length.
        let received = unsafe {
            libc::recvmsg(
                self.socket.as_raw_fd(),
                &raw mut message,
                libc::MSG_DONTWAIT,
            )
        };
        if received < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock => Ok(None),
                _ => Err(error),
            };
        }
        // SAFETY: the kernel filled the control area that the message still names.
        let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message).as_ref() };
        let Some(header) = header else {
            return Ok(Some(0));
        };
        if (header.cmsg_level, header.cmsg_type) != (libc::SOL_PACKET, libc::PACKET_AUXDATA) {
            return Ok(Some(0));
        }
        // SAFETY: a control message of this type holds one tpacket_auxdata, which is plain
        // integers and may be unaligned.
        let beside = unsafe {
            libc::CMSG_DATA(header)
                .cast::<libc::tpacket_auxdata>()
                .read_unaligned()
        };
        Ok(Some(beside.tp_status))
    }
}

/// A packet socket that receives nothing yet, and never what the host sends.
fn packet_socket() -> io::Result<OwnedFd> {
    // Protocol 0 receives nothing: a filter stands before the first frame comes.
    // SAFETY: no pointers are passed.
    let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    check(socket)?;
    // SAFETY: the descriptor was made just now and has no other owner.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    set(
        &socket,
        libc::SOL_PACKET,
        libc::PACKET_IGNORE_OUTGOING,
        &1_i32,
    )?;
    Ok(socket)
}

fn accept_tagged(socket: &OwnedFd) -> io::Result<()> {
    let step = |code: u32, jf: u8, k: u32| libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf,
        k,
    };
    let mut steps = [
        step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, TAG_PRESENT),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, 1),
        step(libc::BPF_RET | libc::BPF_K, 0, 1),
        step(libc::BPF_RET | libc::BPF_K, 0, 0),
    ];
    let filter = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_mut_ptr(),
    };
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)
}

fn listen(socket: &OwnedFd, interface: u32) -> io::Result<()> {
    // SAFETY: all zeros is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = interface.cast_signed();
    // SAFETY: pointer and length are those of one live address.
    check(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of_val(&address) as libc::socklen_t,
        )
    })
}

fn set<T>(socket: &OwnedFd, level: i32, name: i32, value: &T) -> io::Result<()> {
    // SAFETY: pointer and length are those of one live value; that of the filter
    // points to steps which outlive the call.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const *value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    })
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
