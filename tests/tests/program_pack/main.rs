//! The shipped signatures, one by one, in the kernel and in user space: each finds what
//! it is for, in one segment and byte by byte, by its own name alone, and nothing is
//! found in its neighbours, messages that differ in one field that decides. The modules
//! compose them, by theme; no signature of the pack is without.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod industrial;
mod log4shell;
mod medical;
mod rdp;
mod rpc;
mod smb;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use enforcer::policy::signature::Action;
use enforcer::policy::source::{Bundle, File};
use enforcer_common::port::Side;
use enforcer_common::verdict::{Fate, Reason};
use enforcer_tests::program::ward::{self, Family};
use enforcer_tests::program::{Outcome, Rig, Talk};

const PACK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/signatures");

/// Lets a device talk to the engine by all that the pack looks at.
const POLICY: &str = r#"
version: 1
defaults: {new_flows_per_second: 0}
profiles:
  device:
    allow:
      - {name: engine, to: 10.20.0.10, tcp: any, udp: any}
devices:
  - {name: bound, mac: "02:00:00:00:00:01", ip: 10.10.0.1, profile: device}
"#;

/// Who says something, to or from a port of the engine.
#[derive(Clone, Copy, Debug)]
enum Said {
    /// What the end that began the connection says.
    Asked(u16),
    /// What the engine answers.
    Answered(u16),
    /// A datagram to the engine.
    Datagram(u16),
}

/// What a signature finds, and what no signature does.
struct Row {
    name: &'static str,
    said: Said,
    found: Vec<Vec<u8>>,
    neighbours: Vec<Vec<u8>>,
}

impl Row {
    fn new(
        name: &'static str,
        said: Said,
        found: impl IntoIterator<Item = Vec<u8>>,
        neighbours: impl IntoIterator<Item = Vec<u8>>,
    ) -> Self {
        Self {
            name,
            said,
            found: found.into_iter().collect(),
            neighbours: neighbours.into_iter().collect(),
        }
    }
}

fn rows() -> Vec<Row> {
    let themes = [
        smb::rows(),
        rdp::rows(),
        log4shell::rows(),
        rpc::rows(),
        accounts::rows(),
        industrial::rows(),
        medical::rows(),
    ];
    themes.into_iter().flatten().collect()
}

fn bundle() -> Bundle {
    let mut names: Vec<String> = fs::read_dir(Path::new(PACK))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    names.sort();
    let included = names.iter().map(|name| File {
        path: name.clone(),
        text: fs::read_to_string(Path::new(PACK).join(name)).unwrap(),
    });
    Bundle {
        included: included.collect(),
        main: File {
            path: "policy.yaml".to_owned(),
            text: format!("{POLICY}include: [{}]\n", names.join(", ")),
        },
    }
}

/// The pack in force, and a port for each new flow.
struct Bench {
    rig: Rig,
    port: u16,
}

impl Bench {
    fn new() -> Self {
        let rig = Rig::of(&bundle());
        Self { rig, port: 1024 }
    }

    /// Says it in pieces of so many bytes until one does not pass, and tells what became
    /// of each.
    fn say(&mut self, said: Said, text: &[u8], piece: usize) -> Vec<Outcome> {
        self.port += 1;
        let (Said::Asked(service) | Said::Answered(service) | Said::Datagram(service)) = said;
        if let Said::Datagram(_) = said {
            let from = (ward::device(Family::V4, ward::BOUND), self.port);
            let to = (ward::engine(Family::V4), service);
            let frame = ward::outward(ward::BOUND).datagram(from, to, text);
            return vec![self.rig.send(Side::Device, &frame)];
        }
        let rig = &mut self.rig;
        let mut talk = Talk::open_to(rig, ward::BOUND, Family::V4, self.port, service);
        let mut outcomes = Vec::new();
        for piece in text.chunks(piece) {
            let outcome = match said {
                Said::Answered(_) => talk.server_goes_on(rig, piece),
                _ => talk.client_goes_on(rig, piece),
            };
            let passes = outcome.fate == Fate::Allow;
            outcomes.push(outcome);
            if !passes {
                break;
            }
        }
        outcomes
    }

    /// In one piece, and byte by byte.
    fn say_both_ways(&mut self, said: Said, text: &[u8]) -> [Vec<Outcome>; 2] {
        [text.len(), 1].map(|piece| self.say(said, text, piece))
    }
}

#[test]
fn every_signature_finds_what_it_is_for_by_its_own_name() {
    let mut bench = Bench::new();
    for row in rows() {
        let signatures = &bench.rig.model.signatures;
        let signature = signatures.iter().find(|of| of.name == row.name);
        let action = signature.expect(row.name).action;
        assert!(!row.found.is_empty(), "{} finds nothing", row.name);
        for text in &row.found {
            for outcomes in bench.say_both_ways(row.said, text) {
                let told = outcomes.iter().filter_map(|of| of.signature.as_deref());
                assert_eq!(told.collect::<Vec<_>>(), [row.name], "{text:02x?}");
                let of_it = outcomes.iter().find(|of| of.signature.is_some()).unwrap();
                let expected = match action {
                    Action::Alert => (Fate::Allow, Reason::Established),
                    Action::Drop | Action::Cut => (Fate::Deny, Reason::Signature),
                };
                if let Said::Datagram(_) = row.said {
                    assert_eq!(of_it.fate, expected.0, "{}: {of_it:?}", row.name);
                } else {
                    assert_eq!((of_it.fate, of_it.reason), expected, "{}", row.name);
                }
            }
        }
    }
}

#[test]
fn nothing_is_found_in_neighbours() {
    let mut bench = Bench::new();
    for row in rows() {
        assert!(!row.neighbours.is_empty(), "{} has no neighbour", row.name);
        for text in &row.neighbours {
            for outcomes in bench.say_both_ways(row.said, text) {
                for outcome in outcomes {
                    let told = (outcome.fate, outcome.signature.as_deref());
                    assert_eq!(told, (Fate::Allow, None), "{}: {outcome:?}", row.name);
                }
            }
        }
    }
}

#[test]
fn every_signature_has_a_row() {
    let (model, _) = enforcer::policy::parse(&bundle()).unwrap_or_else(|error| panic!("{error}"));
    let pack: BTreeSet<&str> = model.signatures.iter().map(|of| of.name.as_str()).collect();
    let rows = rows();
    let rows: BTreeSet<&str> = rows.iter().map(|row| row.name).collect();
    assert_eq!(
        pack, rows,
        "the pack (left) and what is tested of it (right)"
    );
}

/// A message, but for one byte.
fn but(message: &[u8], place: usize, byte: u8) -> Vec<u8> {
    let mut message = message.to_vec();
    message[place] = byte;
    message
}

/// Bytes one behind the other.
fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}
