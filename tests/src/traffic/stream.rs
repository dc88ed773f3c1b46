//! A steady stream of numbered UDP datagrams, to count what is lost or leaks
//! while something else happens.

use std::{
    net::UdpSocket,
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use nix::sys::socket::{setsockopt, sockopt};

use super::udp;
use crate::{lab::Endpoint, wait};

/// Pause between bursts.
const TICK: Duration = Duration::from_millis(1);
/// Datagrams of a stream that is not told otherwise.
pub const PER_MILLISECOND: u64 = 2;
/// Milliseconds' worth of datagrams on their way at most, where they are expected to
/// arrive: a busy machine must not overflow the queues of a virtual cable, which no
/// enforcer could help.
const WINDOW: u64 = 32;
/// How long a full window holds the sender up. After that, they count as lost.
const STALL: Duration = Duration::from_secs(1);
const RECEIVE_BUFFER: usize = 8 << 20;
const LAST_DEADLINE: Duration = Duration::from_secs(2);

/// A running stream; [`Stream::finish`] counts.
#[derive(Debug)]
pub struct Stream {
    shared: Arc<Shared>,
    expected: Expected,
    sender: JoinHandle<Result<()>>,
    receiver: JoinHandle<Result<()>>,
}

/// What should become of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Arrives,
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub sent: u64,
    pub received: u64,
}

#[derive(Debug, Default)]
struct Shared {
    stop_sending: AtomicBool,
    stop_receiving: AtomicBool,
    sent: AtomicU64,
    received: AtomicU64,
    /// One more than the highest number received.
    next: AtomicU64,
}

impl Stream {
    /// Sends from one endpoint to a port of another until finished.
    /// As many in each millisecond as `rate` says.
    pub fn start(
        from: &Endpoint,
        to: &Endpoint,
        port: u16,
        expected: Expected,
        rate: u64,
    ) -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let listener = to.namespace.run(|| {
            let socket = UdpSocket::bind(to.at(port)).context("listen for a stream")?;
            setsockopt(&socket.as_fd(), sockopt::RcvBufForce, &RECEIVE_BUFFER)
                .context("enlarge the receive buffer")?;
            socket.set_read_timeout(Some(20 * TICK))?;
            Ok(socket)
        })?;
        let source = udp::open(from, to.at(port), LAST_DEADLINE)?;
        let receiver = thread::spawn({
            let shared = Arc::clone(&shared);
            move || receive(&listener, &shared)
        });
        let sender = thread::spawn({
            let shared = Arc::clone(&shared);
            move || send(&source, expected, rate, &shared)
        });
        Ok(Self {
            shared,
            expected,
            sender,
            receiver,
        })
    }

    /// Datagrams sent so far.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// Datagrams received so far.
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Relaxed)
    }

    /// One more than the highest number received so far.
    pub fn next(&self) -> u64 {
        self.shared.next.load(Ordering::Relaxed)
    }

    /// Sends no more; what has been sent is still received.
    pub fn pause(&self) {
        self.shared.stop_sending.store(true, Ordering::Relaxed);
    }

    /// Stops and counts. Of a stream that should be refused, what follows it on
    /// the same way must have arrived for the count to be final.
    pub fn finish(self) -> Result<Tally> {
        self.pause();
        join(self.sender)?;
        let sent = self.shared.sent.load(Ordering::Relaxed);
        if self.expected == Expected::Arrives {
            wait::poll(LAST_DEADLINE, || {
                let received = self.shared.received.load(Ordering::Relaxed);
                Ok((received >= sent).then_some(()))
            })?;
        }
        self.shared.stop_receiving.store(true, Ordering::Relaxed);
        join(self.receiver)?;
        let received = self.shared.received.load(Ordering::Relaxed);
        Ok(Tally { sent, received })
    }
}

fn join(thread: JoinHandle<Result<()>>) -> Result<()> {
    thread
        .join()
        .map_err(|_| anyhow!("a thread of a stream panicked"))?
}

fn send(socket: &UdpSocket, expected: Expected, rate: u64, shared: &Shared) -> Result<()> {
    let mut number = 0_u64;
    let mut last = Instant::now();
    while !shared.stop_sending.load(Ordering::Relaxed) {
        if expected == Expected::Arrives {
            hold_back(number, rate * WINDOW, shared);
        }
        // A tick that came late carries more, up to a limit.
        let ticks = (last.elapsed().as_millis() as u64).clamp(1, WINDOW / 4);
        last = Instant::now();
        for _ in 0..rate * ticks {
            socket
                .send(&number.to_be_bytes())
                .context("send a datagram of a stream")?;
            number += 1;
            shared.sent.store(number, Ordering::Relaxed);
        }
        thread::sleep(TICK);
    }
    Ok(())
}

fn hold_back(number: u64, window: u64, shared: &Shared) {
    let begin = Instant::now();
    while number.saturating_sub(shared.next.load(Ordering::Relaxed)) > window
        && begin.elapsed() < STALL
        && !shared.stop_sending.load(Ordering::Relaxed)
    {
        thread::sleep(TICK);
    }
}

fn receive(socket: &UdpSocket, shared: &Shared) -> Result<()> {
    let mut datagram = [0; 8];
    loop {
        match socket.recv(&mut datagram) {
            Ok(length) if length == datagram.len() => {
                let number = u64::from_be_bytes(datagram);
                shared.received.fetch_add(1, Ordering::Relaxed);
                shared.next.fetch_max(number + 1, Ordering::Relaxed);
            }
            Ok(_) => {}
            // Nothing is left in the buffer.
            Err(_) if shared.stop_receiving.load(Ordering::Relaxed) => return Ok(()),
            Err(_) => {}
        }
    }
}
