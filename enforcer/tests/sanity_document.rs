//! docs/signatures.md tells of every sanity predicate what the program tests and tells.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;

use enforcer::policy::describe;
use enforcer::policy::sanity::facts;
use enforcer_common::sanity::Predicate;

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/signatures.md");
    std::fs::read_to_string(path).expect("docs/signatures.md")
}

/// A row, but for what benign traffic may do so.
fn row(predicate: Predicate) -> String {
    let facts = facts(predicate);
    format!(
        "| `{}` | {} | {} | {} | ",
        predicate.label(),
        facts.tests,
        describe::severity(facts.severity),
        facts.references.join(", ")
    )
}

#[test]
fn the_document_lists_the_predicates() {
    let text = document();
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| {
            line.starts_with("| `") && line.contains("/") && line.matches('|').count() == 6
        })
        .collect();
    assert_eq!(rows.len(), Predicate::ALL.len());
    for (found, predicate) in rows.iter().zip(Predicate::ALL) {
        let benign = found.strip_prefix(&row(*predicate));
        assert!(
            benign.is_some_and(|benign| benign.len() > " |".len()),
            "the row should begin with\n{}",
            row(*predicate)
        );
    }
}

#[test]
fn references_can_be_followed() {
    for predicate in Predicate::ALL {
        let facts = facts(*predicate);
        assert!(!facts.references.is_empty(), "{predicate:?}");
        assert!(
            !facts.message.is_empty() && !facts.tests.contains("  "),
            "{predicate:?}"
        );
        for reference in facts.references {
            let is_cve = reference.strip_prefix("CVE-").is_some_and(|rest| {
                rest.split_once('-').is_some_and(|(year, number)| {
                    year.len() == 4
                        && number.len() >= 4
                        && (year.to_owned() + number)
                            .bytes()
                            .all(|byte| byte.is_ascii_digit())
                })
            });
            assert!(is_cve || reference.starts_with("https://"), "{reference}");
        }
    }
}
