//! Profiles that extend others: rules, settings, and what is wrong with it.

use std::time::Duration;

use enforcer_common::verdict::Mode;

use super::super::model::{Fragments, Limit, Profile, Service};
use super::*;

/// Name, origin and first service of each rule.
fn rules(profile: &Profile) -> Vec<(&str, (usize, usize), Service)> {
    let rules = profile.rules.iter();
    rules
        .map(|rule| (rule.name.as_str(), rule.origin, rule.services[0]))
        .collect()
}

#[test]
fn rules_of_parents_come_first_and_are_replaced_by_name() {
    let (model, _) = model(
        "version: 1\nprofiles:\n\
        \x20 pump:\n    extends: [site, base]\n    allow:\n\
        \x20     - {name: dns, to: any, udp: 5353}\n\
        \x20     - {name: own, to: any, tcp: 1}\n\
        \x20 site:\n    extends: base\n    allow: [{name: ntp, to: any, udp: 123}]\n\
        \x20 base:\n    allow: [{name: dns, to: any, udp: 53}, {name: log, to: any, udp: 514}]\n",
    );
    let udp = |port| Service::Udp(port, port);
    assert_eq!(
        rules(&model.profiles[0]),
        [
            ("log", (2, 1), udp(514)),
            ("ntp", (1, 0), udp(123)),
            ("dns", (0, 0), udp(5353)),
            ("own", (0, 1), Service::Tcp(1, 1)),
        ]
    );
    assert_eq!(
        rules(&model.profiles[1]),
        [
            ("dns", (2, 0), udp(53)),
            ("log", (2, 1), udp(514)),
            ("ntp", (1, 0), udp(123)),
        ]
    );
    assert_eq!(model.profiles[0].extends, ["site", "base"]);
    assert_eq!(model.profiles[2].extends, Vec::<String>::new());
}

#[test]
fn settings_come_from_the_first_that_states_them() {
    let (model, _) = model(
        "version: 1\n\
        defaults: {fragments: track, guards: {hold_port: 5s}}\n\
        profiles:\n\
        \x20 child: {extends: [a, b], network: {arp: false}, limit: {flows: 7}}\n\
        \x20 a: {extends: root, mode: audit, limit: {packets: 10}}\n\
        \x20 b: {mode: enforce, ethertypes: goose, fragments: deny, limit: {packets: 20, bytes: 1kB}}\n\
        \x20 root: {network: {dhcp: false, arp: true}, guards: {hold_port: 1m}, on_error: allow}\n\
        \x20 alone:\n",
    );
    let child = &model.profiles[0];
    assert_eq!(child.mode, Mode::Audit);
    assert_eq!((child.network.arp, child.network.dhcp), (false, false));
    assert_eq!(
        child.limit,
        Limit {
            packets: 10,
            bytes: 1_000,
            flows: 7
        }
    );
    assert_eq!(child.ethertypes, [0x88b8]);
    assert_eq!(child.fragments, Fragments::Deny);
    assert_eq!(child.guards.hold_port, Duration::from_secs(60));
    assert!(child.on_error.bad_frame && child.on_error.flow_table_full);
    let alone = &model.profiles[4];
    assert_eq!(alone.fragments, Fragments::Track);
    assert_eq!(alone.guards.hold_port, Duration::from_secs(5));
    assert!(!alone.on_error.bad_frame && alone.network.arp);
}

#[test]
fn an_ancestor_that_is_reached_twice_counts_once() {
    let (model, _) = model(
        "version: 1\nprofiles:\n\
        \x20 d: {extends: [b, c]}\n\
        \x20 b: {extends: a}\n\
        \x20 c: {extends: a}\n\
        \x20 a: {allow: [{to: any, tcp: 1}, {name: x, to: any, tcp: 2}]}\n",
    );
    let tcp = |port| Service::Tcp(port, port);
    assert_eq!(
        rules(&model.profiles[0]),
        [("to-any-tcp-1", (3, 0), tcp(1)), ("x", (3, 1), tcp(2))]
    );
}

