//! Policies change under load: what both allow is never lost, what neither
//! allows never gets through, and sessions end or live on as the new policy says.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{net::TcpStream, time::Duration};

use enforcer_tests::{
    Load, Outcome, Topology, Ward,
    daemon::Settings,
    traffic::{Server, tcp},
    wait, ward,
};

const DEADLINE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(300);
const CHANGES: u64 = 60;

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

#[test]
fn policies_alternate_under_load_and_nothing_is_lost_or_leaks() {
    let ward = Ward::enforced("nalternate").unwrap();
    let both = [ward::policy().unwrap(), without_manager()];
    let files = [
        ward.write("with.yaml", &both[0]).unwrap(),
        ward.write("without.yaml", &both[1]).unwrap(),
    ];
    let (epoch, _) = ward.in_force().unwrap();
    let load = Load::start(ward.lab()).unwrap();
    load.go_on(200).unwrap();
    for (_, file) in (0..CHANGES).zip(files.iter().rev().cycle()) {
        ward.client().apply(file).unwrap();
    }
    load.go_on(200).unwrap();
    let outcome = load.finish().unwrap();
    println!("{CHANGES} policies: {outcome:?}");
    assert_eq!((outcome.lost(), outcome.leaked()), (0, 0), "{outcome:?}");
    // The load was there while the policies changed.
    assert!(outcome.allowed.sent > CHANGES * 10, "{outcome:?}");
    assert!(outcome.refused.sent > CHANGES * 10, "{outcome:?}");
    assert_eq!(ward.in_force().unwrap().0, epoch + CHANGES);
    // Judged again by every policy, and refused for nothing but want of a rule.
    let counters = ward.client().counters().unwrap();
    assert!(counters.packets("deny", "no-rule") >= outcome.refused.sent);
    let rehits = counters.rule_packets("patient-monitor", "ntp");
    assert!(rehits >= outcome.allowed.sent / 4, "{rehits}");
}

#[test]
fn a_revoked_permission_ends_a_live_session_and_leaves_others_alone() {
    let ward = Ward::enforced("nrevoke").unwrap();
    let (_server, mut stream) = session(&ward);
    assert_eq!(talk(&mut stream, DEADLINE), Outcome::Answered);
    ward.apply(&without_manager()).unwrap();
    assert_eq!(talk(&mut stream, SHORT), Outcome::Silent);
    let event = ward
        .event("the end of a session", |event| {
            event.destination_port == Some(3613)
        })
        .unwrap();
    assert_eq!((&*event.fate, &*event.reason), ("deny", "no-rule"));
    assert_eq!(event.device.as_deref(), Some("pump-1"));
    // Allowed again, TCP itself repeats what was lost.
    ward.apply(&ward::policy().unwrap()).unwrap();
    let mut late = [0; 12];
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    std::io::Read::read_exact(&mut stream, &mut late).unwrap();
    assert_eq!(&late, b"still there?");
}

#[test]
fn a_permission_that_stays_keeps_its_session() {
    let ward = Ward::enforced("nkeep").unwrap();
    let (server, mut stream) = session(&ward);
    let other = ward::policy_with("udp: 24105", "udp: 24106").unwrap();
    for (_, policy) in (0..20).zip([&other, &ward::policy().unwrap()].into_iter().cycle()) {
        assert_eq!(talk(&mut stream, DEADLINE), Outcome::Answered);
        ward.apply(policy).unwrap();
    }
    assert_eq!(talk(&mut stream, DEADLINE), Outcome::Answered);
    assert_eq!(server.heard(), 1);
    let counters = ward.client().counters().unwrap();
    assert_eq!(counters.packets("deny", "no-rule"), 0);
    assert_eq!(counters.packets("deny", "no-flow"), 0);
    let flows = ward.client().flows().unwrap();
    let sessions: Vec<_> = flows
        .iter()
        .filter(|flow| flow.responder_port == Some(3613))
        .collect();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].rules, ["alaris-pcu/systems-manager"]);
}

/// Draining, flows that run go on as they were judged, and no new one begins; what
/// comes next ends the draining.
#[test]
fn a_revoked_session_drains_if_asked() {
    let ward = Ward::enforced("ndrain").unwrap();
    let (_server, mut stream) = session(&ward);
    assert_eq!(talk(&mut stream, DEADLINE), Outcome::Answered);
    let apply = |drain: &[&str]| {
        let file = ward.write("drain.yaml", &without_manager()).unwrap();
        let command = [&["apply", file.to_str().unwrap()], drain].concat();
        ward.client().run(&command).unwrap();
    };
    apply(&["--drain", "10m"]);
    for _ in 0..3 {
        assert_eq!(talk(&mut stream, DEADLINE), Outcome::Answered);
    }
    let at = |name| ward.endpoint(name).unwrap();
    let another = tcp::connect(at("pump-1"), at("systems-manager").at(3613), SHORT).unwrap();
    assert_eq!(another.outcome(), Outcome::Silent);
    let status = ward.client().status().unwrap();
    assert!(
        status["draining_seconds"].as_u64().unwrap() > 500,
        "{status}"
    );
    apply(&[]);
    assert_eq!(talk(&mut stream, SHORT), Outcome::Silent);
}

