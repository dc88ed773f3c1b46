//! What the daemon adds to a compiled policy: the places of the ports, and the
//! calendars of rules at this time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use enforcer_tests::{Crossing, Outcome, Ward, topology::CORE_MAC, traffic::tcp, ward};

const DEADLINE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(300);

/// Whether pump-1 reaches its systems manager.
fn reaches(ward: &Ward, deadline: Duration) -> bool {
    let [pump, manager] = ["pump-1", "systems-manager"].map(|name| ward.endpoint(name).unwrap());
    let _server = tcp::serve_echo(manager, 3613).unwrap();
    let answer = tcp::connect(pump, manager.at(3613), deadline).unwrap();
    answer.outcome() == Outcome::Answered
}

#[test]
fn a_device_is_bound_to_its_port() {
    let bound_to = |port: &str| {
        let pump = "    mac: 02:00:00:00:10:01\n";
        ward::policy_with(pump, &format!("{pump}    port: {port}\n")).unwrap()
    };
    let ward = Ward::under("dport", &bound_to("p0")).unwrap();
    assert!(reaches(&ward, DEADLINE));
    ward.apply(&bound_to("p1")).unwrap();
    assert!(!reaches(&ward, SHORT));
    let event = ward
        .event("a device on another port", |event| {
            &*event.reason == "wrong-port"
        })
        .unwrap();
    assert_eq!(event.device.as_deref(), Some("pump-1"));
}

#[test]
fn a_rule_with_a_schedule_holds_from_its_first_packet() {
    let scheduled = |when: &str| {
        let rule = "        tcp: 3613\n";
        ward::policy_with(rule, &format!("{rule}        {when}\n")).unwrap()
    };
    let always = scheduled("schedule: {from: \"00:00\", until: \"24:00\", zone: Europe/Berlin}");
    let mut ward = Ward::under("dschedule", &always).unwrap();
    assert!(reaches(&ward, DEADLINE));
    ward.daemon_mut().kill().unwrap();
    assert!(reaches(&ward, DEADLINE), "worked out ahead");
    ward.daemon_mut().launch().unwrap();
    // A day that is neither yesterday, today nor tomorrow, in any zone.
    let far = (std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
        / 86_400
        + 3
        + 3)
        % 7;
    let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][far as usize];
    ward.apply(&scheduled(&format!(
        "schedule: {{days: [{day}], from: \"08:00\", until: \"09:00\", zone: Europe/Berlin}}"
    )))
    .unwrap();
    assert!(!reaches(&ward, SHORT));
    let event = ward
        .event("a rule that sleeps", |event| {
            &*event.reason == "rule-asleep"
        })
        .unwrap();
    assert_eq!(event.device.as_deref(), Some("pump-1"));
    ward.apply(&scheduled("expires: 2026-01-01T00:00:00Z"))
        .unwrap();
    assert!(!reaches(&ward, SHORT));
}

/// What an operator must know without asking: rules that end soon, and frames that
/// passed because they could not be judged.
#[test]
fn the_status_warns() {
    let rule = "        tcp: 3613\n";
    let expired = "expires: 2026-01-01T00:00:00Z";
    let policy = ward::policy_with(rule, &format!("{rule}        {expired}\n")).unwrap();
    let policy = ward::edit(
        &policy,
        "  mode: enforce\n",
        "  mode: enforce\n  on_error: allow\n",
    );
    let ward = Ward::under("dwarn", &policy.unwrap()).unwrap();
    let warned = |piece: &str| {
        let status = ward.client().status().unwrap();
        let warnings = status["warnings"].as_array().unwrap().clone();
        warnings
            .iter()
            .any(|warning| warning.as_str().is_some_and(|text| text.contains(piece)))
    };
    assert!(warned(
        "rule alaris-pcu/systems-manager has expired: 2026-01-01"
    ));
    assert!(!warned("could not be judged"));
    // An IPv4 header of version 5.
    let way = Crossing::from_device(ward.lab(), "monitor-1").unwrap();
    let monitor = ward.endpoint("monitor-1").unwrap();
    let mut frame = [CORE_MAC.0, monitor.mac.0].concat();
    frame.extend([0x08, 0x00, 0x55]);
    frame.resize(60, 7);
    way.send(&frame).unwrap();
    assert!(way.arrives(&frame).unwrap());
    assert!(warned("could not be judged and passed"));
    let counters = ward.client().counters().unwrap();
    assert!(counters.packets("fail-open", "bad-ipv4") > 0);
}
