//! Names, with dnsmasq and dig: over UDP, over TCP, and over TCP because the answer did
//! not fit into a datagram.

use enforcer_tests::{
    Ward,
    inspected::MARK,
    traffic::{Program, dns, program::run},
};

use super::{DEADLINE, SHORT, directory, is_stopped, nothing_was_found, succeeds, wards};

const NAME: &str = "pacs.ward.test";
const ADDRESS: &str = "10.10.0.104";
const LARGE: &str = "large.ward.test";
const STRINGS: usize = 20;

fn serve(ward: &Ward) -> Program {
    let at = ward.endpoint("dns").unwrap();
    let files = directory(ward, "names");
    let mut arguments = vec![
        "--keep-in-foreground".to_owned(),
        "--log-facility=-".to_owned(),
        "--conf-file=/dev/null".to_owned(),
        "--no-resolv".to_owned(),
        "--no-hosts".to_owned(),
        "--user=root".to_owned(),
        "--bind-interfaces".to_owned(),
        format!("--listen-address={}", at.ipv4),
        format!("--pid-file={}", files.join("pid").display()),
        format!("--address=/{NAME}/{ADDRESS}"),
        format!("--txt-record=marked.ward.test,{MARK}"),
    ];
    for number in 0..STRINGS {
        let text = char::from(b'a' + number as u8).to_string().repeat(200);
        arguments.push(format!("--txt-record={LARGE},{text}"));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Program::serve(
        at,
        at.at(dns::PORT),
        &files.join("log"),
        "dnsmasq",
        &arguments,
    )
    .unwrap()
}

#[test]
fn names_are_resolved() {
    for ward in wards("cdns") {
        let _server = serve(&ward);
        let monitor = ward.endpoint("monitor-1").unwrap();
        let server = format!("@{}", ward.endpoint("dns").unwrap().ipv4);
        let dig = |deadline, arguments: &[&str]| {
            let always = [&server, "+short", "+tries=1"];
            run(monitor, deadline, "dig", &[&always, arguments].concat()).unwrap()
        };
        for protocol in ["+notcp", "+tcp"] {
            for _ in 0..20 {
                let said = succeeds(&dig(DEADLINE, &[protocol, NAME]));
                assert_eq!(said.trim(), ADDRESS, "{protocol}");
            }
        }
        // Asked by UDP, and again by TCP when told that it was cut.
        let said = succeeds(&dig(DEADLINE, &["+noedns", LARGE, "TXT"]));
        assert_eq!(said.lines().count(), STRINGS, "{said}");
        let several = ["+tcp", "+keepopen", LARGE, "TXT", NAME, "A", LARGE, "TXT"];
        let said = succeeds(&dig(DEADLINE, &several));
        assert_eq!(said.lines().count(), 2 * STRINGS + 1, "{said}");
        nothing_was_found(&ward);
        for protocol in ["+notcp", "+tcp"] {
            is_stopped(&ward, "mark", || {
                let asked = dig(SHORT, &[protocol, "marked.ward.test", "TXT"]);
                String::from_utf8_lossy(&asked.stdout).contains(MARK)
            });
        }
    }
}
