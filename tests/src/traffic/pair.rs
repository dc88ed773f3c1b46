//! Both ends of one TCP connection in one hand: one says something, and what the other
//! gets of it is looked at piece by piece.

use std::{
    io::{self, ErrorKind, Read, Write},
    mem,
    net::{SocketAddr, TcpListener, TcpStream},
    os::{fd::AsRawFd, linux::net::TcpStreamExt},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use nix::{
    errno::Errno,
    sys::socket::{setsockopt, sockopt},
};

use super::{bulk, tcp};
use crate::{lab::Endpoint, wait};

const DEADLINE: Duration = Duration::from_secs(20);

/// Who of the two speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The end that began the connection.
    Client,
    Server,
}

/// A connection; reset when dropped, so that nothing of it is sent again.
#[derive(Debug)]
pub struct Pair {
    speaker: TcpStream,
    listener: TcpStream,
}

impl Pair {
    pub fn open(from: &Endpoint, to: &Endpoint, at: SocketAddr, who: Speaker) -> Result<Self> {
        let accepting = to
            .namespace
            .run(|| when_free(at, || TcpListener::bind(at)))?;
        let client = tcp::connect(from, at, DEADLINE)?;
        let client = client
            .got()
            .with_context(|| format!("no connection to {at}"))?;
        let (server, _) = accepting.accept().context("accept a connection")?;
        for end in [&client, &server] {
            end.set_nodelay(true).context("send without delay")?;
            end.set_read_timeout(Some(DEADLINE))?;
            end.set_write_timeout(Some(DEADLINE))?;
            let reset = libc::linger {
                l_onoff: 1,
                l_linger: 0,
            };
            setsockopt(end, sockopt::Linger, &reset).context("reset at the end")?;
        }
        let (speaker, listener) = match who {
            Speaker::Client => (client, server),
            Speaker::Server => (server, client),
        };
        Ok(Self { speaker, listener })
    }

    /// Ports of the one who speaks and the one who listens.
    pub fn ports(&self) -> Result<(u16, u16)> {
        Ok((
            self.speaker.local_addr()?.port(),
            self.listener.local_addr()?.port(),
        ))
    }

    /// From now on one packet in so many is lost on its last step, into the socket, at
    /// either end.
    pub fn lose_one_in(&self, packets: u32) -> Result<()> {
        lose_one_in(&self.speaker, packets)?;
        lose_one_in(&self.listener, packets)
    }

    /// Sends much, written in pieces of so many bytes; how many bytes arrived as they
    /// were sent.
    pub fn pour(&self, length: usize, piece: usize) -> Result<usize> {
        let (from, to) = (self.speaker.try_clone()?, self.listener.try_clone()?);
        bulk::pour(from, to, length, piece)
    }

    /// How many segments the one who speaks has sent again.
    pub fn repeated(&self) -> Result<u32> {
        // SAFETY: all zeros is a valid tcp_info.
        let mut info: libc::tcp_info = unsafe { mem::zeroed() };
        let mut length = libc::socklen_t::try_from(size_of_val(&info))?;
        // SAFETY: pointer and length are those of one live structure of integers.
        let got = unsafe {
            libc::getsockopt(
                self.speaker.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                (&raw mut info).cast(),
                &raw mut length,
            )
        };
        Errno::result(got).context("ask how a connection fares")?;
        Ok(info.tcpi_total_retrans)
    }

    /// Says something, whether it arrives or not.
    pub fn say(&mut self, text: &[u8]) -> Result<()> {
        self.speaker.write_all(text).context("say something")
    }

    /// Says something in segments of so many bytes, each of which arrives and is
    /// acknowledged before the next is sent: none are joined on the way.
    pub fn tell(&mut self, text: &[u8], piece: usize) -> Result<()> {
        for (number, piece) in text.chunks(piece).enumerate() {
            self.say(piece)?;
            let mut got = vec![0; piece.len()];
            self.listener
                .read_exact(&mut got)
                .with_context(|| format!("piece {number} did not arrive"))?;
            ensure!(got == piece, "piece {number} arrived changed");
            // Acknowledges at once what waits for more, and what follows.
            self.listener.set_quickack(true)?;
        }
        Ok(())
    }

    /// That nothing has arrived beyond what was told.
    pub fn nothing_more(&mut self) -> Result<()> {
        self.listener.set_nonblocking(true)?;
        let mut more = [0; 4096];
        let outcome = self.listener.read(&mut more);
        self.listener.set_nonblocking(false)?;
        match outcome {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Ok(length) => bail!("{:02x?} arrived", &more[..length]),
            Err(error) => Err(error).context("look whether more has arrived"),
        }
    }
}

/// Binds to an address; waits if it is in use, as it may be for a moment after it was
/// given up: a program that another thread starts meanwhile holds a copy of the socket
/// until it is that program.
pub fn when_free<T>(at: SocketAddr, bind: impl Fn() -> io::Result<T>) -> Result<T> {
    wait::until(&format!("{at} is free"), DEADLINE, || match bind() {
        Ok(socket) => Ok(Some(socket)),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(error).with_context(|| format!("bind to {at}")),
    })
}

/// A socket filter that keeps what a random number is greater for (socket(7);
/// Documentation/networking/filter.rst).
fn lose_one_in(socket: &TcpStream, packets: u32) -> Result<()> {
    let instruction = |code: u32, jt, k| libc::sock_filter {
        code: code as u16,
        jt,
        jf: 0,
        k,
    };
    let random = (libc::SKF_AD_OFF + libc::SKF_AD_RANDOM).cast_unsigned();
    let mut program = [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, random),
        instruction(
            libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K,
            1,
            u32::MAX / packets,
        ),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0),
        instruction(libc::BPF_RET | libc::BPF_K, 0, u32::MAX),
    ];
    let program = libc::sock_fprog {
        len: u16::try_from(program.len())?,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the pointer is to one live program, which names as many instructions as
    // there are; the kernel copies both.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            libc::socklen_t::try_from(size_of_val(&program))?,
        )
    };
    Errno::result(set).map(drop).context("lose packets")
}
