//! HL7 version 2 over MLLP: a monitor reports an observation, the interface
//! engine acknowledges it by its control id (HL7 v2.5.1, 2.9.2 and appendix C).

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::{Answer, Server, tcp};
use crate::lab::Endpoint;

const START: u8 = 0x0b;
const END: [u8; 2] = [0x1c, 0x0d];

/// An interface engine: acknowledges every message.
pub fn serve(at: &Endpoint, port: u16) -> Result<Server> {
    Server::stream(at, port, acknowledge_all)
}

/// Connects, sends an observation and checks its acknowledgement.
pub fn send(
    from: &Endpoint,
    to: SocketAddr,
    control_id: &str,
    deadline: Duration,
) -> Result<Answer> {
    tcp::connect(from, to, deadline)?.and_then(|mut stream| report(&mut stream, control_id))
}

/// The same through a connection that is open already.
pub fn report(stream: &mut TcpStream, control_id: &str) -> Result<Answer> {
    report_in_pieces(stream, control_id, usize::MAX)
}

/// The same, written in pieces of so many bytes.
pub fn report_in_pieces(stream: &mut TcpStream, control_id: &str, piece: usize) -> Result<Answer> {
    let message = frame(&observation(control_id));
    let exchanged = message
        .chunks(piece)
        .try_for_each(|piece| stream.write_all(piece))
        .and_then(|()| read_message(stream));
    Answer::from_io(exchanged)?.and_then(|reply| {
        let status =
            segment(&reply, "MSA").with_context(|| format!("no MSA segment in {reply:?}"))?;
        let mut fields = status.split('|').skip(1);
        ensure!(
            fields.next() == Some("AA") && fields.next() == Some(control_id),
            "message {control_id} was not acknowledged: {status:?}"
        );
        Ok(Answer::Got(()))
    })
}

/// A message as MLLP puts it on the wire.
pub fn frame(message: &str) -> Vec<u8> {
    [&[START], message.as_bytes(), &END].concat()
}

/// Heart rate and oxygen saturation of a patient who does not exist.
pub fn observation(control_id: &str) -> String {
    [
        &format!("MSH|^~\\&|MONITOR|WARD|ENGINE|CORE|20250101120000||ORU^R01^ORU_R01|{control_id}|P|2.5.1"),
        "PID|1||000000^^^LAB||TEST^PATIENT",
        "OBR|1|||VITALS",
        "OBX|1|NM|8867-4^Heart rate^LN||72|/min|||||F",
        "OBX|2|NM|59408-5^Oxygen saturation^LN||98|%|||||F",
        "",
    ]
    .join("\r")
}

fn acknowledge_all(received: &mut Vec<u8>) -> Vec<u8> {
    let mut replies = Vec::new();
    while let Some(message) = take_message(received) {
        replies.extend(frame(&acknowledgement(&message)));
    }
    replies
}

fn acknowledgement(message: &str) -> String {
    let control_id = segment(message, "MSH").and_then(|header| header.split('|').nth(9));
    let (status, control_id) = match control_id {
        Some(control_id) => ("AA", control_id),
        None => ("AR", ""),
    };
    format!(
        "MSH|^~\\&|ENGINE|CORE|MONITOR|WARD|20250101120000||ACK|A{control_id}|P|2.5.1\rMSA|{status}|{control_id}\r"
    )
}

fn segment<'message>(message: &'message str, name: &str) -> Option<&'message str> {
    message.split('\r').find(|segment| {
        segment
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('|'))
    })
}

/// Takes the first complete message off the front, and what precedes it.
fn take_message(received: &mut Vec<u8>) -> Option<String> {
    let end = received.windows(2).position(|pair| pair == END)?;
    let framed: Vec<u8> = received.drain(..end + END.len()).collect();
    let start = framed.iter().position(|byte| *byte == START)?;
    Some(String::from_utf8_lossy(&framed[start + 1..end]).into_owned())
}

fn read_message(stream: &mut TcpStream) -> io::Result<String> {
    let mut received = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let length = stream.read(&mut chunk)?;
        if length == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        received.extend_from_slice(&chunk[..length]);
        if let Some(message) = take_message(&mut received) {
            return Ok(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_in_two_pieces_is_acknowledged_once() {
        let whole = frame(&observation("C42"));
        let (head, tail) = whole.split_at(20);
        let mut received = head.to_vec();
        assert!(acknowledge_all(&mut received).is_empty());
        received.extend_from_slice(tail);
        let reply = String::from_utf8(acknowledge_all(&mut received)).unwrap();
        assert!(reply.contains("MSA|AA|C42\r"), "{reply:?}");
        assert!(received.is_empty());
    }
}
