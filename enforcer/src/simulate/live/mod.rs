//! `simulate --live`: what a policy would make of the traffic that the enforcer has
//! recorded, and how much of the time it was watching. Reads no disk and no socket.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Result, bail};
use enforcer_common::addr::Mac;
use enforcer_common::verdict::{Fate, Reason};

use crate::control::api::{Observation, SeenDevice, Starter, Told, Watch};
use crate::datapath::observe::Observed;
use crate::policy::compile::Compiled;
use crate::policy::describe;
use crate::policy::model::{Direction, Model, Peer};

pub mod coverage;
mod judge;
pub mod report;
mod statement;
mod unmatched;

use judge::{End, Judge, asked};
use report::{Device, Finding, Policy, Report, Totals, VERSION};

/// A record on its way through a candidate.
#[derive(Debug)]
pub struct Live<'m> {
    model: &'m Model,
    compiled: &'m Compiled,
    judge: Option<Judge<'m>>,
    /// The one device asked about.
    only: Option<String>,
    watch: Watch,
    seen: HashMap<i64, SeenDevice>,
    devices: BTreeMap<Who, Device>,
    totals: Totals,
    matched: unmatched::Matched,
    complete: bool,
}

/// Devices of the policy come first, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Declared(usize),
    /// By row of the record.
    Seen(i64),
}

/// What becomes of an observation.
enum Outcome {
    Unchanged,
    WouldDeny,
    WouldDenyIfEnforced,
    WouldAllow,
    DependsOnName,
}

impl<'m> Live<'m> {
    /// `compiled` has the pretended ports in their places
    /// ([`super::ports::place`]). `only` is the name of the one device to tell of.
    ///
    /// # Errors
    /// When the policy does not declare the device.
    pub fn new(model: &'m Model, compiled: &'m Compiled, only: Option<&str>) -> Result<Self> {
        if let Some(name) = only
            && !model.devices.iter().any(|device| device.name == name)
        {
            bail!("the policy declares no device {name}");
        }
        Ok(Self {
            model,
            compiled,
            judge: None,
            only: only.map(str::to_owned),
            watch: Watch::default(),
            seen: HashMap::new(),
            devices: BTreeMap::new(),
            totals: Totals::default(),
            matched: unmatched::Matched::default(),
            complete: false,
        })
    }

    /// Takes the next line of the record.
    ///
    /// # Errors
    /// When the policy cannot be simulated.
    pub fn take(&mut self, told: Told) -> Result<()> {
        match told {
            Told::Watch(watch) => {
                self.judge = Some(Judge::new(self.model, self.compiled, watch.until)?);
                self.watch = watch;
            }
            Told::Device(device) => {
                self.seen.insert(device.id, device);
            }
            Told::Observation(observation) => self.observe(&observation)?,
            Told::End { .. } => self.complete = true,
        }
        Ok(())
    }

    /// What was found.
    ///
    /// # Errors
    /// When the record was cut off.
    pub fn report(mut self) -> Result<Report> {
        if !self.complete {
            bail!("the record of flows was cut off; ask again, and look at the daemon's log");
        }
        let never_seen = self.tell_devices();
        let coverage = statement::coverage(&self.watch, self.model);
        let unmatched_rules = self.matched.unmatched(self.model, &self.devices_seen());
        let mut devices: Vec<Device> = self.devices.into_values().collect();
        for device in &mut devices {
            for findings in [
                &mut device.would_deny,
                &mut device.would_deny_if_enforced,
                &mut device.would_allow,
                &mut device.depends_on_name,
                &mut device.not_judged,
            ] {
                findings.sort_by(|one, other| {
                    (other.flows, &one.from, &one.to, &one.service).cmp(&(
                        one.flows,
                        &other.from,
                        &other.to,
                        &other.service,
                    ))
                });
            }
        }
        Ok(Report {
            version: VERSION,
            policy: Policy {
                hash: self
                    .compiled
                    .digest
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
                devices: self.model.devices.len(),
                profiles: self.model.profiles.len(),
                rules: self.compiled.rules.len(),
            },
            coverage,
            totals: self.totals,
            devices,
            never_seen,
            unmatched_rules,
        })
    }

