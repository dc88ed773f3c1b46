//! Pages, with Python's server and curl: several by one connection.

use std::fs;

use enforcer_tests::traffic::{Program, program::run};

use super::{
    DEADLINE, SHORT, directory, file, is_stopped, nothing_was_found, succeeds, wards, ways,
};

/// One that the pack looks at, and one that is none of its signatures' own.
const PORTS: [u16; 2] = [80, 9000];

#[test]
fn pages_are_fetched() {
    for ward in wards("cweb") {
        let files = directory(&ward, "pages");
        let large = file(&files, "large", 7_000_001, false);
        let small = file(&files, "small", 1_234, false);
        file(&files, "marked", 200_000, true);
        for port in PORTS {
            for (from, to) in ways(&ward) {
                let (number, host) = (port.to_string(), to.ipv4.to_string());
                let arguments = [
                    "-m",
                    "http.server",
                    "--protocol",
                    "HTTP/1.1",
                    "--bind",
                    &host,
                    "--directory",
                    files.to_str().unwrap(),
                    &number,
                ];
                let log = ward.lab().directory().join("web.log");
                let _server = Program::serve(to, to.at(port), &log, "python3", &arguments).unwrap();
                let url = |name: &str| format!("http://{host}:{port}/{name}");
                let got = directory(&ward, "got");
                let arguments = [
                    "-sSf",
                    "--write-out",
                    "%{num_connects} ",
                    "--remote-name-all",
                    "--output-dir",
                    got.to_str().unwrap(),
                    &url("small"),
                    &url("large"),
                    &format!("{}?again", url("small")),
                ];
                let said = succeeds(&run(from, DEADLINE, "curl", &arguments).unwrap());
                assert_eq!(said.trim(), "1 0 0", "connections, a page each");
                for sent in [&large, &small] {
                    let got = fs::read(got.join(sent.file_name().unwrap())).unwrap();
                    assert!(
                        got == fs::read(sent).unwrap(),
                        "{} is another",
                        sent.display()
                    );
                }
                if port == PORTS[0] && from.name == "monitor-1" {
                    nothing_was_found(&ward);
                }
                is_stopped(&ward, "mark", || {
                    let arguments = ["-sSf", "--output", "/dev/null", &url("marked")];
                    run(from, SHORT, "curl", &arguments)
                        .unwrap()
                        .status
                        .success()
                });
            }
        }
    }
}
