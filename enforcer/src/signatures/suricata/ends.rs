//! Whose bytes a rule looks at, and the ports of the end that was asked.

use crate::policy::model::Service;
use crate::policy::signature::Sender;

use super::flow::{Flow, Toward};
use super::header::Header;
use super::ports::{Ports, is_any};
use super::refusal::{Refusal, refuse};

/// A signature names ports of the server alone. Where `flow` does not say which end that
/// is, it is the one whose ports the rule names.
///
/// # Errors
/// `ports` where the rule says something of the client's ports, `<>` where it is not
/// clear which they are.
pub(super) fn ends(header: &Header, flow: Flow) -> Result<(Sender, Vec<Service>), Refusal> {
    let (sender, ports) = if header.both_ways {
        both_ways(header, flow)
    } else {
        one_way(header, flow)
    }?;
    let services = |&(first, last): &(u16, u16)| header.protocol.services(first, last);
    Ok((sender, ports.iter().flat_map(services).collect()))
}

fn one_way(header: &Header, flow: Flow) -> Result<(Sender, &Ports), Refusal> {
    let Header {
        source,
        destination,
        ..
    } = header;
    match (flow.toward, is_any(source), is_any(destination)) {
        (None, true, true) => Ok((Sender::Either, destination)),
        (Some(Toward::Server), true, _) | (None, true, false) => Ok((Sender::Client, destination)),
        (Some(Toward::Client), _, true) | (None, false, true) => Ok((Sender::Server, source)),
        _ => Err(refuse("ports", "those of the client are limited")),
    }
}

fn both_ways(header: &Header, flow: Flow) -> Result<(Sender, &Ports), Refusal> {
    let Header {
        source,
        destination,
        ..
    } = header;
    let unclear = || refuse("<>", "it is not clear whose ports are meant");
    let sender = match flow.toward {
        None => Sender::Either,
        // Either arrow may be the one to the server, which has the ports of one of them.
        Some(_) if !(is_any(source) && is_any(destination)) => return Err(unclear()),
        Some(Toward::Server) => Sender::Client,
        Some(Toward::Client) => Sender::Server,
    };
    match (is_any(source), is_any(destination)) {
        (true, _) => Ok((sender, destination)),
        (_, true) => Ok((sender, source)),
        (false, false) => Err(refuse("ports", "those of both ends are limited")),
    }
}
