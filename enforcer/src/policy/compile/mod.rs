//! Compile stage: a valid policy becomes the lines that the kernel reads. A pure
//! function: the same policy gives the same bytes.

mod applications;
mod cells;
mod conditions;
mod devices;
mod groups;
mod image;
mod peers;
mod ports;
mod services;
pub mod signatures;

use std::fmt;
use std::mem::offset_of;

use enforcer_common::limits;
use enforcer_common::sanity::{LEVEL_ALERT, LEVEL_DROP, LEVEL_OFF, Set};
use enforcer_common::signature::InspectionLine;
use enforcer_common::table::{
    CONTROL_EAPOL, CONTROL_LACP, CONTROL_LLDP, CONTROL_STP, LEARN_ADDRESSES, LEARN_NAMES,
    PROFILE_ARP, PROFILE_DHCP, PROFILE_DHCP_SERVERS, PROFILE_ENFORCE, PROFILE_NAMES,
    PROFILE_NEIGHBOUR_DISCOVERY, PROFILE_PASS_BAD_FRAME, PROFILE_PASS_FLOW_TABLE_FULL,
    PROFILE_PASS_STREAM_LOST, PROFILE_ROUTERS, PROFILE_TRACK_FRAGMENTS, PortPlaces, ProfileLine,
    Settings, Windows,
};
use enforcer_common::verdict::{Mode, Tolerance};
use sha2::{Digest as _, Sha256};

use self::signatures::ProfileClasses;
use super::calendar;
use super::model::{Defaults, Fragments, Guards, Model, Network, OnError, Peer, Profile};
use super::sanity::{Level, Sanity};
use applications::Applications;
use cells::Cells;
pub use conditions::Scheduled;
use groups::Groups;
use image::Image;
use peers::PeerClasses;
use services::ServiceClasses;
pub use signatures::GroupSize;

/// What the kernel reads, and what its numbers mean.
#[derive(Clone, PartialEq, Eq)]
pub struct Compiled {
    /// 64-byte lines, [`enforcer_common::table::Layout`] first.
    pub lines: Vec<[u64; 8]>,
    /// Lines of memory that [`enforcer_common::automata`] reads.
    pub automata: Vec<[u64; 8]>,
    /// SHA-256 of the policy.
    pub digest: [u8; 32],
    /// Profile and rule, as indices in the model, of each rule number less one.
    pub rules: Vec<(usize, usize)>,
    /// Names of the ports that the policy speaks of, in the order of their numbers
    /// from 1.
    pub ports: Vec<String>,
    /// What rules call the devices of each group of peers.
    pub groups: Vec<Vec<Peer>>,
    /// Rules whose calendars must be kept up to date.
    pub scheduled: Vec<Scheduled>,
    /// What is looked for together, and what that takes.
    pub inspected: Vec<GroupSize>,
}

impl Compiled {
    /// Says at which place in the counters each port stands.
    pub fn place_ports<'n>(&mut self, ports: impl IntoIterator<Item = (&'n str, u32)>) {
        let Some(line) = self.ports_line() else {
            return;
        };
        let mut places = PortPlaces([0; 64]);
        for (name, place) in ports {
            let number = self.ports.iter().position(|port| port == name);
            if let (Some(number), Some(place)) = (number, places.0.get_mut(place as usize)) {
                *place = number as u8 + 1;
            }
        }
        self.lines[line] = image::words(&places);
    }

    /// Takes the key by which bytes of a stream that come again are known.
    pub fn take_key(&mut self, key: u64) {
        let line = image::settings(&self.lines).inspection as usize;
        if line != 0 {
            let place = offset_of!(InspectionLine, key) / size_of::<u64>();
            self.lines[line][place] = key;
        }
    }

    /// Fills the windows of rules with a schedule, as they stand at `now` (Unix time).
    pub fn wind(&mut self, model: &Model, now: u32) {
        for scheduled in &self.scheduled {
            let (profile, rule) = scheduled.rule;
            let rule = &model.profiles[profile].rules[rule];
            let windows = Windows(calendar::intervals(rule, now));
            self.lines[scheduled.line as usize] = image::words(&windows);
        }
    }

    /// Bytes of all of it.
    pub fn bytes(&self) -> usize {
        (self.lines.len() + self.automata.len()) * size_of::<[u64; 8]>()
    }

    fn ports_line(&self) -> Option<usize> {
        let line = image::layout(&self.lines).ports as usize;
        (line != 0).then_some(line)
    }
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
    /// What is wrong with the signatures, in a sentence.
    Signatures(String),
    /// Which rules speak differently of the same, in a sentence.
    Applications(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { what, count, limit } => {
                write!(f, "the policy has {count} {what}; the tables hold {limit}")
            }
            Self::Signatures(error) | Self::Applications(error) => f.write_str(error),
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
/// When there are more devices, profiles, rules or classes than the tables number,
/// or too many rules with conditions allow the same, or when two let different things be
/// said over the same flows.
pub fn compile(model: &Model) -> Result<Compiled, Error> {
    let rules: Vec<(usize, usize)> = model
        .profiles
        .iter()
        .enumerate()
        .flat_map(|(profile, of)| (0..of.rules.len()).map(move |rule| (profile, rule)))
        .collect();
    check("devices", model.devices.len(), limits::DEVICES)?;
    check("profiles", model.profiles.len(), limits::PROFILES)?;
    // One number more is the guards'.
    check("rules", rules.len(), limits::RULES - 1)?;
    check("signatures", model.signatures.len(), limits::SIGNATURES)?;

    let peers = PeerClasses::new(model);
    let groups = Groups::new(model);
    let services = ServiceClasses::new(model)?;
    let cells = Cells::new(model, rules.len(), &peers, &groups, &services)?;
    let ports = ports::names(model);
    check("ports", ports.len(), limits::POLICY_PORTS as u32)?;
    let digest = digest(model);

    let mut image = Image::new();
    image.place_devices(model, &groups, &ports);
    let applications = Applications::new(&mut image, model);
    let (rule_lines, scheduled) = conditions::place(&mut image, model, &rules, &applications);
    image.place_rules(rule_lines, rules.len());
    image.place_alternatives(&cells.alternatives);
    let first_port = ports::place(&mut image, model, &ports);
    image.place_ports(first_port);
    let classes = ProfileClasses::new(model);
    image.place_profiles(&profile_lines(model, &cells, &classes));
    image.place_peers(&peers);
    image.place_services(&services);
    image.place_cells(&cells);
    let inspected = signatures::place(
        &mut image,
        model,
        &services,
        &applications,
        &groups,
        &classes,
    )?;
    let settings = Settings {
        inspection: inspected.line,
        ..settings(model)
    };
    let lines = image.finish(settings, digest, model, rules.len());
    Ok(Compiled {
        lines,
        automata: inspected.automata,
        digest,
        rules,
        ports,
        groups: groups.peers,
        scheduled,
        inspected: inspected.sizes,
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

fn profile_lines(model: &Model, cells: &Cells, classes: &ProfileClasses) -> Vec<ProfileLine> {
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

fn sum<const N: usize>(flags: [(bool, u32); N]) -> u32 {
    flags
        .iter()
        .filter(|(set, _)| *set)
        .map(|(_, flag)| flag)
        .sum()
}

fn seconds(duration: std::time::Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(i32::MAX as u32)
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

fn settings(model: &Model) -> Settings {
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
