//! A million random frames through the kernel and through user space. The rig
//! fails on the first difference in verdict, reason, rule, device or flow.
//! `ENFORCER_SEED` and `ENFORCER_FRAMES` change what is sent.

use std::collections::BTreeMap;

use enforcer_common::sanity::Predicate;
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::random::{self, Random};
use enforcer_tests::program::{Rig, conditions, ward};

const FRAMES: u64 = 1_000_000;
/// Frames after which flows are forgotten, so that the flow table never overflows.
const EPISODE: u64 = 50_000;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(otherwise)
}

#[test]
fn kernel_and_user_space_never_differ() {
    let (seed, frames) = (
        setting("ENFORCER_SEED", 1),
        setting("ENFORCER_FRAMES", FRAMES),
    );
    println!("seed {seed}, {frames} frames");
    let mut random = Random(seed);
    // The second one has profiles for unknown devices and for broadcast, too, and lets no
    // odd header pass.
    let open = "defaults:\n  unknown_devices: pump\n  core_broadcast: pump\n  sanity: drop";
    let policies = [
        ward::POLICY.to_owned(),
        ward::POLICY.replace("defaults:", open),
    ];
    let mut rig = Rig::new(ward::POLICY);
    let totals = run(&mut rig, &policies, frames, &mut random, |_, _| {});
    println!("{frames} frames, 0 differences, seed {seed}");
    assert_eq!(totals.verdicts.values().sum::<u64>(), frames);
    // The rules of the ward allow neither tunnels nor IGMP. Some are rare.
    for predicate in Predicate::ALL.iter().filter(|_| frames >= FRAMES) {
        let seen = totals.told.contains_key(predicate.label());
        let allowed = !matches!(
            predicate,
            Predicate::Tunnel
                | Predicate::IgmpLength
                | Predicate::AddressMask
                | Predicate::ReverseArp
        );
        assert!(seen || !allowed, "no frame met {predicate:?}");
    }
}

/// The same with everything that a policy may ask for, and a clock that jumps.
#[test]
fn conditions_and_exceptions_never_differ() {
    let (seed, frames) = (
        setting("ENFORCER_SEED", 1),
        setting("ENFORCER_FRAMES", FRAMES) / 2,
    );
    println!("seed {seed}, {frames} frames");
    let mut random = Random(seed);
    let policies = [
        conditions::policy(),
        conditions::policy().replace("mode: enforce", "mode: audit"),
        // What has limits is never known to the cache.
        conditions::policy()
            .replace("    limit: {packets: 2000, flows: 300}\n", "")
            .replace(", limit: {packets: 40, bytes: 3000}", "")
            .replace(", limit: {flows: 3}", "")
            .replace(", hold_port: 2s", ""),
    ];
    let mut rig = Rig::without_policy(true);
    rig.set_time(1_000, conditions::START);
    rig.apply(&policies[0]);
    let mut second = 0;
    let totals = run(&mut rig, &policies, frames, &mut random, |random, rig| {
        if random.below(50) == 0 {
            conditions::happen(random, rig, &mut second);
        }
        if random.below(5_000) == 0 {
            let epoch = rig.datapath.memory.epoch();
            let until = u64::from(1_000 + second + 20) * 1_000_000_000;
            rig.drain(epoch, until);
        }
    });
    // The run must reach what it is for.
    for reason in [
        Reason::EtherTypeListed,
        Reason::RuleAsleep,
        Reason::NameNotLearned,
        Reason::RateLimit,
        Reason::Quarantined,
        Reason::WrongPort,
        Reason::HeldElsewhere,
        Reason::VlanNotCarried,
        Reason::TagNotCarried,
        Reason::RogueDhcpServer,
        Reason::BadDhcp,
        Reason::RogueRouter,
        Reason::FragmentOrphan,
        Reason::FragmentOverlap,
        Reason::FragmentTiny,
        Reason::Adopted,
    ] {
        let seen = totals.verdicts.keys().any(|(of, _)| *of == reason);
        assert!(seen, "no frame was judged {}", reason.label());
    }
    println!("{frames} frames, 0 differences, seed {seed}");
}

/// What became of how many frames.
#[derive(Default)]
struct Totals {
    verdicts: BTreeMap<(Reason, Fate), u64>,
    /// By what was told of them.
    told: BTreeMap<String, u64>,
}

/// Sends frames, and says what became of how many.
fn run(
    rig: &mut Rig,
    policies: &[String],
    frames: u64,
    random: &mut Random,
    mut between: impl FnMut(&mut Random, &mut Rig),
) -> Totals {
    let mut totals = Totals::default();
    for number in 0..frames {
        if number % EPISODE == 0 {
            begin_episode(rig, number / EPISODE);
        }
        between(random, rig);
        let (side, frame) = random::frame(random);
        let outcome = rig.send(side, &frame);
        let verdict = (outcome.reason, outcome.fate);
        *totals.verdicts.entry(verdict).or_default() += 1;
        // What is alike is not judged again.
        if outcome.reason == Reason::Established {
            for _ in 0..random.below(4) {
                rig.send(side, &frame);
            }
        }
        if let Some(name) = outcome.signature {
            *totals.told.entry(name).or_default() += 1;
        }
        // A policy change now and then, so that flows are judged again.
        if random.below(5_000) == 0 {
            let policy = random.below(policies.len());
            rig.apply(&policies[policy]);
        }
    }
    for ((reason, fate), count) in &totals.verdicts {
        println!("{count:>9} {:<5} {}", fate.label(), reason.label());
    }
    println!("{:>9} known to the cache", rig.known());
    assert!(rig.known() > frames / 500, "the cache knows some");
    for (name, count) in &totals.told {
        println!("{count:>9} {name}");
    }
    totals
}

/// Forgets flows; sessions are adopted in every third episode.
fn begin_episode(rig: &mut Rig, episode: u64) {
    rig.clear_flows();
    rig.adopt_until(if episode % 3 == 2 { u64::MAX } else { 0 });
}
