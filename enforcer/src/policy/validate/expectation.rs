//! `tests:`, what the policy's author expects of it. Only reads them; they are asked
//! elsewhere.

use std::collections::BTreeSet;
use std::net::IpAddr;

use enforcer_common::addr::Mac;
use enforcer_common::verdict::Reason;

use super::super::describe;
use super::super::findings::Findings;
use super::super::lenient::{List, Scalar};
use super::super::model::{Asked, Device, Profile, Test};
use super::super::numbers::{ICMP, ICMPV6, PROTOCOLS};
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::name::{closest, meant};
use super::scalar::{choice, is_list, is_mapping, word};
use super::service::{self, numbered};
use super::{Names, moment, rule};

/// Characters of a test's name.
const LONGEST: usize = 100;

pub(super) fn tests(
    raw: Option<&List<raw::Test>>,
    names: &Names<'_>,
    profiles: &[Profile],
    devices: &[Device],
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<Test> {
    let Some(raw) = raw else {
        return Vec::new();
    };
    is_list(raw, here, findings);
    let mut reader = Reader {
        names,
        profiles,
        devices,
        taken: BTreeSet::new(),
    };
    reader.given(raw, here, findings);
    let items = raw.items.iter().enumerate();
    items
        .filter_map(|(index, raw)| reader.test(raw, &here.index(index), findings))
        .collect()
}

struct Reader<'a> {
    names: &'a Names<'a>,
    profiles: &'a [Profile],
    devices: &'a [Device],
    /// Names of tests.
    taken: BTreeSet<String>,
}

impl Reader<'_> {
    /// Takes the names that tests were given.
    fn given(&mut self, raw: &List<raw::Test>, here: &Here<'_>, findings: &mut Findings) {
        let mut places = std::collections::BTreeMap::new();
        for (index, raw) in raw.items.iter().enumerate() {
            let test_here = here.index(index);
            let name_here = test_here.key("name");
            let name = raw.name.as_ref();
            let Some(name) = name.and_then(|value| word(value, &name_here, findings)) else {
                continue;
            };
            if name.trim().is_empty() || name.chars().count() > LONGEST {
                let message = format!("a test's name has 1 to {LONGEST} characters");
                findings.error(&name_here, message);
            }
            if let Some(earlier) = places.insert(name.clone(), index) {
                let message = format!("another test is named {}", quoted(&name));
                findings
                    .error(&name_here, message)
                    .beside(here.index(earlier).key("name").place());
            }
            self.taken.insert(name);
        }
    }

    fn test(&mut self, raw: &raw::Test, here: &Here<'_>, findings: &mut Findings) -> Option<Test> {
        if !is_mapping(&raw.odd, raw::Test::KEYS, here, findings) {
            return None;
        }
        let from = self.end(raw.from.as_ref(), &here.key("from"), findings);
        let to = self.end(raw.to.as_ref(), &here.key("to"), findings);
        let v6 = [&from, &to]
            .into_iter()
            .flatten()
            .any(|end| self.is_v6(end));
        let service = service(raw, v6, here, findings);
        let expect_here = here.key("expect");
        let allow = match &raw.expect {
            None => {
                findings.error(&expect_here, "missing");
                None
            }
            Some(value) => {
                let choices = [("deny", false), ("allow", true)];
                choice(value, choices, &expect_here, findings)
            }
        };
        let reason = raw
            .reason
            .as_ref()
            .and_then(|value| reason(value, allow, &here.key("reason"), findings));
        let rule = raw
            .rule
            .as_ref()
            .and_then(|value| self.rule(value, allow, &here.key("rule"), findings));
        let at = raw.at.as_ref().and_then(|raw| {
            let zone = self.names.zone.as_deref();
            moment::moment(raw, zone, &here.key("at"), findings)
        });
        let (from, to, service) = (from?, to?, service?);
        let name = match &raw.name {
            Some(name) => name.to_text(),
            None => rule::unique(
                &format!("{from} to {to} {}", describe::asked(service)),
                &mut self.taken,
            ),
        };
        Some(Test {
            name,
            from,
            to,
            service,
            allow: allow?,
            reason,
            rule,
            at,
        })
    }

    /// A device's name, a MAC address or an IP address.
    fn end(
        &self,
        value: Option<&Scalar>,
        here: &Here<'_>,
        findings: &mut Findings,
    ) -> Option<String> {
        let Some(value) = value else {
            findings.error(here, "missing");
            return None;
        };
        let text = word(value, here, findings)?;
        let is_address = text.parse::<IpAddr>().is_ok() || text.parse::<Mac>().is_ok();
        if is_address || self.names.devices.contains_key(text.as_str()) {
            return Some(text);
        }
        let peer = self.names.peers.get(&text).and_then(|of| of.first());
        let message = format!(
            "{} is neither a device nor an IP or MAC address",
            quoted(&text)
        );
        findings.error(here, message).suggest(|| match peer {
            Some(prefix) => Some(format!(
                "write one of the addresses of that peer, such as {}",
                prefix.addr()
            )),
            None => closest(&text, self.names.devices.keys().map(AsRef::as_ref)),
        });
        None
    }

    /// Whether an end of a test speaks IPv6 alone.
    fn is_v6(&self, end: &str) -> bool {
        if let Ok(address) = end.parse::<IpAddr>() {
            return address.is_ipv6();
        }
        let index = self.names.devices.get(end);
        let device = index.and_then(|index| self.devices.get(*index));
        device.is_some_and(|device| device.ipv4.is_empty() && !device.ipv6.is_empty())
    }

    /// `rule` or `profile/rule`.
    fn rule(
        &self,
        value: &Scalar,
        allow: Option<bool>,
        here: &Here<'_>,
        findings: &mut Findings,
    ) -> Option<String> {
        let text = word(value, here, findings)?;
        if allow == Some(false) {
            findings
                .error(here, "what is denied is denied by no rule")
                .suggest(|| Some("write `reason`".to_owned()));
            return None;
        }
        let (profile, rule) = match text.split_once('/') {
            Some((profile, rule)) => (Some(profile), rule),
            None => (None, text.as_str()),
        };
        let of_profile = |known: &&Profile| profile.is_none_or(|profile| known.name == profile);
        let mut rules = self
            .profiles
            .iter()
            .filter(of_profile)
            .flat_map(|profile| &profile.rules);
        if rules.any(|known| known.name == rule) {
            return Some(text);
        }
        findings
            .error(here, format!("no rule {}", quoted(&text)))
            .suggest(|| {
                let full = self.profiles.iter().flat_map(|profile| {
                    let rules = profile.rules.iter();
                    rules.map(move |rule| format!("{}/{}", profile.name, rule.name))
                });
                let known: Vec<_> = match profile {
                    Some(_) => full.collect(),
                    None => self
                        .profiles
                        .iter()
                        .flat_map(|profile| profile.rules.iter().map(|rule| rule.name.clone()))
                        .collect(),
                };
                closest(&text, known.iter().map(String::as_str))
            });
        None
    }
}

