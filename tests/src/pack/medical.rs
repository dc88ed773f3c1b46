//! Pneumatic tubes and gateways of bedside devices.

use super::{Row, Said};

fn page(cookies: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: gateway\r\nCookie: {cookies}\r\n\r\n").into_bytes()
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            "translogic-control",
            Said::Datagram(12_345),
            [b"TLPU\0\0\0\x07\0\0\0\x01\0\0\0\0".to_vec()],
            [
                b"TLPX\0\0\0\x07\0\0\0\x01\0\0\0\0".to_vec(),
                b" TLPU\0\0\0\x07".to_vec(),
            ],
        ),
        Row::new(
            "misfortune-cookie",
            Said::Asked(80),
            [page("C107373883=/here"), page("C1000=x; other=1")],
            [
                page("C0=1"),
                page("C9=12345"),
                page("C123=12345"),
                page("C1:23=1"),
                page("C12:3=1"),
                page("C:123=1"),
                page("C123:=1"),
                page("C-123=1"),
                page("Colour=green"),
            ],
        ),
    ]
}
