//! Collects what reading and validation find, and at the end gives each finding
//! its line. Decides nothing: stages report here and go on.

use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::locate;
use super::place::{At, Place, Position};
use super::source::File;

/// Findings of one severity that are held; more are only counted, so that a
/// hopeless file costs bounded time and memory.
const HELD: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Findings {
    held: Vec<Finding>,
    errors: usize,
    warnings: usize,
}

#[derive(Debug)]
struct Finding {
    severity: Severity,
    place: Place,
    message: String,
    /// A second place, which the end of the message names.
    beside: Option<Place>,
    suggestion: Option<String>,
    code: Option<&'static str>,
}

/// A finding just reported, to be told more; nothing if it is only counted.
#[derive(Debug)]
pub(super) struct Reported<'a>(Option<&'a mut Finding>);

impl Findings {
    pub(super) fn error(
        &mut self,
        place: impl Into<Place>,
        message: impl Into<String>,
    ) -> Reported<'_> {
        self.errors += 1;
        if self.errors > HELD {
            return Reported(None);
        }
        self.hold(Severity::Error, place.into(), message.into())
    }

    pub(super) fn warning(
        &mut self,
        place: impl Into<Place>,
        message: impl Into<String>,
    ) -> Reported<'_> {
        self.warnings += 1;
        if self.warnings > HELD {
            return Reported(None);
        }
        self.hold(Severity::Warning, place.into(), message.into())
    }

    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    /// Gives every finding its line and column. Only here is a document read for
    /// positions, and only a document that something was found in.
    pub(super) fn into_diagnostics(mut self, files: &[&File]) -> Diagnostics {
        let places = self
            .held
            .iter()
            .flat_map(|finding| [Some(&finding.place), finding.beside.as_ref()]);
        let positions = positions(&places.collect::<Vec<_>>(), files);
        let mut found: Vec<_> = std::mem::take(&mut self.held)
            .into_iter()
            .zip(positions.chunks(2))
            .collect();
        found.sort_by_key(|(finding, positions)| (finding.place.file, positions[0]));
        let items = found
            .into_iter()
            .map(|(finding, positions)| diagnostic(finding, positions, files));
        Diagnostics::new(items.collect(), self.errors, self.warnings)
    }

    fn hold(&mut self, severity: Severity, place: Place, message: String) -> Reported<'_> {
        self.held.push(Finding {
            severity,
            place,
            message,
            beside: None,
            suggestion: None,
            code: None,
        });
        Reported(self.held.last_mut())
    }
}

impl Reported<'_> {
    /// Adds a clause of advice, worked out only if the finding is held.
    pub(super) fn suggest(mut self, suggestion: impl FnOnce() -> Option<String>) -> Self {
        if let Some(finding) = &mut self.0 {
            finding.suggestion = suggestion();
        }
        self
    }

    /// Gives the finding a code word of its kind.
    pub(super) fn code(mut self, code: &'static str) -> Self {
        if let Some(finding) = &mut self.0 {
            finding.code = Some(code);
        }
        self
    }

    /// Ends the message with the file and line of a second place.
    pub(super) fn beside(mut self, place: impl Into<Place>) -> Self {
        if let Some(finding) = &mut self.0 {
            finding.beside = Some(place.into());
        }
        self
    }
}

fn positions(places: &[Option<&Place>], files: &[&File]) -> Vec<Position> {
    let mut positions = vec![Position::default(); places.len()];
    for (number, file) in files.iter().enumerate() {
        let mut wanted = Vec::new();
        for (index, place) in places.iter().enumerate() {
            match place {
                Some(Place {
                    at: At::Fixed(position),
                    ..
                }) => positions[index] = *position,
                Some(place) if place.file == number => wanted.push((index, *place)),
                _ => {}
            }
        }
        if wanted.is_empty() {
            continue;
        }
        let of_file: Vec<_> = wanted.iter().map(|(_, place)| *place).collect();
        for ((index, _), position) in wanted.iter().zip(locate::positions(file, &of_file)) {
            positions[*index] = position;
        }
    }
    positions
}

fn diagnostic(finding: Finding, positions: &[Position], files: &[&File]) -> Diagnostic {
    let name = |place: &Place| files.get(place.file).map_or("", |file| file.path.as_str());
    let mut message = finding.message;
    if let Some(beside) = &finding.beside {
        message = format!("{message} at {}:{}", name(beside), positions[1].line);
    }
    Diagnostic {
        severity: finding.severity,
        file: name(&finding.place).to_owned(),
        line: positions[0].line,
        column: positions[0].column,
        path: finding.place.path_text(),
        message,
        suggestion: finding.suggestion,
        code: finding.code.map(str::to_owned),
    }
}
