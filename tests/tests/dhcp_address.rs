//! `ip: dhcp`: a device may use the address that a DHCP server gave it, and no other,
//! also without a daemon and after a restart of the machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, time::Duration};

use enforcer_tests::{
    Endpoint, Outcome, Ward,
    traffic::{
        dhcp::{self, DhcpServer},
        hl7, tcp,
    },
};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_secs(1);

const POLICY: &str = r#"
version: 1
defaults: {mode: enforce, unknown_devices: deny}
profiles:
  pump:
    allow:
      - {name: hl7, to: 10.10.0.100, tcp: 2575}
devices:
  - {name: pump-1, mac: "02:00:00:00:10:01", ip: dhcp, profile: pump}
  - {name: monitor-1, mac: "02:00:00:00:10:02", ip: dhcp, profile: pump}
"#;

fn connects(ward: &Ward, device: &Endpoint) -> Outcome {
    let engine = ward.endpoint("engine").unwrap();
    let answer = tcp::connect(device, engine.at(2575), SHORT).unwrap();
    answer.outcome()
}

fn learned(ward: &Ward) -> Vec<Value> {
    ward.client().json(&["learned"]).unwrap()
}

#[test]
fn a_device_uses_the_address_that_it_was_given() {
    let mut ward = Ward::under("nleased", POLICY).unwrap();
    let _server = DhcpServer::start(ward.lab()).unwrap();
    let _engine = hl7::serve(ward.endpoint("engine").unwrap(), 2575).unwrap();
    let [pump, monitor] = ["pump-1", "monitor-1"].map(|name| ward.endpoint(name).unwrap().clone());
    assert_ne!(connects(&ward, &pump), Outcome::Answered);

    let lease = dhcp::lease(&pump, DEADLINE)
        .unwrap()
        .got()
        .expect("a lease");
    assert_eq!(lease.address, pump.ipv4);
    assert_eq!(connects(&ward, &pump), Outcome::Answered);
    let list = learned(&ward);
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!(list[0]["device"], "pump-1");
    assert_eq!(list[0]["address"], pump.ipv4.to_string());
    assert!(list[0].get("name").is_none(), "{list:?}");
    // An hour, and a tenth of it.
    let remaining = list[0]["remaining_seconds"].as_u64().unwrap();
    assert!((3_900..=3_960).contains(&remaining), "{remaining}");

    // Another address, and another device, which was given none.
    pump.namespace
        .ip("addr add 10.10.0.99/16 dev eth0")
        .unwrap();
    let elsewhere = Endpoint {
        ipv4: [10, 10, 0, 99].into(),
        ..pump.clone()
    };
    assert_ne!(connects(&ward, &elsewhere), Outcome::Answered);
    assert_ne!(connects(&ward, &monitor), Outcome::Answered);
    for device in ["pump-1", "monitor-1"] {
        let event = ward.event("a spoofed address", |event| {
            event.device.as_deref() == Some(device) && event.fate == "deny"
        });
        let reason = event.unwrap().reason;
        assert!(reason.contains("spoof"), "{device}: {reason}");
    }

    // Without a daemon, and with its successor.
    ward.daemon_mut().kill().unwrap();
    assert_eq!(connects(&ward, &pump), Outcome::Answered);
    ward.daemon_mut().launch().unwrap();
    assert_eq!(connects(&ward, &pump), Outcome::Answered);
    assert_eq!(learned(&ward).len(), 1);

    // A restart of the machine takes the maps, and leaves the state directory.
    assert!(ward.daemon_mut().stop().unwrap().success());
    let pins = ward.lab().bpffs().join("enforcer");
    for generation in fs::read_dir(pins).unwrap() {
        fs::remove_dir_all(generation.unwrap().path()).unwrap();
    }
    ward.daemon_mut().launch().unwrap();
    assert_eq!(connects(&ward, &pump), Outcome::Answered);
    assert_ne!(connects(&ward, &elsewhere), Outcome::Answered);
    assert_ne!(connects(&ward, &monitor), Outcome::Answered);
}
