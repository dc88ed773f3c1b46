//! Canaries: a policy for a share of the devices, the one before for all others,
//! until somebody promotes it or takes it back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, time::Duration};

use enforcer_tests::{
    Outcome, Ward,
    traffic::{tcp, udp},
    ward,
};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(300);

/// The pump loses its manager, the monitor its clock; pump-1 is marked to go first.
fn stricter() -> String {
    let manager = "      - name: systems-manager\n        to: systems-manager\n        tcp: 3613\n";
    let policy = ward::policy_with(manager, "").unwrap();
    let monitor = "        udp: 53\n        tcp: 53\n      - name: ntp\n        to: ntp\n        udp: 123\n\n  dicom";
    let policy = ward::edit(
        &policy,
        monitor,
        "        udp: 53\n        tcp: 53\n\n  dicom",
    )
    .unwrap();
    let pump = "  - name: pump-1\n";
    ward::edit(&policy, pump, "  - name: pump-1\n    tags: [first]\n").unwrap()
}

/// Whether the pump reaches its manager, and the monitor its clock.
fn reached(ward: &Ward) -> (bool, bool) {
    let at = |name: &str| ward.endpoint(name).unwrap();
    let _manager = tcp::serve_echo(at("systems-manager"), 3613).unwrap();
    let _clock = udp::serve_echo(at("ntp"), 123).unwrap();
    let manager = tcp::connect(at("pump-1"), at("systems-manager").at(3613), SHORT).unwrap();
    let clock = udp::ask(at("monitor-1"), at("ntp").at(123), b"?", SHORT).unwrap();
    (
        manager.outcome() == Outcome::Answered,
        clock.outcome() == Outcome::Answered,
    )
}

fn refused(ward: &Ward, arguments: &[&str]) -> String {
    let output = ward.client().try_run(arguments).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn begin(ward: &Ward, share: &str) -> Value {
    let file = ward.write("stricter.yaml", &stricter()).unwrap();
    ward.client()
        .json(&["apply", file.to_str().unwrap(), "--canary", share])
        .unwrap()
}

#[test]
fn a_canary_holds_for_its_share_until_it_is_withdrawn() {
    let mut ward = Ward::enforced("cwithdraw").unwrap();
    let (_, before) = ward.in_force().unwrap();
    assert_eq!(reached(&ward), (true, true));
    let applied = begin(&ward, "tag:first");
    assert_eq!(applied["canary"]["devices"], 1);
    assert_eq!(applied["canary"]["share"], "tag:first");
    assert_eq!(reached(&ward), (false, true));
    let in_force = ward.in_force().unwrap();

    // Nothing else comes in between, and everybody can see why.
    let said = ward
        .apply(&ward::policy().unwrap())
        .unwrap_err()
        .to_string();
    for word in [
        "a canary is out",
        "enforcerctl promote",
        "enforcerctl withdraw",
    ] {
        assert!(said.contains(word), "{said}");
    }
    assert!(refused(&ward, &["rollback"]).contains("a canary is out"));
    let devices: Vec<Value> = ward.client().json(&["devices"]).unwrap();
    let of = |name: &str| {
        let device = devices
            .iter()
            .find(|device| device["name"] == name)
            .unwrap();
        device["profile"].as_str().unwrap().to_owned()
    };
    assert_eq!(of("pump-1"), "alaris-pcu@canary");
    assert_eq!(of("pump-2"), "alaris-pcu");

    // A new daemon, and a new life of the machine, go on with it.
    ward.daemon_mut().kill().unwrap();
    ward.daemon_mut().launch().unwrap();
    assert_eq!(ward.in_force().unwrap(), in_force);
    ward.daemon_mut().kill().unwrap();
    for generation in fs::read_dir(ward.lab().bpffs().join("enforcer")).unwrap() {
        fs::remove_dir_all(generation.unwrap().path()).unwrap();
    }
    ward.daemon_mut().launch().unwrap();
    let status = ward.client().status().unwrap();
    assert_eq!(status["canary"]["share"], "tag:first");
    assert_eq!(status["canary"]["before"], before);
    assert_eq!(reached(&ward), (false, true));

    ward.client().run(&["withdraw"]).unwrap();
    assert_eq!(ward.in_force().unwrap().1, before);
    assert_eq!(reached(&ward), (true, true));
    assert!(ward.client().status().unwrap()["canary"].is_null());
    // In the way back it is as if nothing had been.
    assert!(refused(&ward, &["rollback"]).contains("nothing to go back to"));
}

#[test]
fn a_canary_that_is_promoted_holds_for_all() {
    let ward = Ward::enforced("cpromote").unwrap();
    let (_, before) = ward.in_force().unwrap();
    assert!(refused(&ward, &["promote"]).contains("no canary is out"));
    let applied = begin(&ward, "alaris-pcu=1%");
    assert_eq!(applied["canary"]["devices"], 1, "at least one");
    ward.client().run(&["promote"]).unwrap();
    assert_eq!(reached(&ward), (false, false));
    assert_eq!(ward.in_force().unwrap().1, applied["canary"]["after"]);
    ward.client().run(&["rollback"]).unwrap();
    assert_eq!(ward.in_force().unwrap().1, before);
    let history: Vec<Value> = ward.client().json(&["history"]).unwrap();
    let actions: Vec<&str> = history
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        ["rollback", "promote", "apply", "refused", "apply"]
    );
}

/// Both together: a share of the devices, and a deadline.
#[test]
fn a_canary_on_trial_goes_by_itself() {
    let mut ward = Ward::enforced("ctrial").unwrap();
    let before = ward.in_force().unwrap();
    let file = ward.write("stricter.yaml", &stricter()).unwrap();
    let file = file.to_str().unwrap();
    ward.client()
        .run(&[
            "apply",
            file,
            "--canary",
            "tag:first",
            "--confirm-within",
            "3s",
        ])
        .unwrap();
    assert!(refused(&ward, &["promote"]).contains("awaits confirmation"));
    ward.daemon_mut().kill().unwrap();
    enforcer_tests::wait::until("the policy before is in force", DEADLINE, || {
        Ok((reached(&ward) == (true, true)).then_some(()))
    })
    .unwrap();
    ward.daemon_mut().launch().unwrap();
    assert_eq!(ward.in_force().unwrap(), before);
    assert!(ward.client().status().unwrap()["canary"].is_null());
}

#[test]
fn a_share_that_is_nobody_is_refused() {
    let ward = Ward::enforced("cnobody").unwrap();
    let before = ward.in_force().unwrap();
    let file = ward.write("stricter.yaml", &stricter()).unwrap();
    let file = file.to_str().unwrap();
    let canary = |share: &str| refused(&ward, &["apply", file, "--canary", share]);
    assert!(canary("tag:frist").contains("would be empty"));
    assert!(canary("alaris=5%").contains("the closest is \"alaris-pcu\""));
    for share in [
        "alaris-pcu",
        "alaris-pcu=0%",
        "alaris-pcu=101%",
        "=5%",
        "tag:",
    ] {
        let output = ward
            .client()
            .try_run(&["apply", file, "--canary", share])
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{share}");
    }
    assert_eq!(ward.in_force().unwrap(), before);
}
