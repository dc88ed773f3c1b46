//! Import of rules in the language of Suricata and Snort:
//!
//! text → lines → lexer → header, options → ends, runs, parts → signature
//!
//! A rule is loaded if all that it says can be said of a [`Signature`], and is refused
//! otherwise, by the first keyword that is in the way. No rule is loaded in part: one
//! that lost a condition would hit what its author never meant.
//!
//! What the language says is taken from the manual and, where that leaves room, from the
//! source of Suricata 7; the places are named where they are used. Rules that are
//! switched off are counted, and loaded only if that is asked for.

mod about;
mod byte_jump;
mod byte_test;
mod content;
mod ends;
mod extent;
mod flags;
mod flow;
mod header;
mod length;
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
mod threshold;

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
    /// Rules behind a `#` that were passed over.
    pub disabled: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loaded {
    /// Where the rule begins; the first line is 1.
    pub line: u32,
    /// Never 0, and unique among what was loaded.
    pub sid: u32,
    /// Whether the rule may stretch over more bytes than
    /// [`SPAN`](crate::policy::signature::SPAN): it is found only where it does not; or
    /// counts from the beginning of a TCP payload: it is found where the sender begins to
    /// speak, and not in every segment; or is for all of IP: it is found in TCP and UDP.
    /// All else means the same in both languages.
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

    /// How many of those loaded are narrowed.
    pub fn narrowed(&self) -> usize {
        let narrowed = self.loaded.iter().filter(|loaded| loaded.narrowed);
        narrowed.count()
    }

    /// `N of M loaded`, of the rules that are not disabled.
    pub fn summary(&self) -> String {
        let loaded = self.loaded.len();
        format!("{loaded} of {} loaded", loaded + self.refused.len())
    }
}

/// Imports texts one after the other, and of each sid the first rule.
#[derive(Clone, Debug, Default)]
pub struct Importer {
    with_disabled: bool,
    sids: BTreeSet<u32>,
}

/// Imports every rule of one text that can be imported.
pub fn import(text: &str) -> Imported {
    Importer::default().import(text.as_bytes())
}

impl Importer {
    /// One that imports rules behind a `#` like all others.
    pub fn with_disabled() -> Self {
        Self {
            with_disabled: true,
            ..Self::default()
        }
    }

    /// Imports every rule of a text that can be imported.
    pub fn import(&mut self, text: &[u8]) -> Imported {
        let mut imported = Imported::default();
        for line in lines(text) {
            let lexed = Rule::lex(&line.text);
            if line.is_comment && lexed.is_err() {
                continue;
            }
            if line.is_comment && !self.with_disabled {
                imported.disabled += 1;
                continue;
            }
            match self.rule(&line, lexed) {
                Ok(loaded) => imported.loaded.push(loaded),
                Err(refused) => imported.refused.push(refused),
            }
        }
        imported
    }

    fn rule(
        &mut self,
        line: &Line<'_>,
        lexed: Result<Rule<'_>, Refusal>,
    ) -> Result<Loaded, Refused> {
        let sid = lexed.as_ref().ok().and_then(Rule::sid);
        let lowered = lexed.and_then(|rule| {
            if !line.is_utf8 {
                return Err(refuse("utf-8", "it is not text in UTF-8"));
            }
            let lowered = lower(&rule)?;
            if !self.sids.insert(lowered.sid) {
                return Err(refuse("sid", "a rule before has the same"));
            }
            Ok(lowered)
        });
        let line = line.number;
        match lowered {
            Ok(Lowered {
                sid,
                signature,
                narrowed,
            }) => Ok(Loaded {
                line,
                sid,
                narrowed,
                signature,
            }),
            Err(Refusal { keyword, why }) => Err(Refused {
                line,
                sid,
                keyword,
                why,
            }),
        }
    }
}
