//! Files on a share, with samba: versions 2 and 3 of SMB work, and a client that offers
//! version 1 as well is stopped by the signature for that.

use std::fs;
use std::path::Path;

use enforcer_tests::{
    Endpoint, Ward,
    traffic::{Program, program::run},
};

use super::{
    DEADLINE, SHORT, directory, file, is_stopped, nothing_was_found, succeeds, wards, ways,
};

const PORT: u16 = 445;

/// A server of its own, of one share for everybody; all that it keeps is in the lab's
/// directory.
fn serve(ward: &Ward, at: &Endpoint, share: &Path) -> Program {
    let state = directory(ward, "smb");
    let kept = state.display();
    let configuration = state.join("smb.conf");
    let text = format!(
        "[global]
server role = standalone server
server min protocol = SMB2
smb ports = {PORT}
map to guest = Bad User
guest account = root
disable spoolss = yes
load printers = no
private dir = {kept}
lock directory = {kept}
state directory = {kept}
cache directory = {kept}
pid directory = {kept}
ncalrpc dir = {kept}/ncalrpc
usershare path =
log file = {kept}/log
[files]
path = {}
guest ok = yes
read only = no
",
        share.display()
    );
    fs::write(&configuration, text).unwrap();
    let configuration = format!("--configfile={}", configuration.display());
    let arguments = ["--foreground", "--debug-stdout", &configuration];
    Program::serve(at, at.at(PORT), &state.join("said"), "smbd", &arguments).unwrap()
}

#[test]
fn files_are_kept_on_a_share() {
    for ward in wards("csmb") {
        let files = directory(&ward, "files");
        let large = file(&files, "large", 9_000_001, false);
        let marked = file(&files, "marked", 50_000, true);
        for (from, to) in ways(&ward) {
            let share = directory(&ward, "share");
            let _server = serve(&ward, to, &share);
            let client = |deadline, more: &[&str]| {
                let always = ["--no-pass", "--configfile=/dev/null"];
                run(from, deadline, "smbclient", &[&always, more].concat()).unwrap()
            };
            let service = format!("//{}/files", to.ipv4);
            for version in ["SMB2", "SMB3"] {
                let back = files.join("back");
                let commands = format!(
                    "mkdir {version}; cd {version}; put {} large; get large {}; ls; del large",
                    large.display(),
                    back.display()
                );
                let arguments = [&service, "--max-protocol", version, "-c", &commands];
                succeeds(&client(DEADLINE, &arguments));
                assert!(
                    fs::read(&back).unwrap() == fs::read(&large).unwrap(),
                    "{version}"
                );
                fs::remove_file(&back).unwrap();
            }
            // By remote procedure calls.
            let said = succeeds(&client(DEADLINE, &["--list", &to.ipv4.to_string()]));
            assert!(said.contains("files"), "{said}");
            if from.name == "monitor-1" {
                nothing_was_found(&ward);
            }
            is_stopped(&ward, "mark", || {
                let command = format!("put {} marked", marked.display());
                client(SHORT, &[&service, "-c", &command]).status.success()
            });
            is_stopped(&ward, "smb1-offered", || {
                let old = "--option=client min protocol=NT1";
                client(SHORT, &[&service, old, "-c", "ls"]).status.success()
            });
        }
    }
}
