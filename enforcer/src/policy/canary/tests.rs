//! What a canary is: the share is stable, devices in it are judged by the new
//! policy and all others exactly as before.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Merged, Share, merge, twin_of};
use crate::control::api::{Asked, Question};
use crate::policy::compile::{Compiled, compile};
use crate::policy::model::{Device, Model, Peer};
use crate::policy::parse;
use crate::policy::source::{Bundle, File};
use crate::simulate::explain::explain;

const OLD: &str = "version: 1
defaults: {mode: enforce}
peers: {server: 10.0.0.1, other: 10.0.0.2}
profiles:
  pump:
    allow:
      - {name: server, to: server, tcp: 80}
      - {name: monitors, to: 'profile:monitor', tcp: 81}
  monitor:
    allow:
      - {name: pumps, from: 'profile:pump', tcp: 81}
devices:
  - {name: pump-1, mac: 02:00:00:00:00:01, ip: 10.1.0.1, profile: pump, tags: [first]}
  - {name: pump-2, mac: 02:00:00:00:00:02, ip: 10.1.0.2, profile: pump}
  - {name: monitor-1, mac: 02:00:00:00:00:11, ip: 10.1.0.11, profile: monitor}
";

fn model(text: &str) -> Model {
    let main = File {
        path: "p.yaml".into(),
        text: text.into(),
    };
    let bundle = Bundle {
        main,
        included: Vec::new(),
    };
    parse(&bundle)
        .unwrap_or_else(|errors| panic!("{errors}\n{text}"))
        .0
}

fn share(text: &str) -> Share {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn merged(old: &Model, new: &Model, text: &str) -> Merged {
    merge(old, new, &share(text)).unwrap_or_else(|error| panic!("{error}"))
}

/// A policy as it judges.
struct Judge<'m> {
    model: &'m Model,
    compiled: Compiled,
}

impl<'m> Judge<'m> {
    fn new(model: &'m Model) -> Self {
        let compiled = compile(model).unwrap_or_else(|error| panic!("{error}"));
        Self { model, compiled }
    }

    /// Fate, reason and rule of a first packet.
    fn verdict(&self, from: &str, to: &str, port: u16) -> (String, String, Option<String>) {
        let question = Question {
            from: from.to_owned(),
            to: to.to_owned(),
            service: Asked::Tcp(port),
        };
        let answer = explain(self.model, &self.compiled, &question);
        let answer = answer.unwrap_or_else(|error| panic!("{error}"));
        let rule = answer.rule.map(|rule| rule.replace("@canary", ""));
        (answer.fate, answer.reason, rule)
    }
}

fn allowed(model: &Model, from: &str, to: &str, port: u16) -> bool {
    Judge::new(model).verdict(from, to, port).0 == "allow"
}

fn profile_of(model: &Model, device: &str) -> String {
    let found = model.devices.iter().find(|known| known.name == device);
    let device = found.unwrap_or_else(|| panic!("no device {device}"));
    model.profiles[device.profile].name.clone()
}

#[test]
fn shares_are_written_as_they_are_read() {
    for text in ["pump=5%", "pump=0.5%", "a=b=100%", "tag:first"] {
        assert_eq!(share(text).to_string(), text);
    }
    for wrong in [
        "",
        "pump",
        "pump=5",
        "pump=x%",
        "pump=0%",
        "pump=100.1%",
        "tag:",
        "=5%",
    ] {
        assert!(wrong.parse::<Share>().is_err(), "{wrong:?}");
    }
}

#[test]
fn the_share_has_the_new_policy_and_nobody_else() {
    let new = OLD
        .replace("server: 10.0.0.1", "server: 10.0.0.9")
        .replace("tcp: 80", "tcp: 8080");
    let merged = merged(&model(OLD), &model(&new), "tag:first");
    assert_eq!(merged.devices, 1);
    let model = merged.model;
    assert_eq!(profile_of(&model, "pump-1"), twin_of("pump"));
    assert_eq!(profile_of(&model, "pump-2"), "pump");
    assert!(model.peers.contains_key("server@canary"));
    assert!(!model.peers.contains_key("other@canary"));
    assert!(allowed(&model, "pump-1", "10.0.0.9", 8080));
    assert!(!allowed(&model, "pump-1", "10.0.0.1", 80));
    assert!(allowed(&model, "pump-2", "10.0.0.1", 80));
    assert!(!allowed(&model, "pump-2", "10.0.0.9", 8080));
    // To each other's rules everybody is still what they were.
    assert!(allowed(&model, "pump-1", "monitor-1", 81));
    assert!(allowed(&model, "pump-2", "monitor-1", 81));
}

