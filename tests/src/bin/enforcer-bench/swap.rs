//! Policies of 200,000 devices that take each other's place under load, in the maps
//! that a daemon has left behind: what is lost of the allowed, what leaks of the
//! denied.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Result, anyhow, ensure};
use enforcer::datapath::install::PolicyMemory;
use enforcer::policy::compile::{Compiled, compile};
use enforcer::policy::parse;
use enforcer::policy::source::{Bundle, File};
use enforcer_tests::{Load, Ward, ward};

const DEVICES: u32 = 200_000;
/// Of each of four streams, two of them allowed.
const DATAGRAMS_A_MILLISECOND: u64 = 10;

pub(crate) fn run(generations: u32) -> Result<()> {
    let mut ward = Ward::enforced("bswap")?;
    let manager = "      - name: systems-manager\n        to: systems-manager\n        tcp: 3613\n";
    let policies = [
        large(&ward::policy()?)?,
        large(&ward::policy_with(manager, "")?)?,
    ];
    // Enforcement goes on without it; the maps are ours alone now.
    ward.daemon_mut().kill()?;
    let memory = PolicyMemory::open_pinned(&ward.pins()?)?;
    let load = Load::start_at(ward.lab(), DATAGRAMS_A_MILLISECOND)?;
    load.go_on(200)?;
    let begin = Instant::now();
    for (_, policy) in (0..generations).zip(policies.iter().cycle()) {
        memory.install(policy)?;
    }
    let took = begin.elapsed();
    load.go_on(200)?;
    let outcome = load.finish()?;
    println!(
        "{generations} policies of {DEVICES} devices in {:.1} s, {:.1} ms each, under {:.0} datagrams a second",
        took.as_secs_f64(),
        took.as_secs_f64() * 1e3 / f64::from(generations),
        (outcome.allowed.sent + outcome.refused.sent) as f64 / took.as_secs_f64()
    );
    println!(
        "allowed: {} sent, {} lost; denied: {} sent, {} leaked",
        outcome.allowed.sent,
        outcome.lost(),
        outcome.refused.sent,
        outcome.leaked()
    );
    ensure!(
        outcome.lost() == 0 && outcome.leaked() == 0,
        "the policy did not change as one"
    );
    Ok(())
}

/// A ward's policy with very many devices more.
fn large(text: &str) -> Result<Compiled> {
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies");
    let list = std::fs::read_to_string(format!("{policies}/ward-devices.csv"))?;
    let file = |path: &str, text: String| File {
        path: path.to_owned(),
        text,
    };
    let mut more = String::from("name,mac,ip,profile\n");
    for number in 0..DEVICES {
        let [_, a, b, c] = number.to_be_bytes();
        let _ = writeln!(
            more,
            "device-{number},06:00:00:{a:02x}:{b:02x}:{c:02x},10.{}.{b}.{c},printer",
            a + 64
        );
    }
    let bundle = Bundle {
        main: file(
            "ward.yaml",
            text.replace(
                "include: ward-devices.csv",
                "include: [ward-devices.csv, more.csv]",
            ),
        ),
        included: vec![file("ward-devices.csv", list), file("more.csv", more)],
    };
    let (model, _) = parse(&bundle).map_err(|errors| anyhow!("{errors}"))?;
    Ok(compile(&model)?)
}
