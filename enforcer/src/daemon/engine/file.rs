//! Whether the files of the policy in force are still what they were when it was
//! applied: a file that was edited and not applied surprises at the next apply.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::SystemTime;

use super::Engine;
use crate::policy::source::{Bundle, FILE_LIMIT, File};

/// What the files looked like when they were last read.
#[derive(Debug, Default)]
pub(super) struct Seen {
    looks: Vec<Look>,
    hash: String,
    differs: Option<PathBuf>,
}

/// Path, size and time of change.
type Look = (PathBuf, u64, Option<SystemTime>);

impl Engine {
    /// The file that differs from the policy in force, where one does. Reads files
    /// anew only where their size, time or the policy changed.
    pub(in crate::daemon) fn differing_file(&self) -> Option<PathBuf> {
        let running = self.running()?;
        let mut seen = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = looks(&running.bundle);
        if seen.looks != looks || seen.hash != running.hash {
            *seen = Seen {
                differs: differing(&running.bundle),
                hash: running.hash.clone(),
                looks,
            };
        }
        seen.differs.clone()
    }

    /// Says so in the log.
    pub(super) fn look_at_file(&self) {
        if let Some(path) = self.differing_file() {
            tracing::warn!(path = %path.display(), "the file is no longer the policy in force");
        }
    }
}

/// Files named by an absolute path: others mean nothing here.
fn files(bundle: &Bundle) -> impl Iterator<Item = (&Path, &File)> {
    let files = std::iter::once(&bundle.main).chain(&bundle.included);
    files
        .map(|file| (Path::new(&file.path), file))
        .filter(|(path, _)| path.is_absolute())
}

fn looks(bundle: &Bundle) -> Vec<Look> {
    let look = |(path, _): (&Path, &File)| {
        let about = std::fs::metadata(path).ok()?;
        Some((path.to_owned(), about.len(), about.modified().ok()))
    };
    files(bundle).filter_map(look).collect()
}

fn differing(bundle: &Bundle) -> Option<PathBuf> {
    let differs = |(path, file): &(&Path, &File)| {
        // A file that is gone, or that the daemon may not read, says nothing.
        let Ok(about) = std::fs::metadata(path) else {
            return false;
        };
        if !about.is_file() || about.len() > FILE_LIMIT {
            return about.is_file();
        }
        std::fs::read(path).is_ok_and(|text| text != file.text.as_bytes())
    };
    files(bundle).find(differs).map(|(path, _)| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_of_other_content_differs() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("policy.yaml");
        let file = |path: &Path| File {
            path: path.display().to_string(),
            text: "version: 1\n".into(),
        };
        let bundle = Bundle {
            main: file(&path),
            included: vec![file(Path::new("relative.yaml"))],
        };
        assert_eq!(differing(&bundle), None, "gone");
        std::fs::write(&path, "version: 1\n").unwrap();
        assert_eq!(differing(&bundle), None);
        std::fs::write(&path, "version: 2\n").unwrap();
        assert_eq!(differing(&bundle), Some(path));
    }
}