    fn observe(&mut self, observation: &Observation) -> Result<()> {
        let (Some(judge), Some(device)) = (&mut self.judge, self.seen.get(&observation.device))
        else {
            bail!("the record of flows is out of order");
        };
        let peer = observation.peer_device.and_then(|row| self.seen.get(&row));
        let ends = judge.ends(observation, device, peer);
        let own = match observation.starts {
            Starter::Device => ends[0],
            Starter::Peer => ends[1],
        };
        if let Some(only) = &self.only {
            let is_it = |end: &End| {
                let device = end.device.and_then(|index| self.model.devices.get(index));
                device.is_some_and(|device| device.name == *only)
            };
            if !ends.iter().any(is_it) {
                return Ok(());
            }
        }
        self.totals.observations += 1;
        let mut who = own.device.map_or(Who::Seen(device.id), Who::Declared);
        let judged = match asked(observation) {
            Ok(service) => judge.judge(ends, device.vlan, service, observation.last_seen)?,
            Err(why) => Err(why),
        };
        let mut finding = self.describe(observation, ends);
        let observed = match judged {
            Ok(observed) => observed,
            Err(why) => {
                self.totals.not_judged += 1;
                finding.note = Some(why);
                self.device(who).not_judged.push(finding);
                return Ok(());
            }
        };
        for (end, found) in ends.iter().zip(&observed.findings) {
            self.matched.note(self.compiled, end.device, found.rule);
        }
        finding.rules = self.rules(&observed);
        finding.fate = Some(observed.verdict.fate().label().to_owned());
        finding.reason = Some(observed.verdict.reason.label().to_owned());
        // The device that the verdict is about is the one to look after.
        if let Some(index) = (observed.verdict.device as usize).checked_sub(1)
            && !observed.verdict.reason.allows()
        {
            who = Who::Declared(index);
        }
        let outcome = outcome(&observation.fate, &observed);
        if matches!(outcome, Outcome::DependsOnName) {
            finding.note = Some(self.names(ends));
        }
        let (count, list): (&mut u64, fn(&mut Device) -> &mut Vec<Finding>) = match outcome {
            Outcome::Unchanged => {
                self.totals.unchanged += 1;
                return Ok(());
            }
            Outcome::WouldDeny => (&mut self.totals.would_deny, |device| &mut device.would_deny),
            Outcome::WouldDenyIfEnforced => (&mut self.totals.would_deny_if_enforced, |device| {
                &mut device.would_deny_if_enforced
            }),
            Outcome::WouldAllow => (&mut self.totals.would_allow, |device| {
                &mut device.would_allow
            }),
            Outcome::DependsOnName => (&mut self.totals.depends_on_name, |device| {
                &mut device.depends_on_name
            }),
        };
        *count += 1;
        list(self.device(who)).push(finding);
        Ok(())
    }

    fn device(&mut self, who: Who) -> &mut Device {
        self.devices.entry(who).or_default()
    }

    fn describe(&self, observation: &Observation, ends: [End; 2]) -> Finding {
        let name = |end: End| {
            let device = end.device.and_then(|index| self.model.devices.get(index));
            device.map(|device| device.name.clone())
        };
        let v4 = observation.peer.is_ipv4();
        Finding {
            from: ends[0].ip.to_string(),
            from_device: name(ends[0]),
            to: ends[1].ip.to_string(),
            to_device: name(ends[1]),
            service: service_text(observation, v4),
            fate_then: observation.fate.clone(),
            reason_then: observation.reason.clone(),
            rules_then: observation.rules.clone(),
            fate: None,
            reason: None,
            rules: Vec::new(),
            note: None,
            flows: observation.flows,
            packets: observation.packets,
            bytes: observation.bytes,
            first_seen: statement::time(observation.first_seen),
            last_seen: statement::time(observation.last_seen),
        }
    }

    /// `profile/rule` of the rules that allow, none twice.
    fn rules(&self, observed: &Observed) -> Vec<String> {
        let numbers = observed.findings.iter().map(|finding| finding.rule);
        let mut names: Vec<String> = numbers
            .filter_map(|number| {
                let &(profile, rule) = self
                    .compiled
                    .rules
                    .get(usize::from(number).checked_sub(1)?)?;
                let profile = &self.model.profiles[profile];
                Some(format!("{}/{}", profile.name, profile.rules[rule].name))
            })
            .collect();
        names.dedup();
        names
    }

    /// The DNS names that rules of either end's profile name in this direction.
    fn names(&self, ends: [End; 2]) -> String {
        let mut names = BTreeSet::new();
        for (end, direction) in ends.iter().zip([Direction::To, Direction::From]) {
            let Some(device) = end.device.and_then(|index| self.model.devices.get(index)) else {
                continue;
            };
            let rules = &self.model.profiles[device.profile].rules;
            for rule in rules.iter().filter(|rule| rule.direction == direction) {
                names.extend(rule.peers.iter().filter_map(|peer| match peer {
                    Peer::Name(name) => Some(name.as_str()),
                    _ => None,
                }));
            }
        }
        let names: Vec<&str> = names.into_iter().collect();
        format!("depends on DNS name {}", names.join(" or "))
    }

