//! The header of a rule: what follows a hit, the protocol, and which ports.

use crate::policy::model::Service;
use crate::policy::signature::Action;

use super::lexer::Rule;
use super::ports::{Ports, ports};
use super::refusal::{Refusal, refuse};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) action: Action,
    pub(super) protocol: Protocol,
    pub(super) source: Ports,
    pub(super) destination: Ports,
    pub(super) both_ways: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Tcp,
    /// Segments of TCP one by one.
    Segment,
    Udp,
    /// Both of these, and what a signature does not look at.
    Ip,
}

/// # Errors
/// By the first field that cannot be carried over.
pub(super) fn header(rule: &Rule<'_>) -> Result<Header, Refusal> {
    let action = action(rule.action)?;
    let protocol = protocol(rule.protocol)?;
    address(rule.source)?;
    let source = ports(rule.source_port)?;
    address(rule.destination)?;
    let destination = ports(rule.destination_port)?;
    Ok(Header {
        action,
        protocol,
        source,
        destination,
        both_ways: rule.arrow == "<>",
    })
}

fn action(word: &str) -> Result<Action, Refusal> {
    match word {
        "alert" => Ok(Action::Alert),
        "drop" | "reject" | "rejectsrc" | "rejectdst" | "rejectboth" => Ok(Action::Drop),
        "pass" => Err(refuse(word, "a signature cannot let pass")),
        _ => Err(refuse(word, "this action is not supported")),
    }
}

fn protocol(word: &str) -> Result<Protocol, Refusal> {
    match word {
        "tcp" => Ok(Protocol::Tcp),
        "udp" => Ok(Protocol::Udp),
        "ip" => Ok(Protocol::Ip),
        "tcp-pkt" => Ok(Protocol::Segment),
        _ => Err(refuse(
            format!("protocol {word}"),
            "only the payload of tcp and udp is looked at",
        )),
    }
}

/// Accepts addresses that say who is who, and refuses those that say who is meant.
///
/// The enforcer's policy decides who may speak with whom, and a signature holds for all
/// whom it lets speak. `$HOME_NET`, `$EXTERNAL_NET` and the roles of servers and clients
/// tell what a rule's author protects from whom; here that is every device, from
/// everyone. An address in figures, or all but some servers, is a condition on its own,
/// which would be lost.
fn address(field: &str) -> Result<(), Refusal> {
    let shape = || refuse("address", format!("{field} is not well-formed"));
    let negates = field.contains('!');
    let mut depth = 0_usize;
    // Where one name ends and another may begin, a comma has to be.
    let mut named = false;
    let parts = field.split_inclusive(['[', ']', ',', '!']);
    for part in parts {
        let name = part.trim_end_matches(['[', ']', ',', '!']);
        let mark = part.strip_prefix(name).unwrap_or_default();
        if !name.trim().is_empty() {
            if named {
                return Err(shape());
            }
            is_hint(name.trim(), negates)?;
            named = true;
        }
        match mark {
            "[" if !named => depth += 1,
            "!" if !named => {}
            "]" if named && depth > 0 => depth -= 1,
            "," if named && depth > 0 => named = false,
            "" => {}
            _ => return Err(shape()),
        }
    }
    if depth > 0 || !named {
        return Err(shape());
    }
    Ok(())
}

fn is_hint(name: &str, negates: bool) -> Result<(), Refusal> {
    let Some(variable) = name.strip_prefix('$') else {
        return match name {
            "any" if !negates => Ok(()),
            _ => Err(refuse("address", format!("{name} limits who is meant"))),
        };
    };
    let is_side = matches!(variable, "HOME_NET" | "EXTERNAL_NET");
    let roles = ["_SERVERS", "_SERVER", "_CLIENTS", "_CLIENT"];
    let is_role = roles.iter().any(|role| variable.ends_with(role));
    if is_side || is_role && !negates {
        return Ok(());
    }
    if is_role {
        let why = format!("all but some of {name} are meant");
        return Err(refuse("address", why));
    }
    Err(refuse(
        format!("address {name}"),
        "the variable is not known",
    ))
}

impl Protocol {
    pub(super) fn services(self, first: u16, last: u16) -> Vec<Service> {
        let (tcp, udp) = (Service::Tcp(first, last), Service::Udp(first, last));
        match self {
            Self::Tcp | Self::Segment => vec![tcp],
            Self::Udp => vec![udp],
            Self::Ip => vec![tcp, udp],
        }
    }
}
