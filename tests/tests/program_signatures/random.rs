//! Random texts, cut at random, with signatures planted in some.

use enforcer_common::verdict::Reason;
use enforcer_tests::program::random::Random;
use enforcer_tests::program::ward::{self, Family};
use enforcer_tests::program::{Rig, Talk};

use super::{passes, policy};

/// What is found is what a plain search finds.
#[test]
fn random_streams_are_judged_as_a_plain_search_does() {
    const PATTERNS: [&str; 6] = [
        "alpha-beta-gamma",
        "abcabcabd",
        "zzz",
        "Needle In Hay",
        "\x01\x02\x03\x04\x05\x06\x07\x08",
        "aaaaaaab",
    ];
    let mut signatures = String::new();
    for (index, pattern) in PATTERNS.iter().enumerate() {
        let bytes: Vec<String> = pattern.bytes().map(|byte| format!("{byte:02x}")).collect();
        signatures += &format!(
            "  - {{name: s{index}, tcp: any, find: [{{bytes: \"{}\"}}]}}\n",
            bytes.join(" ")
        );
    }
    let mut random = Random(4);
    let (mut found, mut clean, mut split) = (0, 0, 0);
    for group in [
        &signatures,
        &signatures
            .lines()
            .filter(|line| !line.contains("s2"))
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
    ] {
        let mut rig = Rig::new(&policy(group));
        for round in 0..400_u16 {
            let length = 1 + random.below(3000);
            let alphabet: &[u8] = if round % 2 == 0 {
                b"abc"
            } else {
                b"abcdefghijklmnopqrstuvwxyz .-\x01\x02\x03\0"
            };
            let mut text: Vec<u8> = (0..length)
                .map(|_| alphabet[random.below(alphabet.len())])
                .collect();
            if random.below(2) == 0 {
                let pattern = PATTERNS[random.below(PATTERNS.len())].as_bytes();
                let place = random.below(text.len());
                text.splice(place..place, pattern.iter().copied());
            }
            let here: Vec<&str> = PATTERNS
                .iter()
                .enumerate()
                .filter(|(index, _)| group.contains(&format!("s{index},")))
                .map(|(_, pattern)| *pattern)
                .collect();
            // The first byte behind which some pattern has ended.
            let end = here
                .iter()
                .filter_map(|pattern| {
                    text.windows(pattern.len())
                        .position(|piece| piece == pattern.as_bytes())
                        .map(|at| at + pattern.len())
                })
                .min();
            let mut talk = Talk::open(&mut rig, ward::BOUND, Family::V4, 5000 + round);
            let mut at = 0;
            let mut hit = false;
            while at < text.len() {
                let most = if round % 3 == 0 { 7 } else { 2500 };
                let next = (at + 1 + random.below(most)).min(text.len());
                let outcome = talk.client_goes_on(&mut rig, &text[at..next]);
                if end.is_some_and(|end| end <= next) {
                    assert_eq!(
                        outcome.reason,
                        Reason::Signature,
                        "{round}: {at}..{next} {end:?} {text:?}"
                    );
                    let begin =
                        end.unwrap() - here.iter().map(|pattern| pattern.len()).min().unwrap();
                    split += u32::from(begin < at);
                    hit = true;
                    break;
                }
                passes(&outcome);
                at = next;
            }
            assert_eq!(hit, end.is_some());
            if hit { found += 1 } else { clean += 1 }
        }
    }
    println!("{found} found, {split} of them split, {clean} clean");
    assert!(found > 100 && clean > 100 && split > 10);
}