    /// Says of every device what was seen of it; the names of those that were not.
    fn tell_devices(&mut self) -> Vec<String> {
        let mut rows: BTreeMap<Who, Vec<&SeenDevice>> = BTreeMap::new();
        let declared = |device: &SeenDevice| {
            let judge = self.judge.as_ref()?;
            judge.device(device.mac, device.vlan).map(Who::Declared)
        };
        for device in self.seen.values() {
            let who = declared(device).unwrap_or(Who::Seen(device.id));
            rows.entry(who).or_default().push(device);
        }
        let named = |index: usize| &self.model.devices[index].name;
        let wanted = |index: usize| self.only.as_ref().is_none_or(|only| only == named(index));
        let mut never = Vec::new();
        for index in (0..self.model.devices.len()).filter(|index| wanted(*index)) {
            let who = Who::Declared(index);
            let of_device = rows.remove(&who).unwrap_or_default();
            let told = self.devices.entry(who).or_default();
            let device = &self.model.devices[index];
            told.device.clone_from(&device.name);
            told.mac = device.mac.to_string();
            told.vlan = device.vlan.to_string();
            told.profile = Some(self.model.profiles[device.profile].name.clone());
            statement::fill(told, &of_device, &self.watch, self.only.is_some());
            if self.only.is_some() {
                told.unmatched_rules = Some(self.matched.of_device(self.model, index));
            }
            if told.hours_seen == 0 {
                never.push(device.name.clone());
            }
        }
        if self.only.is_some() {
            self.devices
                .retain(|who, _| matches!(who, Who::Declared(index) if wanted(*index)));
            return never;
        }
        for (who, of_device) in rows {
            let Some(first) = of_device.first().filter(|device| !device.days.is_empty()) else {
                continue;
            };
            let told = self.devices.entry(who).or_default();
            told.device = first.name.clone().unwrap_or_else(|| unnamed(first.mac));
            told.mac = first.mac.to_string();
            told.vlan = first.vlan.to_string();
            statement::fill(told, &of_device, &self.watch, false);
        }
        never
    }

    /// Indices of the policy's devices that were seen in the period.
    fn devices_seen(&self) -> Vec<usize> {
        let seen = self
            .devices
            .iter()
            .filter(|(_, device)| device.hours_seen > 0);
        seen.filter_map(|(who, _)| match who {
            Who::Declared(index) => Some(*index),
            Who::Seen(_) => None,
        })
        .collect()
    }
}

fn outcome(fate_then: &str, observed: &Observed) -> Outcome {
    let passed = fate_then != Fate::Deny.label();
    let verdict = observed.verdict;
    match (passed, verdict.fate()) {
        (true, Fate::Allow) | (false, Fate::Deny) => Outcome::Unchanged,
        (true, _) if verdict.reason == Reason::NameNotLearned => Outcome::DependsOnName,
        (true, Fate::Deny) => Outcome::WouldDeny,
        (true, Fate::Audit | Fate::FailOpen) => Outcome::WouldDenyIfEnforced,
        (false, _) => Outcome::WouldAllow,
    }
}

fn service_text(observation: &Observation, v4: bool) -> String {
    use crate::policy::model::Service;
    use enforcer_common::flow::protocol;
    let kind = observation.service.and_then(|kind| u8::try_from(kind).ok());
    match (observation.protocol, observation.service, kind) {
        (protocol::TCP, Some(port), _) => describe::service(Service::Tcp(port, port)),
        (protocol::UDP, Some(port), _) => describe::service(Service::Udp(port, port)),
        (protocol::ICMP, _, Some(kind)) if v4 => describe::service(Service::Icmp(kind, kind)),
        (protocol::ICMPV6, _, Some(kind)) if !v4 => describe::service(Service::Icmpv6(kind, kind)),
        (number, ..) => describe::service(Service::Protocol(number)),
    }
}

fn unnamed(mac: Mac) -> String {
    match mac {
        Mac::ZERO => "devices that are not declared".to_owned(),
        Mac::BROADCAST => "everybody (broadcast and multicast from the core side)".to_owned(),
        mac => format!("{mac} (not declared)"),
    }
}

#[cfg(test)]
mod tests;
