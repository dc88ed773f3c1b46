//! UDP: one question, one answer, and an echo service.

use std::{
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use anyhow::{Context, Result};

use super::{Answer, Server};
use crate::lab::Endpoint;

/// Sends one datagram and waits for one back.
pub fn ask(
    from: &Endpoint,
    to: SocketAddr,
    payload: &[u8],
    deadline: Duration,
) -> Result<Answer<Vec<u8>>> {
    exchange(&open(from, to, deadline)?, payload)
}

/// A socket that talks to one peer only, to keep using the same source port.
pub fn open(from: &Endpoint, to: SocketAddr, deadline: Duration) -> Result<UdpSocket> {
    let source = SocketAddr::new(from.address_towards(to.ip()), 0);
    from.namespace.run(|| {
        let socket = UdpSocket::bind(source).with_context(|| format!("bind to {source}"))?;
        socket
            .connect(to)
            .with_context(|| format!("choose the peer {to}"))?;
        socket
            .set_read_timeout(Some(deadline))
            .context("set a deadline")?;
        Ok(socket)
    })
}

/// One datagram there and one back through an open socket.
pub fn exchange(socket: &UdpSocket, payload: &[u8]) -> Result<Answer<Vec<u8>>> {
    let mut reply = vec![0; 64 * 1024];
    let received = socket.send(payload).and_then(|_| socket.recv(&mut reply));
    Ok(Answer::from_io(received)?.map(|length| {
        reply.truncate(length);
        reply
    }))
}

/// A service that sends every datagram back.
pub fn serve_echo(at: &Endpoint, port: u16) -> Result<Server> {
    Server::datagram(at, port, |datagram| Some(datagram.to_vec()))
}
