//! Rules are loaded exactly, or refused by name.

mod about;
mod absence;
mod agreement;
mod files;
mod flags;
mod header;
mod hostile;
mod jumps;
mod numbers;
mod places;
mod refusals;
mod text;
mod thresholds;

use super::*;
use crate::policy::signature::{Begin, Part, What};

const TCP: &str = "alert tcp any any -> any any";
const UDP: &str = "alert udp any any -> any any";

/// The one rule of a text, which is loaded.
fn one(text: &str) -> Loaded {
    let imported = import(text);
    assert_eq!(imported.refused, [], "{text}");
    let [loaded] = imported.loaded.as_slice() else {
        panic!("not one rule: {text}");
    };
    loaded.clone()
}

/// What a rule of this header and these options becomes.
fn loaded(header: &str, options: &str) -> Loaded {
    one(&format!("{header} ({options} sid:7;)"))
}

fn parts(header: &str, options: &str) -> Vec<Part> {
    loaded(header, options).signature.parts
}

/// The keyword by which the one rule of a text is refused.
fn refusal(text: &str) -> String {
    let imported = import(text);
    assert_eq!(imported.loaded, [], "{text}");
    let [refused] = imported.refused.as_slice() else {
        panic!("not one rule: {text}");
    };
    assert!(!refused.why.is_empty(), "{text}");
    refused.keyword.clone()
}

fn refused(header: &str, options: &str) -> String {
    refusal(&format!("{header} ({options} sid:7;)"))
}

fn bytes(bytes: &[u8]) -> What {
    What::Bytes {
        bytes: bytes.to_vec(),
        nocase: false,
    }
}

const fn absolute(what: What, first: i32, last: Option<i32>) -> Part {
    Part {
        what,
        relative: false,
        first,
        last,
    }
}

const fn relative(what: What, first: i32, last: Option<i32>) -> Part {
    Part {
        what,
        relative: true,
        first,
        last,
    }
}
