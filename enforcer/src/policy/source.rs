//! Reads a policy and the files it includes into a bundle. The only part of the
//! policy front end that touches the disk; looks at no more of the text than
//! where the other files are.

use std::collections::BTreeMap;
use std::fs::{self, File as Opened};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::diagnostic::Diagnostics;
use super::findings::Findings;
use super::lenient::Scalar;
use super::place::{Here, Place, Position, quoted};
use super::raw::Includes;
use super::{validate, yaml};

/// Bytes of one file of a policy.
pub const FILE_LIMIT: u64 = 64 << 20;

/// A policy's text: all that is needed to judge it, wherever that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    pub main: File,
    /// In the order of the main file's `include`.
    pub included: Vec<File>,
}

/// One file of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// As people know it; its ending tells YAML from CSV.
    pub path: String,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Yaml,
    Csv,
}

impl Bundle {
    /// All files, the main one first.
    pub(super) fn files(&self) -> Vec<&File> {
        std::iter::once(&self.main).chain(&self.included).collect()
    }
}

impl File {
    /// By the ending of its name; what is no `.csv` is YAML.
    pub(super) fn format(&self) -> Format {
        format_of(Path::new(&self.path)).unwrap_or(Format::Yaml)
    }

    /// The text without the byte order mark that some editors put first.
    pub(super) fn content(&self) -> &str {
        self.text.strip_prefix('\u{feff}').unwrap_or(&self.text)
    }
}

/// Reads the policy at `path` with what it includes.
pub(super) fn load(path: &Path) -> Result<Bundle, Diagnostics> {
    let mut findings = Findings::default();
    let mut main = File {
        path: path.display().to_string(),
        text: String::new(),
    };
    match read(path) {
        Ok(text) => main.text = text,
        Err(error) => {
            findings.error(Place::fixed(0, Position::default()), error);
            return Err(findings.into_diagnostics(&[&main]));
        }
    }
    let included = load_included(path, &main, &mut findings);
    if findings.errors() > 0 {
        return Err(findings.into_diagnostics(&[&main]));
    }
    Ok(Bundle { main, included })
}

fn load_included(path: &Path, main: &File, findings: &mut Findings) -> Vec<File> {
    // Most policies with very many devices include them; those that do not are
    // not read twice for it.
    if !main.text.contains("include") {
        return Vec::new();
    }
    // What is wrong with the main file itself is told when it is parsed.
    let Some(Includes {
        include: Some(include),
        ..
    }) = yaml::read(0, main.content(), &mut Findings::default())
    else {
        return Vec::new();
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut seen = BTreeMap::from([(identity(path), "the policy itself")]);
    let mut files = Vec::new();
    validate::each(&include, &Here::top(0).key("include"), |entry, here| {
        // What is no name is told when the policy is parsed.
        let Scalar::Text(entry) = entry else {
            return;
        };
        match load_one(&folder.join(entry), &mut seen) {
            Ok(file) => files.push(file),
            Err(error) => {
                findings.error(here, format!("{}: {error}", quoted(entry)));
            }
        }
    });
    files
}

/// Reads one included file; `seen` is what the files read so far are.
fn load_one(path: &Path, seen: &mut BTreeMap<PathBuf, &str>) -> Result<File, String> {
    if let Some(earlier) = seen.insert(identity(path), "included before") {
        return Err(format!("is {earlier}"));
    }
    if format_of(path).is_none() {
        return Err("is neither YAML (.yaml, .yml) nor CSV (.csv), going by its name".to_owned());
    }
    let text = read(path)?;
    Ok(File {
        path: path.display().to_string(),
        text,
    })
}

fn identity(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn format_of(path: &Path) -> Option<Format> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    match ending.as_str() {
        "yaml" | "yml" => Some(Format::Yaml),
        "csv" => Some(Format::Csv),
        _ => None,
    }
}

/// Reads one file, at most [`FILE_LIMIT`] of it whatever it claims to be.
fn read(path: &Path) -> Result<String, String> {
    let file = Opened::open(path).map_err(|error| explain(&error))?;
    let about = file.metadata().map_err(|error| explain(&error))?;
    if about.is_dir() {
        return Err("is a directory, not a file".to_owned());
    }
    let limit = format!("a file of a policy has at most {} MiB", FILE_LIMIT >> 20);
    if about.len() > FILE_LIMIT {
        return Err(format!(
            "{} bytes ({} MiB) are too many; {limit}",
            about.len(),
            about.len() >> 20
        ));
    }
    let mut bytes = Vec::new();
    // Pipes and devices have no size to ask for.
    file.take(FILE_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| explain(&error))?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(format!("does not end within {FILE_LIMIT} bytes; {limit}"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        format!("is not UTF-8 text: a wrong byte in line {line}")
    })
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read: permission denied".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
