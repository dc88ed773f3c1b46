//! Forwarding from port to port past the bridge: frames do go that way and arrive.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use enforcer_tests::{
    Outcome, Topology, Ward,
    daemon::Settings,
    traffic::udp,
    ward,
};

const DEADLINE: Duration = Duration::from_secs(15);

fn fast_ward(prefix: &str) -> Ward {
    let settings = Settings {
        forwarding: "fast".to_owned(),
        ..Settings::default()
    };
    let ward = Ward::unenforced(prefix, &Topology::default(), &settings).unwrap();
    ward.apply(&ward::policy().unwrap()).unwrap();
    ward
}

#[test]
fn frames_go_straight_and_arrive() {
    let ward = fast_ward("ffast");
    println!("{}", ward.daemon().log().unwrap());
    println!("{}", serde_json::to_string_pretty(&ward.client().status().unwrap()["ports"]).unwrap());
    let [station, monitor] = ["central-station", "monitor-1"].map(|name| ward.endpoint(name).unwrap());
    let server = udp::serve_echo(monitor, 24105).unwrap();
    for _ in 0..100 {
        let answer = udp::ask(station, monitor.at(24105), b"?", DEADLINE).unwrap();
        assert_eq!(answer.outcome(), Outcome::Answered);
    }
    drop(server);
    println!("{}", serde_json::to_string_pretty(&ward.client().status().unwrap()["ports"]).unwrap());
    println!("{}", ward.client().run(&["status"]).unwrap());
}
