//! Messages of SMB: version 1 after MS-CIFS 2.2.3.1 and 2.2.4, compressed ones of
//! version 3.1.1 after MS-SMB2 2.2.42.1.

use super::{Row, Said, but, joined};

const SMB: Said = Said::Asked(445);
const ANSWER: Said = Said::Answered(445);

const NEGOTIATE: u8 = 0x72;
const SESSION_SETUP: u8 = 0x73;
const TRANSACTION: u8 = 0x25;
const TRANSACTION2: u8 = 0x32;
const TRANSACTION2_SECONDARY: u8 = 0x33;
const NT_TRANSACT: u8 = 0xa0;

const NOT_IMPLEMENTED: u32 = 0xc000_0002;
/// SMB_FLAGS2_EXTENDED_SECURITY, and what else a client of today sets.
const EXTENDED_SECURITY: u16 = 0x0800;
const FLAGS2: u16 = 0xc003;
/// CAP_EXTENDED_SECURITY.
const CAPABILITY: u32 = 0x8000_0000;

/// A message of version 1 behind the header of the session service.
#[derive(Clone, Copy)]
struct Message<'m> {
    command: u8,
    status: u32,
    flags2: u16,
    multiplex: u16,
    words: &'m [u8],
    bytes: &'m [u8],
}

impl Message<'_> {
    const OF: Self = Self {
        command: 0,
        status: 0,
        flags2: FLAGS2 | EXTENDED_SECURITY,
        multiplex: 64,
        words: &[],
        bytes: &[],
    };

    fn write(&self) -> Vec<u8> {
        let message = joined(&[
            b"\xffSMB",
            &[self.command],
            &self.status.to_le_bytes(),
            &[0x18],
            &self.flags2.to_le_bytes(),
            // Upper process ID, security features, reserved; tree, process, user.
            &[0; 12],
            &[0, 8, 0xff, 0xfe, 0, 8],
            &self.multiplex.to_le_bytes(),
            &[(self.words.len() / 2) as u8],
            self.words,
            &(self.bytes.len() as u16).to_le_bytes(),
            self.bytes,
        ]);
        session(&message)
    }
}

/// RFC 1002, 4.3.1; MS-SMB2 2.1.
fn session(message: &[u8]) -> Vec<u8> {
    joined(&[&(message.len() as u32).to_be_bytes(), message])
}

fn message(command: u8, words: &[u8], bytes: &[u8]) -> Vec<u8> {
    let message = Message {
        command,
        words,
        bytes,
        ..Message::OF
    };
    message.write()
}

fn negotiate(dialects: &[&str]) -> Vec<u8> {
    let dialects = dialects
        .iter()
        .flat_map(|of| [b"\x02", of.as_bytes(), b"\0"]);
    message(NEGOTIATE, &[], &dialects.collect::<Vec<_>>().concat())
}

/// The beginning of a version 2 message: negotiate.
fn negotiate2() -> Vec<u8> {
    session(&joined(&[b"\xfeSMB", &[64, 0], &[0; 58], &[36, 0]]))
}

/// The 14 words that TRANSACTION and TRANSACTION2 have before their set-up.
fn transaction_words(most_parameters: u16, setup: &[u16]) -> Vec<u8> {
    let counts = [0, 0, most_parameters, 0];
    let mut words = u16s(&counts);
    // Most of set-up, reserved, flags, timeout, reserved.
    words.extend([1, 0, 0, 0, 0x88, 0x13, 0, 0, 0, 0]);
    // Parameters and data: count and offset.
    words.extend(u16s(&[12, 66, 0, 78]));
    words.extend([setup.len() as u8, 0]);
    words.extend(u16s(setup));
    words
}

fn transaction2(subcommand: u16, multiplex: u16) -> Vec<u8> {
    let message = Message {
        command: TRANSACTION2,
        multiplex,
        words: &transaction_words(1, &[subcommand]),
        bytes: &[0; 15],
        ..Message::OF
    };
    message.write()
}

fn peek(most_parameters: u16) -> Vec<u8> {
    let words = transaction_words(most_parameters, &[0x0023, 0x4000]);
    message(TRANSACTION, &words, b"\\\0P\0I\0P\0E\0\\\0\0\0")
}

fn secondary(total: u16, count: u16, displacement: u16) -> Vec<u8> {
    let words = u16s(&[0, total, 0, 0, 0, count, 53, displacement, 0]);
    message(TRANSACTION2_SECONDARY, &words, &[b'A'; 64])
}

fn nt_transact(function: u16, total: u32) -> Vec<u8> {
    let mut words = vec![1, 0, 0];
    // Parameters and data: totals, the most of each, counts and offsets.
    for field in [30, total, 30, 0, 30, 75, 64, 104] {
        words.extend(u32::to_le_bytes(field));
    }
    words.push(1);
    words.extend(u16s(&[function, 0]));
    message(NT_TRANSACT, &words, &[0; 96])
}

/// A set-up with extended security.
fn session_setup(flags2: u16, capabilities: u32) -> Vec<u8> {
    session_setup_with(flags2, &[0], capabilities)
}

/// A set-up, by the lengths of what proves who the client is: a blob's, or those of two
/// passwords.
fn session_setup_with(flags2: u16, lengths: &[u16], capabilities: u32) -> Vec<u8> {
    let mut words = vec![0xff, 0];
    // Offset, largest buffer, most requests, number of the circuit, session key.
    words.extend(u16s(&[0, 61_440, 2, 1, 0, 0]));
    words.extend(u16s(lengths));
    words.extend([0; 4]);
    words.extend(capabilities.to_le_bytes());
    let message = Message {
        command: SESSION_SETUP,
        flags2,
        words: &words,
        bytes: &[0; 22],
        ..Message::OF
    };
    message.write()
}

