//! The resolver's shadow: remembers what devices ask, and believes only the first
//! answer to each question, from where it was asked.

mod message;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use enforcer_common::addr::Ip;

use super::datagram::Datagram;
use super::names::Name;
use super::{Identity, Refusal};
pub use message::{Family, Given, Message, Question, is_possible};

/// UDP port of DNS (RFC 1035, 4.2.1).
pub const PORT: u16 = 53;
/// Questions of one device, and of all, that are remembered at a time.
const PER_DEVICE: usize = 64;
const IN_ALL: usize = 65_536;
/// How long an answer is waited for, ns.
const PATIENCE: u64 = 10_000_000_000;
/// Least and longest time that an address is held for, and what is added because
/// devices use addresses a little longer than they may. In seconds.
const LEAST: u32 = 60;
const LONGEST: u32 = 24 * 60 * 60;
const GRACE: u32 = 60;

/// Questions that wait for their answer.
#[derive(Debug, Default)]
pub struct Resolver {
    waiting: HashMap<Identity, VecDeque<Waiting>>,
    count: usize,
}

#[derive(Debug)]
struct Waiting {
    /// Monotonic clock, ns.
    asked: u64,
    client: (Ip, u16),
    server: (Ip, u16),
    id: u16,
    question: Question,
}

/// What the answer to a question said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub name: Name,
    pub given: Vec<Given>,
}

impl Resolver {
    /// Remembers a question at a time of the monotonic clock, in ns. What asks for no
    /// addresses is not remembered.
    ///
    /// # Errors
    /// [`Refusal::NoRoom`] when others wait for too many answers.
    pub fn ask(
        &mut self,
        device: Identity,
        datagram: &Datagram<'_>,
        message: &Message<'_>,
        now: u64,
    ) -> Result<(), Refusal> {
        let packet = &datagram.packet;
        if message.question.family.is_none() || packet.destination_port != PORT {
            return Ok(());
        }
        self.expire(device, now);
        if self.count >= IN_ALL {
            self.expire_all(now);
        }
        let waiting = self.waiting.entry(device).or_default();
        let question = Waiting {
            asked: now,
            client: (packet.source, packet.source_port),
            server: (packet.destination, packet.destination_port),
            id: message.id(),
            question: message.question.clone(),
        };
        // One that is repeated waits for one answer still.
        if let Some(earlier) = waiting.iter().position(|other| other.is_same(&question)) {
            waiting.remove(earlier);
            self.count -= 1;
        }
        if waiting.len() >= PER_DEVICE {
            waiting.pop_front();
            self.count -= 1;
        }
        if self.count >= IN_ALL {
            return Err(Refusal::NoRoom);
        }
        waiting.push_back(question);
        self.count += 1;
        Ok(())
    }

    /// What an answer says, if it is the first to a question of the device.
    ///
    /// # Errors
    /// Why it teaches nothing.
    pub fn answer(
        &mut self,
        device: Identity,
        datagram: &Datagram<'_>,
        message: &Message<'_>,
        now: u64,
    ) -> Result<Answered, Refusal> {
        let packet = &datagram.packet;
        self.expire(device, now);
        let waiting = self.waiting.get_mut(&device).ok_or(Refusal::Unasked)?;
        let place = waiting.iter().position(|waiting| {
            waiting.client == (packet.destination, packet.destination_port)
                && waiting.server == (packet.source, packet.source_port)
                && waiting.id == message.id()
                && waiting.question == message.question
        });
        let question = place.and_then(|place| waiting.remove(place));
        let question = question.ok_or(Refusal::Unasked)?;
        self.count -= 1;
        let given = message.addresses()?;
        Ok(Answered {
            name: question.question.name,
            given,
        })
    }

    /// Forgets questions that nobody answered.
    pub fn expire_all(&mut self, now: u64) {
        for waiting in self.waiting.values_mut() {
            waiting.retain(|waiting| waiting.waits(now));
        }
        self.waiting.retain(|_, waiting| !waiting.is_empty());
        self.count = self.waiting.values().map(VecDeque::len).sum();
    }

    fn expire(&mut self, device: Identity, now: u64) {
        let Some(waiting) = self.waiting.get_mut(&device) else {
            return;
        };
        while waiting.front().is_some_and(|oldest| !oldest.waits(now)) {
            waiting.pop_front();
            self.count -= 1;
        }
    }
}

impl Waiting {
    const fn waits(&self, now: u64) -> bool {
        now.saturating_sub(self.asked) < PATIENCE
    }

    fn is_same(&self, other: &Self) -> bool {
        self.client == other.client
            && self.server == other.server
            && self.id == other.id
            && self.question == other.question
    }
}

/// Seconds for which an address is held.
pub fn held_for(given: Given) -> u32 {
    given.seconds.clamp(LEAST, LONGEST) + GRACE
}

/// Whether an address can be that of a peer of the device.
pub fn is_peer(address: IpAddr, own: impl IntoIterator<Item = IpAddr>) -> bool {
    is_possible(address) && !own.into_iter().any(|own| own == address)
}
