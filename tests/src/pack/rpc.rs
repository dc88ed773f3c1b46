//! Remote procedure calls of Windows, after C706 12.6.4 and MS-RPCE 2.2.2.

use super::{Row, Said, but, joined};

const PIPE: Said = Said::Asked(445);
const PORT: Said = Said::Asked(49_664);

const BIND: u8 = 11;
/// The server's acknowledgement of a bind.
const BIND_ACK: u8 = 12;
const ALTER_CONTEXT: u8 = 14;
const WHOLE: u8 = 0x03;
const WITH_OBJECT: u8 = 0x80;

/// 12345678-1234-abcd-ef00-0123456789ab, of the print system.
const RPRN: u128 = 0x1234_5678_1234_abcd_ef00_0123_4567_89ab;
/// 76f03f96-cdfd-44fc-a22c-64950a001209, and the object of its calls.
const PAR: u128 = 0x76f0_3f96_cdfd_44fc_a22c_6495_0a00_1209;
const PAR_OBJECT: u128 = 0x9940_ca8e_512f_4c58_88a9_6109_8d68_96bd;
/// c681d488-d850-11d0-8c52-00c04fd90f7e and df1941c5-fe89-4e79-bf10-463657acf44d.
const EFSR_LSARPC: u128 = 0xc681_d488_d850_11d0_8c52_00c0_4fd9_0f7e;
const EFSR: u128 = 0xdf19_41c5_fe89_4e79_bf10_4636_57ac_f44d;
/// 12345678-1234-abcd-ef00-01234567cffb, Netlogon, and 4b324fc8-1670-01d3-1278-5a47bf6ee188,
/// the server service.
const NETLOGON: u128 = 0x1234_5678_1234_abcd_ef00_0123_4567_cffb;
const SERVER: u128 = 0x4b32_4fc8_1670_01d3_1278_5a47_bf6e_e188;
/// 8a885d04-1ceb-11c9-9fe8-08002b104860, how arguments are written.
const NDR: u128 = 0x8a88_5d04_1ceb_11c9_9fe8_0800_2b10_4860;

/// An identifier as it is on the wire: the first three fields little-endian.
fn uuid(of: u128) -> [u8; 16] {
    let mut bytes = of.to_be_bytes();
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

fn pdu(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    joined(&[
        &[5, 0, kind, flags, 0x10, 0, 0, 0],
        &(16 + body.len() as u16).to_le_bytes(),
        // Length of the authentication, number of the call.
        &[0, 0, 2, 0, 0, 0],
        body,
    ])
}

fn bind(kind: u8, interface: u128, version: u16) -> Vec<u8> {
    let body = joined(&[
        // The longest fragments, the group, one context; its number, one syntax.
        &[0xb8, 0x10, 0xb8, 0x10, 0, 0, 0, 0, 1, 0, 0, 0],
        &[0, 0, 1, 0],
        &uuid(interface),
        &version.to_le_bytes(),
        &[0, 0],
        &uuid(NDR),
        &[2, 0, 0, 0],
    ]);
    pdu(kind, WHOLE, &body)
}

fn request(call: u16, object: Option<u128>, stub: &[u8]) -> Vec<u8> {
    let flags = WHOLE | if object.is_some() { WITH_OBJECT } else { 0 };
    let object = object.map(uuid);
    let body = joined(&[
        &(stub.len() as u32).to_le_bytes(),
        &[0, 0],
        &call.to_le_bytes(),
        object.as_ref().map_or(&[][..], |object| object),
        stub,
    ]);
    pdu(0, flags, &body)
}

/// A message in a pipe: in an SMB2 write, whose data is behind 112 bytes.
fn in_pipe(pdu: &[u8]) -> Vec<u8> {
    let header = joined(&[b"\xfeSMB", &[64, 0], &[0; 58], &[49, 0], &[0; 46]]);
    let length = (header.len() + pdu.len()) as u32;
    joined(&[&length.to_be_bytes(), &header, pdu])
}

/// A string as NDR writes it: sizes, and UTF-16 that ends in 0; four bytes aligned.
fn string(text: &str, aligned: bool) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
    let count = units.len() as u32;
    let mut bytes = joined(&[&count.to_le_bytes(), &[0; 4], &count.to_le_bytes()]);
    bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    while aligned && !bytes.len().is_multiple_of(4) {
        bytes.push(0xbf);
    }
    bytes
}

