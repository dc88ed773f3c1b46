//! The connection sequence of remote desktops, after MS-RDPBCGR 2.2.1.

use super::{Row, Said, but, joined};

/// TPKT (RFC 1006) around an X.224 unit.
fn tpkt(unit: &[u8]) -> Vec<u8> {
    joined(&[&[3, 0], &(4 + unit.len() as u16).to_be_bytes(), unit])
}

/// The end of a client's connect-initial message: the channels that it asks for,
/// CS_NET (0xc003).
fn channels(names: &[&[u8; 8]]) -> Vec<u8> {
    let mut block = joined(&[
        &[0x03, 0xc0],
        &(8 + 12 * names.len() as u16).to_le_bytes(),
        &(names.len() as u32).to_le_bytes(),
    ]);
    for name in names {
        block.extend(*name);
        block.extend([0, 0, 0x80, 0x80]);
    }
    // MCS connect-initial and what of the client comes before.
    tpkt(&joined(&[
        &[0x02, 0xf0, 0x80, 0x7f, 0x65],
        &[0x20; 200],
        &block,
    ]))
}

fn confirm(protocol: u32) -> Vec<u8> {
    let response = joined(&[&[2, 0, 8, 0], &protocol.to_le_bytes()]);
    tpkt(&joined(&[&[14, 0xd0, 0, 0, 0x12, 0x34, 0], &response]))
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            "bluekeep-channel",
            Said::Asked(3389),
            [
                channels(&[b"MS_T120\0"]),
                channels(&[b"rdpdr\0\0\0", b"rdpsnd\0\0", b"ms_t120\0", b"cliprdr\0"]),
            ],
            [
                channels(&[b"rdpdr\0\0\0", b"rdpsnd\0\0", b"cliprdr\0"]),
                channels(&[b"MS_T121\0"]),
            ],
        ),
        Row::new(
            "rdp-without-nla",
            Said::Answered(3389),
            [confirm(0), confirm(1)],
            [
                confirm(2),
                confirm(8),
                // A failure (type 3), and not at the beginning.
                but(&confirm(1), 11, 3),
                but(&confirm(1), 13, 9),
                joined(&[&confirm(2), &confirm(1)]),
            ],
        ),
    ]
}
