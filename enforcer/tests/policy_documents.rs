//! Every example of a policy that people may copy, from `policies/` and from the
//! reference, is a policy without errors.

use std::fs;
use std::path::{Path, PathBuf};

use enforcer::policy;
use enforcer::policy::source::{Bundle, File};

/// The files of the repository, seen from this package.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_example_policy_loads() {
    let mut checked = 0;
    for entry in fs::read_dir(root().join("policies")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let bundle = policy::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
        let (model, warnings) = policy::parse(&bundle).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(warnings.is_empty(), "{warnings}");
        assert!(
            model.devices.len() >= 2,
            "{} shows no devices",
            path.display()
        );
        assert!(
            bundle.main.text.contains("Source"),
            "{} names no source",
            path.display()
        );
        checked += 1;
    }
    assert!(checked >= 5);
}

#[test]
fn every_policy_in_the_reference_is_valid() {
    let text = fs::read_to_string(root().join("docs/policy.md")).unwrap();
    let mut checked = 0;
    for (line, fence) in fences(&text) {
        let main = File {
            path: format!("docs/policy.md, fence at line {line}"),
            text: fence,
        };
        // The reference shows what an included file holds in text fences.
        let bundle = Bundle {
            main,
            included: Vec::new(),
        };
        if let Err(errors) = policy::parse(&bundle) {
            panic!("{errors}");
        }
        checked += 1;
    }
    assert!(checked >= 5);
}

/// The ```yaml fences of a document, each with its line.
fn fences(text: &str) -> Vec<(usize, String)> {
    let mut fences = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim() == "```yaml" {
            let body = lines
                .by_ref()
                .map(|(_, line)| line)
                .take_while(|line| line.trim() != "```");
            fences.push((number + 1, body.flat_map(|line| [line, "\n"]).collect()));
        }
    }
    fences
}
