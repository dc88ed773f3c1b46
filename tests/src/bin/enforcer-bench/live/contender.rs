//! Contenders: what stands between the two ports, on which track, and with what loads.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use anyhow::Result;
use enforcer_tests::live::bare;

use crate::inspect::texts::shipped;

use super::enforcer::Enforcer;
use super::firewall::Firewall;
use super::loads::{Load, devices};
use super::track::Track;
use super::{policy, suricata, xdp_filter};

pub(super) const BRIDGE: &str = "bare bridge";
/// What XDP costs at a port where it does nothing.
pub(super) const PASSING: &str = "bare bridge, XDP_PASS on its ports";
pub(super) const REDIRECT: &str = "bare redirect";
pub(super) const DROP: &str = "XDP_DROP";
pub(super) const FAST: &str = "enforcer, past the bridge";
pub(super) const BY_BRIDGE: &str = "enforcer, by the bridge";

pub(super) const INSPECTING: &str = "enforcer with signatures";
pub(super) const SURICATA: &str = "Suricata inline";

/// How a contender takes frames.
pub(super) enum How {
    /// The bridge does, with the rules of its track.
    Bridge,
    Program(OwnedFd),
    /// The track's enforcer by its place: past the bridge, or by it.
    Enforcer {
        place: usize,
        fast: bool,
    },
    XdpFilter(xdp_filter::Filter),
    /// In place of the bridge, on a CPU of its own.
    Suricata(suricata::Suricata),
}

pub(super) struct Contender {
    pub(super) name: String,
    pub(super) track: usize,
    pub(super) how: How,
    pub(super) loads: Vec<Load>,
}

impl Contender {
    /// The program that comes after the generator.
    pub(super) fn program<'c>(&'c self, enforcers: &'c [Enforcer]) -> Option<BorrowedFd<'c>> {
        match &self.how {
            How::Bridge | How::Suricata(_) => None,
            How::Program(program) => Some(program.as_fd()),
            How::Enforcer { place, .. } => Some(enforcers[*place].program.as_fd()),
            How::XdpFilter(filter) => Some(filter.program.as_fd()),
        }
    }

    /// Whether its program takes frames of several buffers.
    pub(super) fn several_buffers(&self) -> bool {
        !matches!(self.how, How::XdpFilter(_))
    }

    /// Of the frames of a load, those that are to arrive.
    pub(super) fn arriving(&self, load: Load) -> f64 {
        match (self.name.as_str(), load) {
            (DROP, _) => 0.0,
            (BRIDGE | PASSING | REDIRECT, _) => 1.0,
            _ => load.arriving(),
        }
    }
}

const ONE: Load = Load::Allowed(64, 1);
const THOUSAND: Load = Load::Allowed(64, 1000);
const HALF_LONG: Load = Load::Allowed(512, 1000);
const LONG: Load = Load::Allowed(1500, 1000);

/// What signatures are looked for in.
pub(super) const INSPECTED: [Load; 4] = [
    Load::Inspected(64, false),
    Load::Inspected(512, false),
    Load::Inspected(1500, false),
    Load::Inspected(1500, true),
];

/// Those that need no rules: all on the first track.
pub(super) fn plain(track: &Track) -> Result<Vec<Contender>> {
    let all_devices = Load::Allowed(64, devices());
    let forwarded = vec![ONE, THOUSAND, all_devices, HALF_LONG, LONG];
    let mut all = forwarded.clone();
    all.extend([
        Load::Denied,
        Load::Flood(true),
        Load::Flood(false),
        Load::Mixed,
    ]);
    let inspected = INSPECTED.to_vec();
    let shipped = [64, 512, 1500].map(Load::Shipped);
    let contender = |name: &str, how, loads| Contender {
        name: name.to_owned(),
        track: 0,
        how,
        loads,
    };
    let redirect = track.namespace().run(|| bare::redirect(track.far))?;
    let enforcer = |place, fast| How::Enforcer { place, fast };
    Ok(vec![
        contender(
            DROP,
            How::Program(bare::always(bare::DROP)?),
            vec![THOUSAND, Load::Denied],
        ),
        contender(
            BRIDGE,
            How::Bridge,
            [all.clone(), inspected.clone(), shipped.to_vec()].concat(),
        ),
        contender(
            PASSING,
            How::Program(bare::always(bare::PASS)?),
            vec![THOUSAND],
        ),
        contender(REDIRECT, How::Program(redirect), forwarded),
        contender(FAST, enforcer(0, true), all),
        contender(
            BY_BRIDGE,
            enforcer(0, false),
            vec![ONE, THOUSAND, all_devices, LONG],
        ),
        contender(INSPECTING, enforcer(1, true), inspected),
        contender(INSPECTING, enforcer(2, true), shipped.to_vec()),
    ])
}

/// What each firewall is measured with; a track each.
pub(super) fn firewalls() -> Vec<(Firewall, Vec<Load>)> {
    let all_devices = Load::Allowed(64, devices());
    vec![
        (Firewall::BridgeNetfilter, vec![THOUSAND]),
        (Firewall::NftLinear(1), vec![ONE]),
        (Firewall::NftLinear(1000), vec![THOUSAND]),
        (Firewall::NftSet(1), vec![ONE]),
        (Firewall::NftSet(1000), vec![THOUSAND]),
        (
            Firewall::NftSet(devices()),
            vec![ONE, THOUSAND, all_devices, HALF_LONG, LONG, Load::Denied],
        ),
        (Firewall::NftMap(1), vec![ONE]),
        (Firewall::NftMap(1000), vec![THOUSAND]),
        (
            Firewall::NftMap(devices()),
            vec![ONE, THOUSAND, all_devices],
        ),
        (Firewall::Ebtables(1), vec![ONE]),
        (Firewall::Ebtables(1000), vec![THOUSAND]),
        (Firewall::IptablesStrings(1), vec![THOUSAND, LONG]),
        (Firewall::IptablesStrings(64), vec![THOUSAND, LONG]),
    ]
    .into_iter()
    .filter(|(_, loads)| !loads.is_empty())
    .collect()
}

/// The enforcer's policies: without signatures, with rules, and with the shipped ones.
pub(super) fn enforcers(track: &Track, rules: &super::signatures::Rules) -> Result<Vec<Enforcer>> {
    let signatures = [vec![], vec![rules.file.clone()], shipped()?];
    let enforcers = signatures.into_iter().map(|signatures| {
        let besides = policy::Besides {
            signatures,
            ..policy::Besides::default()
        };
        let compiled = policy::compiled(devices(), &besides)?;
        Enforcer::on(track.namespace(), [track.near, track.far], &compiled)
    });
    let mut enforcers: Vec<Enforcer> = enforcers.collect::<Result<_>>()?;
    // The kernel tells each watch of all redirects, so one costs everybody what the
    // enforcer's does in earnest.
    enforcers[0].datapath.watch_redirects()?;
    Ok(enforcers)
}
