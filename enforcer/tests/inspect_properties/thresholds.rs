//! Rules that count act when their language says, at whatever times they are met.

use enforcer::signatures::suricata::import;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::rig::{Outcome, Rig};
use crate::run::for_all;

/// What is remembered of an address: when counting began, in milliseconds, and how many came
/// since.
#[derive(Default)]
struct Entry(Option<(u64, u32)>);

impl Entry {
    /// Whether a rule that drops does so, read plainly from the handling of thresholds in
    /// Suricata 7: a silent match drops too.
    fn drops(&mut self, kind: &str, count: u32, seconds: u64, now: u64) -> bool {
        let Some((begun, met)) = &mut self.0 else {
            if kind == "threshold" && count == 1 {
                return true;
            }
            self.0 = Some((now, 1));
            return kind == "both" && count == 1;
        };
        if now > *begun + seconds * 1_000 {
            (*begun, *met) = (now, 1);
            return kind == "both" && count == 1;
        }
        *met += 1;
        match kind {
            "threshold" if *met >= count => {
                *met = 0;
                true
            }
            "threshold" => false,
            "both" => *met >= count,
            _ => *met > count,
        }
    }
}

#[test]
fn rules_that_count_act_when_their_language_says() {
    let rules = (
        select(["threshold", "both", "filter"].as_slice()),
        1..6_u32,
        1..5_u64,
    );
    let pauses = select([0_u64, 1, 300, 999, 1_000, 1_001, 2_500, 60_000].as_slice());
    let inputs = (rules, vec((pauses, any::<bool>()), 1..60));
    let show = |input: &_| format!("{input:?}");
    for_all(60, &inputs, show, |((kind, count, seconds), sent)| {
        let counted = format!("track by_src, count {count}, seconds {seconds}");
        let counted = match kind {
            "filter" => format!("detection_filter: {counted}"),
            _ => format!("threshold: type {kind}, {counted}"),
        };
        let rule = format!("drop udp any any -> any any (content:\"MANY\"; {counted}; sid:1;)");
        let imported = import(&rule);
        let mut rig = Rig::new(&[imported.loaded[0].signature.clone()]);
        let mut entry = Entry::default();
        let mut now = 5_000_000;
        for (pause, hits) in sent {
            now += pause;
            rig.set_clock(now);
            let text = if hits { b"as MANY as" } else { b"as few  as" };
            let expected = match hits && entry.drops(kind, count, seconds, now) {
                true => Outcome::Found,
                false => Outcome::Passed,
            };
            prop_assert_eq!(rig.datagram(text), expected, "{} at {}", rule, now);
        }
        Ok(())
    });
}
