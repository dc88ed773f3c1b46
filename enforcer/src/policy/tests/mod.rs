//! Tests of the policy front end as a whole: text in, model or messages out.

use super::diagnostic::Diagnostics;
use super::model::Model;
use super::source::{Bundle, File};
use super::{load, parse, parse_at};

mod applications;
mod distances;
mod errors;
mod expectations;
mod hostile;
mod inheritance;
mod peers;
mod ports;
mod properties;
mod sanity;
mod settings;
mod signatures;
mod sources;
mod times;
mod valid;

/// A policy that says nothing wrong, to build on.
const HEAD: &str = "version: 1\n";

fn bundle(text: &str) -> Bundle {
    Bundle {
        main: File {
            path: "p.yaml".into(),
            text: text.into(),
        },
        included: Vec::new(),
    }
}

fn with_devices(text: &str, path: &str, devices: &str) -> Bundle {
    let included = vec![File {
        path: path.into(),
        text: devices.into(),
    }];
    Bundle {
        included,
        ..bundle(&format!("{text}include: {path}\n"))
    }
}

fn model(text: &str) -> (Model, Vec<String>) {
    match parse(&bundle(text)) {
        Ok((model, warnings)) => (model, lines(&warnings)),
        Err(errors) => panic!("{errors}\nin\n{text}"),
    }
}

fn errors(text: &str) -> Vec<String> {
    failures(&bundle(text))
}

fn failures(bundle: &Bundle) -> Vec<String> {
    match parse(bundle) {
        Ok(_) => panic!("no error in\n{}", bundle.main.text),
        Err(errors) => lines(&errors),
    }
}

fn lines(diagnostics: &Diagnostics) -> Vec<String> {
    diagnostics.iter().map(ToString::to_string).collect()
}

/// A policy with one profile, `p`, that has these rules, from line 5 on.
fn with_rules(rules: &[&str]) -> String {
    let rules: String = rules
        .iter()
        .map(|rule| format!("      - {rule}\n"))
        .collect();
    format!("{HEAD}profiles:\n  p:\n    allow:\n{rules}")
}

/// Asserts the exact lines that a policy is answered with.
#[track_caller]
fn expect(text: &str, expected: &[&str]) {
    assert_eq!(errors(text), expected, "in\n{text}");
}
