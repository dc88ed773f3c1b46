//! Exceptions from the policy: quarantine and break-glass take effect at once, end
//! by themselves without a daemon, and outlive daemon, machine and policy. And the
//! clock by which they end.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{fs, net::TcpStream, time::Duration};

use aya::maps::{Array, Map, MapData};
use enforcer_tests::{
    Outcome, Ward,
    traffic::{Server, tcp, udp},
    wait, ward,
};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);
/// No rule allows it.
const CLOSED: u16 = 9999;
const DAY: u64 = 86_400;

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

/// Waits for the answer to what was said in vain: TCP repeats it.
fn hear(stream: &mut TcpStream) {
    let mut late = [0; 12];
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    std::io::Read::read_exact(stream, &mut late).unwrap();
    assert_eq!(&late, b"still there?");
}

/// Whether what no rule allows gets through.
fn is_open(ward: &Ward) -> bool {
    let [pump, engine] = ["pump-1", "engine"].map(|name| ward.endpoint(name).unwrap());
    let answer = udp::ask(pump, engine.at(CLOSED), b"?", SHORT).unwrap();
    answer.outcome() == Outcome::Answered
}

fn refused(ward: &Ward, arguments: &[&str]) -> String {
    let output = ward.client().try_run(arguments).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn exceptions(ward: &Ward) -> Vec<Value> {
    ward.client().json(&["exceptions"]).unwrap()
}

fn actions(ward: &Ward) -> Vec<String> {
    let history: Vec<Value> = ward.client().json(&["history"]).unwrap();
    let action = |entry: &Value| entry["action"].as_str().unwrap().to_owned();
    history.iter().map(action).collect()
}

fn remove_pins(ward: &Ward) {
    for generation in fs::read_dir(ward.lab().bpffs().join("enforcer")).unwrap() {
        fs::remove_dir_all(generation.unwrap().path()).unwrap();
    }
}

#[test]
fn a_quarantine_cuts_a_device_off_at_once_and_outlives_everything() {
    let mut ward = Ward::enforced("equarantine").unwrap();
    let before = ward.in_force().unwrap();
    let (_server, mut stream) = session(&ward);
    assert_eq!(talk(&mut stream, DEADLINE), Outcome::Answered);
    ward.client()
        .run(&["quarantine", "pump-1", "--reason", "scans"])
        .unwrap();
    assert_eq!(talk(&mut stream, SHORT), Outcome::Silent);
    assert_eq!(ward.in_force().unwrap(), before, "no new epoch");
    let event = ward
        .event("a quarantined device", |event| {
            &*event.reason == "quarantined"
        })
        .unwrap();
    assert_eq!(event.device.as_deref(), Some("pump-1"));

    // Another policy, another daemon, another life of the machine.
    let other = ward::policy_with("udp: 24105", "udp: 24106").unwrap();
    ward.apply(&other).unwrap();
    assert_eq!(talk(&mut stream, SHORT), Outcome::Silent);
    ward.daemon_mut().kill().unwrap();
    assert_eq!(talk(&mut stream, SHORT), Outcome::Silent);
    ward.daemon_mut().launch().unwrap();
    assert_eq!(talk(&mut stream, SHORT), Outcome::Silent);
    ward.daemon_mut().kill().unwrap();
    // What TCP repeats while nothing is enforced gets its answer: no more of that
    // session.
    drop(stream);
    remove_pins(&ward);
    ward.daemon_mut().launch().unwrap();
    let connects = |deadline| {
        let at = |name| ward.endpoint(name).unwrap();
        let manager = at("systems-manager").at(3613);
        tcp::connect(at("pump-1"), manager, deadline)
            .unwrap()
            .outcome()
    };
    assert_eq!(connects(SHORT), Outcome::Silent);

    let [exception] = &exceptions(&ward)[..] else {
        panic!("not one exception");
    };
    assert_eq!(exception["kind"], "quarantine");
    assert_eq!(exception["name"], "pump-1");
    assert_eq!(exception["user"], "root");
    assert_eq!(exception["reason"], "scans");
    assert!(exception["until"].is_null());
    assert_eq!(ward.client().status().unwrap()["exceptions"], 1);
    ward.client().run(&["release", "pump-1"]).unwrap();
    assert!(exceptions(&ward).is_empty());
    assert_eq!(connects(DEADLINE), Outcome::Answered);
    assert_eq!(actions(&ward), ["release", "apply", "quarantine", "apply"]);
    assert!(refused(&ward, &["release", "pump-1"]).contains("exceptions"));
}

#[test]
fn a_quarantine_with_an_end_ends_without_a_daemon() {
    let mut ward = Ward::enforced("eends").unwrap();
    let (_server, mut stream) = session(&ward);
    assert_eq!(talk(&mut stream, DEADLINE), Outcome::Answered);
    // By its MAC address, and on every policy that is in map memory.
    ward.client()
        .run(&["quarantine", "02:00:00:00:10:01", "--for", "3s"])
        .unwrap();
    ward.daemon_mut().kill().unwrap();
    assert_eq!(talk(&mut stream, SHORT), Outcome::Silent);
    hear(&mut stream);
    ward.daemon_mut().launch().unwrap();
    wait::until("the daemon notes the end", DEADLINE, || {
        Ok((actions(&ward)[0] == "ended").then_some(()))
    })
    .unwrap();
    assert!(exceptions(&ward).is_empty());
}

#[test]
fn what_is_not_declared_is_not_quarantined() {
    let ward = Ward::enforced("eundeclared").unwrap();
    let said = refused(&ward, &["quarantine", "pmp-1"]);
    assert!(said.contains("no device \"pmp-1\""), "{said}");
    assert!(said.contains("\"pump-1\""), "{said}");
    let said = refused(&ward, &["quarantine", "02:00:00:00:99:99"]);
    assert!(said.contains("not a declared device"), "{said}");
    let said = refused(
        &ward,
        &[
            "break-glass",
            "--profile",
            "alaris",
            "--for",
            "1m",
            "--reason",
            "x",
        ],
    );
    assert!(said.contains("\"alaris-pcu\""), "{said}");
    assert!(exceptions(&ward).is_empty());
}

#[test]
fn break_glass_opens_at_once_and_closes_without_a_daemon() {
    let mut ward = Ward::enforced("eglass").unwrap();
    let _server = udp::serve_echo(ward.endpoint("engine").unwrap(), CLOSED).unwrap();
    assert!(!is_open(&ward));
    let open = |time: &str, reason: &str| {
        let command = ["break-glass", "--profile", "alaris-pcu"];
        let command = [&command[..], &["--for", time, "--reason", reason]].concat();
        ward.client().try_run(&command).unwrap()
    };
    assert_eq!(open("9h", "too long").status.code(), Some(1));
    assert_eq!(open("30m", "  ").status.code(), Some(1));
    let output = ward
        .client()
        .try_run(&["break-glass", "--profile", "alaris-pcu", "--for", "1m"])
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "a reason is needed");
    assert!(!is_open(&ward));

    assert!(open("6s", "server moved").status.success());
    assert!(is_open(&ward));
    // A policy that comes meanwhile is open too.
    ward.apply(&ward::policy_with("udp: 24105", "udp: 24106").unwrap())
        .unwrap();
    assert!(is_open(&ward));
    ward.daemon_mut().kill().unwrap();
    wait::until("the glass is whole again", DEADLINE, || {
        Ok((!is_open(&ward)).then_some(()))
    })
    .unwrap();
    ward.daemon_mut().launch().unwrap();
    assert!(!is_open(&ward));
    let history: Vec<Value> = ward.client().json(&["history"]).unwrap();
    let broken = history
        .iter()
        .find(|entry| entry["action"] == "break-glass")
        .unwrap();
    assert_eq!(broken["subject"], "profile alaris-pcu");
    assert_eq!(broken["note"], "for 6s: server moved");
}

