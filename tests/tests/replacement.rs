//! What may go wrong while pinned maps are replaced or a policy is saved: nothing
//! is let through, and nothing that happened is denied.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;

use enforcer_tests::load::Load;
use enforcer_tests::ward::Ward;

/// Frames that each stream sends between two steps of a test.
const STRETCH: u64 = 300;

fn generations(ward: &Ward) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(ward.lab().bpffs().join("enforcer"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn add_to_configuration(ward: &Ward, lines: &str) {
    let path = ward.daemon().configuration();
    let text = fs::read_to_string(path).unwrap();
    fs::write(path, text + lines).unwrap();
}

/// A daemon that died after it made the new generation and before it switched
/// the ports: its successor finds the links in the old one.
#[test]
fn a_replacement_cut_short_is_finished_by_the_next_start() {
    let mut ward = Ward::enforced("ncutshort").unwrap();
    let load = Load::start(ward.lab()).unwrap();
    load.go_on(STRETCH).unwrap();
    let (_, hash) = ward.in_force().unwrap();
    ward.daemon_mut().kill().unwrap();
    fs::create_dir(ward.lab().bpffs().join("enforcer/gen-2")).unwrap();
    ward.daemon_mut().launch().unwrap();
    assert_eq!(ward.in_force().unwrap().1, hash);
    assert_eq!(generations(&ward), ["gen-2"]);
    load.go_on(STRETCH).unwrap();
    let outcome = load.finish().unwrap();
    assert_eq!((outcome.lost(), outcome.leaked()), (0, 0));
}

/// Without its text a policy cannot be carried into new maps: the daemon says so
/// and leaves the old ones at work.
#[test]
fn maps_are_not_replaced_when_the_policy_would_be_lost() {
    let mut ward = Ward::enforced("ncarry").unwrap();
    let load = Load::start(ward.lab()).unwrap();
    load.go_on(STRETCH).unwrap();
    ward.daemon_mut().kill().unwrap();
    let (here, elsewhere) = ["state", "elsewhere"]
        .map(|name| ward.lab().directory().join(name))
        .into();
    fs::rename(&here, &elsewhere).unwrap();
    add_to_configuration(&ward, "flows: 4096\n");
    let refused = ward.daemon().run_beside(&[], &[]).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("cannot be carried over"), "{said}");
    load.go_on(STRETCH).unwrap();
    // With its text back, it can.
    fs::remove_dir_all(&here).unwrap();
    fs::rename(&elsewhere, &here).unwrap();
    ward.daemon_mut().launch().unwrap();
    assert!(ward.in_force().is_ok());
    load.go_on(STRETCH).unwrap();
    let outcome = load.finish().unwrap();
    assert_eq!((outcome.lost(), outcome.leaked()), (0, 0));
}
