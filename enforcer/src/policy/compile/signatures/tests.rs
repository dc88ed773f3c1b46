//! Signatures on their way into tables: what automaton and filter find is what a plain
//! search finds, what cannot be held is said, and the same policy gives the same bytes.

mod automaton;
mod filter;
mod groups;
mod known;
mod lower;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::policy::model::Service;
use crate::policy::signature::{Part, Signature, What};

/// Patterns in lower case, over few letters or any bytes.
fn pattern(lengths: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    let few = vec(select(b"ab\0".as_slice()), lengths.clone());
    let any = vec(any::<u8>(), lengths.clone());
    let words = vec(select(b"abcdefgh /-".as_slice()), lengths);
    prop_oneof![few, any, words].prop_map(|bytes| bytes.to_ascii_lowercase())
}

/// Patterns, many of which begin or end as others do.
fn patterns(lengths: std::ops::Range<usize>, count: usize) -> impl Strategy<Value = Vec<Vec<u8>>> {
    let least = lengths.start;
    let one = (pattern(lengths), 0..40_usize, 0..3_u8);
    vec(one, 1..count).prop_map(move |made| {
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        for (pattern, cut, what) in made {
            let before = patterns.last().cloned().unwrap_or_default();
            patterns.push(match what {
                0 if before.len() > cut + least => before[cut..].to_vec(),
                1 if before.len() > cut + least => before[..before.len() - cut].to_vec(),
                _ => pattern,
            });
        }
        patterns
    })
}

/// Letters in either case.
fn mixed(bytes: &[u8], seed: u64) -> Vec<u8> {
    let upper = |(index, byte): (usize, &u8)| match seed >> (index % 64) & 1 {
        0 => *byte,
        _ => byte.to_ascii_uppercase(),
    };
    bytes.iter().enumerate().map(upper).collect()
}

fn bytes(bytes: &[u8]) -> Part {
    Part {
        what: What::Bytes {
            bytes: bytes.to_vec(),
            nocase: false,
        },
        relative: false,
        first: 0,
        last: None,
    }
}

/// At every TCP port.
fn signature(name: &str, parts: Vec<Part>) -> Signature {
    Signature::of(name, 1, vec![Service::Tcp(0, u16::MAX)], parts)
}
