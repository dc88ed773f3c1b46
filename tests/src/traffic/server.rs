//! The servers of the lab: sockets and threads here, what to answer as a pure
//! function from elsewhere. They end when the handle is dropped.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::lab::Endpoint;

/// How long a server waits before it looks whether it should end.
const TICK: Duration = Duration::from_millis(20);

/// Takes what it understands from the front of the bytes received so far, and
/// returns what to send back.
pub type StreamProtocol = fn(&mut Vec<u8>) -> Vec<u8>;

/// The reply to a datagram, if there is one.
pub type DatagramProtocol = fn(&[u8]) -> Option<Vec<u8>>;

/// A running service, at the IPv4 and the IPv6 address of an endpoint.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    heard: AtomicU64,
}

impl Server {
    /// Accepts TCP connections.
    pub fn stream(at: &Endpoint, port: u16, protocol: StreamProtocol) -> Result<Self> {
        Self::start(at, port, move |address, shared| {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(thread::spawn(move || accept(&listener, protocol, &shared)))
        })
    }

    /// Answers UDP datagrams.
    pub fn datagram(at: &Endpoint, port: u16, protocol: DatagramProtocol) -> Result<Self> {
        Self::start(at, port, move |address, shared| {
            let socket = UdpSocket::bind(address)?;
            socket.set_read_timeout(Some(TICK))?;
            Ok(thread::spawn(move || answer(&socket, protocol, &shared)))
        })
    }

    /// How many connections or datagrams have reached the server.
    pub fn heard(&self) -> u64 {
        self.shared.heard.load(Ordering::Relaxed)
    }

    fn start(
        at: &Endpoint,
        port: u16,
        serve: impl Fn(SocketAddr, Arc<Shared>) -> io::Result<JoinHandle<()>> + Send + Sync,
    ) -> Result<Self> {
        let mut server = Self {
            shared: Arc::default(),
            threads: Vec::new(),
        };
        for address in [at.at(port), at.at_v6(port)] {
            let shared = Arc::clone(&server.shared);
            let thread = at
                .namespace
                .run(|| serve(address, shared).with_context(|| format!("listen on {address}")))?;
            server.threads.push(thread);
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                eprintln!("a server thread of the lab panicked");
            }
        }
    }
}

impl Shared {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn accept(listener: &TcpListener, protocol: StreamProtocol, shared: &Arc<Shared>) {
    while !shared.stopped() {
        match listener.accept() {
            Ok((stream, _)) => {
                shared.heard.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(shared);
                thread::spawn(move || converse(stream, protocol, &shared));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(TICK / 10),
            Err(_) => return,
        }
    }
}

/// One connection, until the client or the server has enough of it.
fn converse(mut stream: TcpStream, protocol: StreamProtocol, shared: &Shared) {
    if stream.set_nonblocking(false).is_err() || stream.set_read_timeout(Some(TICK)).is_err() {
        return;
    }
    let mut received = Vec::new();
    let mut chunk = [0; 16 * 1024];
    while !shared.stopped() {
        match stream.read(&mut chunk) {
            Ok(0) => return,
            Ok(length) => {
                received.extend_from_slice(&chunk[..length]);
                if stream.write_all(&protocol(&mut received)).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

fn answer(socket: &UdpSocket, protocol: DatagramProtocol, shared: &Shared) {
    let mut datagram = [0; 64 * 1024];
    while !shared.stopped() {
        // Errors here are the tick, or an ICMP message about an earlier reply.
        let Ok((length, from)) = socket.recv_from(&mut datagram) else {
            continue;
        };
        shared.heard.fetch_add(1, Ordering::Relaxed);
        if let Some(reply) = protocol(&datagram[..length]) {
            // A reply that cannot be sent looks to the client as it should: silent.
            let _sent = socket.send_to(&reply, from);
        }
    }
}