#[test]
fn draining_ends_by_itself() {
    let mut ward = Ward::enforced("ndrained").unwrap();
    let (_server, mut stream) = session(&ward);
    assert_eq!(talk(&mut stream, DEADLINE), Outcome::Answered);
    let file = ward.write("drain.yaml", &without_manager()).unwrap();
    ward.client()
        .run(&["apply", file.to_str().unwrap(), "--drain", "2s"])
        .unwrap();
    ward.daemon_mut().kill().unwrap();
    assert_eq!(talk(&mut stream, DEADLINE), Outcome::Answered);
    wait::until("the session is cut", DEADLINE, || {
        Ok((talk(&mut stream, SHORT) == Outcome::Silent).then_some(()))
    })
    .unwrap();
}

#[test]
fn first_enforcement_adopts_live_sessions_that_have_a_rule() {
    let ward = Ward::unenforced("nadopt", &Topology::default(), &Settings::default()).unwrap();
    let (_server, mut allowed) = session(&ward);
    let at = |name| ward.endpoint(name).unwrap();
    let _smb = tcp::serve_echo(at("engine"), 445).unwrap();
    let mut without_rule = tcp::connect(at("pump-1"), at("engine").at(445), DEADLINE)
        .unwrap()
        .got()
        .expect("a connection");
    assert_eq!(talk(&mut allowed, DEADLINE), Outcome::Answered);
    assert_eq!(talk(&mut without_rule, DEADLINE), Outcome::Answered);

    ward.apply(&ward::policy().unwrap()).unwrap();
    assert_eq!(talk(&mut allowed, DEADLINE), Outcome::Answered);
    assert_eq!(talk(&mut without_rule, SHORT), Outcome::Silent);
    let counters = ward.client().counters().unwrap();
    assert!(counters.packets("allow", "adopted") > 0);
    let event = ward
        .event("a session that is cut", |event| {
            event.destination_port == Some(445)
        })
        .unwrap();
    assert_eq!((&*event.fate, &*event.reason), ("deny", "no-rule"));
    let flows = ward.client().flows().unwrap();
    let adopted = flows.iter().find(|flow| flow.responder_port == Some(3613));
    assert_eq!(adopted.unwrap().rules, ["alaris-pcu/systems-manager"]);
}

/// A device that is enforced later than others has its own sessions adopted, and
/// nobody else's are.
#[test]
fn a_device_that_is_enforced_later_is_adopted_by_itself() {
    let ward = Ward::unenforced("nlater", &Topology::default(), &Settings::default()).unwrap();
    let (_server, mut pumps) = session(&ward);
    let at = |name| ward.endpoint(name).unwrap();
    let _hl7 = tcp::serve_echo(at("engine"), 2575).unwrap();
    let mut monitors = tcp::connect(at("monitor-1"), at("engine").at(2575), DEADLINE)
        .unwrap()
        .got()
        .expect("a connection");
    let policy = |adopt: &str, pump: &str| {
        let adopt = format!("  mode: enforce\n  adopt_sessions: {adopt}\n");
        let policy = ward::policy_with("  mode: enforce\n", &adopt).unwrap();
        let mac = "    mac: 02:00:00:00:10:01\n";
        ward::edit(&policy, mac, &format!("{mac}    mode: {pump}\n")).unwrap()
    };
    ward.apply(&policy("1s", "audit")).unwrap();
    wait::until("nobody is adopted any more", DEADLINE, || {
        let status = ward.client().status()?;
        Ok((status["policy"]["adopting_seconds"] == 0).then_some(()))
    })
    .unwrap();
    ward.apply(&policy("5m", "enforce")).unwrap();
    assert_eq!(talk(&mut pumps, DEADLINE), Outcome::Answered);
    assert_eq!(talk(&mut monitors, SHORT), Outcome::Silent);
    let event = ward
        .event("a session that is cut", |event| {
            event.destination_port == Some(2575)
        })
        .unwrap();
    assert_eq!((&*event.fate, &*event.reason), ("deny", "no-flow"));
    assert!(
        ward.client()
            .counters()
            .unwrap()
            .packets("allow", "adopted")
            > 0
    );
}

#[test]
fn a_broken_policy_under_load_changes_nothing() {
    let ward = Ward::enforced("nbroken").unwrap();
    let before = ward.in_force().unwrap();
    let broken = ward::policy_with(
        "        to: systems-manager\n",
        "        to: sistems-manager\n",
    );
    let broken = ward.write("broken.yaml", &broken.unwrap()).unwrap();
    let load = Load::start(ward.lab()).unwrap();
    for _ in 0..10 {
        load.go_on(50).unwrap();
        let refusal = ward.client().apply(&broken).unwrap_err().to_string();
        assert!(
            refusal.contains("did you mean \"systems-manager\"?"),
            "{refusal}"
        );
    }
    let outcome = load.finish().unwrap();
    assert_eq!((outcome.lost(), outcome.leaked()), (0, 0), "{outcome:?}");
    assert_eq!(ward.in_force().unwrap(), before);
}
