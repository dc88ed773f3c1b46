//! TCP: connections from a chosen address with a deadline, and an echo service.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::AsRawFd,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use nix::sys::{
    socket::{
        AddressFamily, SockFlag, SockProtocol, SockType, SockaddrStorage, bind,
        connect as connect_to, setsockopt, socket, sockopt,
    },
    time::TimeVal,
};

use super::{Answer, Server};
use crate::lab::Endpoint;

/// Connects; the stream reads and writes with the same deadline.
pub fn connect(from: &Endpoint, to: SocketAddr, deadline: Duration) -> Result<Answer<TcpStream>> {
    let source = SocketAddr::new(from.address_towards(to.ip()), 0);
    from.namespace.run(|| {
        let family = if to.is_ipv4() {
            AddressFamily::Inet
        } else {
            AddressFamily::Inet6
        };
        let socket = socket(
            family,
            SockType::Stream,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::Tcp,
        )
        .context("open a TCP socket")?;
        bind(socket.as_raw_fd(), &SockaddrStorage::from(source))
            .with_context(|| format!("bind to {source}"))?;
        // Linux bounds a blocking connect by the send timeout; see socket(7).
        let timeout = TimeVal::new(
            i64::try_from(deadline.as_secs())?,
            i64::from(deadline.subsec_micros()),
        );
        setsockopt(&socket, sockopt::SendTimeout, &timeout).context("set a deadline")?;
        let connected =
            connect_to(socket.as_raw_fd(), &SockaddrStorage::from(to)).map_err(Into::into);
        Answer::from_io(connected)?.and_then(|()| {
            let stream = TcpStream::from(socket);
            stream
                .set_read_timeout(Some(deadline))
                .context("set a deadline")?;
            stream.set_nodelay(true).context("send without delay")?;
            Ok(Answer::Got(stream))
        })
    })
}

/// A service that sends everything back.
pub fn serve_echo(at: &Endpoint, port: u16) -> Result<Server> {
    Server::stream(at, port, std::mem::take)
}

/// Sends bytes through an open connection and expects the same ones back.
pub fn echo(stream: &mut TcpStream, payload: &[u8]) -> Result<Answer> {
    let mut reply = vec![0; payload.len()];
    let exchanged = stream
        .write_all(payload)
        .and_then(|()| stream.read_exact(&mut reply));
    let answer = Answer::from_io(exchanged)?;
    if let Answer::Got(()) = answer {
        ensure!(
            reply == payload,
            "the echo of {} bytes came back changed",
            payload.len()
        );
    }
    Ok(answer)
}

/// Sends `length` bytes through a connection to an echo service while reading
/// them back; how many came back unchanged.
pub fn transfer(stream: TcpStream, length: usize) -> Result<usize> {
    let byte = |index: usize| (index ^ (index >> 8) ^ (index >> 16)) as u8;
    let mut writer = stream.try_clone().context("share a connection")?;
    let sender = thread::spawn(move || {
        let payload: Vec<u8> = (0..length).map(byte).collect();
        writer.write_all(&payload)
    });
    let (mut reader, mut received) = (stream, 0);
    let mut chunk = vec![0; 64 * 1024];
    while received < length {
        let count = reader.read(&mut chunk).context("read a transfer back")?;
        ensure!(count > 0, "the transfer ended after {received} bytes");
        let intact = chunk[..count]
            .iter()
            .zip(received..)
            .all(|(seen, index)| *seen == byte(index));
        ensure!(intact, "bytes after {received} came back changed");
        received += count;
    }
    sender
        .join()
        .map_err(|_| anyhow!("the sender of a transfer panicked"))?
        .context("send a transfer")?;
    Ok(received)
}
