//! Enforcement outlives the daemon: its death, its restart, its graceful end,
//! pins that no longer fit, and a restart of the machine. Under load throughout.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{fs, net::TcpStream, path::PathBuf, time::Duration};

use enforcer_tests::{
    Load, Outcome, Ward, load,
    traffic::{Server, hl7, tcp},
    wait,
};

const DEADLINE: Duration = Duration::from_secs(10);
/// Datagrams of every stream between one event and the next.
const STRETCH: u64 = 500;

/// A live HL7 session of monitor-1 with the engine.
fn session(ward: &Ward) -> (Server, TcpStream) {
    let [monitor, engine] = ["monitor-1", "engine"].map(|name| ward.endpoint(name).unwrap());
    let server = hl7::serve(engine, 2575).unwrap();
    let stream = tcp::connect(monitor, engine.at(2575), DEADLINE).unwrap();
    (server, stream.got().expect("a connection"))
}

fn report(session: &mut TcpStream, control_id: &str) -> Outcome {
    hl7::report(session, control_id).unwrap().outcome()
}

fn assert_unharmed(outcome: load::Outcome) {
    println!("{outcome:?}");
    assert_eq!((outcome.lost(), outcome.leaked()), (0, 0), "{outcome:?}");
}

fn pins(ward: &Ward) -> PathBuf {
    ward.lab().bpffs().join("enforcer")
}

