//! The lines of a file of rules: joined where they are continued, comments apart.
//! Whether a line is a rule is none of its business.

use std::borrow::Cow;

/// A line that is not blank.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// Where it begins; the first line is 1.
    pub(super) number: u32,
    /// Whether it stands behind a `#`, which is no part of the text.
    pub(super) is_comment: bool,
    /// With replacement characters for what is not UTF-8.
    pub(super) text: Cow<'t, str>,
    pub(super) is_utf8: bool,
}

/// A line that ends in a backslash is continued by the next one, whatever that is. A
/// comment is never continued, so that it cannot swallow a rule; Suricata reads it the
/// same way (`DetectLoadSigFile` in detect-engine-loader.c).
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let decoded = text.split(|byte| *byte == b'\n').map(decode);
    let mut rest = (1..).zip(decoded);
    std::iter::from_fn(move || {
        let (number, (text, is_utf8)) = rest.find(|(_, (text, _))| !text.is_empty())?;
        let mut line = Line {
            number,
            is_comment: false,
            text: trim(text, str::trim_start),
            is_utf8,
        };
        if line.text.starts_with('#') {
            line.is_comment = true;
            line.text = trim(line.text, |text| text.trim_start_matches(['#', ' ', '\t']));
            return Some(line);
        }
        while line.text.ends_with('\\') {
            let text = line.text.to_mut();
            text.pop();
            if let Some((_, (next, is_utf8))) = rest.next() {
                text.push_str(&next);
                line.is_utf8 &= is_utf8;
            }
        }
        Some(line)
    })
}

/// A line without the blanks at its end, and whether all of it is UTF-8.
fn decode(line: &[u8]) -> (Cow<'_, str>, bool) {
    let text = String::from_utf8_lossy(line);
    let is_utf8 = matches!(text, Cow::Borrowed(_));
    (trim(text, str::trim_end), is_utf8)
}

fn trim<'t>(text: Cow<'t, str>, trim: impl Fn(&str) -> &str) -> Cow<'t, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(trim(text)),
        Cow::Owned(text) => Cow::Owned(trim(&text).to_owned()),
    }
}
