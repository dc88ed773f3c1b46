//! Logins by FTP (RFC 959) and Telnet (RFC 854).

use super::{Row, Said, joined};

const FTP: Said = Said::Asked(21);
const TELNET: Said = Said::Asked(23);

fn ftp(user: &str, password: &str) -> Vec<u8> {
    format!("USER {user}\r\nPASS {password}\r\nTYPE I\r\n").into_bytes()
}

/// Options, name, an answer about echo, password.
fn telnet(user: &str, password: &str) -> Vec<u8> {
    joined(&[
        b"\xff\xfd\x01\xff\xfb\x18",
        user.as_bytes(),
        b"\r\0\xff\xfd\x01",
        password.as_bytes(),
        b"\r\0",
    ])
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            "ge-insite-ftp",
            FTP,
            [
                ftp("insite", "2getin"),
                b"user insite\npass 2getin\n".to_vec(),
            ],
            [
                ftp("insite", "changed"),
                ftp("insite", "2getin-2"),
                ftp("onsite", "2getin"),
            ],
        ),
        Row::new(
            "ge-insite-telnet",
            TELNET,
            [telnet("insite", "2getin"), b"insite\r\n2getin\r\n".to_vec()],
            [
                telnet("insite", "changed"),
                telnet("onsite", "2getin"),
                telnet("insite2", "2getin"),
                telnet("insite", "2getin2"),
            ],
        ),
        Row::new(
            "codonics-local-ftp",
            FTP,
            [ftp("LOCAL", "2"), ftp("local", "2")],
            [ftp("LOCAL", "21"), ftp("GUEST", "2")],
        ),
        Row::new(
            "codonics-entegra-ftp",
            FTP,
            [ftp("entegra", "0")],
            [ftp("entegra", "01"), ftp("entegra", "changed")],
        ),
        Row::new(
            "telnet-root",
            TELNET,
            [telnet("root", "secret"), b"root\r\n".to_vec()],
            [
                telnet("operator", "secret"),
                telnet("rooter", "secret"),
                // A command, later on.
                joined(&[&telnet("operator", "secret"), &[b' '; 100], b"ls /root\r\0"]),
            ],
        ),
        Row::new(
            "telnet-answers",
            Said::Answered(23),
            [b"\xff\xfd\x18\xff\xfd\x20\r\nlogin: ".to_vec()],
            [b"\r\nlogin: ".to_vec(), b"login: \xff\xfd\x18".to_vec()],
        ),
        Row::new(
            "telnet-answers-willing",
            Said::Answered(23),
            [b"\xff\xfb\x01\xff\xfb\x03\r\nlogin: ".to_vec()],
            [b"\r\nlogin: \xff\xfb\x01".to_vec()],
        ),
        Row::new(
            "ftp-answers",
            Said::Answered(21),
            [
                b"220 FTP server ready\r\n".to_vec(),
                b"220-Welcome\r\n220 ready\r\n".to_vec(),
            ],
            [b"421 Too many users, 220 at most\r\n".to_vec()],
        ),
    ]
}
