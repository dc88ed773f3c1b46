//! The shipped signatures: every file of them compiles when it is included, names and
//! numbers are unique, references can be followed, and docs/signatures.md tells of all.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod pack;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use enforcer::policy::compile::compile;
use enforcer::policy::describe;
use enforcer::policy::model::Model;
use enforcer::policy::parse;
use enforcer::policy::signature::Signature;
use enforcer::policy::source::{Bundle, File};

const POLICY: &str = "version: 1";
/// Numbers that each file has for itself.
const BLOCK: u32 = 100;

fn model(bundle: &Bundle) -> Model {
    match parse(bundle) {
        Ok((model, warnings)) => {
            assert!(warnings.is_empty(), "{warnings}");
            model
        }
        Err(errors) => panic!("{errors}"),
    }
}

fn all() -> Vec<Signature> {
    model(&pack::including(POLICY, &pack::files())).signatures
}

#[test]
fn every_file_compiles_by_itself_and_with_the_others() {
    let files = pack::files();
    let mut count = 0;
    for file in &files {
        let model = model(&pack::including(POLICY, std::slice::from_ref(file)));
        assert!(!model.signatures.is_empty(), "{}", file.display());
        compile(&model).expect("a file of the pack fits the tables");
        count += model.signatures.len();
    }
    let model = model(&pack::including(POLICY, &files));
    assert_eq!(model.signatures.len(), count);
    compile(&model).expect("the pack fits the tables");
}

#[test]
fn files_hold_signatures_alone_and_name_their_sources() {
    for file in pack::files() {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("# Source"), "{}", file.display());
        let keys = text
            .lines()
            .filter(|line| line.starts_with(|sign: char| sign.is_ascii_alphabetic()));
        assert_eq!(keys.collect::<Vec<_>>(), ["signatures:"]);
    }
}

#[test]
fn names_are_unique_and_numbers_come_in_blocks() {
    let mut names = BTreeSet::new();
    let mut blocks = BTreeMap::new();
    for file in pack::files() {
        let model = model(&pack::including(POLICY, std::slice::from_ref(&file)));
        let mut last = 0;
        for signature in &model.signatures {
            let (name, id) = (&signature.name, signature.id);
            assert!(names.insert(name.clone()), "{name} stands twice");
            assert!(id > 1000 && id > last, "the number of {name}");
            last = id;
            let block = (id - 1) / BLOCK;
            let owner = blocks.entry(block).or_insert_with(|| file.clone());
            assert_eq!(*owner, file, "the number of {name}");
        }
        let own = blocks.values().filter(|owner| **owner == file).count();
        assert_eq!(own, 1, "{} has one block", file.display());
    }
}

#[test]
fn every_signature_says_what_it_tells_of_and_where_that_is_stated() {
    for signature in all() {
        let name = &signature.name;
        assert!(!signature.message.is_empty(), "{name} has no message");
        assert!(!signature.references.is_empty(), "{name} has no reference");
        for reference in &signature.references {
            assert!(is_reference(reference), "{name}: {reference}");
        }
    }
}

/// A CVE, an advisory of CISA, or an address.
fn is_reference(text: &str) -> bool {
    let digits = |text: &str, count: std::ops::RangeInclusive<usize>| {
        count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let fields: Vec<&str> = text.split('-').collect();
    match fields[..] {
        ["CVE", year, number] => digits(year, 4..=4) && digits(number, 4..=7),
        ["ICSA" | "ICSMA", year, day, number] => {
            let number = number.trim_end_matches(|sign: char| sign.is_ascii_uppercase());
            digits(year, 2..=2) && digits(day, 3..=3) && digits(number, 2..=2)
        }
        _ => {
            let address = text.strip_prefix("https://");
            address.is_some_and(|rest| rest.contains('.') && !rest.contains([' ', '|']))
        }
    }
}

#[test]
fn references_are_told_from_other_texts() {
    for good in [
        "CVE-2017-0144",
        "CVE-2021-44228",
        "ICSMA-21-215-01",
        "ICSA-15-125-01B",
        "https://bacnet.org/",
    ] {
        assert!(is_reference(good), "{good}");
    }
    for bad in [
        "",
        "CVE-2017-144",
        "CVE-17-0144",
        "CVE-2017-01444444",
        "ICSMA-21-21-01",
        "ICSX-21-215-01",
        "http://bacnet.org/",
        "https://nowhere",
        "BACnet, clause 21",
    ] {
        assert!(!is_reference(bad), "{bad}");
    }
}

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/signatures.md");
    std::fs::read_to_string(path).expect("docs/signatures.md")
}

#[test]
fn the_document_lists_the_pack() {
    let mut pack = all();
    pack.sort_by_key(|signature| signature.id);
    let expected: Vec<String> = pack.iter().map(row).collect();
    let text = document();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches('|').count() == 7);
    let rows: Vec<&str> = rows.collect();
    assert!(
        rows == expected,
        "the table of docs/signatures.md should be\n{}",
        expected.join("\n")
    );
}

fn row(signature: &Signature) -> String {
    let services = describe::signature_services(signature).join(", ");
    format!(
        "| `{}` | {} | {} | {services} | {}, {} | {} |",
        signature.name,
        signature.id,
        signature.message,
        describe::action(signature.action),
        describe::severity(signature.severity),
        signature.references.join(", ")
    )
}

#[test]
fn policies_in_the_document_are_valid() {
    let text = document();
    let mut fences = text.split("```yaml\n").skip(1);
    let mut checked = 0;
    for fence in fences.by_ref() {
        let (policy, _) = fence.split_once("```").unwrap();
        let files = pack::files();
        let included = files
            .iter()
            .filter(|file| policy.contains(&pack::name(file)));
        let included: Vec<_> = included.cloned().collect();
        let bundle = Bundle {
            main: File {
                path: "docs/signatures.md".to_owned(),
                text: policy.to_owned(),
            },
            ..pack::including(POLICY, &included)
        };
        compile(&model(&bundle)).unwrap();
        checked += 1;
    }
    assert!(checked > 0);
}
