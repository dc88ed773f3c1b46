//! What rules let be said becomes lines: each distinct application once.

use std::collections::BTreeMap;

use enforcer_common::application::{
    ApplicationLine, LIST_LINES, SPEAKS_BACNET, SPEAKS_DICOM, SPEAKS_HL7, SPEAKS_MODBUS, Said,
    said_hash,
};

use super::image::Image;
use crate::policy::application::{Application, NAMES};
use crate::policy::model::Model;

const _: () = assert!(NAMES == LIST_LINES as usize * size_of::<Said>() / size_of::<u64>());

/// The applications of a policy, and what rules call them.
pub(super) struct Applications {
    lines: Vec<ApplicationLine>,
    numbers: BTreeMap<String, u32>,
}

impl Applications {
    /// Places the lists of all rules.
    pub(super) fn new(image: &mut Image, model: &Model) -> Self {
        let mut all = Self {
            lines: Vec::new(),
            numbers: BTreeMap::new(),
        };
        let rules = model.profiles.iter().flat_map(|profile| &profile.rules);
        for application in rules.filter_map(|rule| rule.application.as_ref()) {
            let next = all.lines.len() as u32 + 1;
            all.numbers
                .entry(application.describe())
                .or_insert_with(|| {
                    all.lines.push(line(image, application));
                    next
                });
        }
        all
    }

    /// Number of a rule's application; 0 where it has none.
    pub(super) fn number(&self, application: Option<&Application>) -> u32 {
        application
            .and_then(|application| self.numbers.get(&application.describe()))
            .copied()
            .unwrap_or(0)
    }

    pub(super) fn count(&self) -> usize {
        self.lines.len()
    }

    /// First of their lines.
    pub(super) fn place(&self, image: &mut Image) -> u32 {
        image.place(&self.lines)
    }
}

fn line(image: &mut Image, application: &Application) -> ApplicationLine {
    // What has no bits of its own is not held to any.
    let mut line = ApplicationLine {
        bits: bits(&[]),
        ..ApplicationLine::default()
    };
    let lists: Vec<&[String]> = match application {
        Application::Dicom { called, calling } => {
            line.kind = SPEAKS_DICOM;
            vec![called, calling]
        }
        Application::Hl7 {
            application,
            facility,
            message,
        } => {
            line.kind = SPEAKS_HL7;
            vec![application, facility, message]
        }
        Application::Modbus { functions } => {
            line.kind = SPEAKS_MODBUS;
            line.bits = bits(functions);
            vec![]
        }
        Application::Bacnet { services } => {
            line.kind = SPEAKS_BACNET;
            line.bits = bits(services);
            vec![]
        }
    };
    for (place, names) in lists.into_iter().enumerate() {
        let hashes: Vec<u64> = names
            .iter()
            .map(|name| said_hash(name.as_bytes()))
            .collect();
        let said: Vec<Said> = hashes
            .chunks(8)
            .map(|chunk| {
                let mut said = Said::default();
                said.0[..chunk.len()].copy_from_slice(chunk);
                said
            })
            .collect();
        line.lines[place] = said.len() as u32;
        line.lists[place] = image.place(&said);
    }
    line
}

/// A bit for each number; for all where there is none.
fn bits(numbers: &[u8]) -> [u64; 4] {
    if numbers.is_empty() {
        return [u64::MAX; 4];
    }
    let mut bits = [0; 4];
    for number in numbers {
        bits[usize::from(number >> 6)] |= 1 << (number & 63);
    }
    bits
}