#[test]
fn an_open_profile_is_closed_by_hand() {
    let ward = Ward::enforced("eclose").unwrap();
    let _server = udp::serve_echo(ward.endpoint("engine").unwrap(), CLOSED).unwrap();
    ward.client()
        .run(&[
            "break-glass",
            "--profile",
            "alaris-pcu",
            "--for",
            "8h",
            "--reason",
            "x",
        ])
        .unwrap();
    assert!(is_open(&ward));
    ward.client()
        .run(&["release", "--profile", "alaris-pcu"])
        .unwrap();
    assert!(!is_open(&ward));
}

/// While a policy is on trial, both are marked.
#[test]
fn an_exception_holds_for_the_policy_that_returns_too() {
    let ward = Ward::enforced("eboth").unwrap();
    let (_server, mut stream) = session(&ward);
    assert_eq!(talk(&mut stream, DEADLINE), Outcome::Answered);
    let other = ward::policy_with("udp: 24105", "udp: 24106").unwrap();
    let file = ward.write("trial.yaml", &other).unwrap();
    ward.client()
        .run(&["apply", file.to_str().unwrap(), "--confirm-within", "10m"])
        .unwrap();
    ward.client().run(&["quarantine", "pump-1"]).unwrap();
    assert_eq!(talk(&mut stream, SHORT), Outcome::Silent);
    ward.client().run(&["withdraw"]).unwrap();
    assert_eq!(talk(&mut stream, SHORT), Outcome::Silent);
    ward.client().run(&["release", "pump-1"]).unwrap();
    hear(&mut stream);
}

