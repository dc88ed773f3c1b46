//! Diff stage: what taking one policy in place of another changes, as a list of
//! plain data. Pure; the same two policies give the same list.

mod defaults;

use std::collections::BTreeMap;

use super::describe;
use super::model::{Device, Model, Profile, Test};
use super::signature::Signature;
use crate::control::api::{Action, Change};

/// All differences: defaults, then ports, peers, profiles, rules, devices, signatures
/// and tests, each by name. Without a policy before, everything is added.
pub fn diff(before: Option<&Model>, after: &Model) -> Vec<Change> {
    let mut changes = Vec::new();
    let of_defaults = |model: &Model| -> BTreeMap<String, String> {
        defaults::texts(model)
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text))
            .collect()
    };
    compare(
        "defaults.",
        before.map(of_defaults),
        of_defaults(after),
        Clone::clone,
        Clone::clone,
        &mut changes,
    );

    compare(
        "port ",
        before.map(|model| model.ports.iter().collect()),
        after.ports.iter().collect(),
        |port| describe::port(port),
        |port| describe::port(port),
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
    compare(
        "profile ",
        before.map(profiles),
        profiles(after),
        |profile| before.map_or_else(String::new, |model| describe::profile(model, profile)),
        |profile| describe::profile(after, profile),
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
    compare(
        "signature ",
        before.map(signatures),
        signatures(after),
        |signature| before.map_or_else(String::new, |model| describe::signature(model, signature)),
        |signature| describe::signature(after, signature),
        &mut changes,
    );
    let test = |test: &&Test| describe::test(test);
    compare(
        "test ",
        before.map(tests),
        tests(after),
        test,
        test,
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

fn signatures(model: &Model) -> BTreeMap<&str, &Signature> {
    model
        .signatures
        .iter()
        .map(|signature| (signature.name.as_str(), signature))
        .collect()
}

fn tests(model: &Model) -> BTreeMap<&str, &Test> {
    model
        .tests
        .iter()
        .map(|test| (test.name.as_str(), test))
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
    fn every_new_part_is_told() {
        let after = BEFORE
            .replace("mode: audit", "mode: audit, fragments: track, on_error: {bad_frame: allow}, guards: {routers: []}")
            .replace("peers:", "ports: {eth1: {vlans: [untagged, 7-9]}}\npeers:")
            .replace(
                "to: ntp, udp: 123",
                "to: ntp, udp: 123, limit: {packets: 5}, expires: 2099-01-01T00:00:00Z, source: S, comment: why",
            )
            .replace(
                "old: {}",
                "old: {extends: pump, limit: {bytes: 2MB}, ethertypes: goose, guards: {hold_port: 30s}}",
            )
            .replace("ip: 10.1.0.2", "ip: [10.1.0.2, dhcp], port: eth1, tags: [icu]")
            + "tests: [{from: pump-2, to: 10.0.0.53, udp: 53, expect: allow, rule: dns}]\n";
        let expected = [
            "Change defaults.fragments: deny -> track",
            "Change defaults.guards.routers: any -> nobody",
            "Change defaults.on_error.bad_frame: deny -> allow",
            "Add port eth1:  -> vlans untagged 7-9, double_tags deny, priority_tags deny",
            "Change profile old: audit, network arp neighbour_discovery dhcp -> audit, network arp neighbour_discovery dhcp, extends pump, guards routers nobody hold_port 30s, fragments track, on_error bad_frame allow, limit 2MB a second, ethertypes goose",
            "Change profile pump: audit, network arp neighbour_discovery dhcp -> audit, network arp neighbour_discovery dhcp, guards routers nobody, fragments track, on_error bad_frame allow",
            "Add rule old/dns:  -> to dns: udp 53",
            "Add rule old/ntp:  -> to ntp: udp 123; limit 5 packets a second; expires 2099-01-01T00:00:00Z; source \"S\"; \"why\"",
            "Change rule pump/ntp: to ntp: udp 123 -> to ntp: udp 123; limit 5 packets a second; expires 2099-01-01T00:00:00Z; source \"S\"; \"why\"",
            "Change device pump-2: 02:00:00:00:00:02, untagged, 10.1.0.2, profile old, audit -> 02:00:00:00:00:02, untagged, 10.1.0.2, dhcp, port eth1, profile old, audit, tags icu",
            "Add test pump-2 to 10.0.0.53 udp 53:  -> pump-2 to 10.0.0.53 udp 53: allow by dns",
        ];
        assert_eq!(lines(&diff(Some(&model(BEFORE)), &model(&after))), expected);
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
