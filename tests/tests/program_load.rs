//! The program as a whole: the kernel accepts it, within its budget.

use enforcer::datapath::{Capacity, Datapath};

/// Instructions that the verifier may walk; the kernel's own limit is a million.
const BUDGET: u32 = 250_000;

#[test]
fn the_verifier_accepts_the_program_within_its_budget() {
    let capacity = Capacity {
        policy_lines: 1 << 10,
        flows: 1 << 10,
        streams: 1 << 10,
    };
    let mut datapath = Datapath::load(capacity).expect("the kernel takes the program");
    let verified = datapath.verified_instructions().expect("a count");
    println!("{verified} verified instructions");
    assert!(verified < BUDGET, "{verified} verified instructions");
}
