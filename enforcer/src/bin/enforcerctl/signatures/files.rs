//! The files that rules are read from: those that are named, and those in folders.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use enforcer::policy::source::FILE_LIMIT;

use crate::exit::Stop;

/// What files of rules in a folder end with.
const ENDING: &str = "rules";

/// A file of rules.
#[derive(Debug)]
pub(super) struct RuleFile {
    /// As people know it.
    pub(super) name: String,
    pub(super) text: Vec<u8>,
}

/// Reads what is named, and of a folder the files `*.rules`, by name.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<RuleFile>, Stop> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let found = in_folder(path).map_err(|error| unreadable(path, &error))?;
            if found.is_empty() {
                let folder = path.display();
                return Err(Stop::Failed(format!("no file *.{ENDING} in {folder}")));
            }
            for path in found {
                files.push(read_one(&path)?);
            }
        } else {
            files.push(read_one(path)?);
        }
    }
    Ok(files)
}

fn in_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) && !path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read_one(path: &Path) -> Result<RuleFile, Stop> {
    let name = path.display().to_string();
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_LIMIT + 1).read_to_end(&mut text))
        .map_err(|error| unreadable(path, &error))?;
    if text.len() as u64 > FILE_LIMIT {
        let most = FILE_LIMIT >> 20;
        return Err(Stop::Failed(format!("{name} is larger than {most} MiB")));
    }
    if let Some(place) = text.iter().position(|byte| *byte == 0) {
        let lines = text.iter().take(place).filter(|byte| **byte == b'\n');
        let line = lines.count() + 1;
        return Err(Stop::Failed(format!(
            "{name}:{line}: a byte of value 0: this is no file of rules"
        )));
    }
    Ok(RuleFile { name, text })
}

fn unreadable(path: &Path, error: &io::Error) -> Stop {
    Stop::Failed(format!("cannot read {}: {error}", path.display()))
}
