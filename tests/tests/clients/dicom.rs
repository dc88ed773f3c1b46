//! Images to an archive, with dcmtk.

use std::fs;
use std::path::{Path, PathBuf};

use enforcer_tests::{
    inspected::MARK,
    traffic::{
        Program,
        program::{prepare, run},
    },
};

use super::{
    DEADLINE, SHORT, directory, file, is_stopped, nothing_was_found, succeeds, wards, ways,
};

pub(super) const PORT: u16 = 11112;
/// 1024 lines of 2048 pixels of 16 bits.
const PIXELS: usize = 4 << 20;

/// A secondary capture (DICOM PS3.3, A.8) of noise; who is on it.
pub(super) fn image(directory: &Path, patient: &str) -> PathBuf {
    let pixels = file(directory, "pixels", PIXELS, false);
    let dump = directory.join("image.dump");
    let text = format!(
        "(0008,0016) UI =SecondaryCaptureImageStorage
(0008,0018) UI [1.2.826.0.1.3680043.10.1.1]
(0008,0060) CS [OT]
(0010,0010) PN [{patient}]
(0010,0020) LO [0]
(0020,000d) UI [1.2.826.0.1.3680043.10.1.2]
(0020,000e) UI [1.2.826.0.1.3680043.10.1.3]
(0028,0002) US 1
(0028,0004) CS [MONOCHROME2]
(0028,0010) US 1024
(0028,0011) US 2048
(0028,0100) US 16
(0028,0101) US 16
(0028,0102) US 15
(0028,0103) US 0
(7fe0,0010) OW ={}
",
        pixels.display()
    );
    fs::write(&dump, text).unwrap();
    let image = directory.join(format!("{}.dcm", patient.replace(' ', "-")));
    let names = [&dump, &image].map(|path| path.to_str().unwrap());
    succeeds(&prepare("dump2dcm", &["+te", names[0], names[1]]).unwrap());
    image
}

/// The data set of a file: behind its meta information, which names who wrote it.
fn data_set(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    // SOP class UID, explicit and little-endian.
    let tag = b"\x08\x00\x16\x00UI";
    let start = bytes.windows(tag.len()).position(|window| window == tag);
    bytes[start.expect("a data set")..].to_vec()
}

pub(super) fn stored(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn images_are_stored() {
    for ward in wards("cdicom") {
        let files = directory(&ward, "images");
        let (good, bad) = (image(&files, "Nobody^Patient"), image(&files, MARK));
        let log = files.join("log");
        for (from, to) in ways(&ward) {
            let archive = directory(&ward, "archive");
            let arguments = [
                "--output-directory",
                archive.to_str().unwrap(),
                "--bit-preserving",
                &PORT.to_string(),
            ];
            let server = Program::serve(to, to.at(PORT), &log, "storescp", &arguments).unwrap();
            let (host, port) = (to.ipv4.to_string(), PORT.to_string());
            let echo = run(from, DEADLINE, "echoscu", &[&host, &port]).unwrap();
            succeeds(&echo);
            let store = |image: &Path, deadline| {
                let arguments = ["-xe", &host, &port, image.to_str().unwrap()];
                run(from, deadline, "storescu", &arguments).unwrap()
            };
            for _ in 0..3 {
                succeeds(&store(&good, DEADLINE));
                let stored = stored(&archive);
                assert_eq!(stored.len(), 1, "{}", server.said());
                assert!(
                    data_set(&stored[0]) == data_set(&good),
                    "the image is another"
                );
                fs::remove_file(&stored[0]).unwrap();
            }
            if from.name == "monitor-1" {
                nothing_was_found(&ward);
            }
            is_stopped(&ward, "mark", || store(&bad, SHORT).status.success());
            assert!(stored(&archive).is_empty(), "the image was stored");
        }
    }
}
