//! How many frames with a VLAN tag the kernel receives by a port, counted behind the
//! program. A tag that was taken off on the way to the program is still known to the
//! kernel here, so that the two counts tell whether the program sees what it judges by.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// `SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT` of linux/filter.h: whether the frame had a tag.
const TAG_PRESENT: u32 = (-0x1000_i32 + 48).cast_unsigned();

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
        // Protocol 0 receives nothing: the filter stands before the first frame comes.
        // SAFETY: no pointers are passed.
        let socket =
            unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        check(socket)?;
        // SAFETY: the descriptor was made just now and has no other owner.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        let tap = Self { socket, counted: 0 };
        tap.accept_tagged()?;
        tap.set(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1_i32)?;
        tap.set(libc::SOL_SOCKET, libc::SO_RCVBUF, &0_i32)?;
        tap.listen(interface)?;
        Ok(tap)
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

    fn accept_tagged(&self) -> io::Result<()> {
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
        self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)
    }

    fn listen(&self, interface: u32) -> io::Result<()> {
        // SAFETY: all zeros is a valid sockaddr_ll.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = interface.cast_signed();
        // SAFETY: pointer and length are those of one live address.
        check(unsafe {
            libc::bind(
                self.socket.as_raw_fd(),
                (&raw const address).cast(),
                size_of_val(&address) as libc::socklen_t,
            )
        })
    }

    fn set<T>(&self, level: i32, name: i32, value: &T) -> io::Result<()> {
        // SAFETY: pointer and length are those of one live value; that of the filter
        // points to steps which outlive the call.
        check(unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                level,
                name,
                (&raw const *value).cast(),
                size_of::<T>() as libc::socklen_t,
            )
        })
    }
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
