//! Settings that profiles share with the defaults and inherit from each other:
//! what is stated where, and what holds in the end. Rules are inherited elsewhere.

use std::time::Duration;

use enforcer_common::verdict::Mode;

use super::super::findings::Findings;
use super::super::lenient::{Either, Named, OneOrMany, Scalar};
use super::super::model::{Fragments, Guards, Limit, Network, OnError, Peer};
use super::super::place::Here;
use super::super::raw::{self, Keys};
use super::super::sanity::Sanity;
use super::rate::{self, Rates};
use super::scalar::{choice, duration, is_mapping, mode, switch};
use super::{Names, ethertype, peer, sanity};

/// A port is held for as long as sessions last, not for ever.
const LONGEST_HOLD: Duration = Duration::from_secs(24 * 3_600);

/// What a profile or the defaults may write.
#[derive(Clone, Copy, Default)]
pub(super) struct Written<'a> {
    pub(super) mode: Option<&'a Scalar>,
    pub(super) network: Option<&'a raw::Network>,
    pub(super) guards: Option<&'a raw::Guards>,
    pub(super) fragments: Option<&'a Scalar>,
    pub(super) on_error: Option<&'a Either<raw::OnError>>,
    pub(super) inspect_first: Option<&'a Scalar>,
    pub(super) sanity: Option<&'a Either<Named<Scalar>>>,
    pub(super) limit: Option<&'a raw::Limit>,
    pub(super) ethertypes: Option<&'a OneOrMany>,
}

/// Settings as far as they are stated.
#[derive(Clone, Debug, Default)]
pub(super) struct Stated {
    mode: Option<Mode>,
    arp: Option<bool>,
    neighbour_discovery: Option<bool>,
    dhcp: Option<bool>,
    /// The inner `None` is `any`.
    dhcp_servers: Option<Option<Vec<Peer>>>,
    routers: Option<Option<Vec<Peer>>>,
    hold_port: Option<Duration>,
    fragments: Option<Fragments>,
    bad_frame: Option<bool>,
    flow_table_full: Option<bool>,
    stream_lost: Option<bool>,
    inspect_first: Option<u32>,
    sanity: sanity::Stated,
    limit: Rates,
    ethertypes: Option<Vec<u16>>,
}

/// Settings that hold.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) mode: Mode,
    pub(super) network: Network,
    pub(super) guards: Guards,
    pub(super) fragments: Fragments,
    pub(super) on_error: OnError,
    pub(super) inspect_first: u32,
    pub(super) sanity: Sanity,
    pub(super) limit: Limit,
    pub(super) ethertypes: Vec<u16>,
}

impl Stated {
    /// What is stated here, and else what is stated there.
    pub(super) fn or(self, other: &Self) -> Self {
        Self {
            mode: self.mode.or(other.mode),
            arp: self.arp.or(other.arp),
            neighbour_discovery: self.neighbour_discovery.or(other.neighbour_discovery),
            dhcp: self.dhcp.or(other.dhcp),
            dhcp_servers: self.dhcp_servers.or_else(|| other.dhcp_servers.clone()),
            routers: self.routers.or_else(|| other.routers.clone()),
            hold_port: self.hold_port.or(other.hold_port),
            fragments: self.fragments.or(other.fragments),
            bad_frame: self.bad_frame.or(other.bad_frame),
            flow_table_full: self.flow_table_full.or(other.flow_table_full),
            stream_lost: self.stream_lost.or(other.stream_lost),
            inspect_first: self.inspect_first.or(other.inspect_first),
            sanity: self.sanity.or(other.sanity),
            limit: Rates {
                packets: self.limit.packets.or(other.limit.packets),
                bytes: self.limit.bytes.or(other.limit.bytes),
                flows: self.limit.flows.or(other.limit.flows),
            },
            ethertypes: self.ethertypes.or_else(|| other.ethertypes.clone()),
        }
    }

    /// What is stated, over what holds without it.
    pub(super) fn over(self, otherwise: &Settings) -> Settings {
        let guards = &otherwise.guards;
        Settings {
            mode: self.mode.unwrap_or(otherwise.mode),
            network: Network {
                arp: self.arp.unwrap_or(otherwise.network.arp),
                neighbour_discovery: self
                    .neighbour_discovery
                    .unwrap_or(otherwise.network.neighbour_discovery),
                dhcp: self.dhcp.unwrap_or(otherwise.network.dhcp),
            },
            guards: Guards {
                dhcp_servers: self
                    .dhcp_servers
                    .unwrap_or_else(|| guards.dhcp_servers.clone()),
                routers: self.routers.unwrap_or_else(|| guards.routers.clone()),
                hold_port: self.hold_port.unwrap_or(guards.hold_port),
            },
            fragments: self.fragments.unwrap_or(otherwise.fragments),
            on_error: OnError {
                bad_frame: self.bad_frame.unwrap_or(otherwise.on_error.bad_frame),
                flow_table_full: self
                    .flow_table_full
                    .unwrap_or(otherwise.on_error.flow_table_full),
                stream_lost: self.stream_lost.unwrap_or(otherwise.on_error.stream_lost),
            },
            inspect_first: self.inspect_first.unwrap_or(otherwise.inspect_first),
            sanity: self.sanity.over(otherwise.sanity),
            limit: self.limit.over(otherwise.limit),
            ethertypes: self
                .ethertypes
                .unwrap_or_else(|| otherwise.ethertypes.clone()),
        }
    }
}

