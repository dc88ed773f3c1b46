//! Sanity predicates under a real daemon: told and passed unless a policy says otherwise,
//! stopped where it says so; listed, shown and counted as signatures are.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use enforcer_common::addr::Mac;
use enforcer_common::sanity::Predicate;
use enforcer_tests::program::frame::{Ip, Link, SYN, URG, protocol, tcp};
use enforcer_tests::topology::CORE_MAC;
use enforcer_tests::{Crossing, Ward, ward};
use serde_json::Value;

const NAME: &str = "tcp-stack/urgent-in-syn";

fn policy(defaults: &str, of_monitors: &str) -> String {
    let defaults = format!("  mode: enforce\n  events_per_second: 100000\n{defaults}");
    let policy = ward::policy_with("  mode: enforce\n", &defaults).unwrap();
    let profile = "  patient-monitor:\n";
    ward::edit(&policy, profile, &format!("{profile}{of_monitors}")).unwrap()
}

/// A segment that opens a connection, with these flags besides.
fn opening(ward: &Ward, port: u16, flags: u8) -> Vec<u8> {
    let monitor = ward.endpoint("monitor-1").unwrap();
    let to: SocketAddr = ward.endpoint("engine").unwrap().at(2575);
    let segment = tcp(port, to.port(), SYN | flags, &[]);
    let link = Link::new(Mac(monitor.mac.0), Mac(CORE_MAC.0));
    let from = monitor.at(port);
    link.ip(&Ip::new(from.ip(), to.ip(), protocol::TCP, &segment))
}

#[test]
fn odd_headers_are_told_and_stopped_where_a_policy_says_so() {
    let ward = Ward::under("sanity", &policy("", "")).unwrap();
    let way = Crossing::from_device(ward.lab(), "monitor-1").unwrap();
    let send = |port, flags, arrives| {
        let frame = opening(&ward, port, flags);
        way.send(&frame).unwrap();
        assert_eq!(way.arrives(&frame).unwrap(), arrives, "{port} {flags:#x}");
        frame
    };
    send(40_001, 0, true);
    let frame = send(40_002, URG, true);
    let told = |fate: &str| {
        let event = ward.event("a predicate", |event| {
            let name = event.signature.as_ref().map(|found| &found["name"]);
            event.fate == fate && name == Some(&NAME.into())
        });
        event.unwrap().signature.unwrap()
    };
    let found = told("allow");
    assert_eq!(
        (&found["name"], &found["id"], &found["severity"]),
        (&NAME.into(), &4_000_000_002_u64.into(), &"high".into())
    );
    // The headers themselves are shown, and neither what is before nor behind.
    let headers: Vec<_> = frame[14..]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(found["payload"], headers.concat());

    let listed = || -> Vec<Value> {
        let all: Vec<Value> = ward.client().json(&["signatures", "list"]).unwrap();
        let of = |of: &Value| of["name"].as_str().unwrap().contains('/');
        all.into_iter().filter(of).collect()
    };
    let one = |all: &[Value]| {
        let found = all.iter().find(|of| of["name"] == NAME);
        found.unwrap().clone()
    };
    assert_eq!(listed().len(), Predicate::ALL.len());
    let before = one(&listed());
    assert_eq!(
        (&before["packets"], &before["action"]),
        (&1.into(), &"alert".into())
    );
    let metrics = ward.daemon().metrics().unwrap();
    let line = format!(
        "enforcer_signature_packets_total{{id=\"4000000002\",severity=\"high\",signature=\"{NAME}\"}} 1"
    );
    assert!(metrics.contains(&line), "{metrics}");
    let shown = ward.client().run(&["signatures", "show", NAME]).unwrap();
    for part in [
        "URG and SYN are set",
        "CVE-2019-12260",
        "in what either end sends, by tcp",
    ] {
        assert!(shown.contains(part), "{shown}");
    }

    // By profile; what was counted before goes on.
    ward.apply(&policy(
        "  sanity: {dns: \"off\"}\n",
        "    sanity: {tcp-stack: drop}\n",
    ))
    .unwrap();
    send(40_003, 0, true);
    send(40_004, URG, false);
    assert_eq!(told("deny")["name"], NAME);
    let after = one(&listed());
    assert_eq!(
        (&after["packets"], &after["action"]),
        (&2.into(), &"drop".into())
    );
    let find = after["find"].as_str().unwrap();
    assert!(
        find.contains("drop in patient-monitor; alert in "),
        "{find}"
    );
    assert!(
        listed()
            .iter()
            .all(|of| !of["name"].as_str().unwrap().starts_with("dns/"))
    );

    ward.apply(&policy("  sanity: \"off\"\n", "")).unwrap();
    send(40_006, URG, true);
    assert!(listed().is_empty());
}
