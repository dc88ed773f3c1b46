//! What follows where sanity predicates are met, as a policy says it.

use enforcer_common::decide::Policy;

use super::*;
use crate::policy::compile::compile;
use crate::policy::describe;
use crate::policy::diff::diff;
use crate::policy::sanity::Level::{self, Alert, Drop, Off};
use crate::simulate::HostTables;

#[test]
fn sanity_is_stated_by_set_or_for_all() {
    let levels = |text: &str| -> Vec<[Level; 6]> {
        let model = model(text).0;
        model
            .profiles
            .iter()
            .map(|profile| profile.sanity.0)
            .collect()
    };
    assert_eq!(levels("version: 1\nprofiles: {p: {}}\n"), [[Alert; 6]]);
    assert_eq!(
        levels(
            "version: 1
defaults: {sanity: {dns: off, arp: drop}}
profiles:
  base: {sanity: {tcp-stack: drop}}
  all: {sanity: drop}
  child: {extends: base, sanity: {arp: alert}}
  none: {extends: child, sanity: off}
"
        ),
        [
            [Drop, Alert, Alert, Alert, Off, Drop],
            [Drop; 6],
            [Drop, Alert, Alert, Alert, Off, Alert],
            [Off; 6],
        ]
    );
}

#[test]
fn sanity_that_is_not_understood_is_told_with_its_place() {
    let errors = |text: &str| errors(text).join("\n");
    let text = errors("version: 1\nprofiles:\n  p:\n    sanity: {tcp-stak: drop, dns: dropp}\n");
    assert!(text.contains("p.yaml:4"), "{text}");
    assert!(text.contains("no such set"), "{text}");
    assert!(text.contains("did you mean \"tcp-stack\"?"), "{text}");
    assert!(text.contains("did you mean \"drop\"?"), "{text}");
    let text = errors("version: 1\ndefaults: {sanity: {payload: drop}}\n");
    assert!(text.contains("the sets are tcp-stack, ip-stack"), "{text}");
    let text = errors("version: 1\ndefaults: {sanity: true}\n");
    assert!(text.contains("off or alert or drop"), "{text}");
    let text = errors(
        "version: 1\nsignatures: [{name: s, id: 4000000000, udp: 1, find: [{text: abcd}]}]\n",
    );
    assert!(text.contains("sanity predicates"), "{text}");
}

#[test]
fn levels_are_two_bits_a_set() {
    let compiled = |sanity: &str| {
        let model = model(&format!(
            "version: 1\nprofiles: {{p: {{sanity: {sanity}}}}}\n"
        ))
        .0;
        let compiled = compile(&model).unwrap();
        let mut tables = HostTables::default();
        tables.install(&compiled);
        let policy = Policy::open(&tables).unwrap();
        // Behind the profile stands the compiler's own.
        [1, 2].map(|number| policy.profile(number).unwrap().sanity)
    };
    assert_eq!(compiled("alert"), [0b0101_0101_0101; 2]);
    assert_eq!(compiled("drop")[0], 0b1010_1010_1010);
    assert_eq!(compiled("off")[0], 0);
    assert_eq!(compiled("{ip-stack: off, arp: drop}")[0], 0b1001_0101_0001);
}

#[test]
fn changes_of_sanity_are_told() {
    let of = |sanity: &str| {
        model(&format!(
            "version: 1\nprofiles: {{p: {{sanity: {sanity}}}}}\n"
        ))
        .0
    };
    let text = |sanity: &str| describe::profile(&of(sanity), &of(sanity).profiles[0]);
    assert!(!text("alert").contains("sanity"));
    assert!(text("drop").ends_with(", sanity drop"), "{}", text("drop"));
    let two = text("{dns: off, tcp-stack: drop}");
    assert!(two.ends_with(", sanity tcp-stack drop dns off"), "{two}");
    let changed = diff(Some(&of("alert")), &of("drop"));
    assert_eq!(changed.len(), 1, "{changed:?}");
    let defaults = model("version: 1\ndefaults: {sanity: {arp: off}}\n").0;
    let changed = diff(Some(&model("version: 1\n").0), &defaults);
    let told = format!("{changed:?}");
    assert!(
        told.contains("sanity.arp") && !told.contains("sanity.dns"),
        "{told}"
    );
}