#[test]
fn a_killed_daemon_is_not_missed_and_its_successor_takes_over() {
    let mut ward = Ward::enforced("nkill").unwrap();
    let (_server, mut stream) = session(&ward);
    assert_eq!(report(&mut stream, "BEFORE"), Outcome::Answered);
    let load = Load::start(ward.lab()).unwrap();
    load.go_on(STRETCH).unwrap();
    let before = ward.in_force().unwrap();

    ward.daemon_mut().kill().unwrap();
    load.go_on(STRETCH).unwrap();
    assert_eq!(report(&mut stream, "ORPHANED"), Outcome::Answered);

    ward.daemon_mut().launch().unwrap();
    load.go_on(STRETCH).unwrap();
    assert_eq!(report(&mut stream, "AFTER"), Outcome::Answered);
    assert_unharmed(load.finish().unwrap());

    assert_eq!(ward.in_force().unwrap(), before);
    let log = ward.daemon().log().unwrap();
    assert!(log.contains("took over the policy in force"), "{log}");
    // The session is the one that began before, under the rule it began with.
    let flows = ward.client().flows().unwrap();
    let sessions: Vec<_> = flows
        .iter()
        .filter(|flow| flow.responder_port == Some(2575))
        .collect();
    assert_eq!(sessions.len(), 1, "{sessions:#?}");
    assert_eq!(sessions[0].rules, ["patient-monitor/hl7"]);
    // Three messages and the handshake at least.
    assert!(sessions[0].packets[0] >= 5, "{sessions:#?}");
    let counters = ward.client().counters().unwrap();
    assert_eq!(counters.packets("allow", "adopted"), 0);
    assert_eq!(counters.packets("audit", "no-policy"), 0);
    assert!(
        ward.client().status().unwrap()["warnings"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_stopped_daemon_leaves_enforcement_on() {
    let mut ward = Ward::enforced("nstop").unwrap();
    let load = Load::start(ward.lab()).unwrap();
    load.go_on(STRETCH).unwrap();
    let status = ward.daemon_mut().stop().unwrap();
    assert!(status.success(), "{status}");
    load.go_on(STRETCH).unwrap();
    assert_unharmed(load.finish().unwrap());
    let log = ward.daemon().log().unwrap();
    assert!(log.contains("enforcement goes on"), "{log}");
}

#[test]
fn detach_takes_enforcement_off_when_the_daemon_stops() {
    let mut ward = Ward::enforced("ndetach").unwrap();
    ward.daemon_mut().kill().unwrap();
    ward.daemon_mut().launch_with(&["--detach"]).unwrap();
    let load = Load::start(ward.lab()).unwrap();
    load.go_on(STRETCH).unwrap();
    assert_eq!(load.leaked(), 0);
    assert!(ward.daemon_mut().stop().unwrap().success());
    wait::until("refused datagrams arrive", DEADLINE, || {
        Ok((load.leaked() > 0).then_some(()))
    })
    .unwrap();
    assert_eq!(load.finish().unwrap().lost(), 0);
}

#[test]
fn detach_now_takes_enforcement_off_without_a_daemon() {
    let mut ward = Ward::enforced("ndetachnow").unwrap();
    ward.daemon_mut().kill().unwrap();
    let load = Load::start(ward.lab()).unwrap();
    load.go_on(STRETCH).unwrap();
    assert_eq!(load.leaked(), 0);
    let output = ward.daemon().run_beside(&[], &["--detach-now"]).unwrap();
    assert!(output.status.success(), "{output:?}");
    wait::until("refused datagrams arrive", DEADLINE, || {
        Ok((load.leaked() > 0).then_some(()))
    })
    .unwrap();
    assert_eq!(load.finish().unwrap().lost(), 0);
    assert!(fs::read_dir(pins(&ward)).unwrap().next().is_none());
}

/// Pins vanish with the machine, the state directory stays. Traffic is there
/// before the daemon: not one frame is judged without the policy.
#[test]
fn the_policy_is_in_force_again_after_a_restart_of_the_machine() {
    let mut ward = Ward::enforced("nreboot").unwrap();
    let (_, hash) = ward.in_force().unwrap();
    ward.daemon_mut().kill().unwrap();
    for generation in fs::read_dir(pins(&ward)).unwrap() {
        fs::remove_dir_all(generation.unwrap().path()).unwrap();
    }
    let load = Load::start(ward.lab()).unwrap();
    wait::until("nothing is enforced", DEADLINE, || {
        Ok((load.leaked() > 0).then_some(()))
    })
    .unwrap();
    ward.daemon_mut().launch().unwrap();
    assert_eq!(ward.in_force().unwrap().1, hash);
    load.go_on(STRETCH).unwrap();
    let leaked = load.leaked();
    load.go_on(STRETCH).unwrap();
    assert_eq!(load.finish().unwrap().leaked(), leaked);
    let counters = ward.client().counters().unwrap();
    for fate in ["allow", "audit", "deny"] {
        assert_eq!(counters.packets(fate, "no-policy"), 0, "{fate}");
    }
    assert!(counters.packets("deny", "no-rule") >= 2 * STRETCH);
}

/// Tables of another size cannot be taken over: new ones are built beside them.
#[test]
fn changed_capacities_make_a_new_generation_without_a_gap() {
    let mut ward = Ward::enforced("ncapacity").unwrap();
    let load = Load::start(ward.lab()).unwrap();
    load.go_on(STRETCH).unwrap();
    let (_, hash) = ward.in_force().unwrap();
    ward.daemon_mut().kill().unwrap();
    add_to_configuration(&ward, "flows: 4096\n");
    ward.daemon_mut().launch().unwrap();
    // Sets of sixteen places, four for each flow.
    assert_new_generation(&ward, &hash, "max_entries: 1024");
    load.go_on(STRETCH).unwrap();
    assert_unharmed(load.finish().unwrap());
}

#[test]
fn a_pin_of_another_shape_makes_a_new_generation_without_a_gap() {
    let mut ward = Ward::enforced("npin").unwrap();
    let (_server, mut stream) = session(&ward);
    assert_eq!(report(&mut stream, "BEFORE"), Outcome::Answered);
    let load = Load::start(ward.lab()).unwrap();
    load.go_on(STRETCH).unwrap();
    let (_, hash) = ward.in_force().unwrap();
    ward.daemon_mut().kill().unwrap();
    let generation = pins(&ward).join("gen-1");
    fs::remove_file(generation.join("VERDICTS")).unwrap();
    fs::rename(generation.join("STATISTICS"), generation.join("VERDICTS")).unwrap();
    ward.daemon_mut().launch().unwrap();
    assert_new_generation(&ward, &hash, "VERDICTS");
    load.go_on(STRETCH).unwrap();
    assert_unharmed(load.finish().unwrap());
    // Flows of the old generation are gone; the live session is adopted.
    assert_eq!(report(&mut stream, "AFTER"), Outcome::Answered);
    assert!(
        ward.client()
            .counters()
            .unwrap()
            .packets("allow", "adopted")
            > 0
    );
}

#[test]
fn flows_that_cannot_be_looked_up_make_a_new_generation_and_go_on() {
    let mut ward = Ward::enforced("nseed").unwrap();
    let (_server, mut stream) = session(&ward);
    assert_eq!(report(&mut stream, "BEFORE"), Outcome::Answered);
    let (_, hash) = ward.in_force().unwrap();
    ward.daemon_mut().kill().unwrap();
    fs::remove_file(pins(&ward).join("gen-1/FLOW_SEED")).unwrap();
    ward.daemon_mut().launch().unwrap();
    assert_new_generation(&ward, &hash, "FLOW_SEED is missing");
    assert_eq!(report(&mut stream, "AFTER"), Outcome::Answered);
}

fn assert_new_generation(ward: &Ward, hash: &str, why: &str) {
    assert_eq!(ward.in_force().unwrap().1, hash);
    let log = ward.daemon().log().unwrap();
    let told = log
        .lines()
        .find(|line| line.contains("do not fit this version"));
    assert!(told.is_some_and(|line| line.contains(why)), "{log}");
    let generations: Vec<_> = fs::read_dir(pins(ward))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(generations, ["gen-2"]);
}

fn add_to_configuration(ward: &Ward, lines: &str) {
    let path = ward.daemon().configuration();
    let text = fs::read_to_string(path).unwrap();
    fs::write(path, text + lines).unwrap();
}
