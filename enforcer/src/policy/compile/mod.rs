//! Compile stage: a valid policy becomes the lines that the kernel reads. A pure
//! function: the same policy gives the same bytes.

mod cells;
mod devices;
mod image;
mod peers;
mod services;

use std::fmt;

use enforcer_common::limits;
use enforcer_common::table::{
    CONTROL_EAPOL, CONTROL_LACP, CONTROL_LLDP, CONTROL_STP, PROFILE_ARP, PROFILE_DHCP,
    PROFILE_ENFORCE, PROFILE_NEIGHBOUR_DISCOVERY, ProfileLine, Settings,
};
use enforcer_common::verdict::Mode;
use sha2::{Digest as _, Sha256};

use super::model::{Defaults, Model, Network};
use cells::Cells;
use image::Image;
use peers::PeerClasses;
use services::ServiceClasses;

/// What the kernel reads, and what its numbers mean.
#[derive(Clone, PartialEq, Eq)]
pub struct Compiled {
    /// 64-byte lines, [`enforcer_common::table::Layout`] first.
    pub lines: Vec<[u64; 8]>,
    /// SHA-256 of the policy.
    pub digest: [u8; 32],
    /// Profile and rule, as indices in the model, of each rule number less one.
    pub rules: Vec<(usize, usize)>,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled")
            .field("lines", &self.lines.len())
            .finish_non_exhaustive()
    }
}

/// Why a valid policy cannot be put into tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    TooMany {
        what: &'static str,
        count: usize,
        limit: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { what, count, limit } => {
                write!(f, "the policy has {count} {what}; the tables hold {limit}")
            }
        }
    }
}

impl std::error::Error for Error {}

fn check(what: &'static str, count: usize, limit: u32) -> Result<(), Error> {
    let limit = limit as usize;
    if count > limit {
        Err(Error::TooMany { what, count, limit })
    } else {
        Ok(())
    }
}

/// Compiles a policy.
///
/// # Errors
/// When there are more devices, profiles, rules or classes than the tables number.
pub fn compile(model: &Model) -> Result<Compiled, Error> {
    let rules: Vec<(usize, usize)> = model
        .profiles
        .iter()
        .enumerate()
        .flat_map(|(profile, of)| (0..of.rules.len()).map(move |rule| (profile, rule)))
        .collect();
    check("devices", model.devices.len(), limits::DEVICES)?;
    check("profiles", model.profiles.len(), limits::PROFILES)?;
    check("rules", rules.len(), limits::RULES)?;

    let peers = PeerClasses::new(model);
    let services = ServiceClasses::new(model)?;
    let cells = Cells::new(model, &peers, &services);
    let digest = digest(model);

    let mut image = Image::new();
    image.place_devices(model);
    image.place_profiles(&profile_lines(model, &cells));
    image.place_peers(&peers);
    image.place_services(&services);
    image.place_cells(&cells);
    let lines = image.finish(settings(model), digest, model, rules.len());
    Ok(Compiled {
        lines,
        digest,
        rules,
    })
}

/// Number of a profile in the tables; 0 is unset.
fn profile_number(index: usize) -> u32 {
    index as u32 + 1
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

fn profile_lines(model: &Model, cells: &Cells) -> Vec<ProfileLine> {
    let mut lines = vec![ProfileLine::default()];
    for (index, profile) in model.profiles.iter().enumerate() {
        lines.push(ProfileLine {
            flags: profile_flags(profile.mode, profile.network),
            default_rows: cells.default_rows(index),
            ..ProfileLine::default()
        });
    }
    lines.push(ProfileLine {
        flags: profile_flags(model.defaults.mode, model.defaults.network),
        ..ProfileLine::default()
    });
    lines
}

fn profile_flags(mode: Mode, network: Network) -> u32 {
    sum([
        (mode == Mode::Enforce, PROFILE_ENFORCE),
        (network.arp, PROFILE_ARP),
        (network.neighbour_discovery, PROFILE_NEIGHBOUR_DISCOVERY),
        (network.dhcp, PROFILE_DHCP),
    ])
}

fn sum(flags: [(bool, u32); 4]) -> u32 {
    flags
        .iter()
        .filter(|(set, _)| *set)
        .map(|(_, flag)| flag)
        .sum()
}

fn settings(model: &Model) -> Settings {
    let Defaults {
        mode,
        unknown_devices,
        control_frames,
        timeouts,
        ..
    } = &model.defaults;
    let seconds = |duration: std::time::Duration| {
        u32::try_from(duration.as_secs()).unwrap_or(i32::MAX as u32)
    };
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
        reserved: [0; 4],
    }
}

/// SHA-256 over the policy's JSON form, which is the same for the same policy.
fn digest(model: &Model) -> [u8; 32] {
    struct Sink(Sha256);
    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut sink = std::io::BufWriter::with_capacity(1 << 16, Sink(Sha256::new()));
    // Neither the sink nor the types of a model can fail.
    let _ = serde_json::to_writer(&mut sink, model);
    match sink.into_inner() {
        Ok(sink) => sink.0.finalize().into(),
        Err(_) => [0; 32],
    }
}
