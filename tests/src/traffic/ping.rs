//! ICMP and ICMPv6 echo through the kernel's ping sockets, which fill in the
//! identifier and the checksum (icmp(7), ping_group_range).

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, SockaddrStorage, bind, socket,
};

use super::{Answer, udp};
use crate::lab::Endpoint;

const PAYLOAD: &[u8] = b"is anybody there?";

/// One echo request; the reply must carry the same bytes.
pub fn ping(from: &Endpoint, to: IpAddr, deadline: Duration) -> Result<Answer> {
    let socket = open(from, to, deadline)?;
    let (request, reply) = match to {
        IpAddr::V4(_) => (8, 0),
        IpAddr::V6(_) => (128, 129),
    };
    // Type, code, checksum, identifier, sequence number.
    let message = [&[request, 0, 0, 0, 0, 0, 0, 1], PAYLOAD].concat();
    udp::exchange(&socket, &message)?.and_then(|echo| {
        ensure!(
            echo.first() == Some(&reply) && echo.ends_with(PAYLOAD),
            "no echo reply: {echo:02x?}"
        );
        Ok(Answer::Got(()))
    })
}

/// A ping socket sends, receives and connects as a UDP socket does.
fn open(from: &Endpoint, to: IpAddr, deadline: Duration) -> Result<UdpSocket> {
    let source = SocketAddr::new(from.address_towards(to), 0);
    from.namespace.run(|| {
        let (family, protocol) = match to {
            IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
            IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
        };
        let socket = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, protocol)
            .context("open a ping socket")?;
        bind(socket.as_raw_fd(), &SockaddrStorage::from(source))
            .with_context(|| format!("bind to {source}"))?;
        let socket = UdpSocket::from(socket);
        socket
            .connect((to, 0))
            .with_context(|| format!("choose the peer {to}"))?;
        socket
            .set_read_timeout(Some(deadline))
            .context("set a deadline")?;
        Ok(socket)
    })
}
