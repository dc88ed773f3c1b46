//! Devices that take no frames, senders that leave them unfinished, and a daemon that is not
//! there: found out, and left to the bridge.

use aya::maps::{Map, MapData, PerCpuArray};
use enforcer_common::counter::fast_index;
use enforcer_tests::{Outcome, Ward, offload, wait};

use super::{DEADLINE, SHORT, Talk, await_path, fast_ward, port};

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
