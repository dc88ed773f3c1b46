//! Every default of a policy by its path in the document, as text.

use enforcer_common::sanity::Set;

use crate::policy::describe;
use crate::policy::model::{Defaults, Model};

pub(super) fn texts(model: &Model) -> Vec<(&'static str, String)> {
    let Defaults {
        mode,
        unknown_devices,
        core_broadcast,
        network,
        guards,
        fragments,
        on_error,
        inspect_first,
        sanity,
        control_frames,
        timeouts,
        adopt_sessions,
        new_flows_per_second,
        events_per_second,
    } = &model.defaults;
    let profile = |index: &Option<usize>, otherwise: &str| match index {
        Some(index) => describe::profile_name(model, *index).to_owned(),
        None => otherwise.to_owned(),
    };
    let on_failure = |passes: bool| if passes { "allow" } else { "deny" }.to_owned();
    let level = |set: Set| sanity.of(set).label().to_owned();
    vec![
        ("mode", describe::mode(*mode).to_owned()),
        ("unknown_devices", profile(unknown_devices, "deny")),
        (
            "core_broadcast",
            profile(core_broadcast, "network services only"),
        ),
        ("network.arp", network.arp.to_string()),
        (
            "network.neighbour_discovery",
            network.neighbour_discovery.to_string(),
        ),
        ("network.dhcp", network.dhcp.to_string()),
        (
            "guards.dhcp_servers",
            describe::trusted(model, guards.dhcp_servers.as_deref()),
        ),
        (
            "guards.routers",
            describe::trusted(model, guards.routers.as_deref()),
        ),
        ("guards.hold_port", describe::duration(guards.hold_port)),
        ("fragments", describe::fragments(*fragments).to_owned()),
        ("on_error.bad_frame", on_failure(on_error.bad_frame)),
        (
            "on_error.flow_table_full",
            on_failure(on_error.flow_table_full),
        ),
        ("on_error.stream_lost", on_failure(on_error.stream_lost)),
        ("inspect_first", inspect_first.to_string()),
        ("sanity.tcp-stack", level(Set::TcpStack)),
        ("sanity.ip-stack", level(Set::IpStack)),
        ("sanity.ipv6-stack", level(Set::Ipv6Stack)),
        ("sanity.dhcp", level(Set::Dhcp)),
        ("sanity.dns", level(Set::Dns)),
        ("sanity.arp", level(Set::Arp)),
        ("control_frames.stp", control_frames.stp.to_string()),
        ("control_frames.lldp", control_frames.lldp.to_string()),
        ("control_frames.lacp", control_frames.lacp.to_string()),
        ("control_frames.eapol", control_frames.eapol.to_string()),
        (
            "timeouts.tcp_opening",
            describe::duration(timeouts.tcp_opening),
        ),
        (
            "timeouts.tcp_established",
            describe::duration(timeouts.tcp_established),
        ),
        (
            "timeouts.tcp_closing",
            describe::duration(timeouts.tcp_closing),
        ),
        ("timeouts.udp", describe::duration(timeouts.udp)),
        ("timeouts.icmp", describe::duration(timeouts.icmp)),
        ("timeouts.other", describe::duration(timeouts.other)),
        ("adopt_sessions", describe::duration(*adopt_sessions)),
        ("new_flows_per_second", new_flows_per_second.to_string()),
        ("events_per_second", events_per_second.to_string()),
    ]
}
