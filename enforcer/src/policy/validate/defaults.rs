//! `defaults:`. Fills in what a policy leaves out. What profiles share with it is
//! read in `settings`.

use std::time::Duration;

use enforcer_common::verdict::Mode;

use super::super::findings::Findings;
use super::super::lenient::Scalar;
use super::super::model::{
    ControlFrames, Defaults, Fragments, Guards, INSPECT_FIRST, Limit, Network, OnError, Timeouts,
};
use super::super::place::{Here, quoted};
use super::super::raw::{self, Keys};
use super::super::sanity::Sanity;
use super::name::closest;
use super::scalar::{duration, expected, is_mapping, number, switch};
use super::settings::{self, Settings, Written};
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
        guards: Guards::default(),
        fragments: Fragments::Deny,
        on_error: OnError::default(),
        inspect_first: INSPECT_FIRST,
        sanity: Sanity::default(),
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
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Defaults {
    let mut defaults = builtin();
    let Some(raw) = raw else {
        return defaults;
    };
    is_mapping(&raw.odd, raw::Defaults::KEYS, here, findings);
    let written = Written {
        mode: raw.mode.as_ref(),
        network: raw.network.as_ref(),
        guards: raw.guards.as_ref(),
        fragments: raw.fragments.as_ref(),
        on_error: raw.on_error.as_ref(),
        inspect_first: raw.inspect_first.as_ref(),
        sanity: raw.sanity.as_ref(),
        ..Written::default()
    };
    let stated = settings::stated(written, names, here, findings);
    let settings = stated.over(&of_profiles(&defaults));
    defaults.mode = settings.mode;
    defaults.network = settings.network;
    defaults.guards = settings.guards;
    defaults.fragments = settings.fragments;
    defaults.on_error = settings.on_error;
    defaults.inspect_first = settings.inspect_first;
    defaults.sanity = settings.sanity;
    set(
        &mut defaults.unknown_devices,
        &raw.unknown_devices,
        |value| deny_or_profile(value, names, &here.key("unknown_devices"), findings),
    );
    set(&mut defaults.core_broadcast, &raw.core_broadcast, |value| {
        deny_or_profile(value, names, &here.key("core_broadcast"), findings)
    });
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

/// What holds for profiles that say nothing else.
pub(super) fn of_profiles(defaults: &Defaults) -> Settings {
    Settings {
        mode: defaults.mode,
        network: defaults.network,
        guards: defaults.guards.clone(),
        fragments: defaults.fragments,
        on_error: defaults.on_error,
        inspect_first: defaults.inspect_first,
        sanity: defaults.sanity,
        limit: Limit::default(),
        ethertypes: Vec::new(),
    }
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
    names: &Names<'_>,
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
