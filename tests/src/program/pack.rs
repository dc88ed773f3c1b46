//! Files of the shipped signatures in force in the rig, and what becomes there of what a
//! device or its server says.

use enforcer::policy::source::{Bundle, File};
use enforcer_common::port::Side;
use enforcer_common::verdict::Fate;

use super::ward::{self, Family};
use super::{Outcome, Rig, Talk};
use crate::pack::{PackFile, Said};

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

/// The policy that includes these files.
pub fn bundle(files: &[PackFile]) -> Bundle {
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let included = files.iter().map(|file| File {
        path: file.name.clone(),
        text: file.text.clone(),
    });
    Bundle {
        included: included.collect(),
        main: File {
            path: "policy.yaml".to_owned(),
            text: format!("{POLICY}include: [{}]\n", names.join(", ")),
        },
    }
}

/// Signatures in force, and a port for each new flow.
#[expect(missing_debug_implementations, reason = "nobody prints a rig")]
pub struct Bench {
    pub rig: Rig,
    port: u16,
}

impl Bench {
    pub fn new(files: &[PackFile]) -> Self {
        let rig = Rig::of(&bundle(files));
        Self { rig, port: 1024 }
    }

    /// Says it in pieces of so many bytes until one does not pass, and tells what became
    /// of each.
    pub fn say(&mut self, said: Said, text: &[u8], piece: usize) -> Vec<Outcome> {
        self.port += 1;
        let service = said.port();
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
}
