//! The self-test of VLAN tags: a virtual link that takes tags off before the program
//! sees the frames is found out, one that leaves them in is proved to.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use enforcer_tests::{
    Mac, Ward, offload,
    topology::CORE_MAC,
    traffic::{
        frame::{self, Link},
        wire::Wire,
    },
    wait, ward,
};

/// Looks at a port are ten seconds apart.
const DEADLINE: Duration = Duration::from_secs(40);

/// One more device, in VLAN 10 alone.
fn ward_with(device: &str, mac: Mac) -> Ward {
    let list = "\ninclude: ward-devices.csv";
    let tagged =
        format!("  - {{name: {device}, mac: \"{mac}\", vlan: 10, profile: alaris-pcu}}\n{list}");
    let policy = ward::policy_with(list, &tagged).unwrap();
    Ward::under(device, &policy).unwrap()
}

/// Sends datagrams to the DNS in VLAN 10 until the port's status has `wanted`.
fn send_until(ward: &Ward, source: Mac, wanted: impl Fn(&serde_json::Value) -> bool) {
    let [monitor, dns] = ["monitor-1", "dns"].map(|name| ward.endpoint(name).unwrap());
    let wire = Wire::open(&monitor.namespace, monitor.interface).unwrap();
    let link = Link {
        source,
        destination: CORE_MAC,
        vlans: &[10],
    };
    let frame = frame::udp(link, monitor.at(40_000), dns.at(53), b"tagged").unwrap();
    wait::until("the status tells of the tags", DEADLINE, || {
        wire.send(&frame)?;
        Ok(wanted(&ward.client().status()?).then_some(()))
    })
    .unwrap();
}

/// Lets the ward's switch keep tags beside the frames that it sends to the enforcer.
fn hide_tags(ward: &Ward) {
    let hide = || offload::set_features("trunk", &[("tx-vlan-hw-insert", true)]);
    ward.lab().ward().run(hide).unwrap();
}

fn warned(status: &serde_json::Value, words: &str) -> bool {
    let warnings = status["warnings"].as_array().unwrap();
    let mut texts = warnings.iter().filter_map(|warning| warning.as_str());
    texts.any(|text| text.starts_with("p0: ") && text.contains(words))
}

#[test]
fn tags_that_are_taken_off_are_found_out() {
    let monitor = Mac([0x02, 0, 0, 0, 0x10, 0x02]);
    let ward = ward_with("hidden", monitor);
    assert_eq!(
        ward.client().status().unwrap()["ports"][0]["vlan_tags"],
        "unproven"
    );
    send_until(&ward, monitor, |status| {
        status["ports"][0]["vlan_tags"] == "seen"
    });
    assert!(!warned(&ward.client().status().unwrap(), "VLAN"));

    // The frames pass now as those of monitor-1, which is declared without a VLAN.
    hide_tags(&ward);
    let mut ward = ward;
    ward.daemon_mut().kill().unwrap();
    ward.daemon_mut().launch().unwrap();
    send_until(&ward, monitor, |status| {
        status["ports"][0]["vlan_tags"] == "hidden"
    });
    assert!(warned(
        &ward.client().status().unwrap(),
        "tags are taken off"
    ));
    assert!(
        ward.daemon()
            .log()
            .unwrap()
            .contains("VLAN tags are taken off")
    );
    let metrics = ward.daemon().metrics().unwrap();
    assert!(metrics.contains("enforcer_port_vlan_tags{port=\"p0\",state=\"hidden\"} 1"));
    assert!(metrics.contains("enforcer_port_vlan_tags{port=\"p1\",state=\"unproven\"} 1"));
}

/// Where all its frames are dropped the kernel behind the program counts none; the
/// device that is missed tells.
#[test]
fn a_device_without_its_tag_is_told() {
    let stranger = Mac([0x02, 0, 0, 0, 0x66, 0x66]);
    let ward = ward_with("bare", stranger);
    hide_tags(&ward);
    send_until(&ward, stranger, |status| {
        warned(
            status,
            "from the address of bare, which is declared in a VLAN",
        )
    });
}
