//! Every capture at hand through the kernel and through user space, from both
//! sides: no crash, no difference. Skipped where there are no captures.

use std::collections::BTreeMap;
use std::path::Path;

use enforcer_common::port::Side;
use enforcer_tests::program::{Rig, capture};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/captures");

/// Longer frames than any wire carries are none that XDP would see; the kernel's
/// test run refuses them too.
const LONGEST: usize = 65_549;

/// Judges everybody by rules that let a good part of common traffic through.
const POLICY: &str = r#"
version: 1
defaults: {unknown_devices: guest, core_broadcast: guest, new_flows_per_second: 0}
profiles:
  guest:
    allow:
      - {name: out, to: any, tcp: any, udp: any, icmp: any, icmpv6: any}
      - {name: in, from: any, udp: any, icmp: echo-request, tcp: [80, 443, 102, 502]}
"#;

#[test]
fn captures_are_judged_alike() {
    let files = capture::files(Path::new(DIRECTORY));
    if files.is_empty() {
        println!("skipped: no captures at {DIRECTORY}");
        return;
    }
    let mut rig = Rig::new(POLICY);
    let (mut frames, mut unreadable) = (0u64, 0);
    let mut totals = BTreeMap::new();
    for file in &files {
        let Some(captured) = capture::frames(file) else {
            unreadable += 1;
            continue;
        };
        rig.clear_flows();
        for frame in captured.iter().filter(|frame| frame.len() <= LONGEST) {
            for side in [Side::Device, Side::Core] {
                let outcome = rig.send(side, frame);
                *totals.entry((outcome.reason, outcome.fate)).or_insert(0u64) += 1;
            }
            frames += 1;
        }
    }
    for ((reason, fate), count) in &totals {
        println!("{count:>9} {:<5} {}", fate.label(), reason.label());
    }
    println!(
        "{} files, {unreadable} unreadable, {frames} frames from both sides, 0 differences",
        files.len()
    );
    assert!(frames > 0);
}
