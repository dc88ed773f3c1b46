//! TCP flags: what a rule asks of them, and that it is then one of segments.

use super::*;
use crate::policy::signature::TcpFlags;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
const ECE: u8 = 0x40;
const CWR: u8 = 0x80;

fn flags(asked: &str) -> TcpFlags {
    let options = format!(r#"content:"a"; flags:{asked};"#);
    let loaded = loaded(TCP, &options);
    assert_eq!(loaded.signature.begin, Begin::Segment);
    assert!(!loaded.narrowed);
    loaded.signature.tcp_flags
}

/// What Suricata says of a segment's flags, in the plainest way.
fn hits(modifier: char, asked: u8, ignored: u8, flags: u8) -> bool {
    let counted = flags & !ignored;
    match modifier {
        '+' => counted & asked == asked,
        '*' => counted & asked != 0,
        '!' => counted & asked != asked,
        _ => counted == asked,
    }
}

fn signature_hits(asked: TcpFlags, flags: u8) -> bool {
    flags & asked.set == asked.set
        && flags & asked.clear == 0
        && (asked.any == 0 || flags & asked.any != 0)
}

#[test]
fn every_segment_is_judged_as_the_rule_says() {
    for (text, modifier, asked, ignored) in [
        ("S", ' ', SYN, 0),
        ("S,12", ' ', SYN, ECE | CWR),
        (" S , CE ", ' ', SYN, ECE | CWR),
        ("PA", ' ', PSH | ACK, 0),
        ("PA,12", ' ', PSH | ACK, ECE | CWR),
        ("+PA", '+', PSH | ACK, 0),
        ("A+", '+', ACK, 0),
        ("*SF", '*', SYN | FIN, 0),
        ("!F", '!', FIN, 0),
    ] {
        let found = flags(text);
        for flags in 0..=u8::MAX {
            assert_eq!(
                signature_hits(found, flags),
                hits(modifier, asked, ignored, flags),
                "{text} {flags:#x}"
            );
        }
    }
}

#[test]
fn what_is_no_condition_on_flags_is_refused() {
    let refused_as = |flags: &str| refused(TCP, &format!(r#"content:"a"; flags:{flags};"#));
    for wrong in ["X", "S,X", "+", "0", "SA,S", "s"] {
        assert_eq!(refused_as(wrong), "flags", "{wrong}");
    }
    assert_eq!(refused_as("!SF"), "flags:! (several)");
    assert_eq!(refused(UDP, r#"content:"a"; flags:S;"#), "flags (udp)");
    assert_eq!(refused(TCP, r#"content:"a"; flags:S; flags:S;"#), "flags");
    // What only a handshake bears, and nothing that is looked for.
    assert_eq!(refused(TCP, "flags:S,12;"), "flags");
}
