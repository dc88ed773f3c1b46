//! Files: reading them, including them, device lists as CSV.

use std::fs;
use std::path::Path;

use super::*;

const MAIN: &str = "version: 1\nprofiles: {pump: {}}\n";

fn loaded(folder: &Path, text: &str) -> Result<Bundle, Diagnostics> {
    fs::write(folder.join("p.yaml"), text).unwrap();
    load(&folder.join("p.yaml"))
}

#[test]
fn includes_are_read_beside_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("wards")).unwrap();
    fs::write(
        folder.path().join("a.csv"),
        "name,mac,profile\na,00:00:00:00:00:01,pump\n",
    )
    .unwrap();
    let seven = "\u{feff}devices: [{name: b, mac: 00:00:00:00:00:02, profile: pump}]\n";
    fs::write(folder.path().join("wards/7.yml"), seven).unwrap();
    let bundle = loaded(
        folder.path(),
        &format!("{MAIN}include: [a.csv, wards/7.yml]\n"),
    )
    .unwrap();
    let json = serde_json::to_string(&bundle).unwrap();
    let (model, warnings) = parse(&serde_json::from_str(&json).unwrap()).unwrap();
    assert!(warnings.is_empty());
    let names: Vec<_> = model
        .devices
        .iter()
        .map(|device| device.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn every_file_that_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("d.csv")).unwrap();
    fs::write(folder.path().join("latin.csv"), b"name\nB\xe4r\n").unwrap();
    fs::write(folder.path().join("a.csv"), "").unwrap();
    let sparse = fs::File::create(folder.path().join("big.yaml")).unwrap();
    sparse.set_len(100 << 20).unwrap();
    let include = "include:\n  - none.csv\n  - d.csv\n  - latin.csv\n  - a.csv\n  - ./a.csv\n  - big.yaml\n  - p.yaml\n  - x.txt\n";
    let told = lines(&loaded(folder.path(), &format!("{MAIN}{include}")).unwrap_err());
    let main = folder.path().join("p.yaml").display().to_string();
    let expected = [
        ":4:5: error: include[0]: \"none.csv\": there is no such file",
        ":5:5: error: include[1]: \"d.csv\": is a directory, not a file",
        ":6:5: error: include[2]: \"latin.csv\": is not UTF-8 text: a wrong byte in line 2",
        ":8:5: error: include[4]: \"./a.csv\": is included before",
        ":9:5: error: include[5]: \"big.yaml\": 104857600 bytes (100 MiB) are too many; a file of a policy has at most 64 MiB",
        ":10:5: error: include[6]: \"p.yaml\": is the policy itself",
        ":11:5: error: include[7]: \"x.txt\": is neither YAML (.yaml, .yml) nor CSV (.csv), going by its name",
    ];
    assert_eq!(told, expected.map(|line| format!("{main}{line}")));
}

#[test]
fn a_main_file_that_cannot_be_read() {
    let told = |path: &Path| lines(&load(path).unwrap_err());
    assert_eq!(
        told(Path::new("/nowhere/p.yaml")),
        ["/nowhere/p.yaml: error: there is no such file"]
    );
    assert_eq!(
        told(Path::new("/")),
        ["/: error: is a directory, not a file"]
    );
    let endless = told(Path::new("/dev/zero"));
    assert_eq!(
        endless,
        [
            "/dev/zero: error: does not end within 67108864 bytes; a file of a policy has at most 64 MiB"
        ]
    );
}

#[test]
fn included_files_hold_devices_only() {
    let bundle = with_devices(MAIN, "d.yaml", "version: 1\ninclude: x.csv\ndevice: []\n");
    let expected = [
        "d.yaml:1:1: error: version: an included file holds only `devices` and `signatures`",
        "d.yaml:2:1: error: include: an included file holds only `devices` and `signatures`",
        "d.yaml:3:1: error: device: no such key; did you mean \"devices\"?",
    ];
    assert_eq!(failures(&bundle), expected);
}

#[test]
fn a_bundle_holds_what_is_included() {
    let told = errors("version: 1\ninclude: [a.csv, b.csv]\n");
    assert_eq!(
        told,
        ["p.yaml:2:1: error: include: 2 files are included, but 0 came with the policy"]
    );
    let told = errors("version: 1\ninclude: [[a.csv]]\n");
    assert_eq!(
        told,
        ["p.yaml:2:11: error: include[0]: expected the name of a file, found a list"]
    );
}

#[test]
fn csv_cells_are_placed() {
    let rows = "# exported\nmac, name ,ip,profile\n\n00:00:00:00:00:01,a,\"10.0.0.1 fd00::1\",pump\r\n,,,\n\
        00:00:00:00:00:02,b,10.0.0.1;fd00::2,pmup\n# note\n00:00:00:00:00:03,c\n,d,,pump\n";
    let expected = [
        "d.csv:6:21: error: devices[2].ip[0]: another device has the address 10.0.0.1 (untagged) at d.csv:4",
        "d.csv:6:38: error: devices[2].profile: no profile \"pmup\"; did you mean \"pump\"?",
        "d.csv:8:1: error: devices[3]: 2 cells, but the header names 4 columns",
        "d.csv:9:1: error: devices[4].mac: missing",
    ];
    assert_eq!(failures(&with_devices(MAIN, "d.csv", rows)), expected);
}

#[test]
fn csv_headers() {
    let told = |rows: &str| failures(&with_devices(MAIN, "d.csv", rows));
    let columns = "the columns are name,mac,vlan,ip,profile,mode,port,tags";
    assert_eq!(
        told(""),
        [format!(
            "d.csv:1:1: error: the device list is empty; its first row names the columns; {columns}"
        )]
    );
    assert_eq!(
        told("name;mac;profile\n"),
        ["d.csv:1:1: error: cells of a device list are separated by commas"]
    );
    let expected = [
        "d.csv:1:1: error: no column \"nmae\" is known; did you mean \"name\"?",
        "d.csv:1:1: error: the column \"mac\" is there twice",
        "d.csv:1:1: error: the column \"name\" is missing",
    ];
    assert_eq!(told("nmae,mac,mac,profile\n"), expected);
}