fn answer(command: u8, status: u32, multiplex: u16) -> Vec<u8> {
    let message = Message {
        command,
        status,
        multiplex,
        ..Message::OF
    };
    message.write()
}

fn compressed(size: u32, offset: u32) -> Vec<u8> {
    session(&joined(&[
        b"\xfcSMB",
        &size.to_le_bytes(),
        // LZ77, no flags.
        &[2, 0, 0, 0],
        &offset.to_le_bytes(),
        &[b'A'; 40],
    ]))
}

fn u16s(fields: &[u16]) -> Vec<u8> {
    fields
        .iter()
        .flat_map(|field| field.to_le_bytes())
        .collect()
}

/// RFC 1002, 4.3.2: what begins a session on port 139.
fn session_request() -> Vec<u8> {
    let name = joined(&[b"\x20", &[b'C'; 32], b"\0"]);
    joined(&[&[0x81, 0, 0, 68], &name, &name])
}

pub(super) fn rows() -> Vec<Row> {
    let old = negotiate(&["NT LM 0.12", "SMB 2.002", "SMB 2.???"]);
    let old_answer = answer(NEGOTIATE, 0, 0);
    // As in the content of a file.
    let content = session(&[0; 100]);
    let room = message(
        TRANSACTION,
        &transaction_words(1024, &[0x0026, 0x4000]),
        b"\\\0P\0I\0P\0E\0\\\0\0\0",
    );
    let far = compressed(100, 0xffff_ffff);
    let large = compressed(0xffff_ffff, 0x10);
    vec![
        Row::new(
            "smb1-offered",
            SMB,
            [old.clone()],
            [negotiate2(), joined(&[&content, &old])],
        ),
        Row::new(
            "smb1-offered",
            Said::Asked(139),
            [joined(&[&session_request(), &old])],
            [joined(&[&session_request(), &negotiate2()])],
        ),
        Row::new(
            "smb1-answered",
            ANSWER,
            [old_answer.clone()],
            [negotiate2(), joined(&[&content, &old_answer])],
        ),
        Row::new(
            "smb1-answered",
            Said::Answered(139),
            [joined(&[&[0x82, 0, 0, 0], &old_answer])],
            [joined(&[&[0x82, 0, 0, 0], &negotiate2()])],
        ),
        Row::new(
            "eternalblue-transaction",
            SMB,
            [nt_transact(0, 0x1_0000), nt_transact(0, 0x1_03d0)],
            // As much by a function that there is, and less.
            [nt_transact(1, 0x1_03d0), nt_transact(0, 0xffff)],
        ),
        Row::new(
            "eternalblue-secondary",
            SMB,
            [
                secondary(0x1000, 0x1000, 0x13d0),
                secondary(0x1000, 0x1000, 0xf3d0),
            ],
            [
                secondary(0x2000, 0x1000, 0x1000),
                secondary(0x1000, 0x0800, 0x0800),
                secondary(0x1000, 0x1000, 0),
                // Not proper either, but not of this attack.
                secondary(0x1000, 0x0400, 0x1000),
            ],
        ),
        Row::new(
            "smb1-session-setup-of-two-forms",
            SMB,
            [session_setup(FLAGS2, CAPABILITY)],
            [
                session_setup(FLAGS2 | EXTENDED_SECURITY, CAPABILITY),
                session_setup(FLAGS2, 0x54),
                // The other form, whose capabilities stand two bytes further on.
                session_setup_with(FLAGS2, &[24, 24], 0x8054),
            ],
        ),
        Row::new(
            "smb1-nt-rename",
            SMB,
            [nt_transact(5, 16)],
            [nt_transact(4, 16), nt_transact(6, 16)],
        ),
        Row::new(
            "smb1-peek-with-room",
            SMB,
            [peek(17), peek(0xffff)],
            [peek(16), peek(6), room],
        ),
        Row::new(
            "smb1-trans2-session-setup",
            SMB,
            [transaction2(0x000e, 64), transaction2(0x000e, 0x4242)],
            [transaction2(0x0005, 64), transaction2(0x0010, 64)],
        ),
        Row::new(
            "doublepulsar-request",
            SMB,
            [transaction2(0x000e, 65)],
            [transaction2(0x0005, 65)],
        ),
        Row::new(
            "doublepulsar-answer",
            ANSWER,
            [answer(TRANSACTION2, NOT_IMPLEMENTED, 81)],
            // A server without the implant, and one that answers another request.
            [
                answer(TRANSACTION2, NOT_IMPLEMENTED, 65),
                answer(TRANSACTION2, 0, 81),
            ],
        ),
        Row::new(
            "smbghost-offset",
            SMB,
            [far.clone(), compressed(100, 0x0100_0000)],
            [
                compressed(100, 0x50),
                compressed(0x0010_0000, 0x00ff_ffff),
                // No algorithm; and a chain, which has a length there.
                but(&far, 12, 9),
                but(&far, 14, 1),
            ],
        ),
        Row::new(
            "smbghost-size",
            ANSWER,
            [large.clone()],
            [
                compressed(0x00ff_ffff, 0x10),
                but(&large, 12, 9),
                but(&large, 14, 1),
            ],
        ),
    ]
}
