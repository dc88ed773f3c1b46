//! The keyword `flow`: which end speaks, and in which state of its flow.

use super::header::Protocol;
use super::lexer::Keyword;
use super::refusal::{Refusal, refuse};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flow {
    /// If it is said.
    pub(super) toward: Option<Toward>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Toward {
    Server,
    Client,
}

/// Bytes of TCP are those of an established flow, so that `established` and `stateless`
/// say nothing of them that does not hold. UDP is established once both ends have sent:
/// that is so for all that a server answers, and not for what a client sends first.
///
/// # Errors
/// `flow`, or `flow:` with the word in the way.
pub(super) fn flow(keyword: Keyword<'_>, protocol: Protocol) -> Result<Flow, Refusal> {
    let mut flow = Flow::default();
    let mut established = false;
    for word in keyword.value()?.split(',').map(str::trim) {
        let toward = match word {
            "established" => {
                established = true;
                continue;
            }
            "stateless" => continue,
            "to_server" | "from_client" => Toward::Server,
            "to_client" | "from_server" => Toward::Client,
            _ => {
                let why = "a signature knows nothing of it";
                return Err(refuse(format!("flow:{word}"), why));
            }
        };
        if flow
            .toward
            .replace(toward)
            .is_some_and(|before| before != toward)
        {
            return Err(keyword.refuse("both directions"));
        }
    }
    let is_udp = matches!(protocol, Protocol::Udp | Protocol::Ip);
    if established && is_udp && flow.toward != Some(Toward::Client) {
        return Err(refuse(
            "flow:established (udp)",
            "a signature also sees what a client sends before it is answered",
        ));
    }
    Ok(flow)
}
