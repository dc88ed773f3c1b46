//! One frame that is asked about, with all that is needed to tell of it.

use enforcer_common::decide::{Policy, Work};
use enforcer_common::port::{Port, Side};
use enforcer_common::verdict::Verdict;

use super::advice::{self, Judged};
use super::ends::Host;
use super::lines::Lines;
use super::{Crossing, Setting};
use crate::control::api::Asked;
use crate::policy::compile::Compiled;
use crate::policy::model::Service;
use crate::simulate::{HostTables, ports};

/// Bits of an alternative that are its rule's number.
const RULE: u32 = 0xffff;

#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) setting: &'a Setting<'a>,
    pub(super) tables: &'a HostTables,
    pub(super) crossing: &'a Crossing,
    pub(super) lines: Lines<'a>,
    /// Name of the port that it comes in by, where that is known.
    pub(super) port: Option<String>,
    /// What is asked for, as rules name it.
    pub(super) service: Service,
}

impl<'a> Case<'a> {
    /// Without a port that is given, a device comes in by the one that it is bound to.
    pub(super) fn new(
        setting: &'a Setting<'a>,
        tables: &'a HostTables,
        crossing: &'a Crossing,
        port: Option<String>,
        asked: Asked,
    ) -> Self {
        let sender = match crossing.side {
            Side::Device => crossing.source.device,
            Side::Core => None,
        };
        let bound = sender.and_then(|index| setting.model.devices.get(index)?.port.clone());
        Self {
            setting,
            tables,
            crossing,
            lines: Lines::new(setting.model, setting.texts),
            port: port.or(bound),
            service: service(asked, crossing.source.ip.is_ipv4()),
        }
    }

    /// The port as the decision is told of it, by the numbers of a compiled policy.
    pub(super) fn judging_port(&self, compiled: &Compiled) -> Port {
        let name = self.port.as_deref().unwrap_or_default();
        ports::named(compiled, name, self.crossing.side)
    }

    pub(super) fn host(&self, end: usize) -> &'a Host {
        match end {
            0 => &self.crossing.source,
            _ => &self.crossing.destination,
        }
    }

    /// Index of the device that a host is by its hardware address or, behind a router,
    /// by its address.
    pub(super) fn device_of(&self, host: &Host) -> Option<usize> {
        host.device.or_else(|| {
            let mut devices = self.setting.model.devices.iter();
            devices.position(|device| device.addresses().any(|own| own == host.ip))
        })
    }

    /// The rules that a cell of the compiled policy stands for.
    pub(super) fn rules_of(&self, cell: u16) -> Vec<(usize, usize)> {
        let rules = &self.setting.compiled.rules;
        let at = |number: usize| rules.get(number.checked_sub(1)?).copied();
        if usize::from(cell) <= rules.len() {
            return at(cell.into()).into_iter().collect();
        }
        let policy = Policy::open(self.tables);
        let alternatives = policy.and_then(|policy| policy.alternatives(cell));
        let numbers = alternatives.into_iter().flat_map(|of| of.0);
        numbers
            .take_while(|entry| *entry != 0)
            .filter_map(|entry| at((entry & RULE) as usize))
            .collect()
    }

    /// What would have to change for the opposite verdict.
    pub(super) fn change(&self, work: &Work, verdict: Verdict) -> Vec<String> {
        let ends = work.parties.iter().zip(&work.findings).enumerate();
        let judged = ends
            .filter(|(_, (party, _))| party.judged)
            .map(|(end, (party, finding))| Judged {
                end,
                party: *party,
                finding: *finding,
            });
        if verdict.reason.allows() {
            return judged.flat_map(|end| advice::to_deny(self, end)).collect();
        }
        let by_ends: Vec<_> = judged
            .filter(|end| !end.finding.reason.allows())
            .flat_map(|end| advice::to_allow(self, end))
            .collect();
        if by_ends.is_empty() {
            return advice::of_reason(self, verdict.reason);
        }
        by_ends
    }
}

fn service(asked: Asked, v4: bool) -> Service {
    match asked {
        Asked::Tcp(port) => Service::Tcp(port, port),
        Asked::Udp(port) => Service::Udp(port, port),
        Asked::Icmp(kind) if v4 => Service::Icmp(kind, kind),
        Asked::Icmp(kind) => Service::Icmpv6(kind, kind),
        Asked::Protocol(number) => Service::Protocol(number),
    }
}
