//! The lines of a file of rules: joined where they are continued, comments apart.
//! Whether a line is a rule is none of its business.

use std::borrow::Cow;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'t> {
    /// What stands behind the `#`.
    Comment(&'t str),
    /// Anything else that is not blank.
    Rule { number: u32, text: Cow<'t, str> },
}

/// A line that ends in a backslash is continued by the next one, whatever that is. A
/// comment is never continued, so that it cannot swallow a rule; Suricata reads it the
/// same way (`DetectLoadSigFile` in detect-engine-loader.c).
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut rest = (1..).zip(text.lines().map(str::trim_end));
    std::iter::from_fn(move || {
        let (number, first) = rest.find(|(_, line)| !line.is_empty())?;
        let first = first.trim_start();
        if first.starts_with('#') {
            return Some(Line::Comment(first.trim_start_matches(['#', ' ', '\t'])));
        }
        if !first.ends_with('\\') {
            let text = Cow::Borrowed(first);
            return Some(Line::Rule { number, text });
        }
        let mut text = first.to_owned();
        while text.ends_with('\\') {
            text.pop();
            text.push_str(rest.next().map_or("", |(_, next)| next));
        }
        let text = Cow::Owned(text);
        Some(Line::Rule { number, text })
    })
}
