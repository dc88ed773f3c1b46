//! Forwarding from port to port past the bridge: frames do go that way and arrive, and
//! the bridge goes on doing all that is its business.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    process::Command,
    time::{Duration, Instant},
};

use aya::maps::{Map, MapData, PerCpuArray};
use enforcer_common::counter::fast_index;
use enforcer_tests::{
    Endpoint, Mac, Namespace, Outcome, Topology, Ward,
    daemon::Settings,
    offload,
    topology::CORE_MAC,
    traffic::{
        frame::{self, Link},
        server::Server,
        udp,
        wire::{Sniffer, Wire},
    },
    wait, ward,
};
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

#[test]
fn the_bridge_knows_who_speaks_for_longer_than_it_remembers() {
    const AGEING: Duration = Duration::from_secs(4);
    let ward = fast_ward("ffdb");
    let enforcer_box = ward.lab().enforcer_box();
    enforcer_box
        .ip("link set br0 type bridge ageing_time 400")
        .unwrap();
    let talk = Talk::between(&ward);
    talk.works();
    let (begin, before) = (Instant::now(), fast_frames(&ward, 0));
    let mut asked = 0;
    while begin.elapsed() < 3 * AGEING {
        for _ in 0..10 {
            talk.works();
        }
        asked += 10;
        let table = bridge(enforcer_box, "fdb show br br0 dynamic");
        for (mac, port) in [(MONITOR, "p0"), (CORE_MAC, "p1")] {
            let entry = format!("{mac} dev {port}");
            assert!(
                table.contains(&entry),
                "{entry} after {:?}: {table}",
                begin.elapsed()
            );
        }
        wait::poll(Duration::from_millis(50), || Ok(None::<()>)).unwrap();
    }
    let fast = fast_frames(&ward, 0) - before;
    assert!(fast > asked * 3 / 4, "{fast} of {asked}");
}

/// A port that leaves the forwarding state, or is set apart, is fast no longer.
#[test]
fn what_the_bridge_forbids_is_not_done_past_it() {
    let ward = fast_ward("fstate");
    let enforcer_box = ward.lab().enforcer_box();
    let talk = Talk::between(&ward);
    talk.works();
    await_path(&ward, 1, "fast", "");
    bridge(enforcer_box, "link set dev p1 state 0");
    await_path(&ward, 1, "bridge", "forwarding state");
    await_path(&ward, 0, "bridge", "no other port is fast");
    assert_eq!(talk.ask(b"?", SHORT), Outcome::Silent);
    bridge(enforcer_box, "link set dev p1 state 3");
    await_path(&ward, 1, "fast", "");
    talk.works();

    // The spanning tree listens, then learns, for four seconds each.
    for change in [
        "link set br0 type bridge forward_delay 400 stp_state 1",
        "link set p1 down",
        "link set p1 up",
    ] {
        enforcer_box.ip(change).unwrap();
    }
    await_path(&ward, 1, "bridge", "forwarding state");
    assert_eq!(talk.ask(b"?", SHORT), Outcome::Silent);
    await_path(&ward, 1, "fast", "");
    await_path(&ward, 0, "fast", "");
    talk.works();
    enforcer_box
        .ip("link set br0 type bridge stp_state 0")
        .unwrap();

    enforcer_box
        .ip("link add p9 master br0 type veth peer name nowhere")
        .unwrap();
    await_path(&ward, 0, "bridge", "p9 is a port of the bridge too");
    talk.works();
    enforcer_box.ip("link del p9").unwrap();
    await_path(&ward, 0, "fast", "");

    for port in ["p0", "p1"] {
        bridge(enforcer_box, &format!("link set dev {port} isolated on"));
    }
    await_path(&ward, 0, "bridge", "isolated");
    assert_eq!(talk.ask(b"?", SHORT), Outcome::Silent);
    bridge(enforcer_box, "link set dev p0 isolated off");
    bridge(enforcer_box, "link set dev p1 isolated off");
    await_path(&ward, 0, "fast", "");
    talk.works();

    enforcer_box
        .ip("link set br0 type bridge ageing_time 100")
        .unwrap();
    await_path(&ward, 0, "bridge", "forgets addresses");
    let before = fast_frames(&ward, 0);
    talk.works();
    assert_eq!(fast_frames(&ward, 0), before);
    let refused = "p0: `forwarding: fast` is not possible, the bridge forwards: the bridge forgets";
    let warnings = ward.client().status().unwrap()["warnings"].to_string();
    assert!(warnings.contains(refused), "{warnings}");
    let check = ward.daemon().run_beside(&[], &["--check"]).unwrap();
    let said = String::from_utf8(check.stdout).unwrap();
    assert!(said.contains(refused), "{said}");
    assert!(ward.daemon().log().unwrap().contains(refused));
}

