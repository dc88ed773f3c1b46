//! Real clients and servers through a ward whose every byte is looked through: whatever
//! they do arrives as it was sent, and the same way is shut for the one thing that is to
//! be stopped. A protocol a file.
//!
//! monitor-1 is client and server in turn, with the core at the other end.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod applications;
mod bulk;
mod dicom;
mod hl7;
mod names;
mod smb;
mod web;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use enforcer_tests::{Endpoint, Ward, inspected, traffic::bulk::noise};

/// For what must succeed.
const DEADLINE: Duration = Duration::from_secs(60);
/// For what must not.
const SHORT: Duration = Duration::from_secs(1);

/// One with cables alone, and one whose device leaves cutting into segments to its card.
fn wards(prefix: &str) -> [Ward; 2] {
    [("", false), ("off", true)].map(|(suffix, offload)| {
        let ward = inspected::ward(&format!("{prefix}{suffix}"), "").unwrap();
        if offload {
            let device = ward.endpoint("monitor-1").unwrap();
            device.offload_segmentation().unwrap();
        }
        ward
    })
}

/// Client and server: the device and the core, and the other way round.
fn ways(ward: &Ward) -> [(&Endpoint, &Endpoint); 2] {
    let [device, core] = ["monitor-1", "pacs"].map(|name| ward.endpoint(name).unwrap());
    [(device, core), (core, device)]
}

/// An empty directory of the lab.
fn directory(ward: &Ward, name: &str) -> PathBuf {
    let path = ward.lab().directory().join(name);
    if path.exists() {
        fs::remove_dir_all(&path).unwrap();
    }
    fs::create_dir_all(&path).unwrap();
    path
}

/// A file of noise in which the mark is, or is not.
fn file(directory: &Path, name: &str, length: usize, marked: bool) -> PathBuf {
    let mut bytes = noise(length as u64, length);
    if marked {
        let mark = inspected::MARK.as_bytes();
        bytes[length / 2..][..mark.len()].copy_from_slice(mark);
    }
    let path = directory.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// What a client said, for when it should have succeeded.
#[track_caller]
fn succeeds(output: &Output) -> String {
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        said.join("\n")
    );
    said[0].clone().into_owned()
}

/// So far nothing was taken for an attack.
#[track_caller]
fn nothing_was_found(ward: &Ward) {
    let counters = ward.client().counters().unwrap();
    for reason in ["signature", "stream-differs"] {
        assert_eq!(counters.packets("deny", reason), 0, "{reason}");
    }
    assert_eq!(counters.packets("fail-open", "stream-lost"), 0);
}

/// An attempt in which the signature is met, and that does not succeed.
#[track_caller]
fn is_stopped(ward: &Ward, signature: &str, attempt: impl FnOnce() -> bool) {
    let before = inspected::found(ward, signature).unwrap();
    assert!(!attempt(), "what {signature} is in was not stopped");
    let found = inspected::found(ward, signature).unwrap();
    assert!(found > before, "not {signature} has stopped it");
}
