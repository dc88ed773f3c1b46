//! Streams of frames that a [`super::Generator`] makes: who sends, in which order, what.
//! Which device has which address is said here, for policies and rules to agree with it.

use std::net::Ipv4Addr;

use crate::mac::Mac;

/// Where all devices of a bench talk to.
pub const SERVER_MAC: Mac = Mac([2, 0, 0, 0, 0x20, 1]);
/// The first of the server's addresses; a new flow each packet goes on to those behind it.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 200, 0, 0);
/// Source port of a device's one flow, and the first of many.
pub const DEVICE_PORT: u16 = 40_000;
/// Before the number of a device in its MAC address.
pub(super) const MAC_PREFIX: [u8; 2] = [6, 0];
/// Device 0's address.
pub(super) const FIRST_IP: u32 = 0x0a01_0000;

/// MAC address of a device by number, below 2^24.
pub fn mac(number: u32) -> Mac {
    let [a, b, c, d] = number.to_be_bytes();
    Mac([MAC_PREFIX[0], MAC_PREFIX[1], a, b, c, d])
}

/// IPv4 address of a device by number.
pub fn ip(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(FIRST_IP + number)
}

/// In which order devices have their turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    InTurn,
    /// Like random: a device may come twice before another comes once.
    Random,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    Datagram,
    Syn,
    /// The server's answer to it.
    SynAck,
    /// In a connection that began with both.
    Data,
}

/// Frames of many devices, one flow each, or a new one each time.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    pub first: u32,
    pub devices: u32,
    pub order: Order,
    pub segment: Segment,
    /// The server's port.
    pub port: u16,
    /// Whether each frame is of a flow that was not seen before; then devices come in turn.
    pub fresh: bool,
    /// Sent by the server to the devices.
    pub answers: bool,
    /// Sinks count each class by itself.
    pub class: u8,
}

impl Stream {
    /// Datagrams of these many devices, each with one flow.
    pub fn datagrams(devices: u32, order: Order, port: u16) -> Self {
        Self {
            first: 0,
            devices,
            order,
            segment: Segment::Datagram,
            port,
            fresh: false,
            answers: false,
            class: 0,
        }
    }

    /// A SYN of a new flow each time.
    pub fn flood(first: u32, devices: u32, port: u16) -> Self {
        Self {
            first,
            segment: Segment::Syn,
            fresh: true,
            ..Self::datagrams(devices, Order::InTurn, port)
        }
    }
}
