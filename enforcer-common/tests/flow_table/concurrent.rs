//! Several CPUs at one small table. What goes wrong between two instructions shows only
//! now and then, hence many rounds; that nothing went wrong is no proof.

use std::collections::HashMap;
use std::sync::Barrier;
use std::thread;

use enforcer_common::flow_table::Outcome;

use crate::host::{SECOND, TCP, Table, established, half_open, key};

const THREADS: u32 = 4;
const NOW: u64 = 1000 * SECOND;

#[test]
fn no_flow_is_read_under_another_ones_key() {
    let table = Table::new(2, 1);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let table = &table;
            scope.spawn(move || {
                for round in 0..60_000_u32 {
                    let number = round.wrapping_mul(2_654_435_761).wrapping_add(thread) % 100;
                    let mut flow = half_open(1000);
                    // Which one it is.
                    flow.valid_until = number;
                    table.put(&key(number, TCP), &flow, NOW);
                    for stored in table.stored().iter().take(3) {
                        assert_eq!(stored.key, key(stored.flow.valid_until, TCP));
                    }
                }
            });
        }
    });
    let mut places: HashMap<_, u32> = HashMap::new();
    for stored in table.stored() {
        *places.entry(stored.key).or_default() += 1;
    }
    assert!(places.values().all(|places| *places == 1), "{places:?}");
    assert_eq!(
        table.loads().sum::<usize>(),
        places.len(),
        "a claim is left"
    );
}

#[test]
fn a_flow_that_several_begin_at_once_stands_in_one_place_and_is_found() {
    for round in 0..3_000 {
        let table = Table::new(1, round);
        // Places fall free meanwhile, so that two may see different ones fit.
        for number in 100..116 {
            table.put(&key(number, TCP), &established(1000), NOW);
        }
        let others = table.stored();
        let (wanted, start) = (key(7, TCP), Barrier::new(THREADS as usize + 1));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    let outcome = table.put(&wanted, &half_open(1000), NOW);
                    assert_ne!(outcome, Outcome::Refused);
                });
            }
            start.wait();
            for other in others.iter().step_by(3) {
                table.forget(other);
            }
        });
        let stored = table.stored();
        let places = stored.iter().filter(|stored| stored.key == wanted).count();
        assert_eq!(places, 1);
        assert!(table.flow(&wanted).is_some());
    }
}
