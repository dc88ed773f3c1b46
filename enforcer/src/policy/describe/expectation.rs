//! The tests of a policy as text.

use super::condition::moment;
use crate::policy::model::{Asked, Test};

/// What a first packet asks for, as the policy writes it: `tcp 104`.
pub fn asked(service: Asked) -> String {
    match service {
        Asked::Tcp(port) => format!("tcp {port}"),
        Asked::Udp(port) => format!("udp {port}"),
        Asked::Icmp(kind) => format!("icmp {kind}"),
        Asked::Protocol(number) => format!("protocol {number}"),
    }
}

/// A test in one line, without its name: `ct-1 to 10.0.0.4 tcp 104: allow by pacs`.
pub fn test(test: &Test) -> String {
    let expected = if test.allow { "allow" } else { "deny" };
    let asked = asked(test.service);
    let mut text = format!("{} to {} {asked}: {expected}", test.from, test.to);
    if let Some(rule) = &test.rule {
        text += &format!(" by {rule}");
    }
    if let Some(reason) = &test.reason {
        text += &format!(" for {reason}");
    }
    if let Some(at) = test.at {
        text += &format!(", at {}", moment(at));
    }
    text
}
