//! Rules in Suricata's language that the enforcer and Suricata both load, and payloads
//! that bear none of their texts.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use enforcer::policy::source::File;
use enforcer::signatures::{suricata, yaml};

use super::policy::INSPECTED;
pub(super) use crate::inspect::texts::{letters, pattern};

/// Rules that are written where no file of rules is given.
const RULES: u64 = 500;

/// Rules of the bench's own: texts of 16 letters, whatever their case.
pub(super) fn own() -> String {
    let mut rules = String::new();
    for number in 0..RULES {
        // Writing to a string cannot fail.
        let _ = writeln!(
            rules,
            "drop udp any any -> any {INSPECTED} (msg:\"bench {number}\"; content:\"{}\"; nocase; sid:{}; rev:1;)",
            pattern(number),
            1_000_000 + number
        );
    }
    rules
}

/// The rules that the enforcer loads of a text, as a file for its policy and as the lines
/// that Suricata is given; and how many there are.
pub(super) struct Rules {
    pub(super) file: File,
    pub(super) text: String,
    pub(super) count: usize,
    /// Whether they are the bench's own.
    pub(super) own: bool,
}

impl Rules {
    /// `path` is a file of rules or a folder of such files.
    pub(super) fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self {
                own: true,
                ..Self::of(&own())?
            });
        };
        let mut paths = vec![path.to_owned()];
        if path.is_dir() {
            let entries = path
                .read_dir()?
                .map(|entry| entry.map(|entry| entry.path()));
            paths = entries.collect::<Result<_, _>>()?;
            paths.retain(|path| path.extension().is_some_and(|end| end == "rules"));
            paths.sort();
        }
        let mut text = String::new();
        for path in paths {
            let bytes = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            text.push_str(&String::from_utf8_lossy(&bytes));
            text.push('\n');
        }
        Self::of(&text)
    }

    fn of(text: &str) -> Result<Self> {
        let mut imported = suricata::import(text);
        ensure!(
            !imported.loaded.is_empty(),
            "the enforcer loads none of these rules"
        );
        imported
            .loaded
            .truncate(enforcer_common::limits::SIGNATURES as usize);
        let lines: Vec<&str> = text.lines().collect();
        let mut loaded = String::new();
        for rule in &imported.loaded {
            // A rule that goes on in further lines says so by a backslash.
            for line in lines.iter().skip(rule.line as usize - 1) {
                loaded.push_str(line);
                loaded.push('\n');
                if !line.trim_end().ends_with('\\') {
                    break;
                }
            }
        }
        let signatures: Vec<_> = imported.loaded.iter().map(|rule| &rule.signature).collect();
        Ok(Self {
            count: signatures.len(),
            file: File {
                path: "rules.yaml".to_owned(),
                text: yaml::document(signatures, &[])?,
            },
            text: loaded,
            own: false,
        })
    }
}
