//! DNS over UDP (RFC 1035): a client that asks for one A record, a responder
//! that gives every name the same address, and one that knows a few hosts of the lab.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::{Answer, Server, udp};
use crate::lab::Endpoint;

pub const PORT: u16 = 53;

/// What every name resolves to (RFC 5737: an address for documentation).
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// What [`serve_hosts`] knows, by first label. Other names do not exist.
pub const HOSTS: [(&str, Ipv4Addr); 2] = [
    ("pacs", Ipv4Addr::new(10, 10, 0, 104)),
    ("engine", Ipv4Addr::new(10, 10, 0, 100)),
];

const HEADER: usize = 12;
const NO_SUCH_NAME: [u8; 2] = [0x81, 0x83];
const LABEL: usize = HEADER + 1;
const QUERY_ID: [u8; 2] = [0x1b, 0xad];
const RECURSION_DESIRED: [u8; 2] = [0x01, 0x00];
const RESPONSE: [u8; 2] = [0x81, 0x80];
/// Type A, class IN.
const A_IN: [u8; 4] = [0, 1, 0, 1];

/// A responder on port 53.
pub fn serve(at: &Endpoint) -> Result<Server> {
    Server::datagram(at, PORT, respond)
}

/// Asks for the address of a name.
pub fn ask(
    from: &Endpoint,
    server: SocketAddr,
    name: &str,
    deadline: Duration,
) -> Result<Answer<Ipv4Addr>> {
    let question = query(name)?;
    udp::ask(from, server, &question, deadline)?
        .and_then(|reply| Ok(Answer::Got(read_reply(&reply, &question)?)))
}

/// The bytes of a query for the A record of a name.
pub fn query(name: &str) -> Result<Vec<u8>> {
    let mut bytes = [QUERY_ID, RECURSION_DESIRED, [0, 1], [0, 0], [0, 0], [0, 0]].concat();
    for label in name.split('.') {
        ensure!(
            (1..=63).contains(&label.len()),
            "{name:?} is no domain name"
        );
        bytes.push(u8::try_from(label.len())?);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(A_IN);
    Ok(bytes)
}

/// A responder on port 53 that knows [`HOSTS`].
pub fn serve_hosts(at: &Endpoint) -> Result<Server> {
    Server::datagram(at, PORT, |query| {
        let label = query.get(LABEL..LABEL + usize::from(*query.get(HEADER)?))?;
        let host = HOSTS.iter().find(|(name, _)| name.as_bytes() == label);
        match host {
            Some((_, address)) => reply(query, *address),
            None => refuse(query),
        }
    })
}

/// The bytes of an answer to a query: one A record.
pub fn reply(query: &[u8], address: Ipv4Addr) -> Option<Vec<u8>> {
    let question = query.get(HEADER..)?;
    let id = query.get(..2)?;
    // The name is a pointer to the question; then type, class, one minute, length.
    let answer = [
        &[0xc0, 12][..],
        &A_IN,
        &[0, 0, 0, 60],
        &[0, 4],
        &address.octets(),
    ]
    .concat();
    let counts = [0, 1, 0, 1, 0, 0, 0, 0];
    Some([id, &RESPONSE, &counts, question, &answer].concat())
}

fn respond(query: &[u8]) -> Option<Vec<u8>> {
    reply(query, ADDRESS)
}

fn refuse(query: &[u8]) -> Option<Vec<u8>> {
    let counts = [0, 1, 0, 0, 0, 0, 0, 0];
    Some(
        [
            query.get(..2)?,
            &NO_SUCH_NAME,
            &counts,
            query.get(HEADER..)?,
        ]
        .concat(),
    )
}

fn read_reply(reply: &[u8], question: &[u8]) -> Result<Ipv4Addr> {
    ensure!(reply.starts_with(&QUERY_ID), "the DNS reply has another id");
    ensure!(
        reply.get(HEADER..question.len()) == question.get(HEADER..),
        "the DNS reply repeats another question"
    );
    let address = reply
        .last_chunk::<4>()
        .context("the DNS reply is too short")?;
    Ok(Ipv4Addr::from(*address))
}