/// Not every kernel can filter VLANs; `daemon/forwarding.rs` tests the same without one.
#[test]
fn a_bridge_that_filters_vlans_forwards_itself() {
    let ward = fast_ward("fvlan");
    await_path(&ward, 0, "fast", "");
    let filter = "link set br0 type bridge vlan_filtering 1";
    if ward.lab().enforcer_box().ip(filter).is_err() {
        println!("skipped: this kernel's bridge does not filter VLANs");
        return;
    }
    await_path(&ward, 0, "bridge", "filters VLANs");
    let before = fast_frames(&ward, 0);
    Talk::between(&ward).works();
    assert_eq!(fast_frames(&ward, 0), before);
}

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
fn a_device_that_takes_no_frames_is_found_out() {
    let gro = |ward: &Ward, on| {
        let set = || offload::set_features("trunk", &[("rx-gro", on)]);
        ward.lab().ward().run(set).unwrap();
    };
    let mut ward = fast_ward("fgro");
    ward.daemon_mut().kill().unwrap();
    gro(&ward, false);
    ward.daemon_mut().launch().unwrap();
    await_path(&ward, 0, "bridge", "neither GRO nor an XDP program");
    await_path(&ward, 1, "bridge", "no other port is fast");
    assert!(
        ward.daemon()
            .log()
            .unwrap()
            .contains("`forwarding: fast` is not possible")
    );
    Talk::between(&ward).works();
    assert_eq!(port(&ward, 0)["lost_frames"], 0);

    gro(&ward, true);
    await_path(&ward, 0, "fast", "");
    let talk = Talk::between(&ward);
    talk.works();
    talk.works();
    drop(talk);
    // Without a daemon the program finds out by itself.
    ward.daemon_mut().kill().unwrap();
    gro(&ward, false);
    let talk = Talk::between(&ward);
    wait::until("the bridge has taken over", DEADLINE, || {
        Ok((talk.ask(b"?", SHORT) == Outcome::Answered).then_some(()))
    })
    .unwrap();
    talk.works();
    drop(talk);
    ward.daemon_mut().launch().unwrap();
    await_path(&ward, 0, "bridge", "");
    assert!(port(&ward, 0)["lost_frames"].as_u64().unwrap() > 0);
    let metrics = ward.daemon().metrics().unwrap();
    let refused = "enforcer_redirected_total{outcome=\"refused\",port=\"p0\"}";
    assert!(
        metrics.contains(refused) && !metrics.contains(&format!("{refused} 0")),
        "{metrics}"
    );
}

/// As from a virtual machine on the same host; past the bridge nobody would finish them.
#[test]
fn unfinished_checksums_are_found_out() {
    let mut ward = fast_ward("fsums");
    ward.daemon_mut().kill().unwrap();
    let leave = || offload::set_features("trunk", &[("tx-checksum-ip-generic", true)]);
    ward.lab().ward().run(leave).unwrap();
    let monitor = ward.endpoint("monitor-1").unwrap();
    monitor.offload_segmentation().unwrap();
    ward.daemon_mut().launch().unwrap();
    let talk = Talk::between(&ward);
    // A source's next frame that the bridge gets tells.
    wait::until(
        "the bridge forwards what is not finished",
        4 * DEADLINE,
        || {
            let _ = talk.ask(b"?", SHORT);
            let why = port(&ward, 0)["forwarding_reason"].to_string();
            Ok(why
                .contains("checksums that are not finished")
                .then_some(()))
        },
    )
    .unwrap();
    talk.works();
}

/// Nobody follows the bridge then, so it forwards itself, and enforcement goes on.
#[test]
fn without_a_daemon_the_bridge_takes_over() {
    let mut ward = fast_ward("fdead");
    let pinned = MapData::from_pin(ward.pins().unwrap().join("STATISTICS")).unwrap();
    let counters = PerCpuArray::<_, u64>::try_from(Map::PerCpuArray(pinned)).unwrap();
    let fast = || -> u64 { counters.get(&fast_index(0), 0).unwrap().iter().sum() };
    Talk::between(&ward).works();
    ward.daemon_mut().kill().unwrap();
    let talk = Talk::between(&ward);
    let before = fast();
    talk.works();
    talk.works();
    assert!(fast() > before, "not at once");
    wait::until("the bridge has taken over", DEADLINE, || {
        let before = fast();
        // One may go by the bridge because it is time to tell it of the source; more a
        // second would be beyond the device's budget of flows.
        talk.works();
        talk.works();
        Ok((fast() == before).then_some(()))
    })
    .unwrap();
    drop(talk);
    ward.daemon_mut().launch().unwrap();
    await_path(&ward, 0, "fast", "");
    let before = fast();
    let talk = Talk::between(&ward);
    talk.works();
    talk.works();
    assert!(fast() > before);
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

/// An address that somebody has told the bridge of is nowhere else, whoever uses it.
#[test]
fn what_the_bridge_was_told_of_an_address_holds() {
    let ward = fast_ward("ffixed");
    let enforcer_box = ward.lab().enforcer_box();
    bridge(
        enforcer_box,
        &format!("fdb replace {MONITOR} dev p0 master static"),
    );
    // As a new daemon finds it.
    let mut ward = ward;
    ward.daemon_mut().kill().unwrap();
    ward.daemon_mut().launch().unwrap();
    await_path(&ward, 0, "fast", "");
    let talk = Talk::between(&ward);
    talk.works();
    let before = [0, 1].map(|place| fast_frames(&ward, place));
    for _ in 0..10 {
        talk.works();
    }
    assert_eq!(fast_frames(&ward, 1), before[1], "none goes straight to it");
    assert_eq!(fast_frames(&ward, 0), before[0], "nor is it heard to speak");
}
