//! Keys that are near each other, as those of one ward are, do not fall together.

use crate::host::{SECOND, TCP, Table, established, key, seed};

const NOW: u64 = 1000 * SECOND;

#[test]
fn neighbouring_keys_fill_sets_as_chance_would() {
    for salt in 0..8 {
        let table = Table::new(1 << 10, salt);
        // Five to a set: by Poisson's law 17 or more are met in one set of 30,000.
        for number in 0..5 << 10 {
            table.put(&key(number, TCP), &established(1000), NOW);
        }
        let lost = (5 << 10) - table.loads().sum::<usize>();
        assert!(lost <= 2, "{lost} flows had no room");
        let empty = table.loads().filter(|load| *load == 0).count();
        // 1024 e^-5 = 6.9
        assert!(empty < 25, "{empty} sets are empty");
    }
}

#[test]
fn who_does_not_know_the_numbers_cannot_choose_a_set() {
    // Keys that share a set under one seed are spread under another.
    let sets = 1 << 10;
    let table = Table::new(sets, 1);
    let mut together = Vec::new();
    for number in 0..200_000 {
        let key = key(number, TCP);
        table.put(&key, &established(1000), NOW);
        if table.set_of(&key) == Some(7) {
            together.push(key);
        }
    }
    assert!(together.len() > 100);
    let mut other = Table::new(sets, 2);
    other.seed = seed(sets, 2);
    for key in &together {
        other.put(key, &established(1000), NOW);
    }
    assert!(other.loads().max() < Some(6));
}
