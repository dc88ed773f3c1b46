//! What the daemon records, and what `simulate --live` makes of it: real traffic in
//! audit mode, a stricter policy, a restart, a gap, a bound.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use enforcer_tests::{
    Outcome, Topology, Ward,
    daemon::Settings,
    traffic::{tcp, udp},
    wait, ward,
};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(10);
/// How long a packet that is dropped is waited for.
const SHORT: Duration = Duration::from_millis(500);

/// The example in audit mode.
fn audited() -> String {
    ward::policy_with("mode: enforce", "mode: audit").unwrap()
}

fn simulate(ward: &Ward, policy: &str, arguments: &[&str]) -> Value {
    let file = ward.write("candidate.yaml", policy).unwrap();
    let file = file.to_str().unwrap().to_owned();
    let all = [&["simulate", &file, "--live"], arguments].concat();
    ward.client().json(&all).unwrap()
}

fn device<'r>(report: &'r Value, name: &str) -> &'r Value {
    let devices = report["devices"].as_array().unwrap();
    devices
        .iter()
        .find(|device| device["device"] == name)
        .unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

/// From, to and service of the findings of a kind, of all devices.
fn findings(report: &Value, kind: &str) -> Vec<String> {
    let mut found = Vec::new();
    for device in report["devices"].as_array().unwrap() {
        for finding in device[kind].as_array().unwrap() {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            found.push(format!(
                "{}: {} > {} {}: {}",
                device["device"].as_str().unwrap(),
                text("from"),
                text("to"),
                text("service"),
                text("reason"),
            ));
        }
    }
    found.sort();
    found
}

/// HL7 and an echo that no rule allows, from monitor-1.
fn talk(ward: &Ward) {
    let [monitor, engine] = ["monitor-1", "engine"].map(|name| ward.endpoint(name).unwrap());
    for port in [2575, 9999] {
        let _server = tcp::serve_echo(engine, port).unwrap();
        let mut stream = tcp::connect(monitor, engine.at(port), DEADLINE)
            .unwrap()
            .got()
            .expect("a connection");
        assert_eq!(
            tcp::echo(&mut stream, b"hello").unwrap().outcome(),
            Outcome::Answered
        );
    }
    let ntp = ward.endpoint("ntp").unwrap();
    let _server = udp::serve_echo(ntp, 123).unwrap();
    assert_eq!(
        udp::ask(monitor, ntp.at(123), b"time", DEADLINE)
            .unwrap()
            .outcome(),
        Outcome::Answered
    );
}

/// Nothing happens but time.
fn let_pass(seconds: u64) {
    let nothing = wait::poll(Duration::from_secs(seconds), || Ok(None::<()>));
    assert_eq!(nothing.unwrap(), None);
}

