//! Who makes room for whom.

use enforcer_common::flow::state;
use enforcer_common::flow_table::{Outcome, WAYS};

use crate::host::{SECOND, TCP, Table, UDP, established, flow, half_open, key};

const NOW: u64 = 1000 * SECOND;

#[test]
fn a_flood_of_unanswered_connections_pushes_out_none_that_is_established() {
    let table = Table::new(64, 1);
    let pumps: Vec<_> = (0..400).map(|number| key(number, TCP)).collect();
    for pump in &pumps {
        assert_eq!(table.put(pump, &established(1000), NOW), Outcome::Kept);
    }
    let mut displaced = 0;
    for number in 0..100_000_u32 {
        // Time goes on, too: what is seen seldom is older than all of the flood.
        let second = 1000 + number / 500;
        let now = u64::from(second) * SECOND;
        match table.put(&key(1_000_000 + number, TCP), &half_open(second), now) {
            Outcome::Kept => {}
            Outcome::Displaced => displaced += 1,
            outcome => panic!("flow {number} of the flood: {outcome:?}"),
        }
    }
    assert!(displaced > 0, "nothing had to make room");
    for pump in &pumps {
        assert!(table.flow(pump).is_some());
    }
}

#[test]
fn nor_does_a_flood_of_datagrams_push_out_what_was_answered_or_lasts() {
    let table = Table::new(64, 2);
    let names: Vec<_> = (0..200).map(|number| key(number, UDP)).collect();
    for name in &names {
        let mut answered = flow(state::ESTABLISHED, 1000);
        answered.packets = [1, 1];
        table.put(name, &answered, NOW);
    }
    let waves: Vec<_> = (200..400).map(|number| key(number, UDP)).collect();
    for wave in &waves {
        let mut lasting = flow(state::ESTABLISHED, 990);
        lasting.last_seen = 1000;
        table.put(wave, &lasting, NOW);
    }
    for number in 0..50_000 {
        let one_sided = flow(state::ESTABLISHED, 1000);
        let outcome = table.put(&key(1_000_000 + number, UDP), &one_sided, NOW);
        assert!(matches!(outcome, Outcome::Kept | Outcome::Displaced));
    }
    for key in names.iter().chain(&waves) {
        assert!(table.flow(key).is_some());
    }
}

#[test]
fn an_idle_flow_makes_room_before_one_that_was_not_answered() {
    let table = Table::new(1, 3);
    // Answered, but idle for longer than datagrams are remembered.
    let mut idle = flow(state::ESTABLISHED, 900);
    idle.packets = [1, 1];
    table.put(&key(0, UDP), &idle, 900 * SECOND);
    for number in 1..WAYS as u32 {
        table.put(&key(number, TCP), &half_open(1000), NOW);
    }
    assert_eq!(
        table.put(&key(100, TCP), &half_open(1000), NOW),
        Outcome::Kept
    );
    assert!(table.flow(&key(0, UDP)).is_none());
}

#[test]
fn of_connections_the_one_not_seen_for_longest_makes_room_and_it_is_told() {
    let table = Table::new(1, 4);
    for number in 0..WAYS as u32 {
        let second = 1000 + number;
        table.put(
            &key(number, TCP),
            &established(second),
            u64::from(second) * SECOND,
        );
    }
    // The first is seen again.
    let now = 1100 * SECOND;
    table.note(&key(0, TCP), now);
    assert_eq!(
        table.put(&key(100, TCP), &half_open(1100), now),
        Outcome::Evicted
    );
    assert!(table.flow(&key(1, TCP)).is_none());
    assert!(table.flow(&key(0, TCP)).is_some());
}

#[test]
fn a_flow_that_was_seen_since_it_was_read_is_not_forgotten() {
    let table = Table::new(1, 5);
    table.put(&key(0, TCP), &established(1000), NOW);
    let [stored] = table.stored().try_into().expect("one flow");
    table.note(&key(0, TCP), NOW + SECOND);
    assert!(!table.forget(&stored));
    assert!(table.flow(&key(0, TCP)).is_some());
}

#[test]
fn a_clock_that_is_behind_makes_no_flow_idle() {
    let table = Table::new(1, 6);
    for number in 0..WAYS as u32 {
        table.put(&key(number, TCP), &established(1000), NOW);
    }
    let outcome = table.put(&key(100, TCP), &half_open(999), NOW - SECOND);
    assert_eq!(outcome, Outcome::Evicted);
}

#[test]
fn answered_datagrams_make_room_before_a_quiet_connection() {
    let table = Table::new(8, 7);
    let quiet: Vec<_> = (0..32).map(|number| key(number, TCP)).collect();
    for pump in &quiet {
        table.put(pump, &established(1000), NOW);
    }
    // Ten minutes later somebody asks for names, and is answered.
    let (second, mut evicted) = (1600, 0);
    for number in 0..1_000 {
        let mut answered = flow(state::ESTABLISHED, second);
        answered.packets = [1, 1];
        let outcome = table.put(
            &key(1_000_000 + number, UDP),
            &answered,
            u64::from(second) * SECOND,
        );
        evicted += u32::from(outcome == Outcome::Evicted);
    }
    assert!(evicted > 0);
    for pump in &quiet {
        assert!(table.flow(pump).is_some());
    }
}

#[test]
fn who_was_idle_for_a_hundred_and_fifty_days_is_idle() {
    let table = Table::new(1, 8);
    table.put(&key(0, TCP), &established(1000), NOW);
    let second = 1000 + 150 * 86_400;
    for number in 1..=WAYS as u32 {
        let now = u64::from(second) * SECOND;
        assert_eq!(
            table.put(&key(number, TCP), &established(second), now),
            Outcome::Kept
        );
    }
    assert!(table.flow(&key(0, TCP)).is_none());
}
