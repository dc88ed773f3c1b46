//! What is wrong with a policy and where, for people and for JSON. Last stage
//! of the front end: holds and prints findings, and looks for none.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Diagnostics printed one by one; the rest are counted.
const PRINTED: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The policy cannot be used.
    Error,
    /// The policy can be used, but may not say what its author meant.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    pub severity: Severity,
    /// The file as its reader named it.
    pub file: String,
    /// From 1; 0 where the finding is about the file as a whole.
    pub line: u32,
    /// In characters, from 1; 0 where the finding is about the file as a whole.
    pub column: u32,
    /// Place in the document, as in `devices[3].profile`; empty for the whole of it.
    pub path: String,
    pub message: String,
    /// What to write instead, as a clause.
    pub suggestion: Option<String>,
    /// A word for findings of this kind, which stays the same; not all kinds have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// All findings of one run, errors first, each in order of place. Of very many
/// only the first are held; all are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Diagnostics {
    /// Holds `items`, of `errors` and `warnings` that were found in all.
    pub(super) fn new(mut items: Vec<Diagnostic>, errors: usize, warnings: usize) -> Self {
        items.sort_by_key(|item| item.severity);
        Self {
            items,
            errors,
            warnings,
        }
    }

    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Errors found, held or not.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Warnings found, held or not.
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    pub fn is_empty(&self) -> bool {
        self.errors + self.warnings == 0
    }

    /// The findings that are held, errors first.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.items.iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    /// One line for each finding, as compilers print them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for item in self.iter().take(PRINTED) {
            write!(f, "{separator}{item}")?;
            separator = "\n";
        }
        let more = (self.errors + self.warnings).saturating_sub(self.items.len().min(PRINTED));
        if more > 0 {
            write!(
                f,
                "{separator}and {more} more: {} errors and {} warnings in all",
                self.errors, self.warnings
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}: ", self.severity)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; {suggestion}")?;
        }
        match &self.code {
            Some(code) => write!(f, " [{code}]"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic(severity: Severity, line: u32) -> Diagnostic {
        Diagnostic {
            severity,
            file: "ward.yaml".into(),
            line,
            column: 5,
            path: "devices[3].profile".into(),
            message: "no profile \"alaris-puc\"".into(),
            suggestion: Some("did you mean \"alaris-pcu\"?".into()),
            code: None,
        }
    }

    #[test]
    fn prints_like_a_compiler() {
        let text = diagnostic(Severity::Error, 12).to_string();
        assert_eq!(
            text,
            "ward.yaml:12:5: error: devices[3].profile: no profile \"alaris-puc\"; did you mean \"alaris-pcu\"?"
        );
        let coded = Diagnostic {
            code: Some("shadowed".into()),
            suggestion: None,
            ..diagnostic(Severity::Warning, 12)
        };
        assert_eq!(
            coded.to_string(),
            "ward.yaml:12:5: warning: devices[3].profile: no profile \"alaris-puc\" [shadowed]"
        );
        let whole = Diagnostic {
            line: 0,
            path: String::new(),
            suggestion: None,
            ..diagnostic(Severity::Error, 0)
        };
        assert_eq!(
            whole.to_string(),
            "ward.yaml: error: no profile \"alaris-puc\""
        );
    }

    #[test]
    fn prints_errors_first_and_counts_the_rest() {
        let mut items: Vec<_> = (1..=150)
            .map(|line| diagnostic(Severity::Warning, line))
            .collect();
        items.push(diagnostic(Severity::Error, 200));
        let text = Diagnostics::new(items, 1, 7_000).to_string();
        assert!(text.starts_with("ward.yaml:200:5: error"));
        assert_eq!(text.lines().count(), PRINTED + 1);
        assert!(text.ends_with("\nand 6901 more: 1 errors and 7000 warnings in all"));
    }
}