#[test]
fn a_device_that_only_the_new_policy_has_comes_with_the_share_alone() {
    let more =
        "  - {name: pump-3, mac: 02:00:00:00:00:03, ip: 10.1.0.3, profile: pump, tags: [first]}
  - {name: pump-4, mac: 02:00:00:00:00:04, ip: 10.1.0.4, profile: pump}
";
    let merged = merged(&model(OLD), &model(&format!("{OLD}{more}")), "tag:first");
    assert_eq!(merged.devices, 2);
    let names: Vec<&str> = merged
        .model
        .devices
        .iter()
        .map(|device| device.name.as_str())
        .collect();
    assert_eq!(names, ["pump-1", "pump-2", "monitor-1", "pump-3"]);
}

#[test]
fn names_that_meet_are_told_apart() {
    // The new policy gives pump-2's name to another device.
    let new = OLD
        .replace("name: pump-2", "name: pump-9")
        .replace("name: pump-1", "name: pump-2");
    let merged = merged(&model(OLD), &model(&new), "tag:first");
    let names: BTreeSet<&str> = merged
        .model
        .devices
        .iter()
        .map(|device| device.name.as_str())
        .collect();
    assert_eq!(names.len(), merged.model.devices.len(), "{names:?}");
}

/// A policy of so many pumps, in this order.
#[test]
fn signatures_go_on_for_the_share() {
    let signatures = "signatures:
  - {name: pumps, tcp: 80, profiles: pump, find: [{text: abc}]}
  - {name: monitors, tcp: 80, profiles: monitor, find: [{text: abc}]}
  - {name: both, tcp: 80, profiles: [pump, monitor], find: [{text: abc}]}
  - {name: all, tcp: 80, find: [{text: abc}]}
";
    let old = model(&format!("{OLD}{signatures}"));
    let new = model(&OLD.replace("tcp: 80}", "tcp: 90}"));
    let merged = merged(&old, &new, "tag:first").model;
    let named = |index: &usize| merged.profiles[*index].name.clone();
    let watched = merged.signatures.iter().map(|signature| {
        let profiles: Vec<_> = signature.profiles.iter().map(named).collect();
        (signature.name.as_str(), profiles.join(" "))
    });
    let pumps = format!("pump {}", twin_of("pump"));
    let both = format!("pump monitor {}", twin_of("pump"));
    let expected = [
        ("pumps", pumps.as_str()),
        ("monitors", "monitor"),
        ("both", &both),
        ("all", ""),
    ];
    let expected = expected.map(|(name, profiles)| (name, profiles.to_owned()));
    assert_eq!(watched.collect::<Vec<_>>(), expected);
    assert_eq!(profile_of(&merged, "pump-1"), twin_of("pump"));
    // The twin has its profile's group.
    let compiled = Judge::new(&merged).compiled;
    let groups = compiled.inspected.iter().map(|group| &group.signatures);
    let groups: BTreeSet<_> = groups.cloned().collect();
    let expected = [vec![0, 1, 2, 3], vec![0, 2, 3], vec![1, 2, 3], vec![3]];
    assert_eq!(groups, BTreeSet::from(expected));
}

fn pumps(numbers: &[u32]) -> Model {
    let pattern = model(OLD);
    let device = |number: &u32| Device {
        name: format!("pump-{number}"),
        mac: enforcer_common::addr::Mac([2, 0, 1, 0, (number >> 8) as u8, *number as u8]),
        ipv4: Vec::new(),
        tags: Vec::new(),
        ..pattern.devices[0].clone()
    };
    Model {
        devices: numbers.iter().map(device).collect(),
        ..pattern
    }
}

fn members(model: &Model, text: &str) -> BTreeSet<String> {
    let merged = merged(model, model, text).model;
    let twin = twin_of("pump");
    let members = merged
        .devices
        .iter()
        .filter(|device| merged.profiles[device.profile].name == twin);
    members.map(|device| device.name.clone()).collect()
}

#[test]
fn a_share_is_stable_and_grows_by_adding() {
    let forwards: Vec<u32> = (0..2_000).collect();
    let backwards: Vec<u32> = (0..2_000).rev().collect();
    let model = pumps(&forwards);
    let small = members(&model, "pump=5%");
    assert!((60..140).contains(&small.len()), "{}", small.len());
    assert_eq!(small, members(&pumps(&backwards), "pump=5%"));
    assert!(small.is_subset(&members(&model, "pump=20%")));
    assert_eq!(members(&model, "pump=100%").len(), 2_000);
    assert_eq!(
        members(&pumps(&[7, 8]), "pump=0.01%").len(),
        1,
        "at least one"
    );
}

#[test]
fn an_empty_share_is_refused_with_the_closest_name() {
    let old = model(OLD);
    let refused = |text: &str| match merge(&old, &old, &share(text)) {
        Ok(_) => panic!("{text} is somebody"),
        Err(error) => error,
    };
    assert!(refused("tag:frist").contains("\"frist\""));
    assert!(refused("pmp=5%").contains("\"pump\""));
}

