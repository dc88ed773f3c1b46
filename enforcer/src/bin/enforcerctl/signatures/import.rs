//! `signatures import`: rules of another language, as a file for a policy to include.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use enforcer::policy::signature::{Action, Signature};
use enforcer::signatures::suricata::{Imported, Importer, Loaded, Refused};
use enforcer::signatures::yaml;
use serde::Serialize;

use super::files::{RuleFile, read};
use super::told::tell;
use crate::exit::Stop;
use crate::render::Output;

/// Of the JSON document; a key may be added without a new one.
const VERSION: u32 = 1;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Files of rules; of a folder, all files *.rules in it
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What follows a hit, of all signatures [default: what each rule says, where
    /// `reject` is to drop]
    #[arg(long, value_name = "ACTION")]
    action: Option<Follows>,
    /// Also load rules that are commented out
    #[arg(long)]
    disabled: bool,
    /// List every rule that was refused, with the reason
    #[arg(long)]
    pub(super) refused: bool,
    /// End with code 1 if any rule was refused
    #[arg(long)]
    strict: bool,
}

/// What follows a hit.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Follows {
    /// It is counted and reported
    Alert,
    /// The packet is dropped as well
    Drop,
    /// And so is the rest of its flow, in both directions
    Cut,
}

impl From<Follows> for Action {
    fn from(follows: Follows) -> Self {
        match follows {
            Follows::Alert => Self::Alert,
            Follows::Drop => Self::Drop,
            Follows::Cut => Self::Cut,
        }
    }
}

/// What became of the rules of one file.
#[derive(Debug)]
pub(super) struct OfFile {
    pub(super) file: String,
    pub(super) imported: Imported,
}

/// As JSON.
#[derive(Debug, Serialize)]
struct Document<'a> {
    version: u32,
    files: Vec<FileEntry<'a>>,
    /// Rules that were not passed over.
    total: usize,
    loaded: usize,
    by_keyword: BTreeMap<&'a str, usize>,
    signatures: Vec<SignatureEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct FileEntry<'a> {
    file: &'a str,
    loaded: usize,
    refused: &'a [Refused],
    disabled: usize,
    narrowed: usize,
}

#[derive(Debug, Serialize)]
struct SignatureEntry<'a> {
    file: &'a str,
    line: u32,
    narrowed: bool,
    #[serde(flatten)]
    signature: &'a Signature,
}

pub(super) fn import(arguments: &Arguments, output: &Output) -> Result<(), Stop> {
    let files = read(&arguments.files)?;
    let files = imported(files, arguments);
    if output.is_json() {
        output.json(&document(&files))?;
    } else {
        let signatures = loaded(&files).map(|(_, loaded)| &loaded.signature);
        let text =
            yaml::document(signatures, &[]).map_err(|error| Stop::Failed(error.to_string()))?;
        output.raw(text.as_bytes())?;
        tell(&files, arguments.refused, output)?;
    }
    let stop = |complaint: String| match output.is_json() {
        true => Stop::Told(1),
        false => Stop::Failed(complaint),
    };
    match (loaded(&files).count(), refused(&files).count()) {
        (_, 0) => Ok(()),
        (0, _) => Err(stop("no rule was loaded".to_owned())),
        (_, 1) if arguments.strict => Err(stop("1 rule was refused".to_owned())),
        (_, refused) if arguments.strict => Err(stop(format!("{refused} rules were refused"))),
        _ => Ok(()),
    }
}

fn imported(files: Vec<RuleFile>, arguments: &Arguments) -> Vec<OfFile> {
    let mut importer = match arguments.disabled {
        true => Importer::with_disabled(),
        false => Importer::default(),
    };
    let files = files.into_iter().map(|RuleFile { name, text }| {
        let mut imported = importer.import(&text);
        if let Some(action) = arguments.action {
            for loaded in &mut imported.loaded {
                loaded.signature.action = action.into();
            }
        }
        OfFile {
            file: name,
            imported,
        }
    });
    files.collect()
}

/// Loaded rules with their files.
pub(super) fn loaded(files: &[OfFile]) -> impl Iterator<Item = (&str, &Loaded)> {
    files.iter().flat_map(|OfFile { file, imported }| {
        let loaded = imported.loaded.iter();
        loaded.map(|loaded| (file.as_str(), loaded))
    })
}

/// Refused rules with their files.
pub(super) fn refused(files: &[OfFile]) -> impl Iterator<Item = (&str, &Refused)> {
    files.iter().flat_map(|OfFile { file, imported }| {
        let refused = imported.refused.iter();
        refused.map(|refused| (file.as_str(), refused))
    })
}

/// How many rules each keyword stood in the way of.
pub(super) fn by_keyword(files: &[OfFile]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for of in files {
        for (keyword, count) in of.imported.by_keyword() {
            *counts.entry(keyword).or_default() += count;
        }
    }
    counts
}

fn document(files: &[OfFile]) -> Document<'_> {
    let signatures: Vec<_> = loaded(files)
        .map(|(file, loaded)| SignatureEntry {
            file,
            line: loaded.line,
            narrowed: loaded.narrowed,
            signature: &loaded.signature,
        })
        .collect();
    Document {
        version: VERSION,
        files: files.iter().map(file_entry).collect(),
        total: signatures.len() + refused(files).count(),
        loaded: signatures.len(),
        by_keyword: by_keyword(files),
        signatures,
    }
}

fn file_entry(OfFile { file, imported }: &OfFile) -> FileEntry<'_> {
    FileEntry {
        file,
        loaded: imported.loaded.len(),
        refused: &imported.refused,
        disabled: imported.disabled,
        narrowed: imported.narrowed(),
    }
}
