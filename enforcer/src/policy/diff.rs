//! Diff stage: what taking one policy in place of another changes, as a list of
//! plain data. Pure; the same two policies give the same list.

use std::collections::BTreeMap;

use super::describe;
use super::model::{Defaults, Device, Model, Profile};
use crate::control::api::{Action, Change};

/// All differences: defaults, then peers, profiles, rules and devices, each by
/// name. Without a policy before, everything is added.
pub fn diff(before: Option<&Model>, after: &Model) -> Vec<Change> {
    let mut changes = Vec::new();
    let defaults = |model: &Model| -> BTreeMap<String, String> {
        default_texts(model)
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text))
            .collect()
    };
    compare(
        "defaults.",
        before.map(defaults),
        defaults(after),
        Clone::clone,
        Clone::clone,
        &mut changes,
    );

    compare(
        "peer ",
        before.map(|model| model.peers.iter().collect()),
        after.peers.iter().collect(),
        |prefixes| describe::prefixes(prefixes),
        |prefixes| describe::prefixes(prefixes),
        &mut changes,
    );
    let profile = |profile: &&Profile| describe::profile(profile);
    compare(
        "profile ",
        before.map(profiles),
        profiles(after),
        profile,
        profile,
        &mut changes,
    );
    compare(
        "rule ",
        before.map(rules),
        rules(after),
        Clone::clone,
        Clone::clone,
        &mut changes,
    );
    compare(
        "device ",
        before.map(devices),
        devices(after),
        |device| before.map_or_else(String::new, |model| describe::device(model, device)),
        |device| describe::device(after, device),
        &mut changes,
    );
    changes
}

/// Compares two sets of named things by their text.
fn compare<K: Ord + AsRef<str>, V>(
    what: &str,
    before: Option<BTreeMap<K, V>>,
    after: BTreeMap<K, V>,
    text_before: impl Fn(&V) -> String,
    text_after: impl Fn(&V) -> String,
    changes: &mut Vec<Change>,
) {
    let mut add = |action, name: &K, before, after| {
        changes.push(Change {
            action,
            subject: format!("{what}{}", name.as_ref()),
            before,
            after,
        });
    };
    let mut old = before.unwrap_or_default().into_iter().peekable();
    for (name, value) in after {
        while let Some((gone, value)) = old.next_if(|(old, _)| *old < name) {
            add(Action::Remove, &gone, text_before(&value), String::new());
        }
        let new_text = text_after(&value);
        match old.next_if(|(old, _)| *old == name) {
            None => add(Action::Add, &name, String::new(), new_text),
            Some((_, value)) => {
                let old_text = text_before(&value);
                if old_text != new_text {
                    add(Action::Change, &name, old_text, new_text);
                }
            }
        }
    }
    for (gone, value) in old {
        add(Action::Remove, &gone, text_before(&value), String::new());
    }
}

fn profiles(model: &Model) -> BTreeMap<&str, &Profile> {
    model
        .profiles
        .iter()
        .map(|profile| (profile.name.as_str(), profile))
        .collect()
}

fn devices(model: &Model) -> BTreeMap<&str, &Device> {
    model
        .devices
        .iter()
        .map(|device| (device.name.as_str(), device))
        .collect()
}

/// The text of every rule, by `profile/rule`.
fn rules(model: &Model) -> BTreeMap<String, String> {
    let of = |profile: &Profile| {
        let texts = profile.rules.iter().map(|rule| {
            (
                format!("{}/{}", profile.name, rule.name),
                describe::rule(model, rule),
            )
        });
        texts.collect::<Vec<_>>()
    };
    model.profiles.iter().flat_map(of).collect()
}

