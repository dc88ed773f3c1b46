//! Import of rules in the language of Suricata and Snort:
//!
//!     text → lines → lexer → header, options → ends, runs, parts → signature
//!
//! A rule is loaded if all that it says can be said of a [`Signature`], and is refused
//! otherwise, by the first keyword that is in the way. No rule is loaded in part: one
//! that lost a condition would hit what its author never meant.
//!
//! What the language says is taken from the manual and, where that leaves room, from the
//! source of Suricata 7; the places are named where they are used. Rules that are
//! switched off are counted, not loaded.

mod about;
mod byte_test;
mod content;
mod ends;
mod extent;
mod flow;
mod header;
mod lexer;
mod lines;
mod lower;
mod options;
mod parts;
mod ports;
mod refusal;
mod runs;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::policy::signature::Signature;
use lexer::Rule;
use lines::{Line, lines};
use lower::{Lowered, lower};
use refusal::{Refusal, refuse};

/// What became of the rules of a text, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    pub loaded: Vec<Loaded>,
    pub refused: Vec<Refused>,
    /// Rules behind a `#`.
    pub disabled: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loaded {
    /// Where the rule begins; the first line is 1.
    pub line: u32,
    /// Never 0, and unique among what was loaded.
    pub sid: u32,
    /// Whether the rule may stretch over more bytes than
    /// [`SPAN`](crate::policy::signature::SPAN): it is found only where it does not. All
    /// else means the same in both languages.
    pub narrowed: bool,
    pub signature: Signature,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Where the rule begins; the first line is 1.
    pub line: u32,
    /// If the rule says one.
    pub sid: Option<u32>,
    /// What is in the way, to count by: a keyword such as `pcre`, a part of the header
    /// such as `protocol http`, or `syntax` where the line is no rule.
    pub keyword: String,
    pub why: String,
}

impl Imported {
    /// How many rules each keyword stood in the way of.
    pub fn by_keyword(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for refused in &self.refused {
            *counts.entry(refused.keyword.as_str()).or_default() += 1;
        }
        counts
    }

    /// `N of M loaded`, of the rules that are not disabled.
    pub fn summary(&self) -> String {
        let loaded = self.loaded.len();
        format!("{loaded} of {} loaded", loaded + self.refused.len())
    }
}

/// Imports every rule of a text that can be imported.
pub fn import(text: &str) -> Imported {
    let mut imported = Imported::default();
    let mut sids = BTreeSet::new();
    for line in lines(text) {
        match line {
            Line::Comment(text) => imported.disabled += usize::from(Rule::lex(text).is_ok()),
            Line::Rule { number, text } => imported.add(number, &text, &mut sids),
        }
    }
    imported
}

impl Imported {
    fn add(&mut self, line: u32, text: &str, sids: &mut BTreeSet<u32>) {
        let rule = match Rule::lex(text) {
            Ok(rule) => rule,
            Err(refusal) => return self.refuse(line, None, refusal),
        };
        match lower(&rule) {
            Err(refusal) => self.refuse(line, rule.sid(), refusal),
            Ok(lowered) if !sids.insert(lowered.sid) => {
                let refusal = refuse("sid", "a rule before has the same");
                self.refuse(line, Some(lowered.sid), refusal);
            }
            Ok(Lowered {
                sid,
                signature,
                narrowed,
            }) => self.loaded.push(Loaded {
                line,
                sid,
                narrowed,
                signature,
            }),
        }
    }

    fn refuse(&mut self, line: u32, sid: Option<u32>, refusal: Refusal) {
        let Refusal { keyword, why } = refusal;
        self.refused.push(Refused {
            line,
            sid,
            keyword,
            why,
        });
    }
}
