//! DNS messages: what is asked, and what addresses an answer gives for that. The
//! parser is `simple-dns`; what it lets pass, [`super::shape`] does not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::RData;
use simple_dns::{OPCODE, Packet, PacketFlag, QTYPE, RCODE, TYPE};

use super::super::Refusal;
use super::super::names::Name;
use super::shape;

/// Aliases that are followed from the name asked for.
const CHAIN: usize = 8;
/// Addresses that one answer teaches; further ones are left.
const ADDRESSES: usize = 32;

/// Family of the addresses asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    V4,
    V6,
}

/// What a message asks, or answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    pub name: Name,
    /// `None`: something else than addresses.
    pub family: Option<Family>,
}

/// A well-formed message.
#[derive(Debug)]
pub struct Message<'a> {
    pub question: Question,
    packet: Packet<'a>,
}

/// An address, and for how many seconds the server vouches for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    pub address: IpAddr,
    pub seconds: u32,
}

impl<'a> Message<'a> {
    /// # Errors
    /// [`Refusal::Malformed`] for what is no query or answer of one question.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Refusal> {
        if !shape::is_proper(payload) {
            return Err(Refusal::Malformed);
        }
        let packet = Packet::parse(payload).map_err(|_| Refusal::Malformed)?;
        let [question] = &*packet.questions else {
            return Err(Refusal::Malformed);
        };
        if packet.opcode() != OPCODE::StandardQuery {
            return Err(Refusal::Malformed);
        }
        let question = Question {
            name: name(&question.qname),
            family: match question.qtype {
                QTYPE::TYPE(TYPE::A) => Some(Family::V4),
                QTYPE::TYPE(TYPE::AAAA) => Some(Family::V6),
                _ => None,
            },
        };
        Ok(Self { question, packet })
    }

    pub fn id(&self) -> u16 {
        self.packet.id()
    }

    pub fn is_answer(&self) -> bool {
        self.packet.has_flags(PacketFlag::RESPONSE)
    }

    /// The addresses of the name asked for, with the least time along the way to
    /// each. Other sections than the answer teach nothing, nor do other owners.
    ///
    /// # Errors
    /// [`Refusal::Failed`], [`Refusal::NoAddress`], and [`Refusal::Malformed`] for
    /// aliases in a circle or of more than one target.
    pub fn addresses(&self) -> Result<Vec<Given>, Refusal> {
        if self.packet.rcode() != RCODE::NoError || self.packet.has_flags(PacketFlag::TRUNCATION) {
            return Err(Refusal::Failed);
        }
        let (owner, limit) = self.follow()?;
        let mut given = Vec::new();
        for record in &self.packet.answers {
            let address: IpAddr = match (&record.rdata, self.question.family) {
                (RData::A(a), Some(Family::V4)) => Ipv4Addr::from_bits(a.address).into(),
                (RData::AAAA(a), Some(Family::V6)) => Ipv6Addr::from_bits(a.address).into(),
                _ => continue,
            };
            if name(&record.name) == owner && is_possible(address) && given.len() < ADDRESSES {
                let seconds = limit.min(seconds(record.ttl));
                given.push(Given { address, seconds });
            }
        }
        if given.is_empty() {
            return Err(Refusal::NoAddress);
        }
        Ok(given)
    }

    /// The name at the end of the aliases, and the least time on the way there.
    fn follow(&self) -> Result<(Name, u32), Refusal> {
        let (mut owner, mut limit) = (self.question.name.clone(), u32::MAX);
        for _ in 0..=CHAIN {
            let mut aliases = self.packet.answers.iter().filter_map(|record| {
                let RData::CNAME(target) = &record.rdata else {
                    return None;
                };
                (name(&record.name) == owner).then(|| (name(&target.0), seconds(record.ttl)))
            });
            let Some((target, time)) = aliases.next() else {
                return Ok((owner, limit));
            };
            if aliases.next().is_some() {
                return Err(Refusal::Malformed);
            }
            limit = limit.min(time);
            owner = target;
        }
        Err(Refusal::Malformed)
    }
}

fn name(name: &simple_dns::Name<'_>) -> Name {
    Name::from_labels(name.get_labels().iter().map(AsRef::as_ref))
}

/// A time to live; one with its highest bit set is none (RFC 2181, 8).
const fn seconds(time_to_live: u32) -> u32 {
    if time_to_live > i32::MAX as u32 {
        0
    } else {
        time_to_live
    }
}

/// Whether a peer on a network can have an address: not unspecified, loopback,
/// link-local, group or reserved, and no IPv4 address in an IPv6 one's clothes.
pub fn is_possible(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, ..] = v4.octets();
            !matches!(first, 0 | 127 | 224..) && !v4.is_link_local()
        }
        IpAddr::V6(v6) => {
            // ::/64 holds the unspecified, the loopback and the mapped addresses.
            let in_first_network = v6.segments()[..4] == [0; 4];
            !in_first_network && !v6.is_multicast() && !v6.is_unicast_link_local()
        }
    }
}