/// Every default by its path in the document.
fn default_texts(model: &Model) -> Vec<(&'static str, String)> {
    let Defaults {
        mode,
        unknown_devices,
        core_broadcast,
        network,
        control_frames,
        timeouts,
        adopt_sessions,
        new_flows_per_second,
        events_per_second,
    } = &model.defaults;
    let profile = |index: &Option<usize>, otherwise: &str| match index {
        Some(index) => describe::profile_name(model, *index).to_owned(),
        None => otherwise.to_owned(),
    };
    vec![
        ("mode", describe::mode(*mode).to_owned()),
        ("unknown_devices", profile(unknown_devices, "deny")),
        (
            "core_broadcast",
            profile(core_broadcast, "network services only"),
        ),
        ("network.arp", network.arp.to_string()),
        (
            "network.neighbour_discovery",
            network.neighbour_discovery.to_string(),
        ),
        ("network.dhcp", network.dhcp.to_string()),
        ("control_frames.stp", control_frames.stp.to_string()),
        ("control_frames.lldp", control_frames.lldp.to_string()),
        ("control_frames.lacp", control_frames.lacp.to_string()),
        ("control_frames.eapol", control_frames.eapol.to_string()),
        (
            "timeouts.tcp_opening",
            describe::duration(timeouts.tcp_opening),
        ),
        (
            "timeouts.tcp_established",
            describe::duration(timeouts.tcp_established),
        ),
        (
            "timeouts.tcp_closing",
            describe::duration(timeouts.tcp_closing),
        ),
        ("timeouts.udp", describe::duration(timeouts.udp)),
        ("timeouts.icmp", describe::duration(timeouts.icmp)),
        ("timeouts.other", describe::duration(timeouts.other)),
        ("adopt_sessions", describe::duration(*adopt_sessions)),
        ("new_flows_per_second", new_flows_per_second.to_string()),
        ("events_per_second", events_per_second.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use enforcer_common::addr::Mac;

    use super::*;
    use crate::policy::parse;
    use crate::policy::source::{Bundle, File};

    const BEFORE: &str = "version: 1
defaults: {mode: audit}
peers: {dns: 10.0.0.53, ntp: 10.0.0.123}
profiles:
  pump:
    allow:
      - {name: dns, to: dns, udp: 53}
      - {name: ntp, to: ntp, udp: 123}
  old: {}
devices:
  - {name: pump-1, mac: 02:00:00:00:00:01, vlan: 10, profile: pump}
  - {name: pump-2, mac: 02:00:00:00:00:02, ip: 10.1.0.2, profile: old}
";

    fn model(text: &str) -> Model {
        let main = File {
            path: "p.yaml".into(),
            text: text.into(),
        };
        parse(&Bundle {
            main,
            included: Vec::new(),
        })
        .unwrap_or_else(|errors| panic!("{errors}"))
        .0
    }

    fn lines(changes: &[Change]) -> Vec<String> {
        let line = |change: &Change| {
            format!(
                "{:?} {}: {} -> {}",
                change.action, change.subject, change.before, change.after
            )
        };
        changes.iter().map(line).collect()
    }

    #[test]
    fn equal_policies_differ_in_nothing() {
        assert_eq!(diff(Some(&model(BEFORE)), &model(BEFORE)), []);
    }

    #[test]
    fn every_part_is_compared() {
        let after = BEFORE
            .replace("mode: audit", "mode: enforce, timeouts: {udp: 5m}")
            .replace("10.0.0.123", "[10.0.0.123, 10.0.0.124]")
            .replace("udp: 53", "udp: 53, tcp: 53")
            .replace("old", "new")
            .replace("vlan: 10", "vlan: 20");
        let changes = diff(Some(&model(BEFORE)), &model(&after));
        let expected = [
            "Change defaults.mode: audit -> enforce",
            "Change defaults.timeouts.udp: 2m -> 5m",
            "Change peer ntp: 10.0.0.123 -> 10.0.0.123, 10.0.0.124",
            "Add profile new:  -> enforce, network arp neighbour_discovery dhcp",
            "Remove profile old: audit, network arp neighbour_discovery dhcp -> ",
            "Change profile pump: audit, network arp neighbour_discovery dhcp -> enforce, network arp neighbour_discovery dhcp",
            "Change rule pump/dns: to dns: udp 53 -> to dns: tcp 53, udp 53",
            "Change device pump-1: 02:00:00:00:00:01, VLAN 10, profile pump, audit -> 02:00:00:00:00:01, VLAN 20, profile pump, enforce",
            "Change device pump-2: 02:00:00:00:00:02, untagged, 10.1.0.2, profile old, audit -> 02:00:00:00:00:02, untagged, 10.1.0.2, profile new, enforce",
        ];
        assert_eq!(lines(&changes), expected);
    }

    #[test]
    fn without_a_policy_before_all_is_added() {
        let changes = diff(None, &model(BEFORE));
        assert!(
            changes
                .iter()
                .all(|change| change.action == Action::Add && change.before.is_empty())
        );
        let subjects: Vec<_> = changes
            .iter()
            .map(|change| change.subject.as_str())
            .collect();
        for subject in [
            "defaults.mode",
            "peer dns",
            "profile pump",
            "rule pump/ntp",
            "device pump-2",
        ] {
            assert!(subjects.contains(&subject), "{subject} in {subjects:?}");
        }
    }

    #[test]
    fn moving_a_declaration_changes_nothing() {
        let moved = BEFORE
            .replace("  old: {}\n", "")
            .replace("profiles:\n", "profiles:\n  old: {}\n");
        assert_eq!(diff(Some(&model(BEFORE)), &model(&moved)), []);
    }

    #[test]
    fn many_devices_take_well_under_a_second() {
        let mut before = model(BEFORE);
        let pattern = before.devices[0].clone();
        before.devices = (0..200_000_u32)
            .map(|number| {
                let [a, b, c, d] = number.to_be_bytes();
                Device {
                    name: format!("pump-{number}"),
                    mac: Mac([2, 0, a, b, c, d]),
                    ..pattern.clone()
                }
            })
            .collect();
        let mut after = before.clone();
        after.devices[7].profile = 1;
        assert_eq!(diff(Some(&before), &after).len(), 1);
    }
}
