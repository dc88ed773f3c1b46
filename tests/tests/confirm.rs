//! `apply --confirm-within`: a policy that nobody confirms goes by itself, whether
//! or not there is a daemon, and what is decided is never lost.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{fs, net::TcpStream, time::Duration};

use enforcer_tests::{
    Load, Outcome, Topology, Ward,
    daemon::Settings,
    traffic::{Server, tcp},
    wait, ward,
};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

/// The example policy without the pump's permission to reach its manager.
fn without_manager() -> String {
    let rule = "      - name: systems-manager\n        to: systems-manager\n        tcp: 3613\n";
    ward::policy_with(rule, "").unwrap()
}

/// A session of pump-1 with its systems manager, which the policy can revoke.
fn session(ward: &Ward) -> (Server, TcpStream) {
    let [pump, manager] = ["pump-1", "systems-manager"].map(|name| ward.endpoint(name).unwrap());
    let server = tcp::serve_echo(manager, 3613).unwrap();
    let stream = tcp::connect(pump, manager.at(3613), DEADLINE).unwrap();
    (server, stream.got().expect("a connection"))
}

fn talk(stream: &mut TcpStream, deadline: Duration) -> Outcome {
    stream.set_read_timeout(Some(deadline)).unwrap();
    tcp::echo(stream, b"still there?").unwrap().outcome()
}

/// Waits for the answer to what was said before the policy before returned: TCP
/// repeats it.
fn hear(stream: &mut TcpStream) {
    let mut late = [0; 12];
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    std::io::Read::read_exact(stream, &mut late).unwrap();
    assert_eq!(&late, b"still there?");
}

fn apply_on_trial(ward: &Ward, policy: &str, time: &str) -> Value {
    let file = ward.write("trial.yaml", policy).unwrap();
    let file = file.to_str().unwrap();
    ward.client()
        .json(&["apply", file, "--confirm-within", time])
        .unwrap()
}

