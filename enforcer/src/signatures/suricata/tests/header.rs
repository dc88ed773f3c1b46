//! Action, protocol, addresses, ports, and which end is meant.

use super::*;
use crate::policy::model::Service;
use crate::policy::signature::{Action, Sender};

const CONTENT: &str = r#"content:"a";"#;

fn ends(header: &str, flow: &str) -> (Sender, Vec<Service>) {
    let signature = loaded(header, &format!("{flow}{CONTENT}")).signature;
    (signature.sender, signature.services)
}

/// Ports of the server by this field.
fn ports(field: &str) -> Vec<(u16, u16)> {
    let (_, services) = ends(&format!("alert tcp any any -> any {field}"), "");
    let port = |service: &Service| match service {
        Service::Tcp(first, last) => (*first, *last),
        other => panic!("{other:?}"),
    };
    services.iter().map(port).collect()
}

#[test]
fn actions() {
    for (word, action) in [
        ("alert", Action::Alert),
        ("drop", Action::Drop),
        ("reject", Action::Drop),
        ("rejectsrc", Action::Drop),
        ("rejectdst", Action::Drop),
        ("rejectboth", Action::Drop),
    ] {
        let header = format!("{word} tcp any any -> any any");
        assert_eq!(loaded(&header, CONTENT).signature.action, action);
    }
    for word in ["pass", "log", "config"] {
        let header = format!("{word} tcp any any -> any any");
        assert_eq!(refused(&header, CONTENT), word);
    }
}

#[test]
fn protocols() {
    for word in ["icmp", "http", "smb", "dns", "tls", "tcp-stream", "TCP"] {
        let header = format!("alert {word} any any -> any any");
        assert_eq!(refused(&header, CONTENT), format!("protocol {word}"));
    }
    let segments = loaded("alert tcp-pkt any any -> any 80", CONTENT).signature;
    assert_eq!(segments.begin, Begin::Segment);
    assert_eq!(segments.services, [Service::Tcp(80, 80)]);
    let (_, services) = ends(UDP, "");
    assert_eq!(services, [Service::Udp(0, u16::MAX)]);
}

#[test]
fn addresses_that_say_who_is_who() {
    for field in [
        "any",
        "$HOME_NET",
        "!$HOME_NET",
        "[$HOME_NET,$HTTP_SERVERS]",
        "[ $HOME_NET , [$DNS_SERVERS] ]",
        "![$HOME_NET,$EXTERNAL_NET]",
        "[!$HOME_NET]",
        "$MODBUS_CLIENT",
    ] {
        loaded(&format!("alert tcp {field} any -> any any"), CONTENT);
        loaded(&format!("alert tcp any any -> {field} any"), CONTENT);
    }
}

#[test]
fn addresses_that_say_who_is_meant() {
    for (field, keyword) in [
        ("10.0.0.1", "address"),
        ("[$HOME_NET,10.0.0.0/8]", "address"),
        ("2001:db8::1", "address"),
        ("!any", "address"),
        ("!$DNS_SERVERS", "address"),
        ("[$HOME_NET,!$DNS_SERVERS]", "address"),
        ("[]", "address"),
        ("[$HOME_NET", "syntax"),
        ("$HOME_NET]", "address"),
        ("[$HOME_NET,]", "address"),
        ("[,$HOME_NET]", "address"),
        ("$HOME_NET,$EXTERNAL_NET", "address"),
        ("$HOME_NET!", "address"),
        ("[$HOME_NET][$HOME_NET]", "address"),
        ("!", "address"),
        ("$CAMERAS", "address $CAMERAS"),
        ("$", "address $"),
    ] {
        let header = format!("alert tcp {field} any -> any any");
        assert_eq!(refused(&header, CONTENT), keyword, "{field}");
    }
}

#[test]
fn sets_of_ports() {
    const LAST: u16 = u16::MAX;
    for (field, expected) in [
        ("any", &[(0, LAST)][..]),
        ("80", &[(80, 80)]),
        ("80:90", &[(80, 90)]),
        ("1024:", &[(1024, LAST)]),
        (":1023", &[(0, 1023)]),
        ("!80", &[(0, 79), (81, LAST)]),
        ("!0", &[(1, LAST)]),
        ("!65535", &[(0, 65534)]),
        ("!![1,2]", &[(1, 2)]),
        (
            "[80,8080:8090,!8085]",
            &[(80, 80), (8080, 8084), (8086, 8090)],
        ),
        ("[ 443, 80 ]", &[(80, 80), (443, 443)]),
        ("[81,80,82:90,85:95]", &[(80, 95)]),
        ("[!80,!443]", &[(0, 79), (81, 442), (444, LAST)]),
        ("![80,443]", &[(0, 79), (81, 442), (444, LAST)]),
        ("[1:100,![20:30,40]]", &[(1, 19), (31, 39), (41, 100)]),
        ("[any,!80]", &[(0, 79), (81, LAST)]),
        ("[0:65535]", &[(0, LAST)]),
        ("$HTTP_PORTS", &[(80, 80), (8080, 8080)]),
        ("[$HTTP_PORTS,22]", &[(22, 22), (80, 80), (8080, 8080)]),
        ("$ORACLE_PORTS", &[(1521, 1521)]),
        ("$SSH_PORTS", &[(22, 22)]),
        ("$DNP3_PORTS", &[(20000, 20000)]),
        ("$MODBUS_PORTS", &[(502, 502)]),
        ("$FTP_PORTS", &[(21, 21)]),
    ] {
        assert_eq!(ports(field), expected, "{field}");
    }
}