/// Moves policy time in map memory, as if the wall clock had been set the other way.
fn shift_policy_time(ward: &Ward, seconds: i32) {
    let pins = ward.lab().bpffs().join("enforcer/gen-1/CONTROL");
    let map = Map::Array(MapData::from_pin(pins).unwrap());
    let mut control: Array<_, [u64; 8]> = map.try_into().unwrap();
    let mut words = control.get(&0, 0).unwrap();
    let offset = ((words[5] >> 32) as u32).wrapping_add_signed(seconds);
    words[5] = words[5] & u64::from(u32::MAX) | u64::from(offset) << 32;
    control.set(0, words, 0).unwrap();
}

fn behind(ward: &Ward) -> u64 {
    let clock: Value = ward.client().json(&["clock"]).unwrap();
    clock["behind_seconds"].as_u64().unwrap()
}

#[test]
fn a_clock_that_is_set_forward_is_followed() {
    let ward = Ward::enforced("eforward").unwrap();
    assert_eq!(behind(&ward), 0);
    shift_policy_time(&ward, -3_600);
    let right = || -> anyhow::Result<Option<()>> {
        let clock: Value = ward.client().json(&["clock"])?;
        let (policy, wall) = (&clock["policy_time"], &clock["wall_clock"]);
        // To the minute.
        Ok((policy.as_str().unwrap()[..16] == wall.as_str().unwrap()[..16]).then_some(()))
    };
    wait::until("policy time follows", DEADLINE, right).unwrap();
    let log = ward.daemon().log().unwrap();
    assert!(log.contains("was set forward"), "{log}");
    assert_eq!(behind(&ward), 0);
    assert!(refused(&ward, &["clock", "--accept"]).contains("nothing to accept"));
}

#[test]
fn a_clock_that_is_set_back_is_told_and_followed_when_accepted() {
    let mut ward = Ward::enforced("eback").unwrap();
    shift_policy_time(&ward, DAY as i32);
    wait::until("the daemon sees it", DEADLINE, || {
        let warnings = ward.client().status()?["warnings"].to_string();
        Ok(warnings.contains("wall clock is").then_some(()))
    })
    .unwrap();
    let log = ward.daemon().log().unwrap();
    assert!(log.contains("the wall clock was set back"), "{log}");
    assert!(behind(&ward).abs_diff(DAY) < 10, "{}", behind(&ward));
    let metrics = ward.daemon().metrics().unwrap();
    let metric = metrics
        .lines()
        .find_map(|line| line.strip_prefix("enforcer_clock_behind_seconds "));
    assert!(metric.unwrap().parse::<u64>().unwrap().abs_diff(DAY) < 10);
    ward.client()
        .run(&["quarantine", "pump-1", "--for", "1h"])
        .unwrap();

    // Neither a new daemon nor a new life of the machine believes the wall clock.
    wait::until("policy time is saved", DEADLINE, || {
        let path = ward.lab().directory().join("state/state.sqlite");
        let saved: String = rusqlite::Connection::open(path)?.query_row(
            "SELECT value FROM settings WHERE name = 'policy_time'",
            [],
            |row| row.get(0),
        )?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        Ok((saved.parse::<u64>()? > now.as_secs() + DAY / 2).then_some(()))
    })
    .unwrap();
    ward.daemon_mut().kill().unwrap();
    remove_pins(&ward);
    ward.daemon_mut().launch().unwrap();
    assert!(behind(&ward).abs_diff(DAY) < 100, "{}", behind(&ward));

    ward.client().run(&["clock", "--accept"]).unwrap();
    assert_eq!(behind(&ward), 0);
    let warnings = ward.client().status().unwrap()["warnings"].to_string();
    assert!(!warnings.contains("wall clock is"), "{warnings}");
    assert_eq!(actions(&ward)[0], "accept-clock");
    // What was to last an hour does not last a day and an hour.
    let left = exceptions(&ward)[0]["seconds_left"].as_u64().unwrap();
    assert!((3_400..=3_600).contains(&left), "{left}");
    let (_server, silent) = (
        tcp::serve_echo(ward.endpoint("systems-manager").unwrap(), 3613).unwrap(),
        tcp::connect(
            ward.endpoint("pump-1").unwrap(),
            ward.endpoint("systems-manager").unwrap().at(3613),
            SHORT,
        )
        .unwrap(),
    );
    assert_eq!(silent.outcome(), Outcome::Silent);
}