/// MS-NRPC 3.5.4.4.2: server, account, kind of channel, computer, credential, flags.
fn authenticate(computer: &str, credential: [u8; 8], flags: u32) -> Vec<u8> {
    let mut stub = joined(&[
        &[0, 0, 2, 0],
        &string("\\\\DC01", true),
        &string("DC01$", true),
        &[6, 0, 0xbf, 0xbf],
        &string(computer, false),
        &credential,
    ]);
    while !stub.len().is_multiple_of(4) {
        stub.push(0xbf);
    }
    stub.extend(flags.to_le_bytes());
    stub
}

pub(super) fn rows() -> Vec<Row> {
    let zeros = |computer| request(26, None, &authenticate(computer, [0; 8], 0x212f_ffff));
    let proven = [0x5e, 1, 0x9a, 0, 0, 0xc4, 0, 7];
    let driver = joined(&[
        &[0, 0, 2, 0],
        &string("\\\\PRINT01", true),
        &[2, 0, 0, 0, 2, 0, 0, 0],
    ]);
    vec![
        Row::new(
            "rprn-bind",
            PIPE,
            [
                in_pipe(&bind(BIND, RPRN, 1)),
                in_pipe(&bind(ALTER_CONTEXT, RPRN, 1)),
            ],
            [
                in_pipe(&bind(BIND, NETLOGON, 1)),
                in_pipe(&bind(BIND, SERVER, 3)),
                in_pipe(&bind(BIND_ACK, RPRN, 1)),
            ],
        ),
        Row::new(
            "rprn-bind",
            PORT,
            [bind(BIND, RPRN, 1)],
            // Its own identifier in the content of a file.
            [joined(&[&[0; 40], &uuid(RPRN), &[1, 0, 0, 0]])],
        ),
        Row::new(
            "rprn-add-driver",
            PIPE,
            [in_pipe(&request(89, None, &driver))],
            [
                in_pipe(&request(1, None, &driver)),
                in_pipe(&request(88, None, &driver)),
            ],
        ),
        Row::new(
            "par-bind",
            PORT,
            [bind(BIND, PAR, 1)],
            [
                bind(BIND, SERVER, 3),
                bind(BIND, PAR, 2),
                bind(BIND_ACK, PAR, 1),
            ],
        ),
        Row::new(
            "par-add-driver",
            PORT,
            [request(39, Some(PAR_OBJECT), &driver)],
            [
                request(0, Some(PAR_OBJECT), &driver),
                request(39, Some(SERVER), &driver),
                request(39, None, &driver),
                // The same bytes as an argument.
                but(&request(39, Some(PAR_OBJECT), &driver), 3, WHOLE),
            ],
        ),
        Row::new(
            "zerologon",
            PORT,
            // Both ways in which the flags are aligned.
            [zeros("DC01"), zeros("DC1")],
            [
                request(26, None, &authenticate("WARD7", proven, 0x612f_ffff)),
                request(26, None, &authenticate("WARD7", proven, 0x212f_ffff)),
                request(4, None, &authenticate("DC01", [0; 8], 0x212f_ffff)),
            ],
        ),
        Row::new(
            "efsr-bind-lsarpc",
            PIPE,
            [in_pipe(&bind(BIND, EFSR_LSARPC, 1))],
            [
                in_pipe(&bind(BIND, SERVER, 3)),
                in_pipe(&bind(BIND_ACK, EFSR_LSARPC, 1)),
            ],
        ),
        Row::new(
            "efsr-bind",
            PIPE,
            [in_pipe(&bind(BIND, EFSR, 1))],
            [
                in_pipe(&bind(BIND, SERVER, 3)),
                in_pipe(&bind(BIND_ACK, EFSR, 1)),
            ],
        ),
    ]
}
