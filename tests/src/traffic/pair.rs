//! Both ends of one TCP connection in one hand: one says something, and what the other
//! gets of it is looked at piece by piece.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::linux::net::TcpStreamExt,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::socket::{setsockopt, sockopt};

use super::{bulk, tcp};
use crate::lab::Endpoint;

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
            .run(|| TcpListener::bind(at).with_context(|| format!("listen on {at}")))?;
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

    /// Sends much; how many bytes arrived as they were sent.
    pub fn pour(&self, length: usize) -> Result<usize> {
        bulk::pour(
            self.speaker.try_clone()?,
            self.listener.try_clone()?,
            length,
        )
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
