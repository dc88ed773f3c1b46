//! The shipped signatures, `policies/signatures/`, as tests of several kinds read them.

use std::fs;
use std::path::{Path, PathBuf};

use enforcer::policy::source::{Bundle, File};

/// The files, in order of name.
pub(crate) fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/signatures");
    let entries = fs::read_dir(folder).expect("the folder of the pack");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    assert!(!files.is_empty());
    files
}

/// A policy that includes some of them.
pub(crate) fn including(policy: &str, files: &[PathBuf]) -> Bundle {
    let names: Vec<String> = files.iter().map(|path| name(path)).collect();
    let included = files.iter().map(|path| File {
        path: name(path),
        text: fs::read_to_string(path).unwrap(),
    });
    let main = File {
        path: "policy.yaml".to_owned(),
        text: format!("{policy}\ninclude: [{}]\n", names.join(", ")),
    };
    Bundle {
        main,
        included: included.collect(),
    }
}

/// `signatures/smb.yaml`, as a policy beside the folder writes it.
pub(crate) fn name(path: &Path) -> String {
    format!("signatures/{}", path.file_name().unwrap().display())
}
