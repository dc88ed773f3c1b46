//! NTP (RFC 5905): one client request, one server reply.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Result, ensure};

use super::{Answer, Server, udp};
use crate::lab::Endpoint;

pub const PORT: u16 = 123;

const LENGTH: usize = 48;
/// No warning, version 4, mode 3 (client) or 4 (server).
const CLIENT: u8 = 0b00_100_011;
const SERVER: u8 = 0b00_100_100;
const ORIGINATE: std::ops::Range<usize> = 24..32;
const RECEIVE: std::ops::Range<usize> = 32..40;
const TRANSMIT: std::ops::Range<usize> = 40..48;

/// 2025-01-01 in seconds since 1900; the lab's clock stands still.
const NOW: [u8; 8] = [0xeb, 0x1e, 0x57, 0x00, 0, 0, 0, 0];
/// What the client puts in its own timestamp: the server must return it.
const COOKIE: [u8; 8] = *b"enforcer";

/// A server on port 123.
pub fn serve(at: &Endpoint) -> Result<Server> {
    Server::datagram(at, PORT, respond)
}

/// Asks for the time and checks that the reply belongs to the request.
pub fn ask(from: &Endpoint, server: SocketAddr, deadline: Duration) -> Result<Answer> {
    let mut request = [0; LENGTH];
    request[0] = CLIENT;
    request[TRANSMIT].copy_from_slice(&COOKIE);
    udp::ask(from, server, &request, deadline)?.and_then(|reply| {
        ensure!(
            reply.len() == LENGTH && reply[0] == SERVER,
            "not an NTP reply: {reply:02x?}"
        );
        ensure!(
            reply[ORIGINATE] == COOKIE,
            "an NTP reply to another request"
        );
        Ok(Answer::Got(()))
    })
}

fn respond(request: &[u8]) -> Option<Vec<u8>> {
    if request.len() != LENGTH || request[0] != CLIENT {
        return None;
    }
    let mut reply = vec![0; LENGTH];
    reply[0] = SERVER;
    // Stratum 2.
    reply[1] = 2;
    reply[ORIGINATE].copy_from_slice(&request[TRANSMIT]);
    reply[RECEIVE].copy_from_slice(&NOW);
    reply[TRANSMIT].copy_from_slice(&NOW);
    Some(reply)
}
