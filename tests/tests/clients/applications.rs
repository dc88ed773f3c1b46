//! Real clients over rules that name their protocol, and who may speak it: whoever is
//! listed is served as ever, and nobody else.

use std::path::Path;

use enforcer_tests::{
    Outcome, Ward, inspected,
    traffic::{Program, hl7, program::run, tcp},
};

use super::dicom::{PORT, image, stored};
use super::{DEADLINE, SHORT, directory, succeeds, wards};

const RULES: &str = r#"      - {name: store, to: core, tcp: 11112, dicom: {called: ARCHIVE, calling: [CT_1, CT_2]}}
      - {name: results, to: core, tcp: 2575, hl7: {application: MONITOR, facility: WARD, message: ORU^R01}}
"#;

fn restrict(ward: &Ward) {
    let open = "      - {name: out, to: core, tcp: any, udp: any}\n";
    let policy = inspected::policy("").unwrap();
    assert!(policy.contains(open));
    ward.apply(&policy.replacen(open, RULES, 1)).unwrap();
}

fn denied(ward: &Ward, reason: &str) -> u64 {
    ward.client().counters().unwrap().packets("deny", reason)
}

#[test]
fn associations_are_those_that_are_listed() {
    for ward in wards("adicom") {
        restrict(&ward);
        let files = directory(&ward, "images");
        let image = image(&files, "Nobody^Patient");
        let archive = directory(&ward, "archive");
        let [device, core] = ["monitor-1", "pacs"].map(|name| ward.endpoint(name).unwrap());
        let port = PORT.to_string();
        let arguments = ["--output-directory", archive.to_str().unwrap(), &port];
        let log = files.join("log");
        let _server = Program::serve(core, core.at(PORT), &log, "storescp", &arguments).unwrap();
        let host = core.ipv4.to_string();
        let store = |calling: &str, called: &str, image: &Path, deadline| {
            let image = image.to_str().unwrap();
            let arguments = ["-xe", "-aet", calling, "-aec", called, &host, &port, image];
            run(device, deadline, "storescu", &arguments).unwrap()
        };
        for calling in ["CT_1", "CT_2"] {
            succeeds(&store(calling, "ARCHIVE", &image, DEADLINE));
        }
        let before = stored(&archive).len();
        assert!(before > 0);
        assert_eq!(denied(&ward, "application-denied"), 0);
        for (calling, called) in [("CT_3", "ARCHIVE"), ("CT_1", "OTHER"), ("ct_1", "ARCHIVE")] {
            let denials = denied(&ward, "application-denied");
            let refused = store(calling, called, &image, SHORT);
            assert!(!refused.status.success(), "{calling} {called}");
            assert!(denied(&ward, "application-denied") > denials);
        }
        assert_eq!(stored(&archive).len(), before);
        let stream = tcp::connect(device, core.at(PORT), DEADLINE).unwrap();
        let mut stream = stream.got().expect("a connection");
        stream.set_read_timeout(Some(SHORT)).unwrap();
        let answer = tcp::echo(&mut stream, b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(answer.outcome(), Outcome::Silent);
        let event = ward
            .event("another protocol", |event| event.reason == "wrong-protocol")
            .unwrap();
        assert_eq!(event.device.as_deref(), Some("monitor-1"));
        // `GET / HTTP`
        let said = event.said.expect("what was said");
        assert!(said.starts_with("474554202f2048545450"), "{said}");
        let event = ward
            .event("an association", |event| {
                event.reason == "application-denied"
            })
            .unwrap();
        // The title that was called, ARCHIVE or OTHER, behind the head of the request.
        let said = event.said.expect("what was said");
        let called = ["41524348495645", "4f54484552"];
        assert!(called.iter().any(|of| said[20..].starts_with(of)), "{said}");
    }
}

#[test]
fn results_are_those_that_are_listed() {
    for ward in wards("ahl7") {
        restrict(&ward);
        let [device, core] = ["monitor-1", "pacs"].map(|name| ward.endpoint(name).unwrap());
        let _engine = hl7::serve(core, 2575).unwrap();
        let connect = || {
            let connection = tcp::connect(device, core.at(2575), DEADLINE).unwrap();
            connection.got().expect("a connection")
        };
        let mut connection = connect();
        for number in 0..200 {
            let piece = [1000, 7, 61][number % 3];
            let answer = hl7::report_in_pieces(&mut connection, &format!("C{number}"), piece);
            assert_eq!(answer.unwrap().outcome(), Outcome::Answered, "{number}");
        }
        assert_eq!(denied(&ward, "application-denied"), 0);
        assert_eq!(denied(&ward, "wrong-protocol"), 0);
        for header in [
            "OTHER|WARD|||1||ORU^R01",
            "MONITOR|OR|||1||ORU^R01",
            "MONITOR|WARD|||1||ADT^A01",
        ] {
            let denials = denied(&ward, "application-denied");
            let mut connection = connect();
            connection.set_read_timeout(Some(SHORT)).unwrap();
            let text = format!("\x0bMSH|^~\\&|{header}|7|P|2.5.1\rPID|1\r\x1c\r");
            let answer = tcp::echo(&mut connection, text.as_bytes()).unwrap();
            assert_eq!(answer.outcome(), Outcome::Silent, "{header}");
            assert!(denied(&ward, "application-denied") > denials, "{header}");
        }
    }
}
