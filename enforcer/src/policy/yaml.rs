//! YAML text → raw. Refuses what the language does without (anchors, several
//! documents) and turns the parser's complaints into findings; checks no value.

use saphyr_parser::{Event, Parser};

use super::findings::Findings;
use super::lenient::{Lenient, seed};
use super::place::{Place, Position};
use serde::de::DeserializeSeed;

/// Reads one file; `None` if it is no YAML, which is then reported.
pub(super) fn read<T: Lenient>(number: usize, text: &str, findings: &mut Findings) -> Option<T> {
    if may_hold_refused(text)
        && let Some((position, message)) = refused(text)
    {
        findings.error(Place::fixed(number, position), message);
        return None;
    }
    match seed().deserialize(serde_yaml::Deserializer::from_str(text)) {
        Ok(raw) => Some(raw),
        Err(error) => {
            let (position, message) = explain(&error);
            findings.error(Place::fixed(number, position), message);
            None
        }
    }
}

const ANCHORS: &str = "YAML anchors and aliases are not supported";
const DOCUMENTS: &str = "a file holds one YAML document; this starts a second one";

/// Whether a closer look is due. Cheap, so that large files without any of it
/// are not read twice; errs on the side of looking.
fn may_hold_refused(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut candidates = text.match_indices(['&', '*']).map(|(index, _)| index);
    candidates.any(|index| {
        let before = index
            .checked_sub(1)
            .map_or(b' ', |previous| bytes[previous]);
        let after = bytes.get(index + 1).copied().unwrap_or(b' ');
        let opens = before.is_ascii_whitespace() || b"[]{},:-?!\"'".contains(&before);
        opens && !after.is_ascii_whitespace()
    }) || text.contains("\n---")
        || text.contains("\n...")
}

/// The first thing in a text that is YAML but not for policies. Parser errors are
/// left to the parser that reads the values.
fn refused(text: &str) -> Option<(Position, &'static str)> {
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.ok()?;
        let message = match event {
            Event::DocumentStart(_) => {
                documents += 1;
                (documents > 1).then_some(DOCUMENTS)
            }
            Event::Alias(_) => Some(ANCHORS),
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _) => (anchor > 0).then_some(ANCHORS),
            _ => None,
        };
        if let Some(message) = message {
            return Some((super::locate::position(&span.start), message));
        }
    }
    None
}

/// The parser's complaint in our words where we have better ones.
fn explain(error: &serde_yaml::Error) -> (Position, String) {
    let text = error.to_string();
    let Some(location) = error.location() else {
        let message = match text.as_str() {
            "repetition limit exceeded" => ANCHORS,
            _ if text.contains("more than one document") => DOCUMENTS,
            _ => text.as_str(),
        };
        return (Position::default(), message.to_owned());
    };
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let position = Position {
        line: number(location.line()),
        column: number(location.column()),
    };
    let text = text.replacen(
        &format!(" at line {} column {}", location.line(), location.column()),
        "",
        1,
    );
    let message = match text.as_str() {
        _ if text.contains("recursion limit exceeded") => {
            "nested more deeply than any policy is".to_owned()
        }
        _ if text.contains("unknown anchor") => ANCHORS.to_owned(),
        _ => format!("not valid YAML: {text}"),
    };
    (position, message)
}