#[derive(Clone, Debug)]
struct Drawn {
    /// Of each profile: direction, peer, port.
    rules: Vec<Vec<(bool, usize, u16)>>,
    /// Of each device: profile, and whether it carries the tag.
    devices: Vec<(usize, bool)>,
    server: u8,
}

const PROFILES: usize = 3;
const DEVICES: usize = 6;

fn drawn() -> impl Strategy<Value = Drawn> {
    let rule = (any::<bool>(), 0..8_usize, 80..83_u16);
    let rules = vec(vec(rule, 0..4), PROFILES);
    let devices = vec((0..PROFILES, any::<bool>()), DEVICES);
    (rules, devices, 1..4_u8).prop_map(|(rules, devices, server)| Drawn {
        rules,
        devices,
        server,
    })
}

/// The policy; devices keep their identity and address from one to another, as
/// they do when a policy is edited.
fn written(drawn: &Drawn) -> Model {
    use std::fmt::Write as _;
    let mut text = format!(
        "version: 1\ndefaults: {{mode: enforce}}\npeers: {{server: 10.0.0.{}}}\nprofiles:\n",
        drawn.server
    );
    for (profile, rules) in drawn.rules.iter().enumerate() {
        let _ = writeln!(
            text,
            "  p{profile}:\n    allow:\n      - {{name: dns, to: 10.0.0.53, udp: 53}}"
        );
        for (number, (to, peer, port)) in rules.iter().enumerate() {
            let direction = if *to { "to" } else { "from" };
            let peer = match peer {
                0 => "server".to_owned(),
                1 => "any".to_owned(),
                2 => "10.0.0.2".to_owned(),
                3..=5 => format!("'profile:p{}'", peer - 3),
                6 => "'device:d0'".to_owned(),
                _ => "'tag:marked'".to_owned(),
            };
            let _ = writeln!(
                text,
                "      - {{name: r{number}, {direction}: {peer}, tcp: {port}}}"
            );
        }
    }
    text += "devices:\n";
    for (number, (profile, tagged)) in drawn.devices.iter().enumerate() {
        // One device carries the tag in any case: rules may name it.
        let tags = if *tagged || number == 0 {
            "[marked]"
        } else {
            "[]"
        };
        let _ = writeln!(
            text,
            "  - {{name: d{number}, mac: 02:00:00:00:00:0{number}, ip: 10.1.0.1{number}, profile: p{profile}, tags: {tags}}}"
        );
    }
    model(&text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Between devices outside the share, and between them and the core, nothing
    /// changes; and devices of the share are judged by the new policy alone.
    #[test]
    fn everybody_is_judged_by_one_policy(old in drawn(), new in drawn(), seed in 0..4_usize) {
        let (old, new) = (written(&old), written(&new));
        let names = |model: &Model| -> Vec<String> {
            model.profiles.iter().map(|profile| profile.name.clone()).collect()
        };
        prop_assert_eq!(names(&old), names(&new));
        let text = ["tag:marked", "p0=30%", "p1=60%", "p2=1%"][seed];
        let Ok(Merged { model, .. }) = merge(&old, &new, &share(text)) else {
            // Nobody is of that profile.
            return Ok(());
        };
        let chosen = |device: &Device| model.profiles[device.profile].name.ends_with("@canary");
        let cores = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.77"];
        let [judge, old, new] = [&model, &old, &new].map(Judge::new);
        for device in &model.devices {
            let (name, by) = (&device.name, if chosen(device) { &new } else { &old });
            for port in 80..83 {
                for core in cores {
                    prop_assert_eq!(
                        judge.verdict(name, core, port),
                        by.verdict(name, core, port),
                        "{} to {} at {}", name, core, port
                    );
                    prop_assert_eq!(
                        judge.verdict(core, name, port),
                        by.verdict(core, name, port),
                        "{} from {} at {}", name, core, port
                    );
                }
                let alike = model.devices.iter().filter(|other| {
                    other.name != *name && chosen(other) == chosen(device)
                });
                for other in alike {
                    prop_assert_eq!(
                        judge.verdict(name, &other.name, port),
                        by.verdict(name, &other.name, port),
                        "{} to {} at {}", name, &other.name, port
                    );
                }
            }
        }
    }
}

#[test]
fn what_rules_do_not_ask_for_is_not_written() {
    let merged = merged(&model(OLD), &model(OLD), "tag:first").model;
    let tags: Vec<&str> = merged
        .devices
        .iter()
        .flat_map(|device| device.tags.iter().map(String::as_str))
        .collect();
    assert!(
        !tags.iter().any(|tag| tag.starts_with("first@")),
        "{tags:?}"
    );
    let peers = merged.profiles.iter().flat_map(|profile| &profile.rules);
    let mut peers = peers.flat_map(|rule| &rule.peers);
    assert!(peers.any(|peer| *peer == Peer::Tag("profile:pump@before".to_owned())));
}
