//! Policy: YAML → raw → validate → model → compile → install. Pure but for
//! reading the files.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

pub mod application;
pub mod calendar;
pub mod canary;
pub mod compile;
pub mod describe;
pub mod diagnostic;
pub mod diff;
pub mod model;
pub mod places;
pub mod sanity;
pub mod schema;
pub mod signature;
pub mod source;

mod findings;
mod lenient;
mod lint;
mod locate;
mod numbers;
mod place;
mod raw;
mod rows;
mod validate;
mod yaml;

#[cfg(test)]
mod tests;

use diagnostic::Diagnostics;
use findings::Findings;
use lenient::{OneOrMany, Scalar};
use model::Model;
use place::Here;
use source::{Bundle, File, Format};
use validate::{Listed, Sources};

/// Reads the policy at `path` and the files it includes. Fails on what cannot
/// be read; what the text says is judged by [`parse`].
pub fn load(path: &Path) -> Result<Bundle, Diagnostics> {
    source::load(path)
}

/// Judges a policy: the model and what deserves a warning, or all that is wrong
/// with it. Takes no second look at the disk.
pub fn parse(bundle: &Bundle) -> Result<(Model, Diagnostics), Diagnostics> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(0, |since| {
        u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
    });
    parse_at(bundle, now)
}

/// As [`parse`], at another time than now: Unix time, UTC. Time changes what is
/// warned of, never the model.
pub fn parse_at(bundle: &Bundle, now: u32) -> Result<(Model, Diagnostics), Diagnostics> {
    let mut findings = Findings::default();
    let model = read(bundle, &mut findings)
        .and_then(|sources| validate::validate(&sources, now, &mut findings));
    let failed = findings.errors() > 0;
    let diagnostics = findings.into_diagnostics(&bundle.files());
    match model {
        Some(model) if !failed => Ok((model, diagnostics)),
        _ => Err(diagnostics),
    }
}

/// Tests of a policy that failed, by index and with a message each, in their places.
pub fn failed_tests(bundle: &Bundle, failures: &[(usize, String)]) -> Diagnostics {
    let mut findings = Findings::default();
    let top = Here::top(0);
    let tests = top.key("tests");
    for (index, message) in failures {
        findings.error(&tests.index(*index), message);
    }
    findings.into_diagnostics(&bundle.files())
}

/// Text → raw, for all files. `None` if the main file is no YAML.
fn read(bundle: &Bundle, findings: &mut Findings) -> Option<Sources> {
    let main = yaml::read::<raw::Document>(0, bundle.main.content(), findings);
    let (mut devices, mut signatures) = (Vec::new(), Vec::new());
    for (number, file) in (1..).zip(&bundle.included) {
        let (listed, of_file) = read_included(number, file, findings);
        devices.push((number, listed));
        signatures.extend(of_file.map(|list| (number, list)));
    }
    let mut main = main?;
    check_include(&main, bundle, findings);
    if let Some(list) = main.devices.take() {
        devices.insert(0, (0, listed(list, 0, findings)));
    }
    if let Some(list) = main.signatures.take() {
        signatures.insert(0, (0, list));
    }
    Some(Sources {
        main,
        devices,
        signatures,
    })
}

/// Devices and signatures of an included file.
fn read_included(
    number: usize,
    file: &File,
    findings: &mut Findings,
) -> (Listed, Option<lenient::List<raw::Signature>>) {
    if file.format() == Format::Csv {
        return (rows::read(number, file.content(), findings), None);
    }
    let Some(raw) = yaml::read::<raw::Document>(number, file.content(), findings) else {
        return (Vec::new(), None);
    };
    validate::only_lists(&raw, number, findings);
    let devices = raw
        .devices
        .map_or_else(Vec::new, |list| listed(list, number, findings));
    (devices, raw.signatures)
}

fn listed(list: lenient::List<raw::Device>, number: usize, findings: &mut Findings) -> Listed {
    validate::is_list(&list, &Here::top(number).key("devices"), findings);
    list.items.into_iter().enumerate().collect()
}

/// Whether the bundle holds what the main file includes: it may come from
/// elsewhere than [`load`].
fn check_include(main: &raw::Document, bundle: &Bundle, findings: &mut Findings) {
    let top = Here::top(0);
    let here = top.key("include");
    let mut entries = 0;
    let before = findings.errors();
    // `include:` with nothing behind it is no mistake.
    if let Some(include) = main
        .include
        .as_ref()
        .filter(|include| !matches!(include, OneOrMany::One(Scalar::Null)))
    {
        validate::each(include, &here, |value, here| {
            entries += 1;
            if !matches!(value, Scalar::Text(_)) {
                findings.error(
                    here,
                    format!("expected the name of a file, found {}", value.kind()),
                );
            }
        });
    }
    if entries != bundle.included.len() && findings.errors() == before {
        let message = format!(
            "{entries} files are included, but {} came with the policy",
            bundle.included.len()
        );
        findings.error(here.key_place(), message);
    }
}
