//! `flags:[+|*|!]FLAGS[,IGNORED]`: TCP flags of a segment.

use crate::policy::signature::{TCP_FLAGS, TcpFlags};

use super::header::Protocol;
use super::lexer::Keyword;
use super::refusal::{Refusal, refuse};

/// Exactly these flags, but for those that are ignored; with `+` at least these, with `*` one
/// of them, with `!` not all of them (`FlagsMatch` in detect-tcp-flags.c). Ignored ones count
/// as clear.
///
/// # Errors
/// `flags`, and `flags (udp)` where the rule is not for TCP alone.
pub(super) fn flags(keyword: Keyword<'_>, protocol: Protocol) -> Result<TcpFlags, Refusal> {
    if !matches!(protocol, Protocol::Tcp | Protocol::Segment) {
        return Err(refuse("flags (udp)", "only segments of TCP have flags"));
    }
    let (asked, ignored) = match keyword.value()?.split_once(',') {
        Some((asked, ignored)) => (asked.trim(), Some(ignored.trim())),
        None => (keyword.value()?, None),
    };
    let modifier = asked.chars().find(|sign| "+*!".contains(*sign));
    let letters = asked.trim_matches(['+', '*', '!']).trim();
    let counted = !ignored.map_or(Ok(0), |letters| bits(letters, keyword))?;
    let asked = bits(letters, keyword)?;
    // What is to be set and ignored never is.
    if asked & !counted != 0 || asked == 0 {
        return Err(keyword.refuse("no segment can have these flags"));
    }
    let flags = TcpFlags::default();
    match modifier {
        None => Ok(TcpFlags {
            set: asked,
            clear: counted & !asked,
            ..flags
        }),
        Some('+') => Ok(TcpFlags {
            set: asked,
            ..flags
        }),
        Some('*') => Ok(TcpFlags {
            any: asked,
            ..flags
        }),
        Some(_) if asked.is_power_of_two() => Ok(TcpFlags {
            clear: asked,
            ..flags
        }),
        Some(_) => Err(refuse(
            "flags:! (several)",
            "a signature can say that none of them is set, not that one is missing",
        )),
    }
}

fn bits(letters: &str, keyword: Keyword<'_>) -> Result<u8, Refusal> {
    let bit = |letter: char| {
        let name = match letter {
            'F' => "fin",
            'S' => "syn",
            'R' => "rst",
            'P' => "psh",
            'A' => "ack",
            'U' => "urg",
            'E' | '2' => "ece",
            'C' | '1' => "cwr",
            _ => return None,
        };
        let flag = TCP_FLAGS.iter().find(|(word, _)| *word == name);
        flag.map(|(_, bit)| *bit)
    };
    let mut bits = letters.chars().map(bit);
    let bits = bits.try_fold(0, |sum, bit| Some(sum | bit?));
    bits.ok_or_else(|| keyword.refuse("they are not of the letters FSRPAUEC12"))
}