impl Rates {
    pub(super) fn over(self, otherwise: Limit) -> Limit {
        Limit {
            packets: self.packets.unwrap_or(otherwise.packets),
            bytes: self.bytes.unwrap_or(otherwise.bytes),
            flows: self.flows.unwrap_or(otherwise.flows),
        }
    }
}

/// Reads what is written at `here`.
pub(super) fn stated(
    written: Written<'_>,
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Stated {
    let mut stated = Stated {
        mode: written
            .mode
            .and_then(|value| mode(value, &here.key("mode"), findings)),
        fragments: written
            .fragments
            .and_then(|value| fragments(value, &here.key("fragments"), findings)),
        ethertypes: written
            .ethertypes
            .map(|values| ethertype::ethertypes(values, &here.key("ethertypes"), findings)),
        ..Stated::default()
    };
    if let Some(raw) = written.network {
        network(raw, &mut stated, &here.key("network"), findings);
    }
    if let Some(raw) = written.guards {
        guards(raw, names, &mut stated, &here.key("guards"), findings);
    }
    if let Some(raw) = written.on_error {
        on_error(raw, &mut stated, &here.key("on_error"), findings);
    }
    stated.inspect_first = written
        .inspect_first
        .and_then(|value| rate::bytes(value, &here.key("inspect_first"), findings));
    if let Some(raw) = written.sanity {
        stated.sanity = sanity::stated(raw, &here.key("sanity"), findings);
    }
    if let Some(raw) = written.limit {
        stated.limit = rate::rates(raw, &here.key("limit"), findings);
    }
    stated
}

fn network(raw: &raw::Network, stated: &mut Stated, here: &Here<'_>, findings: &mut Findings) {
    is_mapping(&raw.odd, raw::Network::KEYS, here, findings);
    let mut read = |value: &Option<Scalar>, key| {
        let value = value.as_ref()?;
        switch(value, &here.key(key), findings)
    };
    stated.arp = read(&raw.arp, "arp");
    stated.neighbour_discovery = read(&raw.neighbour_discovery, "neighbour_discovery");
    stated.dhcp = read(&raw.dhcp, "dhcp");
}

fn guards(
    raw: &raw::Guards,
    names: &Names<'_>,
    stated: &mut Stated,
    here: &Here<'_>,
    findings: &mut Findings,
) {
    is_mapping(&raw.odd, raw::Guards::KEYS, here, findings);
    let mut peers = |values: &Option<OneOrMany>, key| {
        let values = values.as_ref()?;
        peer::of_guard(values, names, &here.key(key), findings)
    };
    stated.dhcp_servers = peers(&raw.dhcp_servers, "dhcp_servers");
    stated.routers = peers(&raw.routers, "routers");
    stated.hold_port = raw.hold_port.as_ref().and_then(|value| {
        let here = here.key("hold_port");
        duration(value, Duration::ZERO, LONGEST_HOLD, &here, findings)
    });
}

fn fragments(value: &Scalar, here: &Here<'_>, findings: &mut Findings) -> Option<Fragments> {
    let choices = [("deny", Fragments::Deny), ("track", Fragments::Track)];
    choice(value, choices, here, findings)
}

/// One word for all failures, or one for each.
fn on_error(
    raw: &Either<raw::OnError>,
    stated: &mut Stated,
    here: &Here<'_>,
    findings: &mut Findings,
) {
    let choices = [("deny", false), ("allow", true)];
    let raw = match raw {
        Either::Scalar(value) => {
            let all = choice(value, choices, here, findings);
            (stated.bad_frame, stated.flow_table_full, stated.stream_lost) = (all, all, all);
            return;
        }
        Either::Mapping(raw) => raw,
    };
    is_mapping(&raw.odd, raw::OnError::KEYS, here, findings);
    let mut read = |value: &Option<Scalar>, key| {
        let value = value.as_ref()?;
        choice(value, choices, &here.key(key), findings)
    };
    stated.bad_frame = read(&raw.bad_frame, "bad_frame");
    stated.flow_table_full = read(&raw.flow_table_full, "flow_table_full");
    stated.stream_lost = read(&raw.stream_lost, "stream_lost");
}
