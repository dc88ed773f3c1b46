//! The demo's table.

use std::fmt;

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

use super::attempt::{Attempt, Expected};
use crate::traffic::Outcome;

/// What came of one attempt.
#[derive(Debug)]
pub(super) struct Row {
    what: &'static str,
    from: String,
    to: String,
    expected: Expected,
    /// Through the bare bridge.
    before: Outcome,
    happened: Outcome,
    why: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<Row>,
}

impl Row {
    pub(super) fn new(
        attempt: &Attempt,
        before: Outcome,
        happened: Outcome,
        why: Option<String>,
    ) -> Self {
        let from = match attempt.pretending {
            Some(other) => format!("{} as {other}", attempt.from),
            None => attempt.from.to_owned(),
        };
        let to = match attempt.port {
            Some(port) => format!("{}:{port}", attempt.to),
            None => attempt.to.to_owned(),
        };
        Self {
            what: attempt.what,
            from,
            to,
            expected: attempt.expected,
            before,
            happened,
            why,
        }
    }

    /// A refusal is a frame that vanishes: a peer that answers "no" was reached.
    /// What happens for another reason than it should is not as expected either.
    fn as_expected(&self) -> bool {
        let (outcome, why) = match self.expected {
            Expected::Passes(rule) => (Outcome::Answered, format!("rule {rule}")),
            Expected::Refused(reason) => (Outcome::Silent, reason.to_owned()),
        };
        self.before == Outcome::Answered
            && self.happened == outcome
            && self.why.as_deref() == Some(&why)
    }

    fn cells(&self) -> [String; 8] {
        [
            self.what.to_owned(),
            self.from.clone(),
            self.to.clone(),
            passed(self.before).to_owned(),
            match self.expected {
                Expected::Passes(_) => "passes".to_owned(),
                Expected::Refused(_) => "refused".to_owned(),
            },
            passed(self.happened).to_owned(),
            self.why
                .clone()
                .unwrap_or_else(|| "the enforcer does not say".to_owned()),
            if self.as_expected() {
                "ok"
            } else {
                "DIFFERENT"
            }
            .to_owned(),
        ]
    }
}

impl Report {
    pub(super) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(super) fn all_as_expected(&self) -> bool {
        self.rows.iter().all(Row::as_expected)
    }

    pub(super) fn summary(&self) -> String {
        let different = self.rows.iter().filter(|row| !row.as_expected()).count();
        match different {
            0 => format!("All {} attempts came out as expected.", self.rows.len()),
            _ => format!(
                "{different} of {} attempts came out DIFFERENT.",
                self.rows.len()
            ),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table
            .load_style(UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header([
            "tried",
            "from",
            "to",
            "bare bridge",
            "expected",
            "happened",
            "why",
            "verdict",
        ]);
        table.add_rows(self.rows.iter().map(Row::cells));
        write!(out, "{table}")
    }
}

fn passed(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "passed",
        Outcome::Refused => "peer said no",
        Outcome::Unreachable => "unreachable",
        Outcome::Silent => "no answer",
    }
}
