//! What the demo tries: who talks to whom, how, and what should come of it.

use std::{net::IpAddr, time::Duration};

use anyhow::Result;

use super::Stage;
use crate::{
    lab::Endpoint,
    traffic::{
        Outcome, dns,
        frame::{self, Link},
        hl7, ntp, ping, tcp,
        wire::{Sniffer, Wire},
    },
};

/// Long enough for one lost frame to be sent again, short enough to watch.
const DEADLINE: Duration = Duration::from_millis(1500);

const TRY_SPOOFED: &[u8] = b"not sent by the owner of this address";

/// What should come of an attempt, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// By this rule.
    Passes(&'static str),
    /// For this reason.
    Refused(&'static str),
}

/// One attempt. `from` and `to` are endpoints of the lab.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) what: &'static str,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    /// Destination port, where the protocol has ports.
    pub(super) port: Option<u16>,
    pub(super) expected: Expected,
    /// The endpoint whose address is used instead of the sender's own.
    pub(super) pretending: Option<&'static str>,
    act: Act,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Hl7,
    Dns,
    Ntp,
    Connect,
    Ping,
    /// A raw datagram, looked for where it should not arrive.
    Spoof,
}

/// Everything that is tried, in this order.
pub(super) fn attempts() -> Vec<Attempt> {
    use Act::{Connect, Dns, Hl7, Ntp, Ping, Spoof};
    use Expected::{Passes, Refused};
    // A table reads best as one.
    #[rustfmt::skip]
    let table = [
        ("HL7 result over MLLP", "monitor-1", "engine", Some(2575), Hl7, Passes("patient-monitor/hl7")),
        ("DNS query", "monitor-1", "dns", Some(53), Dns, Passes("patient-monitor/dns")),
        ("NTP request", "monitor-1", "ntp", Some(123), Ntp, Passes("patient-monitor/ntp")),
        ("pump to its systems manager", "pump-1", "systems-manager", Some(3613), Connect, Passes("alaris-pcu/systems-manager")),
        ("DNS query", "pump-1", "dns", Some(53), Dns, Passes("alaris-pcu/dns")),
        ("print job", "print-server", "printer-1", Some(9100), Connect, Passes("printer/print")),
        ("ping", "print-server", "printer-1", None, Ping, Passes("printer/ping")),
        ("Telnet", "intruder", "pump-1", Some(23), Connect, Refused("no-rule")),
        ("ping", "intruder", "pump-1", None, Ping, Refused("no-rule")),
        ("SMB", "pump-1", "engine", Some(445), Connect, Refused("no-rule")),
        ("SMB", "intruder", "monitor-1", Some(445), Connect, Refused("no-rule")),
        ("HL7 from an unknown device", "stranger", "engine", Some(2575), Hl7, Refused("unknown-device")),
        ("spoofed source address", "pump-1", "dns", Some(53), Spoof, Refused("spoofed-source")),
    ];
    let attempt = |(what, from, to, port, act, expected)| Attempt {
        what,
        from,
        to,
        port,
        expected,
        pretending: (act == Spoof).then_some("monitor-1"),
        act,
    };
    table.map(attempt).into()
}

impl Attempt {
    pub(super) fn run(&self, stage: &Stage) -> Result<Outcome> {
        let from = stage.lab().endpoint(self.from)?;
        let to = stage.lab().endpoint(self.to)?;
        let at = to.at(self.port.unwrap_or_default());
        Ok(match self.act {
            Act::Hl7 => hl7::send(from, at, "DEMO0001", DEADLINE)?.outcome(),
            Act::Dns => dns::ask(from, at, "engine.hospital.example", DEADLINE)?.outcome(),
            Act::Ntp => ntp::ask(from, at, DEADLINE)?.outcome(),
            Act::Connect => tcp::connect(from, at, DEADLINE)?
                .and_then(|mut stream| tcp::echo(&mut stream, b"is anybody there?"))?
                .outcome(),
            Act::Ping => ping::ping(from, to.ipv4.into(), DEADLINE)?.outcome(),
            Act::Spoof => self.spoof(stage, from, to)?,
        })
    }

    /// As the enforcer names it.
    pub(super) fn protocol(&self) -> &'static str {
        match self.act {
            Act::Hl7 | Act::Connect => "tcp",
            Act::Dns | Act::Ntp | Act::Spoof => "udp",
            Act::Ping => "icmp",
        }
    }

    /// The address that the attempt's packets carry as their source.
    pub(super) fn source(&self, stage: &Stage) -> Result<IpAddr> {
        Ok(stage
            .lab()
            .endpoint(self.pretending.unwrap_or(self.from))?
            .ipv4
            .into())
    }

    /// `Answered` if the frame arrived, for a sender that hears nothing back.
    fn spoof(&self, stage: &Stage, from: &Endpoint, to: &Endpoint) -> Result<Outcome> {
        let port = self.port.unwrap_or_default();
        let link = Link {
            source: from.mac,
            destination: to.mac,
            vlans: &[],
        };
        let spoofed = frame::udp(
            link,
            (self.source(stage)?, 40_000).into(),
            to.at(port),
            TRY_SPOOFED,
        )?;
        let sniffer = Sniffer::open(&to.namespace, to.interface)?;
        Wire::open(&from.namespace, from.interface)?.send(&spoofed)?;
        Ok(match sniffer.find_bytes(DEADLINE, TRY_SPOOFED)? {
            Some(_) => Outcome::Answered,
            None => Outcome::Silent,
        })
    }
}
