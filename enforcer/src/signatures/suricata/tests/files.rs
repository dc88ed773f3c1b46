//! Rules as they are published, if some are at hand: beside the repository, or where
//! `ENFORCER_RULES` says.

use std::path::{Path, PathBuf};

use super::*;
use crate::policy::parse;
use crate::policy::source::{Bundle, File};
use crate::signatures::yaml;

fn rules() -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/rules");
    let root = std::env::var_os("ENFORCER_RULES").map_or(beside, PathBuf::from);
    let mut directories = vec![root];
    let mut files = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "rules")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The text with the rules that are disabled in force.
fn enabled(text: &str) -> String {
    let line = |line: &str| {
        let rule = line.trim_start_matches(['#', ' ']);
        let is_rule = Rule::lex(rule).is_ok();
        format!("{}\n", if is_rule { rule } else { line })
    };
    text.lines().map(line).collect()
}

/// Asserts that a policy which has them written down has the same signatures.
fn check_written(loaded: &[Loaded]) {
    let signatures = || loaded.iter().map(|loaded| &loaded.signature);
    let text = yaml::document(signatures(), &[]).unwrap();
    let main = File {
        path: "p.yaml".into(),
        text: format!("version: 1\n{text}"),
    };
    let bundle = Bundle {
        main,
        included: Vec::new(),
    };
    let (model, _) = parse(&bundle).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(model.signatures.iter().eq(signatures()));
}

#[test]
fn published_rules() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let (mut loaded, mut narrowed, mut refused) = (0, 0, 0);
    for path in rules() {
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let imported = import(&text);
        let all = import(&enabled(&text));
        println!(
            "{}: {}, {} disabled; with those {}",
            path.display(),
            imported.summary(),
            imported.disabled,
            all.summary()
        );
        assert_eq!(all.disabled, 0, "{}", path.display());
        assert_eq!(
            all.loaded.len() + all.refused.len(),
            imported.loaded.len() + imported.refused.len() + imported.disabled
        );
        let lexed = all
            .refused
            .iter()
            .all(|refused| refused.keyword != "syntax");
        assert!(lexed, "{}", path.display());
        check_written(&all.loaded);
        loaded += all.loaded.len();
        narrowed += all.loaded.iter().filter(|loaded| loaded.narrowed).count();
        refused += all.refused.len();
        for (keyword, count) in all.by_keyword() {
            *counts.entry(keyword.to_owned()).or_default() += count;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    println!(
        "{loaded} of {} loaded, {narrowed} of them narrowed",
        loaded + refused
    );
    for (keyword, count) in counts {
        println!("{count:6} {keyword}");
    }
}
