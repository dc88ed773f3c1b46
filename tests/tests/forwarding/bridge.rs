//! What is the bridge's business stays so: it knows who speaks, and what it forbids or was
//! told is not done past it.

use std::time::{Duration, Instant};

use enforcer_tests::topology::CORE_MAC;
use enforcer_tests::{Outcome, wait};

use super::{MONITOR, SHORT, Talk, await_path, bridge, fast_frames, fast_ward};

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
