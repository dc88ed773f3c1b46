//! Settings of the whole policy, for the kernel.

use enforcer_common::table::{
    CONTROL_EAPOL, CONTROL_LACP, CONTROL_LLDP, CONTROL_STP, LEARN_ADDRESSES, LEARN_NAMES, Settings,
};
use enforcer_common::verdict::Tolerance;

use super::{profile_number, seconds, sum};
use crate::policy::model::{Defaults, Model, OnError, Peer};

pub(super) fn settings(model: &Model) -> Settings {
    let Defaults {
        mode,
        unknown_devices,
        control_frames,
        timeouts,
        ..
    } = &model.defaults;
    Settings {
        unknown_profile: unknown_devices.map_or(0, profile_number),
        broadcast_profile: broadcast_profile(model),
        mode: *mode as u32,
        control_frames: sum([
            (control_frames.stp, CONTROL_STP),
            (control_frames.lldp, CONTROL_LLDP),
            (control_frames.lacp, CONTROL_LACP),
            (control_frames.eapol, CONTROL_EAPOL),
        ]),
        tcp_opening: seconds(timeouts.tcp_opening),
        tcp_established: seconds(timeouts.tcp_established),
        tcp_closing: seconds(timeouts.tcp_closing),
        udp: seconds(timeouts.udp),
        icmp: seconds(timeouts.icmp),
        other: seconds(timeouts.other),
        new_flows_per_second: model.defaults.new_flows_per_second,
        events_per_second: model.defaults.events_per_second,
        tolerance: tolerance(model.defaults.on_error),
        opened: 0,
        learning: learning(model),
        inspection: 0,
    }
}

/// Number of the profile that judges broadcast from the core side: the one the
/// policy names, else one of our own that allows network services alone.
fn broadcast_profile(model: &Model) -> u32 {
    profile_number(
        model
            .defaults
            .core_broadcast
            .unwrap_or(model.profiles.len()),
    )
}

/// What user space must learn for the policy to work.
fn learning(model: &Model) -> u32 {
    let rules = || model.profiles.iter().flat_map(|profile| &profile.rules);
    let mut peers = rules().flat_map(|rule| &rule.peers);
    sum([
        (
            model.devices.iter().any(|device| device.dhcp_address),
            LEARN_ADDRESSES,
        ),
        (peers.any(|peer| matches!(peer, Peer::Name(_))), LEARN_NAMES),
    ])
}

/// Failures that pass where no device answers for the frame.
fn tolerance(on_error: OnError) -> u32 {
    sum([
        (on_error.bad_frame, Tolerance::BAD_FRAME.0.into()),
        (
            on_error.flow_table_full,
            Tolerance::FLOW_TABLE_FULL.0.into(),
        ),
        (on_error.stream_lost, Tolerance::STREAM_LOST.0.into()),
    ])
}