#[test]
fn odd_ports_are_refused() {
    for (field, keyword) in [
        ("65536", "ports"),
        ("-1", "ports"),
        ("+1", "ports"),
        ("x", "ports"),
        ("90:80", "ports"),
        (":", "ports"),
        ("80,443", "ports"),
        ("[80,443", "ports"),
        ("[80,]", "ports"),
        ("[]", "ports"),
        ("!any", "ports"),
        ("[80,!80]", "ports"),
        ("[[[[[[[[[[80]]]]]]]]]]", "ports"),
        ("$SHELLCODE_PORTS", "port variable $SHELLCODE_PORTS"),
        ("[80,$FILE_DATA_PORTS]", "port variable $FILE_DATA_PORTS"),
        ("!$MINE", "port variable $MINE"),
    ] {
        let header = format!("alert tcp any any -> any {field}");
        assert_eq!(refused(&header, CONTENT), keyword, "{field}");
    }
    let list = |ports: u16| {
        let ports: Vec<_> = (0..ports).map(|port| (2 * port).to_string()).collect();
        format!("[{}]", ports.join(","))
    };
    assert_eq!(ports(&list(64)).len(), 64);
    let header = format!("alert tcp any any -> any {}", list(65));
    assert_eq!(refused(&header, CONTENT), "ports");
}

#[test]
fn the_server_has_the_ports() {
    let all = || vec![Service::Tcp(0, u16::MAX)];
    let web = || vec![Service::Tcp(80, 80)];
    let to = "flow:to_server;";
    let from = "flow:to_client;";
    for (header, flow, expected) in [
        ("any any -> any 80", "", (Sender::Client, web())),
        ("any 80 -> any any", "", (Sender::Server, web())),
        ("any any -> any any", "", (Sender::Either, all())),
        ("any any -> any 80", to, (Sender::Client, web())),
        ("any any -> any any", to, (Sender::Client, all())),
        ("any 80 -> any any", from, (Sender::Server, web())),
        ("any any -> any any", from, (Sender::Server, all())),
        ("any any <> any 80", "", (Sender::Either, web())),
        ("any 80 <> any any", "", (Sender::Either, web())),
        ("any any <> any any", "", (Sender::Either, all())),
        ("any any <> any any", to, (Sender::Client, all())),
        ("any any <> any any", from, (Sender::Server, all())),
    ] {
        assert_eq!(
            ends(&format!("alert tcp {header}"), flow),
            expected,
            "{header} {flow}"
        );
    }
    for (header, flow, keyword) in [
        ("any 1024: -> any 80", "", "ports"),
        ("any 80 -> any 80", "", "ports"),
        ("any 1024: -> any 80", to, "ports"),
        ("any 80 -> any any", to, "ports"),
        ("any any -> any 80", from, "ports"),
        ("any 80 <> any 81", "", "ports"),
        ("any any <> any 80", to, "<>"),
        ("any 80 <> any any", from, "<>"),
    ] {
        let keyword_found = refused(&format!("alert tcp {header}"), &format!("{flow}{CONTENT}"));
        assert_eq!(keyword_found, keyword, "{header} {flow}");
    }
}

#[test]
fn flow() {
    let sender = |header, words: &str| ends(header, &format!("flow:{words};")).0;
    for (words, expected) in [
        ("established", Sender::Either),
        ("stateless", Sender::Either),
        ("established,to_server", Sender::Client),
        ("from_client, established", Sender::Client),
        ("to_server,from_client", Sender::Client),
        ("to_client,established", Sender::Server),
        ("from_server", Sender::Server),
    ] {
        assert_eq!(sender(TCP, words), expected, "{words}");
    }
    assert_eq!(sender(UDP, "to_server"), Sender::Client);
    assert_eq!(sender(UDP, "from_server,established"), Sender::Server);
    for (header, words, keyword) in [
        (TCP, "only_stream", "flow:only_stream"),
        (TCP, "established,no_stream", "flow:no_stream"),
        (TCP, "not_established", "flow:not_established"),
        (TCP, "only_frag", "flow:only_frag"),
        (TCP, "to_server,", "flow:"),
        (TCP, "to_server,to_client", "flow"),
        (UDP, "established", "flow:established (udp)"),
        (UDP, "established,to_server", "flow:established (udp)"),
    ] {
        let options = format!("flow:{words};{CONTENT}");
        assert_eq!(refused(header, &options), keyword, "{words}");
    }
    assert_eq!(refused(TCP, &format!("flow;{CONTENT}")), "flow");
    let twice = format!("flow:to_server; flow:established; {CONTENT}");
    assert_eq!(refused(TCP, &twice), "flow");
}
