//! Compile stage: a valid policy becomes the lines that the kernel reads. A pure
//! function: the same policy gives the same bytes.

mod applications;
mod cells;
mod compiled;
mod conditions;
mod devices;
mod groups;
mod image;
mod peers;
mod ports;
mod profiles;
mod services;
mod settings;
pub mod signatures;

use std::fmt;

use enforcer_common::limits;
use enforcer_common::table::Settings;
use sha2::{Digest as _, Sha256};

use self::signatures::ProfileClasses;
use super::model::Model;
use applications::Applications;
use cells::Cells;
pub use compiled::Compiled;
pub use conditions::Scheduled;
use groups::Groups;
use image::Image;
use peers::PeerClasses;
use services::ServiceClasses;
use settings::settings;
pub use signatures::GroupSize;

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
    image.place_profiles(&profiles::lines(model, &cells, &classes));
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
