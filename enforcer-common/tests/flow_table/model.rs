//! Any run of flows that come, are seen, change and are forgotten, beside a list of them.

use std::collections::HashMap;

use enforcer_common::flow::{Flow, FlowKey, idle_timeout, state};
use enforcer_common::flow_table::{Outcome, Stored, WAYS};
use proptest::prelude::*;

use crate::host::{SECOND, SETTINGS, TCP, Table, UDP, flow, key};

#[derive(Clone, Debug)]
enum Step {
    /// A flow by number, over TCP or not, in a state.
    Put(u32, bool, u8),
    /// It is seen, and is in another state.
    See(u32, bool, u8),
    /// The other end answers.
    Answer(u32, bool),
    Forget(u32, bool),
    /// Seconds go by.
    Wait(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let flows = || (0..120_u32, any::<bool>());
    let states = state::OPENING..=state::CLOSED;
    let step = prop_oneof![
        6 => (flows(), states.clone()).prop_map(|((number, tcp), state)| Step::Put(number, tcp, state)),
        3 => (flows(), states).prop_map(|((number, tcp), state)| Step::See(number, tcp, state)),
        2 => flows().prop_map(|(number, tcp)| Step::Answer(number, tcp)),
        1 => flows().prop_map(|(number, tcp)| Step::Forget(number, tcp)),
        2 => (0..40_u32).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..400)
}

/// How willingly a flow makes room, by the words of the table's documentation: 1 settled, 2
/// loose, 3 idle; and units of time by which it is nearer to being idle than any may be. The
/// higher the sooner.
fn haste(key: &FlowKey, flow: &Flow, second: u32) -> (u32, i64) {
    let units = |second: u32| ((u64::from(second) * SECOND) >> 26) as i64;
    let timeout = idle_timeout(&SETTINGS, key.protocol, flow.state);
    // In units of 2^26 ns, 15 to the second: 0.7 % late.
    let left = i64::from(timeout + 1) * 15 - (units(second) - units(flow.last_seen));
    (rank(key, flow, left), -left)
}

fn rank(key: &FlowKey, flow: &Flow, left: i64) -> u32 {
    if left < 0 {
        return 3;
    }
    let settled = if key.protocol == TCP {
        matches!(flow.state, state::ESTABLISHED | state::CLOSING)
    } else {
        flow.packets[1] != 0 || flow.last_seen - flow.created >= 2
    };
    if settled { 1 } else { 2 }
}

/// Seconds of the monotonic clock: soon after the start, in the middle of what marks tell
/// apart, and where they begin anew.
fn begins() -> impl Strategy<Value = u32> {
    prop_oneof![Just(1000), Just(9_007_190), 18_013_000..18_014_400_u32]
}

fn listed(table: &Table) -> HashMap<FlowKey, Flow> {
    let stored = table.stored();
    let count = stored.len();
    let listed: HashMap<_, _> = stored
        .into_iter()
        .map(|Stored { key, flow, .. }| (key, Flow { place: 0, ..flow }))
        .collect();
    assert_eq!(listed.len(), count, "a flow stands in two places");
    listed
}

proptest! {
    #[test]
    fn a_table_says_what_a_list_would(salt: u64, sets in 1..4_usize, begin in begins(), steps in steps()) {
        let table = Table::new(sets, salt);
        let mut list: HashMap<FlowKey, Flow> = HashMap::new();
        let mut second = begin;
        let named = |number, tcp| key(number, if tcp { TCP } else { UDP });
        for step in steps {
            let now = u64::from(second) * SECOND;
            match step {
                Step::Put(number, tcp, state) => {
                    let (key, flow) = (named(number, tcp), flow(state, second));
                    let outcome = table.put(&key, &flow, now);
                    let left = listed(&table);
                    let gone: Vec<_> = list.keys().filter(|key| !left.contains_key(*key)).copied().collect();
                    let was_there = list.contains_key(&key);
                    let home = table.set_of(&key).expect("it was just put there");
                    let neighbours = list.len() - gone.len();
                    prop_assert!(gone.len() <= 1 && !(was_there && gone.len() == 1));
                    if let Some(gone) = gone.first() {
                        let lost = list[gone];
                        let lost_haste = haste(gone, &lost, second);
                        let told = match lost_haste.0 { 1 => Outcome::Evicted, 2 => Outcome::Displaced, _ => Outcome::Kept };
                        prop_assert_eq!(outcome, told);
                        if lost_haste.0 == 3 {
                            let timeout = idle_timeout(&SETTINGS, gone.protocol, lost.state);
                            prop_assert!(second - lost.last_seen > timeout, "it was fresh");
                        }
                        // All that stayed in the set are as good a flow, or have more time left.
                        let mates: Vec<_> = list.iter().filter(|(key, _)| table.set_of(key) == Some(home)).collect();
                        prop_assert_eq!(mates.len(), WAYS - 1);
                        for (key, flow) in mates {
                            prop_assert!(haste(key, flow, second) <= lost_haste);
                        }
                        list.remove(gone);
                    } else {
                        prop_assert_eq!(outcome, Outcome::Kept);
                        prop_assert!(was_there || neighbours == list.len());
                    }
                    list.insert(key, flow);
                }
                Step::See(number, tcp, state) => {
                    let key = named(number, tcp);
                    if let Some(flow) = list.get_mut(&key) {
                        let live = table.flow(&key).expect("a flow of the list");
                        (flow.state, flow.last_seen) = (state, second);
                        live.set_state(state);
                        live.set_last_seen(second);
                        table.note(&key, now);
                    }
                }
                Step::Answer(number, tcp) => {
                    let key = named(number, tcp);
                    if let Some(flow) = list.get_mut(&key) {
                        flow.packets[1] += 1;
                        flow.bytes[1] += 60;
                        flow.last_seen = second;
                        let live = table.flow(&key).expect("a flow of the list");
                        live.count(1, 1, 60);
                        live.set_last_seen(second);
                        table.note(&key, now);
                    }
                }
                Step::Forget(number, tcp) => {
                    let key = named(number, tcp);
                    let stored = table.stored().into_iter().find(|stored| stored.key == key);
                    prop_assert_eq!(stored.is_some(), list.remove(&key).is_some());
                    if let Some(stored) = stored {
                        prop_assert!(table.forget(&stored));
                        prop_assert!(!table.forget(&stored), "it is forgotten once");
                    }
                }
                Step::Wait(seconds) => second += seconds,
            }
            for number in 0..120 {
                for tcp in [false, true] {
                    let key = named(number, tcp);
                    let found = table.flow(&key).map(|flow| Flow { place: 0, ..flow.snapshot() });
                    prop_assert_eq!(found, list.get(&key).copied());
                }
            }
            prop_assert_eq!(&listed(&table), &list);
        }
    }
}
