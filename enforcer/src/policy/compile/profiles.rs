//! Lines of profiles: what they say besides their rules.

use enforcer_common::limits;
use enforcer_common::sanity::{LEVEL_ALERT, LEVEL_DROP, LEVEL_OFF, Set};
use enforcer_common::table::{
    PROFILE_ARP, PROFILE_DHCP, PROFILE_DHCP_SERVERS, PROFILE_ENFORCE, PROFILE_NAMES,
    PROFILE_NEIGHBOUR_DISCOVERY, PROFILE_PASS_BAD_FRAME, PROFILE_PASS_FLOW_TABLE_FULL,
    PROFILE_PASS_STREAM_LOST, PROFILE_ROUTERS, PROFILE_TRACK_FRAGMENTS, ProfileLine,
};
use enforcer_common::verdict::Mode;

use super::cells::Cells;
use super::signatures::ProfileClasses;
use super::{seconds, sum};
use crate::policy::model::{Fragments, Guards, Model, Network, OnError, Peer, Profile};
use crate::policy::sanity::{Level, Sanity};

pub(super) fn lines(model: &Model, cells: &Cells, classes: &ProfileClasses) -> Vec<ProfileLine> {
    let mut lines = vec![ProfileLine::default()];
    for (index, profile) in model.profiles.iter().enumerate() {
        lines.push(ProfileLine {
            signatures: classes.column(index),
            ..profile_line(profile, cells.default_rows(index))
        });
    }
    // The compiler's own, for broadcast from the core side.
    let defaults = &model.defaults;
    lines.push(ProfileLine {
        flags: profile_flags(
            defaults.mode,
            defaults.network,
            &defaults.guards,
            defaults.fragments,
            defaults.on_error,
        ),
        default_rows: cells.default_rows(model.profiles.len()),
        inspect_first: defaults.inspect_first,
        sanity: sanity_levels(defaults.sanity),
        ..ProfileLine::default()
    });
    lines
}

fn profile_line(profile: &Profile, default_rows: [u32; 2]) -> ProfileLine {
    let mut flags = profile_flags(
        profile.mode,
        profile.network,
        &profile.guards,
        profile.fragments,
        profile.on_error,
    );
    let mut peers = profile.rules.iter().flat_map(|rule| &rule.peers);
    if peers.any(|peer| matches!(peer, Peer::Name(_))) {
        flags |= PROFILE_NAMES;
    }
    let mut ethertypes = [0; limits::ETHERTYPES];
    for (place, ethertype) in ethertypes.iter_mut().zip(&profile.ethertypes) {
        *place = *ethertype;
    }
    ProfileLine {
        flags,
        default_rows,
        packets: profile.limit.packets,
        bytes: profile.limit.bytes,
        flows: profile.limit.flows,
        hold_port: seconds(profile.guards.hold_port),
        inspect_first: profile.inspect_first,
        sanity: sanity_levels(profile.sanity),
        ethertypes,
        ..ProfileLine::default()
    }
}

fn profile_flags(
    mode: Mode,
    network: Network,
    guards: &Guards,
    fragments: Fragments,
    on_error: OnError,
) -> u32 {
    sum([
        (mode == Mode::Enforce, PROFILE_ENFORCE),
        (network.arp, PROFILE_ARP),
        (network.neighbour_discovery, PROFILE_NEIGHBOUR_DISCOVERY),
        (network.dhcp, PROFILE_DHCP),
        (guards.dhcp_servers.is_some(), PROFILE_DHCP_SERVERS),
        (guards.routers.is_some(), PROFILE_ROUTERS),
        (fragments == Fragments::Track, PROFILE_TRACK_FRAGMENTS),
        (on_error.bad_frame, PROFILE_PASS_BAD_FRAME),
        (on_error.flow_table_full, PROFILE_PASS_FLOW_TABLE_FULL),
        (on_error.stream_lost, PROFILE_PASS_STREAM_LOST),
    ])
}

/// Two bits a set.
fn sanity_levels(sanity: Sanity) -> u32 {
    let levels = Set::ALL.into_iter().map(|set| {
        let level = match sanity.of(set) {
            Level::Off => LEVEL_OFF,
            Level::Alert => LEVEL_ALERT,
            Level::Drop => LEVEL_DROP,
        };
        level << (2 * set as u32)
    });
    levels.sum()
}
