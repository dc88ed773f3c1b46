//! Large transfers: behind what is to be looked through they go on without, or are looked
//! through to their end; either way they arrive as they were sent.

use enforcer_tests::{
    Ward,
    inspected::{self, MARK},
    traffic::{Pair, Speaker},
    wait,
};

use super::{DEADLINE, nothing_was_found, ways};

const PORT: u16 = 104;
const GIB: usize = 1 << 30;
/// Written at once.
const WHOLE: usize = usize::MAX;

fn open(ward: &Ward, who: Speaker) -> Pair {
    let [(device, core), _] = ways(ward);
    Pair::open(device, core, core.at(PORT), who).unwrap()
}

/// Says the mark, and waits until it was found and what TCP repeats of it as well.
fn mark_is_stopped(ward: &Ward, pair: &mut Pair) {
    let before = inspected::found(ward, "mark").unwrap();
    pair.say(MARK.as_bytes()).unwrap();
    wait::until("the mark is found again", DEADLINE, || {
        let found = inspected::found(ward, "mark")?;
        Ok((found >= before + 2).then_some(()))
    })
    .unwrap();
    pair.nothing_more().unwrap();
}

#[test]
fn a_gibibyte_arrives_each_way() {
    let ward = inspected::ward("cgib", "").unwrap();
    for who in [Speaker::Client, Speaker::Server] {
        let mut pair = open(&ward, who);
        assert!(pair.pour(GIB, WHOLE).unwrap() >= GIB);
        // Behind the first MiB nothing is looked for.
        pair.tell(MARK.as_bytes(), MARK.len()).unwrap();
    }
    nothing_was_found(&ward);
    for who in [Speaker::Client, Speaker::Server] {
        let mut pair = open(&ward, who);
        assert!(pair.pour(GIB >> 12, WHOLE).unwrap() < 1 << 20);
        mark_is_stopped(&ward, &mut pair);
    }
}

#[test]
fn a_transfer_that_is_looked_through_to_its_end_arrives_each_way() {
    let ward = inspected::ward("call", "  inspect_first: 0").unwrap();
    for who in [Speaker::Client, Speaker::Server] {
        let mut pair = open(&ward, who);
        assert!(pair.pour(GIB >> 4, WHOLE).unwrap() >= GIB >> 4);
        if who == Speaker::Client {
            nothing_was_found(&ward);
        }
        mark_is_stopped(&ward, &mut pair);
    }
}

/// What is lost behind the enforcer is sent again, of small segments several in one, and
/// passes again.
#[test]
fn a_transfer_arrives_although_packets_are_lost() {
    let ward = inspected::ward("closs", "  inspect_first: 0").unwrap();
    for (length, piece) in [(GIB >> 7, WHOLE), (1, 100)] {
        for who in [Speaker::Client, Speaker::Server] {
            let mut pair = open(&ward, who);
            pair.lose_one_in(50).unwrap();
            assert!(pair.pour(length, piece).unwrap() >= length);
            assert!(pair.repeated().unwrap() > 0, "nothing was lost");
            mark_is_stopped(&ward, &mut pair);
        }
    }
}
