//! From a frame to the UDP datagram in it, by the parser that judged the frame.

use enforcer_common::flow::protocol;
use enforcer_common::packet::{self, Packet};

use super::Refusal;

const UDP_HEADER: usize = 8;

/// A whole UDP datagram.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    pub packet: Packet,
    pub payload: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// # Errors
    /// [`Refusal::Malformed`] for what is no unfragmented UDP datagram, or whose
    /// lengths do not agree.
    pub fn parse(frame: &'a [u8]) -> Result<Self, Refusal> {
        let mut packet = Packet::EMPTY;
        packet::ethernet::parse(frame, &mut packet).map_err(|_| Refusal::Malformed)?;
        if !packet.is_ip() {
            return Err(Refusal::Malformed);
        }
        packet::parse_ip(frame, &mut packet).map_err(|_| Refusal::Malformed)?;
        if packet.protocol != protocol::UDP || packet.is_fragment() {
            return Err(Refusal::Malformed);
        }
        let (start, end) = (packet.next as usize, packet.end as usize);
        let header = start
            .checked_sub(UDP_HEADER)
            .and_then(|header| frame.get(header..start))
            .ok_or(Refusal::Malformed)?;
        let stated = usize::from(u16::from_be_bytes([header[4], header[5]]));
        let payload = frame.get(start..end).ok_or(Refusal::Malformed)?;
        // What IP carries behind the datagram is no part of it.
        if payload.len() + UDP_HEADER != stated {
            return Err(Refusal::Malformed);
        }
        Ok(Self { packet, payload })
    }
}
