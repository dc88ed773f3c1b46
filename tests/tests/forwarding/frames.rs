//! Frames past the bridge arrive as they were sent, where their destination is.

use enforcer_tests::daemon::Settings;
use enforcer_tests::topology::CORE_MAC;
use enforcer_tests::traffic::frame::{self, Link};
use enforcer_tests::traffic::wire::{Sniffer, Wire};
use enforcer_tests::{Topology, Ward, wait, ward};

use super::{DEADLINE, MONITOR, Talk, await_path, bridge, fast_frames, fast_ward, port, settings};

#[test]
fn a_frame_longer_than_the_other_port_takes_goes_by_the_bridge() {
    let ward = fast_ward("fmtu");
    let talk = Talk::between(&ward);
    talk.works();
    ward.lab()
        .enforcer_box()
        .ip("link set p0 mtu 1000")
        .unwrap();
    let [monitor, station] = [talk.monitor, talk.station];
    let wire = Wire::open(&station.namespace, station.interface).unwrap();
    let far = Sniffer::open(&monitor.namespace, monitor.interface).unwrap();
    let link = Link {
        source: CORE_MAC,
        destination: monitor.mac,
        vlans: &[],
    };
    // Ethernet, IPv4 and UDP take 42 bytes.
    let longest = frame::udp(link, station.at(40_000), monitor.at(24105), &[7; 1014 - 42]).unwrap();
    let longer = frame::udp(link, station.at(40_000), monitor.at(24105), &[7; 1015 - 42]).unwrap();
    wait::until("the new MTU is known", DEADLINE, || {
        let before = fast_frames(&ward, 1);
        wire.send(&longer)?;
        wire.send(&longest)?;
        far.find(DEADLINE, |seen| seen.starts_with(&longest))?;
        Ok((fast_frames(&ward, 1) == before + 1).then_some(()))
    })
    .unwrap();
    assert_eq!(
        port(&ward, 0)["lost_frames"],
        0,
        "the longer one was not lost past the bridge"
    );
    talk.works();
}

#[test]
fn tags_stay_in_their_frames() {
    let list = "\ninclude: ward-devices.csv";
    let tagged =
        format!("  - {{name: tagged, mac: \"{MONITOR}\", vlan: 10, profile: alaris-pcu}}\n{list}");
    let ward = Ward::unenforced("ftags", &Topology::default(), &settings()).unwrap();
    ward.apply(&ward::policy_with(list, &tagged).unwrap())
        .unwrap();
    Talk::between(&ward).works();
    let [monitor, dns] = ["monitor-1", "dns"].map(|name| ward.endpoint(name).unwrap());
    let wire = Wire::open(&monitor.namespace, monitor.interface).unwrap();
    let far = Sniffer::open(&dns.namespace, dns.interface).unwrap();
    let link = Link {
        source: MONITOR,
        destination: CORE_MAC,
        vlans: &[10],
    };
    let before = fast_frames(&ward, 0);
    for number in 0_u8..20 {
        let frame = frame::udp(link, monitor.at(40_000), dns.at(53), &[number; 20]).unwrap();
        wire.send(&frame).unwrap();
        let seen = far.find(DEADLINE, |seen| seen.starts_with(&frame)).unwrap();
        assert!(seen.is_some(), "frame {number} with its tag");
    }
    assert!(fast_frames(&ward, 0) - before > 10);
}

/// Three ports: an address that speaks by another one is reached there at once.
#[test]
fn a_device_that_moves_is_reached_where_it_is() {
    let settings = Settings {
        more_ports: "  - {name: p2, side: device, forwarding: fast}\n",
        ..settings()
    };
    let lab = enforcer_tests::Lab::build("fmove").unwrap();
    let elsewhere = lab.add_port("p2").unwrap();
    let ward = Ward::of(lab, &settings).unwrap();
    ward.apply(&ward::policy().unwrap()).unwrap();
    for place in 0..3 {
        await_path(&ward, place, "fast", "");
    }
    let talk = Talk::between(&ward);
    talk.works();
    talk.works();

    let [monitor, station, dns] =
        ["monitor-1", "central-station", "dns"].map(|name| ward.endpoint(name).unwrap());
    let (there, core) = (
        Wire::open(&elsewhere, "eth0").unwrap(),
        Wire::open(&station.namespace, station.interface).unwrap(),
    );
    let (at_core, at_elsewhere) = (
        Sniffer::open(&dns.namespace, dns.interface).unwrap(),
        Sniffer::open(&elsewhere, "eth0").unwrap(),
    );
    let outward = Link {
        source: MONITOR,
        destination: CORE_MAC,
        vlans: &[],
    };
    let inward = Link {
        source: CORE_MAC,
        destination: MONITOR,
        vlans: &[],
    };
    let mut fast = fast_frames(&ward, 1);
    for number in 0_u8..5 {
        let moved = frame::udp(outward, monitor.at(40_000), dns.at(53), &[number; 30]).unwrap();
        there.send(&moved).unwrap();
        assert!(
            at_core
                .find(DEADLINE, |seen| seen.starts_with(&moved))
                .unwrap()
                .is_some()
        );
        let answer =
            frame::udp(inward, station.at(40_000), monitor.at(24105), &[number; 40]).unwrap();
        core.send(&answer).unwrap();
        assert!(
            at_elsewhere
                .find(DEADLINE, |seen| seen.starts_with(&answer))
                .unwrap()
                .is_some()
        );
        let table = bridge(ward.lab().enforcer_box(), "fdb show br br0 dynamic");
        assert!(table.contains(&format!("{MONITOR} dev p2")), "{table}");
        // Back again: its answer is the first that is heard of it there.
        let asked = fast_frames(&ward, 1);
        assert!(
            asked > fast,
            "what is for a device that has moved goes fast too"
        );
        talk.monitor.namespace.run(|| Ok(())).unwrap();
        let back = frame::udp(outward, monitor.at(40_001), dns.at(53), &[number; 50]).unwrap();
        let wire = Wire::open(&monitor.namespace, monitor.interface).unwrap();
        wire.send(&back).unwrap();
        assert!(
            at_core
                .find(DEADLINE, |seen| seen.starts_with(&back))
                .unwrap()
                .is_some()
        );
        talk.works();
        fast = fast_frames(&ward, 1);
    }
    assert_eq!(port(&ward, 2)["lost_frames"], 0);
}
