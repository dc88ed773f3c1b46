//! Forwarding from port to port past the bridge: frames do go that way and arrive, and
//! the bridge goes on doing all that is its business.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bridge;
mod found_out;
mod frames;

use std::process::Command;
use std::time::Duration;

use enforcer_tests::daemon::Settings;
use enforcer_tests::traffic::{server::Server, udp};
use enforcer_tests::{Endpoint, Mac, Namespace, Outcome, Topology, Ward, wait, ward};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(15);
const SHORT: Duration = Duration::from_millis(200);
const MONITOR: Mac = Mac([0x02, 0, 0, 0, 0x10, 0x02]);

fn settings() -> Settings {
    Settings {
        forwarding: "fast".to_owned(),
        ..Settings::default()
    }
}

fn fast_ward(prefix: &str) -> Ward {
    let ward = Ward::unenforced(prefix, &Topology::default(), &settings()).unwrap();
    ward.apply(&ward::policy().unwrap()).unwrap();
    ward
}

fn port(ward: &Ward, place: usize) -> Value {
    ward.client().status().unwrap()["ports"][place].take()
}

fn fast_frames(ward: &Ward, place: usize) -> u64 {
    port(ward, place)["fast_frames"].as_u64().unwrap()
}

#[track_caller]
fn await_path(ward: &Ward, place: usize, path: &str, reason: &str) {
    let found = wait::until("the path that a port has now", DEADLINE, || {
        let port = port(ward, place);
        let why = port["forwarding_reason"].as_str().unwrap_or_default();
        Ok((port["forwarding"] == path && why.contains(reason)).then_some(()))
    });
    assert!(found.is_ok(), "{path}, {reason}: not {}", port(ward, place));
}

/// The central station asks monitor-1, which answers: one frame in each direction.
struct Talk<'w> {
    station: &'w Endpoint,
    monitor: &'w Endpoint,
    _server: Server,
}

impl<'w> Talk<'w> {
    fn between(ward: &'w Ward) -> Self {
        let [station, monitor] =
            ["central-station", "monitor-1"].map(|name| ward.endpoint(name).unwrap());
        Self {
            station,
            monitor,
            _server: udp::serve_echo(monitor, 24105).unwrap(),
        }
    }

    fn ask(&self, payload: &[u8], deadline: Duration) -> Outcome {
        let to = self.monitor.at(24105);
        udp::ask(self.station, to, payload, deadline)
            .unwrap()
            .outcome()
    }

    #[track_caller]
    fn works(&self) {
        assert_eq!(self.ask(b"?", DEADLINE), Outcome::Answered);
    }
}

/// `bridge` in a namespace.
fn bridge(namespace: &Namespace, arguments: &str) -> String {
    let mut command = Command::new("bridge");
    command
        .args(["-n", namespace.name()])
        .args(arguments.split(' '));
    let output = command.output().unwrap();
    assert!(output.status.success(), "bridge {arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn frames_go_straight_and_arrive() {
    let ward = fast_ward("ffast");
    await_path(&ward, 0, "fast", "");
    await_path(&ward, 1, "fast", "");
    let talk = Talk::between(&ward);
    talk.works();
    let before = [0, 1].map(|place| fast_frames(&ward, place));
    for _ in 0..100 {
        talk.works();
    }
    for (place, before) in before.into_iter().enumerate() {
        let fast = fast_frames(&ward, place) - before;
        assert!(fast > 90, "{fast} of 100 at port {place}");
        assert_eq!(port(&ward, place)["lost_frames"], 0);
    }
    let metrics = ward.daemon().metrics().unwrap();
    assert!(
        metrics.contains("enforcer_port_fast{port=\"p0\"} 1"),
        "{metrics}"
    );
    for line in [
        "enforcer_forwarded_total{path=\"fast\",port=\"p0\"}",
        "enforcer_forwarded_total{path=\"bridge\",port=\"p0\"}",
        "enforcer_redirected_total{outcome=\"sent\",port=\"p1\"}",
    ] {
        let count = metrics.lines().find_map(|found| found.strip_prefix(line));
        let count: u64 = count.expect(line).trim().parse().unwrap();
        assert!(count > 0, "{line}");
    }
    let table = ward.client().run(&["status"]).unwrap();
    assert!(
        table.contains("FORWARDING") && table.contains("fast"),
        "{table}"
    );
}

/// Its cables are virtual links, for which `auto` takes nobody's word.
#[test]
fn virtual_links_are_left_to_the_bridge_unless_vouched_for() {
    let settings = Settings {
        forwarding: "auto".to_owned(),
        ..Settings::default()
    };
    let ward = Ward::unenforced("fauto", &Topology::default(), &settings).unwrap();
    ward.apply(&ward::policy().unwrap()).unwrap();
    await_path(&ward, 0, "bridge", "a virtual link (veth)");
    Talk::between(&ward).works();
    assert_eq!(fast_frames(&ward, 0), 0);
    let warnings = ward.client().status().unwrap()["warnings"].to_string();
    assert!(!warnings.contains("forwarding"), "{warnings}");
}