fn said(ward: &Ward, arguments: &[&str]) -> String {
    let output = ward.client().try_run(arguments).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn actions(ward: &Ward) -> Vec<String> {
    let history: Vec<Value> = ward.client().json(&["history"]).unwrap();
    history
        .iter()
        .map(|entry| entry["action"].as_str().unwrap().to_owned())
        .collect()
}

/// The daemon is killed as soon as the policy is in force: at the deadline the
/// kernel returns to the policy before, alone.
#[test]
fn the_deadline_survives_the_death_of_the_daemon() {
    let mut ward = Ward::enforced("tkill").unwrap();
    let before = ward.in_force().unwrap();
    let load = Load::start(ward.lab()).unwrap();
    let (_server, mut stream) = session(&ward);
    assert_eq!(talk(&mut stream, DEADLINE), Outcome::Answered);
    let applied = apply_on_trial(&ward, &without_manager(), "3s");
    ward.daemon_mut().kill().unwrap();
    assert!(applied["trial"]["until"].is_string(), "{applied}");
    assert_eq!(talk(&mut stream, SHORT), Outcome::Silent, "on trial");
    // No daemon is there to do anything.
    hear(&mut stream);
    assert_eq!(talk(&mut stream, DEADLINE), Outcome::Answered);

    ward.daemon_mut().launch().unwrap();
    assert_eq!(ward.in_force().unwrap(), before);
    assert_eq!(actions(&ward), ["expire", "apply", "apply"]);
    let history: Vec<Value> = ward.client().json(&["history"]).unwrap();
    assert_eq!(history[0]["hash"], before.1);
    assert_eq!(history[0]["in_force"], true);
    let log = ward.daemon().log().unwrap();
    assert!(log.contains("nobody confirmed"), "{log}");
    assert!(ward.client().status().unwrap()["trial"].is_null());
    load.go_on(100).unwrap();
    let outcome = load.finish().unwrap();
    assert_eq!((outcome.lost(), outcome.leaked()), (0, 0), "{outcome:?}");
    // Done with: the next policy gets an epoch of its own.
    ward.apply(&without_manager()).unwrap();
    assert!(ward.in_force().unwrap().0 > applied["epoch"].as_u64().unwrap());
}

/// The daemon that lives says at once that the time has passed.
#[test]
fn nobody_confirms_and_the_daemon_tells() {
    let ward = Ward::enforced("texpire").unwrap();
    let before = ward.in_force().unwrap();
    apply_on_trial(&ward, &without_manager(), "1s");
    assert_ne!(ward.in_force().unwrap(), before);
    wait::until("the policy before is in force", DEADLINE, || {
        Ok((ward.in_force()? == before).then_some(()))
    })
    .unwrap();
    assert_eq!(actions(&ward)[0], "expire");
    assert!(said(&ward, &["confirm"]).contains("no policy awaits confirmation"));
    let (_server, mut stream) = session(&ward);
    assert_eq!(talk(&mut stream, DEADLINE), Outcome::Answered);
}

#[test]
fn a_policy_that_is_confirmed_stays() {
    let mut ward = Ward::enforced("tconfirm").unwrap();
    assert!(said(&ward, &["confirm"]).contains("no policy awaits confirmation"));
    let applied = apply_on_trial(&ward, &without_manager(), "4s");
    // A new daemon knows of the trial.
    ward.daemon_mut().kill().unwrap();
    ward.daemon_mut().launch().unwrap();
    let status = ward.client().status().unwrap();
    assert!(status["trial"]["seconds_left"].as_u64().unwrap() <= 4);
    assert!(
        status["warnings"]
            .to_string()
            .contains("awaits confirmation"),
        "{status}"
    );
    ward.client().run(&["confirm"]).unwrap();
    let in_force = ward.in_force().unwrap();
    assert_eq!(in_force.1, applied["hash"]);
    assert!(said(&ward, &["confirm"]).contains("no policy awaits confirmation"));
    // Beyond the deadline, and for the next daemon too.
    let passed = std::time::Instant::now() + Duration::from_secs(5);
    wait::until("the deadline has passed", DEADLINE, || {
        Ok((std::time::Instant::now() > passed).then_some(()))
    })
    .unwrap();
    assert_eq!(ward.in_force().unwrap(), in_force);
    ward.daemon_mut().kill().unwrap();
    ward.daemon_mut().launch().unwrap();
    assert_eq!(ward.in_force().unwrap(), in_force);
    assert!(actions(&ward).starts_with(&["refused".into(), "confirm".into(), "apply".into()]));
}

#[test]
fn nothing_else_is_applied_before_a_trial_is_settled() {
    let ward = Ward::enforced("tsettle").unwrap();
    let before = ward.in_force().unwrap();
    let (_server, mut stream) = session(&ward);
    assert_eq!(talk(&mut stream, DEADLINE), Outcome::Answered);
    apply_on_trial(&ward, &without_manager(), "10m");
    let on_trial = ward.in_force().unwrap();
    let refused = ward
        .apply(&ward::policy().unwrap())
        .unwrap_err()
        .to_string();
    for word in [
        "awaits confirmation",
        "enforcerctl confirm",
        "enforcerctl withdraw",
    ] {
        assert!(refused.contains(word), "{refused}");
    }
    assert!(said(&ward, &["rollback"]).contains("awaits confirmation"));
    assert_eq!(ward.in_force().unwrap(), on_trial);
    assert_eq!(talk(&mut stream, SHORT), Outcome::Silent);
    ward.client().run(&["withdraw"]).unwrap();
    assert_eq!(ward.in_force().unwrap(), before);
    hear(&mut stream);
    assert!(said(&ward, &["withdraw"]).contains("nothing to withdraw"));
    ward.apply(&without_manager()).unwrap();
    assert_eq!(talk(&mut stream, SHORT), Outcome::Silent);
}

/// The machine restarts in the middle: nobody can have confirmed.
#[test]
fn a_restart_of_the_machine_ends_a_trial() {
    let mut ward = Ward::enforced("treboot").unwrap();
    let (_, before) = ward.in_force().unwrap();
    apply_on_trial(&ward, &without_manager(), "10m");
    ward.daemon_mut().kill().unwrap();
    for generation in fs::read_dir(ward.lab().bpffs().join("enforcer")).unwrap() {
        fs::remove_dir_all(generation.unwrap().path()).unwrap();
    }
    ward.daemon_mut().launch().unwrap();
    assert_eq!(ward.in_force().unwrap().1, before);
    assert!(ward.client().status().unwrap()["trial"].is_null());
    assert_eq!(actions(&ward), ["expire", "apply", "apply"]);
}

#[test]
fn the_first_policy_has_nothing_to_return_to() {
    let ward = Ward::unenforced("tfirst", &Topology::default(), &Settings::default()).unwrap();
    let file = ward.write("policy.yaml", &ward::policy().unwrap()).unwrap();
    let refused = said(
        &ward,
        &["apply", file.to_str().unwrap(), "--confirm-within", "1m"],
    );
    assert!(refused.contains("no policy to return to"), "{refused}");
    assert!(ward.in_force().is_err());
}
