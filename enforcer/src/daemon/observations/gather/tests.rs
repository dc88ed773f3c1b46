//! Flows met once, again, and by another daemon.

use enforcer_common::addr::Ip;
use enforcer_common::flow::protocol;
use enforcer_common::verdict::{Fate, Reason};

use super::*;
use crate::control::api::Starter;
use crate::daemon::observations::entry::End;
use crate::daemon::observations::epochs::Epoch;

const MOMENT: Moment = Moment {
    monotonic: 1_000,
    unix: 1_790_000_000,
};

/// Devices 1 and 2 are rows 11 and 12.
fn epochs() -> Epochs {
    let mut epochs = Epochs::default();
    epochs.add(Epoch::of_rows(5, vec![11, 12]));
    epochs
}

fn flow(port: u16, packets: u64) -> (FlowKey, Flow) {
    let mut key = FlowKey::EMPTY;
    let [device, peer] = [Ip::v4([10, 0, 0, 1]), Ip::v4([10, 0, 0, 100])];
    key.set(
        enforcer_common::addr::Vlan::UNTAGGED,
        protocol::TCP,
        (device, 50_000),
        (peer, port),
    );
    let flow = Flow {
        epoch: 5,
        devices: [1, 0],
        rules: [1, 0],
        created: 900,
        last_seen: 990,
        packets: [packets, 1],
        bytes: [60 * packets, 60],
        ..Flow::EMPTY
    };
    (key, flow)
}

/// Looks at the flow table; the only row's numbers, if any was written.
fn look(
    flows: &[(FlowKey, Flow)],
    met: &mut HashMap<FlowKey, Met>,
    carried_until: Option<u32>,
) -> Option<Addition> {
    let mut additions = Additions::default();
    *met = gather(flows, met, &epochs(), MOMENT, carried_until, &mut additions);
    assert!(additions.rows.len() <= 1);
    additions.rows.into_values().next()
}

#[test]
fn a_flow_that_is_met_twice_is_counted_once() {
    let mut met = HashMap::new();
    let first = look(&[flow(443, 4)], &mut met, None).unwrap();
    assert_eq!((first.flows, first.packets, first.bytes), (1, 5, 300));
    assert_eq!(
        (first.first_seen, first.last_seen),
        (1_789_999_900, 1_789_999_990)
    );
    let key = first.entry.key;
    assert_eq!(
        (key.device, key.peer, key.starts),
        (End::Declared(11), End::Core, Starter::Device)
    );
    assert_eq!((key.service, key.fate), (Some(443), Fate::Allow));

    assert_eq!(look(&[flow(443, 4)], &mut met, None), None, "nothing new");
    let more = look(&[flow(443, 6)], &mut met, None).unwrap();
    assert_eq!((more.flows, more.packets, more.bytes), (0, 2, 120));
}

#[test]
fn a_flow_begun_anew_under_the_same_key_is_another_one() {
    let mut met = HashMap::new();
    look(&[flow(443, 4)], &mut met, None);
    let (key, mut again) = flow(443, 4);
    again.created = 950;
    let second = look(&[(key, again)], &mut met, None).unwrap();
    assert_eq!((second.flows, second.packets), (1, 5));
}

#[test]
fn flows_of_one_kind_are_one_row() {
    let mut met = HashMap::new();
    let (mut key, other) = flow(443, 1);
    key.high_port = if key.high_port == 443 { 443 } else { 50_001 };
    key.low_port = if key.low_port == 443 { 443 } else { 50_001 };
    let row = look(&[flow(443, 1), (key, other)], &mut met, None).unwrap();
    assert_eq!((row.flows, row.packets), (2, 4));
}

#[test]
fn what_an_earlier_daemon_may_have_counted_is_added_only_to_an_empty_row() {
    let mut met = HashMap::new();
    let carried = look(&[flow(443, 4)], &mut met, Some(900)).unwrap();
    assert_eq!(
        (carried.flows, carried.packets, carried.carried),
        (0, 0, [1, 5, 300])
    );
    let more = look(&[flow(443, 5)], &mut met, None).unwrap();
    assert_eq!((more.flows, more.packets, more.carried), (0, 1, [0; 3]));
    // Begun after that daemon's last look.
    let new = look(&[flow(443, 4)], &mut HashMap::new(), Some(899)).unwrap();
    assert_eq!((new.flows, new.carried), (1, [0; 3]));
}

#[test]
fn a_flow_whose_policy_is_forgotten_stays_where_it_was() {
    let mut met = HashMap::new();
    look(&[flow(443, 4)], &mut met, None);
    let (key, mut old) = flow(443, 6);
    old.epoch = 4;
    let more = look(&[(key, old)], &mut met, None).unwrap();
    assert_eq!(
        (more.entry.key.device, more.packets),
        (End::Declared(11), 2)
    );
    // Never met before, it cannot be told.
    let mut additions = Additions::default();
    gather(
        &[(key, old)],
        &HashMap::new(),
        &epochs(),
        MOMENT,
        None,
        &mut additions,
    );
    assert_eq!((additions.rows.len(), additions.unattributed), (0, 1));
}

#[test]
fn an_audited_flow_between_two_devices_tells_both_and_why() {
    let (key, mut flow) = flow(443, 1);
    flow.devices = [1, 2];
    flow.reasons = [Reason::Rule as u8, Reason::NoRule as u8];
    let row = look(&[(key, flow)], &mut HashMap::new(), None).unwrap();
    assert_eq!(row.entry.key.device, End::Declared(11));
    assert_eq!(row.entry.key.peer, End::Declared(12));
    assert_eq!(
        (row.entry.key.fate, row.entry.reason),
        (Fate::Audit, Reason::NoRule)
    );
}

#[test]
fn a_flow_that_the_core_began_is_the_devices() {
    let (key, mut flow) = flow(443, 1);
    flow.devices = [0, 2];
    let row = look(&[(key, flow)], &mut HashMap::new(), None);
    // The initiator was asked: a device that is not declared.
    assert_eq!(
        row.unwrap().entry.key.device,
        End::Stranger(enforcer_common::addr::Mac::ZERO)
    );
    flow.rules = [0, 1];
    let row = look(&[(key, flow)], &mut HashMap::new(), None).unwrap();
    assert_eq!(
        (row.entry.key.device, row.entry.key.peer),
        (End::Declared(12), End::Core)
    );
    assert_eq!(row.entry.key.starts, Starter::Peer);
    assert_eq!(row.entry.key.address, Ip::v4([10, 0, 0, 100]));
}
