//! Frames that no ordinary socket sends: VLAN tags, which are half of a device's
//! identity, and the control frames of bridges.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use enforcer_tests::{
    Crossing, Mac, Ward,
    topology::CORE_MAC,
    traffic::{
        frame::{self, Link},
        wire::{Sniffer, Wire},
    },
    ward,
};

const DEADLINE: Duration = Duration::from_secs(10);

/// The same MAC address is another device in another VLAN.
#[test]
fn devices_are_told_apart_by_vlan_and_mac() {
    let tagged = "  - {name: tagged, mac: 02:00:00:00:10:02, vlan: 10, profile: alaris-pcu}\n  \
                  - {name: twice, mac: 02:00:00:00:10:02, vlan: \"100.10\", profile: dicom-modality}\n\
                  \ninclude: ward-devices.csv";
    let policy = ward::policy_with("\ninclude: ward-devices.csv", tagged).unwrap();
    let policy = ward::edit(
        &policy,
        "  mode: enforce\n",
        "  mode: enforce\n  events_per_second: 100000\n",
    );
    let ward = Ward::under("nvlan", &policy.unwrap()).unwrap();
    let way = Crossing::from_device(ward.lab(), "monitor-1").unwrap();
    let at = |name| ward.endpoint(name).unwrap();
    let monitor = at("monitor-1");
    // patient-monitor, alaris-pcu and dicom-modality each allow one of these
    // that the others do not; all allow DNS.
    let services = [
        ("central-station", at("ntp").at(123), [true, false, true]),
        ("dns", at("dns").at(53), [true, true, true]),
        ("nothing", at("engine").at(9999), [false, false, false]),
    ];
    let vlans = [&[][..], &[10], &[100, 10]];
    for (name, to, expected) in services {
        for (vlans, expected) in vlans.into_iter().zip(expected) {
            let link = Link {
                source: monitor.mac,
                destination: CORE_MAC,
                vlans,
            };
            let frame = frame::udp(link, monitor.at(40_000), to, name.as_bytes()).unwrap();
            way.send(&frame).unwrap();
            assert_eq!(
                way.arrives(&frame).unwrap(),
                expected,
                "{name} with {vlans:?}"
            );
        }
    }
    // A VLAN in which nobody is declared.
    for (vlans, shown) in [
        (&[20][..], "20"),
        (&[10, 100], "10.100"),
        (&[100, 20], "100.20"),
    ] {
        let link = Link {
            source: monitor.mac,
            destination: CORE_MAC,
            vlans,
        };
        let frame = frame::udp(link, monitor.at(40_000), at("dns").at(53), b"lost").unwrap();
        way.send(&frame).unwrap();
        let event = ward
            .event("a refusal with tags", |event| {
                event.vlan.to_string().trim_matches('"') == shown
            })
            .unwrap();
        assert_eq!((&*event.fate, &*event.reason), ("deny", "unknown-device"));
        assert!(!way.arrives(&frame).unwrap(), "{vlans:?}");
    }
}

#[test]
fn three_tags_are_too_many() {
    let ward = Ward::enforced("nthree").unwrap();
    let way = Crossing::from_device(ward.lab(), "monitor-1").unwrap();
    let [monitor, dns] = ["monitor-1", "dns"].map(|name| ward.endpoint(name).unwrap());
    let link = Link {
        source: monitor.mac,
        destination: CORE_MAC,
        vlans: &[1, 2, 3],
    };
    let frame = frame::udp(link, monitor.at(40_000), dns.at(53), b"deep").unwrap();
    way.send(&frame).unwrap();
    let event = ward
        .event("too many tags", |event| event.reason == "too-many-tags")
        .unwrap();
    assert_eq!(event.fate, "deny");
    assert!(!way.arrives(&frame).unwrap());
}

/// Spanning tree and LLDP pass by default, LACP does not; a bridge never
/// forwards them, so they are looked for where they enter.
#[test]
fn control_frames_pass_as_the_policy_says() {
    let ward = Ward::enforced("ncontrol").unwrap();
    assert_eq!(control_frames(&ward), [true, true, false]);
    let policy = ward::policy_with(
        "  mode: enforce\n",
        "  mode: enforce\n  control_frames: {stp: false, lldp: false, lacp: true}\n",
    );
    ward.apply(&policy.unwrap()).unwrap();
    assert_eq!(control_frames(&ward), [false, false, true]);
    let counters = ward.client().counters().unwrap();
    assert_eq!(counters.packets("allow", "control-frame"), 3);
    assert_eq!(counters.packets("deny", "control-frame-denied"), 3);
}

/// Whether STP, LLDP and LACP get past the program on the ward's port.
fn control_frames(ward: &Ward) -> [bool; 3] {
    let near = Wire::open(ward.lab().ward(), "trunk").unwrap();
    let far = Sniffer::open(ward.lab().enforcer_box(), "p0").unwrap();
    let monitor = ward.endpoint("monitor-1").unwrap();
    [
        // Configuration message with its LLC header (IEEE 802.1D, 9.3.1).
        control(
            0x00,
            &[&[0, 38, 0x42, 0x42, 3, 0, 0, 0, 0], &[0; 31][..]].concat(),
        ),
        // End of LLDPDU (IEEE 802.1AB, 8.5.1).
        control(0x0e, &[0x88, 0xcc, 0, 0]),
        control(0x02, &[&[0x88, 0x09, 1, 1][..], &[0; 108]].concat()),
    ]
    .map(|control| {
        near.send(&control).unwrap();
        let link = Link {
            source: monitor.mac,
            destination: CORE_MAC,
            vlans: &[],
        };
        let dns = ward.endpoint("dns").unwrap().at(53);
        let proof = frame::udp(link, monitor.at(40_000), dns, b"after it").unwrap();
        near.send(&proof).unwrap();
        let mut passed = false;
        let proved = far
            .find(DEADLINE, |seen| {
                passed |= seen.starts_with(&control);
                seen.starts_with(&proof)
            })
            .unwrap();
        assert!(proved.is_some(), "not even the frame after it passed");
        passed
    })
}

/// A link-local control frame from the ward switch: everything after the
/// addresses is given.
fn control(group: u8, rest: &[u8]) -> Vec<u8> {
    let switch = Mac([0x02, 0, 0, 0, 0x5c, 0x01]);
    let mut frame = [&[0x01, 0x80, 0xc2, 0, 0, group], &switch.0, rest].concat();
    frame.resize(frame.len().max(60), 0);
    frame
}