#[test]
fn a_stricter_policy_names_the_flows_that_it_would_deny_and_no_others() {
    let mut ward = Ward::under("nlive", &audited()).unwrap();
    talk(&ward);

    // The policy in force changes nothing; what audit lets pass is told apart.
    let same = simulate(&ward, &audited(), &[]);
    assert_eq!(same["version"], 1);
    assert_eq!(findings(&same, "would_deny"), [""; 0]);
    let denied = "monitor-1: 10.10.0.12 > 10.10.0.100 tcp 9999: no-rule";
    assert_eq!(findings(&same, "would_deny_if_enforced"), [denied]);

    // Enforced and without NTP, it is these two, and HL7 goes on.
    let ntp = "      - name: ntp
        to: ntp
        udp: 123

  dicom-modality";
    let stricter = ward::policy_with(ntp, "\n  dicom-modality").unwrap();
    let expected = [
        "monitor-1: 10.10.0.12 > 10.10.0.100 tcp 9999: no-rule",
        "monitor-1: 10.10.0.12 > 10.10.0.123 udp 123: no-rule",
    ];
    let report = simulate(&ward, &stricter, &[]);
    assert_eq!(findings(&report, "would_deny"), expected, "{report:#}");
    assert_eq!(findings(&report, "would_allow"), [""; 0]);
    assert_eq!(findings(&report, "not_judged"), [""; 0]);
    let finding = &device(&report, "monitor-1")["would_deny"][0];
    assert_eq!(finding["flows"], 1);
    assert!(finding["packets"].as_u64().unwrap() >= 2, "{finding}");
    let never: Vec<&str> = report["never_seen"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(
        never.contains(&"ct-1") && !never.contains(&"monitor-1"),
        "{never:?}"
    );
    let unmatched = report["unmatched_rules"].as_array().unwrap();
    let monitors = unmatched
        .iter()
        .find(|of| of["profile"] == "patient-monitor")
        .unwrap();
    let rules: Vec<&str> = monitors["rules"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(
        rules.contains(&"dns") && !rules.contains(&"hl7"),
        "{rules:?}"
    );

    let one = simulate(&ward, &stricter, &["--device", "printer-1"]);
    assert_eq!(findings(&one, "would_deny"), [""; 0]);
    assert_eq!(one["devices"].as_array().unwrap().len(), 1);
    assert!(
        one["devices"][0]["unmatched_rules"]
            .as_array()
            .unwrap()
            .len()
            >= 3
    );

    // A killed daemon has what it recorded; the time until its successor looks is told
    // as a gap, and no flow is counted twice.
    let_pass(2);
    simulate(&ward, &stricter, &[]);
    ward.daemon_mut().kill().unwrap();
    let_pass(6);
    ward.daemon_mut().launch().unwrap();
    simulate(&ward, &stricter, &[]);
    let_pass(2);
    let after = simulate(&ward, &stricter, &[]);
    assert_eq!(findings(&after, "would_deny"), expected, "{after:#}");
    assert_eq!(device(&after, "monitor-1")["would_deny"][0]["flows"], 1);
    let coverage = &after["coverage"];
    // All the time before the first look, and the time between death and the next.
    let gaps = coverage["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 2, "{gaps:#?}");
    let dead = gaps[1]["seconds"].as_u64().unwrap();
    assert!((6..60).contains(&dead), "{gaps:#?}");
    let watched = coverage["watched_seconds"].as_u64().unwrap();
    assert!((4..60).contains(&watched), "{coverage:#}");

    let text = ward.write("candidate.yaml", &stricter).unwrap();
    let text = ward
        .client()
        .run(&["simulate", text.to_str().unwrap(), "--live"])
        .unwrap();
    assert!(
        text.contains("What was not watched may still break"),
        "{text}"
    );
    assert!(text.contains("tcp 9999"), "{text}");
    let metrics = ward.daemon().metrics().unwrap();
    assert!(
        metrics.contains("enforcer_observations_writing_seconds"),
        "{metrics}"
    );
}

#[test]
fn what_was_denied_is_told_where_a_policy_would_allow_it() {
    let ward = Ward::enforced("nlivedeny").unwrap();
    let [pump, engine] = ["pump-1", "engine"].map(|name| ward.endpoint(name).unwrap());
    let refused = tcp::connect(pump, engine.at(2575), SHORT).unwrap();
    assert_eq!(refused.outcome(), Outcome::Silent);
    ward.event("the pump is refused", |event| event.reason == "no-rule")
        .unwrap();

    let same = simulate(&ward, &ward::policy().unwrap(), &[]);
    assert_eq!(findings(&same, "would_allow"), [""; 0], "{same:#}");
    let rule = "      - name: systems-manager
        to: systems-manager
        tcp: 3613
";
    let wider = format!("{rule}      - {{name: results, to: hl7-engine, tcp: 2575}}\n");
    let wider = ward::policy_with(rule, &wider).unwrap();
    let report = simulate(&ward, &wider, &[]);
    let expected = ["pump-1: 10.10.0.11 > 10.10.0.100 tcp 2575: rule"];
    assert_eq!(findings(&report, "would_allow"), expected, "{report:#}");
    let finding = &device(&report, "pump-1")["would_allow"][0];
    assert_eq!(finding["rules"][0], "alaris-pcu/results");
    assert_eq!(finding["fate_then"], "deny");

    // The same by a name: nobody recorded what the pump was told.
    let named = wider.replace(
        "to: hl7-engine, tcp: 2575}",
        "to: 'dns:results.example', tcp: 2575}",
    );
    let report = simulate(&ward, &named, &[]);
    assert_eq!(findings(&report, "would_allow"), [""; 0], "{report:#}");
}

#[test]
fn a_device_that_speaks_with_very_many_is_bounded_and_that_is_told() {
    let settings = Settings {
        more: "observe_rows: 3\n".to_owned(),
        ..Settings::default()
    };
    let ward = Ward::unenforced("nlivebound", &Topology::default(), &settings).unwrap();
    ward.apply(&audited()).unwrap();
    let [monitor, engine] = ["monitor-1", "engine"].map(|name| ward.endpoint(name).unwrap());
    for port in 7001..7009 {
        let _server = udp::serve_echo(engine, port).unwrap();
        let answer = udp::ask(monitor, engine.at(port), b"?", DEADLINE).unwrap();
        assert_eq!(answer.outcome(), Outcome::Answered);
    }
    let report = simulate(&ward, &ward::policy().unwrap(), &[]);
    assert_eq!(
        device(&report, "monitor-1")["would_deny"]
            .as_array()
            .unwrap()
            .len(),
        3,
        "{report:#}"
    );
    let overflow = report["coverage"]["overflow"].as_u64().unwrap();
    // Eight, and whatever the lab's hosts say by themselves.
    assert!(overflow >= 5, "{report:#}");
    assert_eq!(
        device(&report, "monitor-1")["overflow"].as_u64().unwrap(),
        overflow
    );
}

#[test]
fn a_daemon_that_cannot_be_reached_and_a_device_that_is_not_there_are_told() {
    let mut ward = Ward::enforced("nlivewrong").unwrap();
    let file = ward
        .write("candidate.yaml", &ward::policy().unwrap())
        .unwrap();
    let file = file.to_str().unwrap().to_owned();
    let arguments = ["simulate", &file, "--live", "--device", "nobody"];
    let output = ward.client().try_run(&arguments).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("declares no device nobody"), "{said}");
    let output = ward
        .client()
        .try_run(&["simulate", &file, "--live", "--since", "yesterday"])
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    ward.daemon_mut().kill().unwrap();
    let output = ward
        .client()
        .try_run(&["simulate", &file, "--live"])
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
}
