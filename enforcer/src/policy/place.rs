//! Places in a policy's documents: made while a document is walked, turned into
//! lines and columns only if something is reported. Knows no file's text.

use std::fmt::Write;

/// The spot that validation is looking at: a chain of steps on the stack, so
/// that a place which is never reported costs nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Here<'a> {
    file: usize,
    /// The spot above and the step down from it; none at the top of a document.
    above: Option<(&'a Here<'a>, StepRef<'a>)>,
}

#[derive(Clone, Copy, Debug)]
enum StepRef<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Here<'a> {
    /// The top of a document, by the number of its file in the bundle.
    pub(super) fn top(file: usize) -> Self {
        Self { file, above: None }
    }

    pub(super) fn key(&'a self, key: &'a str) -> Self {
        Self {
            file: self.file,
            above: Some((self, StepRef::Key(key))),
        }
    }

    pub(super) fn index(&'a self, index: usize) -> Self {
        Self {
            file: self.file,
            above: Some((self, StepRef::Index(index))),
        }
    }

    /// The place of the value here.
    pub(super) fn place(&self) -> Place {
        Place {
            file: self.file,
            path: self.path(),
            at: At::Value,
        }
    }

    /// The place of the key that leads here.
    pub(super) fn key_place(&self) -> Place {
        Place {
            at: At::Key,
            ..self.place()
        }
    }

    /// The place where the key that leads here is written again.
    pub(super) fn repeat_place(&self) -> Place {
        Place {
            at: At::Repeat,
            ..self.place()
        }
    }

    fn path(&self) -> Vec<Step> {
        let Some((above, step)) = self.above else {
            return Vec::new();
        };
        let mut path = above.path();
        path.push(match step {
            StepRef::Key(key) => Step::Key(key.to_owned()),
            StepRef::Index(index) => Step::Index(index),
        });
        path
    }
}

impl From<&Here<'_>> for Place {
    fn from(here: &Here<'_>) -> Self {
        here.place()
    }
}

/// A spot that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the file in the bundle.
    pub(super) file: usize,
    pub(super) path: Vec<Step>,
    pub(super) at: At,
}

impl Place {
    /// A place known by line and column, which no path leads to.
    pub(super) fn fixed(file: usize, position: Position) -> Self {
        Self {
            file,
            path: Vec::new(),
            at: At::Fixed(position),
        }
    }

    /// The path as people read it: `devices[3].profile`.
    pub(super) fn path_text(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            // Writing into a String cannot fail.
            let _ = match step {
                Step::Index(index) => write!(text, "[{index}]"),
                Step::Key(key) => {
                    let dot = if text.is_empty() { "" } else { "." };
                    let plain = key.len() <= 64
                        && key.bytes().all(|byte| {
                            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
                        });
                    if plain {
                        write!(text, "{dot}{key}")
                    } else {
                        write!(text, "{dot}{}", quoted(key))
                    }
                }
            };
        }
        text
    }
}

/// One step from a document's top to a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// What of the thing at the end of a path is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Value,
    Key,
    /// The second occurrence of the key.
    Repeat,
    Fixed(Position),
}

/// Line and column in characters, both from 1; zeros mean the whole file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// Text of the policy's author inside a message: quoted, with control
/// characters escaped, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 64;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_like_code() {
        let top = Here::top(0);
        let profiles = top.key("profiles");
        let (plain, odd) = (profiles.key("alaris-pcu"), profiles.key("a b\u{1b}"));
        let allow = plain.key("allow");
        assert_eq!(
            allow.index(2).key("tcp").place().path_text(),
            "profiles.alaris-pcu.allow[2].tcp"
        );
        assert_eq!(odd.place().path_text(), r#"profiles."a b\u{1b}""#);
        assert_eq!(top.place().path_text(), "");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(quoted(&"é".repeat(70)), format!("\"{}\"…", "é".repeat(64)));
    }
}