/// Exactly one service.
fn service(raw: &raw::Test, v6: bool, here: &Here<'_>, findings: &mut Findings) -> Option<Asked> {
    let given = [
        ("tcp", &raw.tcp),
        ("udp", &raw.udp),
        ("icmp", &raw.icmp),
        ("protocol", &raw.protocol),
    ];
    let mut given = given
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_ref()?)));
    let (Some((key, value)), None) = (given.next(), given.next()) else {
        findings.error(
            here,
            "a test asks for exactly one service: tcp, udp, icmp or protocol",
        );
        return None;
    };
    let here = here.key(key);
    match key {
        "tcp" => service::one_port(value, &here, findings).map(Asked::Tcp),
        "udp" => service::one_port(value, &here, findings).map(Asked::Udp),
        "icmp" => {
            let names: &[(&str, u8)] = if v6 { &ICMPV6 } else { &ICMP };
            let form = "an ICMP type by name or number";
            numbered(form, value, names, &here, findings).map(Asked::Icmp)
        }
        _ => {
            let form = "an IP protocol by name or number";
            let number = numbered(form, value, &PROTOCOLS, &here, findings)?;
            if let Some(name) = service::keyed(number) {
                findings
                    .error(&here, format!("{name} has a key of its own in a test"))
                    .suggest(|| Some("write tcp, udp or icmp".to_owned()));
                return None;
            }
            Some(Asked::Protocol(number))
        }
    }
}

/// The label of a reason that can be what is expected.
fn reason(
    value: &Scalar,
    allow: Option<bool>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<String> {
    let text = word(value, here, findings)?;
    let Some(reason) = Reason::ALL.iter().find(|reason| reason.label() == text) else {
        let labels = Reason::ALL.iter().map(|reason| reason.label());
        findings
            .error(here, format!("no reason {}", quoted(&text)))
            .suggest(|| closest(&text, labels));
        return None;
    };
    if allow.is_some_and(|allow| allow != reason.allows()) {
        let (does, other) = if reason.allows() {
            ("allow", "deny")
        } else {
            ("deny", "allow")
        };
        findings
            .error(
                here,
                format!("{text} is a reason to {does}, but {other} is expected"),
            )
            .suggest(|| Some(meant(format!("expect: {does}"))));
        return None;
    }
    Some(text)
}
