//! A TCP connection through the rig, segment by segment: who says what, at which place
//! of the stream.

use std::net::IpAddr;

use enforcer_common::port::Side;

use super::frame::{ACK, SYN};
use super::rig::{Outcome, Rig};
use super::ward::{self, Family};

/// Numbers before the first bytes of client and server: the former wraps early.
const CLIENT: u32 = u32::MAX - 20;
const SERVER: u32 = 7_000;

/// A connection of a device of the ward with the engine.
#[derive(Debug)]
pub struct Talk {
    device: u8,
    client: (IpAddr, u16),
    server: (IpAddr, u16),
    /// Bytes that either has sent, and the other received.
    pub sent: [u32; 2],
}

impl Talk {
    /// Opens it to the HL7 port; each needs a client port of its own.
    pub fn open(rig: &mut Rig, device: u8, family: Family, port: u16) -> Self {
        Self::open_to(rig, device, family, port, 2575)
    }

    /// Opens it to another port, which the policy must allow.
    pub fn open_to(rig: &mut Rig, device: u8, family: Family, port: u16, service: u16) -> Self {
        let talk = Self {
            device,
            client: (ward::device(family, device), port),
            server: (ward::engine(family), service),
            sent: [0; 2],
        };
        let link = ward::outward(device);
        let numbers = (CLIENT, 0);
        rig.send(
            Side::Device,
            &link.segment(talk.client, talk.server, SYN, numbers, b""),
        );
        let numbers = (SERVER, CLIENT.wrapping_add(1));
        let link = ward::inward(device);
        let answer = link.segment(talk.server, talk.client, SYN | ACK, numbers, b"");
        rig.send(Side::Core, &answer);
        talk.acknowledge(rig, 0, 0);
        talk
    }

    /// What the client says at a place of its stream.
    pub fn client_says(&self, rig: &mut Rig, place: u32, payload: &[u8]) -> Outcome {
        self.client_says_with(rig, ACK, place, payload)
    }

    /// What the client says at a place of its stream, with these flags.
    pub fn client_says_with(&self, rig: &mut Rig, flags: u8, place: u32, bytes: &[u8]) -> Outcome {
        rig.send(Side::Device, &self.client_frame(flags, place, bytes))
    }

    /// What the server says at a place of its stream.
    pub fn server_says(&self, rig: &mut Rig, place: u32, payload: &[u8]) -> Outcome {
        let numbers = (
            SERVER.wrapping_add(1).wrapping_add(place),
            CLIENT.wrapping_add(1).wrapping_add(self.sent[0]),
        );
        let link = ward::inward(self.device);
        let frame = link.segment(self.server, self.client, ACK, numbers, payload);
        rig.send(Side::Core, &frame)
    }

    /// The client says what comes next, and it is received.
    pub fn client_goes_on(&mut self, rig: &mut Rig, payload: &[u8]) -> Outcome {
        let outcome = self.client_says(rig, self.sent[0], payload);
        self.sent[0] += payload.len() as u32;
        self.acknowledge(rig, 1, self.sent[0]);
        outcome
    }

    /// The server says what comes next.
    pub fn server_goes_on(&mut self, rig: &mut Rig, payload: &[u8]) -> Outcome {
        let outcome = self.server_says(rig, self.sent[1], payload);
        self.sent[1] += payload.len() as u32;
        self.acknowledge(rig, 0, self.sent[1]);
        outcome
    }

    /// One end says to have received the other's bytes up to a place: 0 the client.
    pub fn acknowledge(&self, rig: &mut Rig, end: usize, place: u32) {
        let [client, server] = [CLIENT, SERVER].map(|number| number.wrapping_add(1));
        if end == 0 {
            let numbers = (
                client.wrapping_add(self.sent[0]),
                server.wrapping_add(place),
            );
            let link = ward::outward(self.device);
            let frame = link.segment(self.client, self.server, ACK, numbers, b"");
            rig.send(Side::Device, &frame);
        } else {
            let numbers = (
                server.wrapping_add(self.sent[1]),
                client.wrapping_add(place),
            );
            let link = ward::inward(self.device);
            let frame = link.segment(self.server, self.client, ACK, numbers, b"");
            rig.send(Side::Core, &frame);
        }
    }

    fn client_frame(&self, flags: u8, place: u32, payload: &[u8]) -> Vec<u8> {
        let numbers = (
            CLIENT.wrapping_add(1).wrapping_add(place),
            SERVER.wrapping_add(1).wrapping_add(self.sent[1]),
        );
        let link = ward::outward(self.device);
        link.segment(self.client, self.server, flags, numbers, payload)
    }
}
