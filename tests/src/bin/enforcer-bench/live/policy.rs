//! The policy of live traffic: as many devices as asked for, with the addresses that the
//! generator gives them, all of one profile of 16 rules, of which the traffic meets the
//! last. What else a policy may be large by comes besides.

use std::fmt::Write as _;

use anyhow::{Result, anyhow};
use enforcer::policy::compile::{Compiled, compile};
use enforcer::policy::model::Model;
use enforcer::policy::parse;
use enforcer::policy::source::{Bundle, File};
use enforcer_tests::live::stream::{ip, mac};

/// Where allowed datagrams and connections go, and datagrams that are looked into.
pub(super) const ALLOWED: u16 = 5000;
pub(super) const ALLOWED_TCP: u16 = 443;
pub(super) const INSPECTED: u16 = 9500;
/// BACnet, for which there are shipped signatures.
pub(super) const SHIPPED: u16 = 47808;
/// No rule names it.
pub(super) const DENIED: u16 = 23;
/// Rules of a profile before the one that the traffic meets.
pub(super) const OTHER_RULES: u16 = 15;

/// What a policy has besides its devices.
#[derive(Clone, Debug, Default)]
pub(super) struct Besides {
    /// New flows of a device a second; 0: any number.
    pub(super) new_flows: u32,
    /// Rules of other profiles, 20 each.
    pub(super) rules: u32,
    /// Prefixes of a peer that no device talks to.
    pub(super) prefixes: u32,
    /// Files of signatures.
    pub(super) signatures: Vec<File>,
}

pub(super) fn model(devices: u32, besides: &Besides) -> Result<Model> {
    let (model, _) = parse(&bundle(devices, besides)).map_err(|errors| anyhow!("{errors}"))?;
    Ok(model)
}

pub(super) fn compiled(devices: u32, besides: &Besides) -> Result<Compiled> {
    Ok(compile(&model(devices, besides)?)?)
}

/// As YAML. Writing to a string cannot fail.
fn bundle(devices: u32, besides: &Besides) -> Bundle {
    let mut text = format!(
        "version: 1\n\
         defaults: {{new_flows_per_second: {}, events_per_second: 1, inspect_first: 0}}\n\
         peers:\n\x20 server: 10.200.0.0/16\n",
        besides.new_flows
    );
    if besides.prefixes > 0 {
        text.push_str("  others:\n");
        for number in 0..besides.prefixes {
            let [_, a, b, c] = (number * 4).to_be_bytes();
            let _ = writeln!(text, "    - 172.{}.{b}.{c}/30", 16 + a);
        }
    }
    text.push_str("profiles:\n\x20 pump:\n\x20   on_error: allow\n\x20   allow:\n");
    for rule in 0..OTHER_RULES {
        let _ = writeln!(text, "      - {{to: server, tcp: {}}}", 6000 + rule);
    }
    let _ = writeln!(
        text,
        "      - {{to: server, tcp: {ALLOWED_TCP}, udp: [{ALLOWED}, {INSPECTED}, {SHIPPED}]}}"
    );
    if besides.prefixes > 0 {
        text.push_str("      - {to: others, tcp: 80}\n");
    }
    for rule in 0..besides.rules {
        if rule % 20 == 0 {
            let _ = writeln!(text, "  other-{}:\n    allow:", rule / 20);
        }
        let _ = writeln!(text, "      - {{to: server, tcp: {}}}", 7000 + rule % 20);
    }
    text.push_str("include:\n  - devices.csv\n");
    for file in &besides.signatures {
        let _ = writeln!(text, "  - {}", file.path);
    }
    let mut list = String::from("name,mac,ip,profile\n");
    for number in 0..devices {
        let _ = writeln!(list, "device-{number},{},{},pump", mac(number), ip(number));
    }
    // A profile that no device has is left out: each other one gets a device, which is
    // not among those of the traffic.
    for profile in 0..besides.rules.div_ceil(20) {
        let number = devices + profile;
        let _ = writeln!(
            list,
            "device-{number},{},{},other-{profile}",
            mac(number),
            ip(number)
        );
    }
    let file = |path: &str, text: String| File {
        path: path.to_owned(),
        text,
    };
    let mut included = vec![file("devices.csv", list)];
    included.extend(besides.signatures.iter().cloned());
    Bundle {
        main: file("bench.yaml", text),
        included,
    }
}
