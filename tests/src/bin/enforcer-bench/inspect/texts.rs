//! The policy of the bench, and payloads that meet its filters or do not.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use enforcer::policy::model::{Model, Service};
use enforcer::policy::signature::{Signature, What};
use enforcer::policy::source::{Bundle, File};

/// What a payload is like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// No gram of a pattern: the filter lets it pass.
    Clean,
    /// Grams of a pattern at its beginning, and no pattern: all of it walks through the
    /// automaton.
    Forced,
    /// A gram of a pattern again and again, and nothing else of it: the filter meets it
    /// everywhere, in vain.
    Bluff,
}

/// A policy with so many patterns at each port, and the shipped signatures.
pub(super) fn bundle(ports: &[(u16, usize)]) -> Result<Bundle> {
    let shipped = shipped()?;
    let mut text = String::from(
        "version: 1\n\
         defaults: {new_flows_per_second: 0, events_per_second: 1, inspect_first: 0}\n\
         profiles:\n\
         \x20 tolerant: {on_error: allow, allow: [{to: any, tcp: any, udp: any}]}\n\
         \x20 strict: {on_error: deny, allow: [{to: any, tcp: any, udp: any}]}\n\
         devices:\n\
         \x20 - {name: one, mac: \"02:00:00:00:10:01\", ip: 10.0.0.1, profile: tolerant}\n\
         \x20 - {name: two, mac: \"02:00:00:00:10:02\", ip: 10.0.0.2, profile: strict}\n\
         include:\n",
    );
    // Writing to a string cannot fail.
    for file in &shipped {
        let _ = writeln!(text, "  - {}", file.path);
    }
    text.push_str("signatures:\n");
    let mut number = 0;
    for (port, patterns) in ports {
        for _ in 0..*patterns {
            let pattern = pattern(number);
            let _ = writeln!(
                text,
                "  - {{name: b{number}, id: {}, tcp: {port}, udp: {port}, find: [{{text: \"{pattern}\"}}]}}",
                100_000 + number
            );
            number += 1;
        }
    }
    Ok(Bundle {
        main: File {
            path: "bench.yaml".to_owned(),
            text,
        },
        included: shipped,
    })
}

/// The shipped signatures.
pub(crate) fn shipped() -> Result<Vec<File>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/signatures");
    let mut shipped = Vec::new();
    for entry in std::fs::read_dir(&folder).context("no shipped signatures")? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        shipped.push(File {
            path: format!("signatures/{name}"),
            text: std::fs::read_to_string(&path)?,
        });
    }
    shipped.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(shipped)
}

/// Lets signatures that are for TCP be looked for in datagrams too, which can be sent
/// again and again.
pub(super) fn widen(model: &mut Model) {
    for signature in &mut model.signatures {
        let ports = signature
            .services
            .iter()
            .filter_map(|service| match service {
                Service::Tcp(first, last) => Some(Service::Udp(*first, *last)),
                _ => None,
            });
        let ports: Vec<Service> = ports.collect();
        for port in ports {
            if !signature.services.contains(&port) {
                signature.services.push(port);
            }
        }
    }
}

/// Refuses a clean payload that bears a gram of a pattern, or the figure would mean
/// something else.
pub(super) fn ensure_clean(model: &Model, port: u16, payload: &[u8]) -> Result<()> {
    let at_port = model.signatures.iter().filter(|signature| {
        let mut services = signature.services.iter();
        services.any(|service| matches!(service, Service::Udp(a, b) if (*a..=*b).contains(&port)))
    });
    let patterns: Vec<&[u8]> = at_port.flat_map(bytes).collect();
    let generated = patterns.iter().all(|pattern| pattern.len() >= 11);
    let payload = payload.to_ascii_lowercase();
    for gram in payload.windows(if generated { 8 } else { 4 }) {
        let met = patterns.iter().any(|pattern| {
            let mut windows = pattern.windows(gram.len());
            windows.any(|window| window.eq_ignore_ascii_case(gram))
        });
        ensure!(!met, "the clean payload for port {port} is not clean");
    }
    Ok(())
}

fn bytes(signature: &Signature) -> impl Iterator<Item = &[u8]> {
    signature.parts.iter().filter_map(|part| match &part.what {
        What::Bytes { bytes, .. } => Some(bytes.as_slice()),
        _ => None,
    })
}

/// Letters that follow from the number, 16 of them.
pub(crate) fn pattern(number: u64) -> String {
    let letters = letters(number * 2 + 1, 16).into_iter();
    letters.map(char::from).collect()
}

/// Letters that look random, from a seed (xorshift64*, Vigna 2016).
pub(crate) fn letters(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let letters = (0..count).map(|_| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let number = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        b'a' + (number % 26) as u8
    });
    letters.collect()
}

/// The last gram that the filter knows of a pattern, of the first one whose beginning has no
/// letter twice: there its grams are taken from.
fn last_gram(first: u64) -> Vec<u8> {
    let mut patterns = (first..).map(|number| pattern(number).into_bytes());
    let beginning = patterns.find_map(|pattern| {
        let beginning = pattern.get(..11)?.to_vec();
        let twice = |place: usize| beginning[..place].contains(&beginning[place]);
        (!(1..11).any(twice)).then_some(beginning)
    });
    beginning.map_or_else(Vec::new, |bytes| bytes[3..].to_vec())
}

/// `first` is the number of the first pattern at the port.
pub(super) fn payload(size: usize, text: Text, first: usize) -> Vec<u8> {
    let mut payload = letters(2, size);
    let pattern = pattern(first as u64).into_bytes();
    match text {
        Text::Clean => {}
        // All but its last letter, so that some gram of it is there.
        Text::Forced => {
            payload[..15].copy_from_slice(&pattern[..15]);
            payload[15] = b'0';
        }
        Text::Bluff => {
            let gram = last_gram(first as u64);
            for place in payload.chunks_exact_mut(8) {
                place.copy_from_slice(&gram);
            }
        }
    }
    payload
}