#[test]
fn made_names_stay_unique_and_given_ones_replace_them() {
    let (model, _) = model(
        "version: 1\nprofiles:\n\
        \x20 a: {allow: [{to: any, tcp: 1}, {to: any, tcp: 2}]}\n\
        \x20 b: {extends: a, allow: [{to: any, tcp: 1}, {name: to-any-tcp-2, to: any, udp: 2}]}\n",
    );
    let names = rules(&model.profiles[1]);
    assert_eq!(
        names,
        [
            ("to-any-tcp-1", (0, 0), Service::Tcp(1, 1)),
            ("to-any-tcp-1-2", (1, 0), Service::Tcp(1, 1)),
            ("to-any-tcp-2", (1, 1), Service::Udp(2, 2)),
        ]
    );
}

#[test]
fn two_inherited_rules_of_one_name() {
    let text = |own: &str| {
        format!(
            "version: 1\nprofiles:\n\
            \x20 a: {{allow: [{{name: x, to: any, tcp: 1}}]}}\n\
            \x20 b: {{allow: [{{name: x, to: any, tcp: 2}}]}}\n\
            \x20 c: {{extends: [a, b], allow: [{own}]}}\n"
        )
    };
    expect(
        &text(""),
        &[
            "p.yaml:4:22: error: profiles.b.allow[0].name: profile \"c\" inherits this rule and another one named \"x\" at p.yaml:3; a rule of that name in \"c\" itself replaces both",
        ],
    );
    let (model, _) = model(&text("{name: x, to: any, tcp: 3}"));
    assert_eq!(
        rules(&model.profiles[2]),
        [("x", (2, 0), Service::Tcp(3, 3))]
    );
}

#[test]
fn circles_and_strangers() {
    expect(
        "version: 1\nprofiles:\n\
        \x20 a: {extends: b}\n\
        \x20 b: {extends: [c, d]}\n\
        \x20 c: {extends: a}\n\
        \x20 d: {extends: d}\n\
        \x20 ward: {extends: [wrad, pump]}\n\
        \x20 pump: {extends: true}\n",
        &[
            "p.yaml:5:16: error: profiles.c.extends: a profile cannot inherit from itself: a → b → c → a",
            "p.yaml:6:16: error: profiles.d.extends: a profile cannot inherit from itself: d → d",
            "p.yaml:7:20: error: profiles.ward.extends[0]: no profile \"wrad\"; did you mean \"ward\"?",
            "p.yaml:8:19: error: profiles.pump.extends: YAML reads this as true or false, where text is expected; put it in quotes",
        ],
    );
}

#[test]
fn deep_inheritance_is_bounded_by_the_rules_it_makes() {
    let mut text =
        String::from("version: 1\nprofiles:\n  p0: {allow: [{name: r0, to: any, tcp: 1}]}\n");
    for number in 1..4_000 {
        let above = number - 1;
        text += &format!(
            "  p{number}: {{extends: p{above}, allow: [{{name: r{number}, to: any, tcp: 1}}]}}\n"
        );
    }
    expect(
        &text,
        &[
            "p.yaml:2:1: error: profiles: more than 65534 rules in all profiles, inherited ones counted in each; a policy has no more",
        ],
    );
    let mut text =
        String::from("version: 1\nprofiles:\n  p0: {allow: [{name: r0, to: any, tcp: 1}]}\n");
    for number in 1..4_000 {
        text += &format!("  p{number}: {{extends: p{}}}\n", number - 1);
    }
    let (model, _) = model(&text);
    assert_eq!(model.profiles[3_999].rules.len(), 1);
}

#[test]
fn a_profile_that_is_extended_is_used() {
    let (_, warnings) = model(
        "version: 1\nprofiles: {base: {}, pump: {extends: base}}\n\
        devices: [{name: d, mac: 02:00:00:00:00:01, profile: pump}]\n",
    );
    assert_eq!(warnings, Vec::<String>::new());
}
