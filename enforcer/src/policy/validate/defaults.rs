//! `defaults:` and the two mappings that profiles share with it, `network` and
//! `mode`. Fills in what a policy leaves out.

use std::time::Duration;

use enforcer_common::verdict::Mode;

use super::super::findings::Findings;
use super::super::lenient::Scalar;
use super::super::model::{ControlFrames, Defaults, Network, Timeouts};
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::name::closest;
use super::scalar::{duration, expected, is_mapping, mode, number, switch};
use super::{Names, profile_named};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 3_600);
const LONGEST_ADOPTION: Duration = HOUR;
/// More than any device creates or anybody reads: a higher figure is a slip.
const HIGHEST_RATE: u32 = 1_000_000;

/// What holds where a policy says nothing. Times are the least that RFC 5382
/// (TCP), RFC 4787 (UDP) and RFC 5508 (ICMP) ask of a device that keeps state.
fn builtin() -> Defaults {
    Defaults {
        mode: Mode::Enforce,
        unknown_devices: None,
        core_broadcast: None,
        network: Network {
            arp: true,
            neighbour_discovery: true,
            dhcp: true,
        },
        control_frames: ControlFrames {
            stp: true,
            lldp: true,
            lacp: false,
            eapol: false,
        },
        timeouts: Timeouts {
            tcp_opening: MINUTE,
            tcp_established: 2 * HOUR + 5 * MINUTE,
            tcp_closing: MINUTE / 2,
            udp: 2 * MINUTE,
            icmp: MINUTE,
            other: 2 * MINUTE,
        },
        adopt_sessions: 5 * MINUTE,
        new_flows_per_second: 500,
        events_per_second: 10,
    }
}

pub(super) fn defaults(
    raw: Option<&raw::Defaults>,
    names: &Names,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Defaults {
    let mut defaults = builtin();
    let Some(raw) = raw else {
        return defaults;
    };
    is_mapping(&raw.odd, raw::Defaults::KEYS, here, findings);
    set(&mut defaults.mode, &raw.mode, |value| {
        mode(value, &here.key("mode"), findings)
    });
    set(
        &mut defaults.unknown_devices,
        &raw.unknown_devices,
        |value| deny_or_profile(value, names, &here.key("unknown_devices"), findings),
    );
    set(&mut defaults.core_broadcast, &raw.core_broadcast, |value| {
        deny_or_profile(value, names, &here.key("core_broadcast"), findings)
    });
    defaults.network = network(
        raw.network.as_ref(),
        defaults.network,
        &here.key("network"),
        findings,
    );
    if let Some(raw) = &raw.control_frames {
        control_frames(
            raw,
            &mut defaults.control_frames,
            &here.key("control_frames"),
            findings,
        );
    }
    if let Some(raw) = &raw.timeouts {
        timeouts(raw, &mut defaults.timeouts, &here.key("timeouts"), findings);
    }
    set(&mut defaults.adopt_sessions, &raw.adopt_sessions, |value| {
        duration(
            value,
            Duration::ZERO,
            LONGEST_ADOPTION,
            &here.key("adopt_sessions"),
            findings,
        )
    });
    set(
        &mut defaults.new_flows_per_second,
        &raw.new_flows_per_second,
        |value| {
            number(
                value,
                HIGHEST_RATE,
                &here.key("new_flows_per_second"),
                findings,
            )
        },
    );
    set(
        &mut defaults.events_per_second,
        &raw.events_per_second,
        |value| {
            number(
                value,
                HIGHEST_RATE,
                &here.key("events_per_second"),
                findings,
            )
        },
    );
    defaults
}

/// `network:` of the defaults or of a profile, over what holds without it.
pub(super) fn network(
    raw: Option<&raw::Network>,
    otherwise: Network,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Network {
    let mut network = otherwise;
    if let Some(raw) = raw {
        is_mapping(&raw.odd, raw::Network::KEYS, here, findings);
        switches(
            here,
            findings,
            [
                (&mut network.arp, &raw.arp, "arp"),
                (
                    &mut network.neighbour_discovery,
                    &raw.neighbour_discovery,
                    "neighbour_discovery",
                ),
                (&mut network.dhcp, &raw.dhcp, "dhcp"),
            ],
        );
    }
    network
}

fn control_frames(
    raw: &raw::ControlFrames,
    frames: &mut ControlFrames,
    here: &Here<'_>,
    findings: &mut Findings,
) {
    is_mapping(&raw.odd, raw::ControlFrames::KEYS, here, findings);
    switches(
        here,
        findings,
        [
            (&mut frames.stp, &raw.stp, "stp"),
            (&mut frames.lldp, &raw.lldp, "lldp"),
            (&mut frames.lacp, &raw.lacp, "lacp"),
            (&mut frames.eapol, &raw.eapol, "eapol"),
        ],
    );
}

fn timeouts(
    raw: &raw::Timeouts,
    timeouts: &mut Timeouts,
    here: &Here<'_>,
    findings: &mut Findings,
) {
    is_mapping(&raw.odd, raw::Timeouts::KEYS, here, findings);
    let fields = [
        (&mut timeouts.tcp_opening, &raw.tcp_opening, "tcp_opening"),
        (
            &mut timeouts.tcp_established,
            &raw.tcp_established,
            "tcp_established",
        ),
        (&mut timeouts.tcp_closing, &raw.tcp_closing, "tcp_closing"),
        (&mut timeouts.udp, &raw.udp, "udp"),
        (&mut timeouts.icmp, &raw.icmp, "icmp"),
        (&mut timeouts.other, &raw.other, "other"),
    ];
    for (field, value, key) in fields {
        set(field, value, |value| {
            duration(
                value,
                Duration::from_secs(1),
                LONGEST_TIMEOUT,
                &here.key(key),
                findings,
            )
        });
    }
}

fn switches<const COUNT: usize>(
    here: &Here<'_>,
    findings: &mut Findings,
    fields: [(&mut bool, &Option<Scalar>, &str); COUNT],
) {
    for (field, value, key) in fields {
        set(field, value, |value| {
            switch(value, &here.key(key), findings)
        });
    }
}

/// Replaces a default by a value that is given and right.
fn set<T>(field: &mut T, value: &Option<Scalar>, convert: impl FnOnce(&Scalar) -> Option<T>) {
    if let Some(value) = value.as_ref().and_then(convert) {
        *field = value;
    }
}

fn deny_or_profile(
    value: &Scalar,
    names: &Names,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<Option<usize>> {
    let Scalar::Text(text) = value else {
        expected("deny or the name of a profile", value, here, findings);
        return None;
    };
    if text == "deny" {
        return Some(None);
    }
    if let Some(index) = profile_named(text, names) {
        return Some(Some(index));
    }
    findings
        .error(
            here,
            format!("neither deny nor a profile: {}", quoted(text)),
        )
        .suggest(|| {
            closest(
                text,
                names.profiles.keys().map(String::as_str).chain(["deny"]),
            )
        });
    None
}
