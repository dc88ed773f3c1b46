//! What commands print: tables or JSON, coloured or not, and hints. The only
//! place that looks at terminals.

use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use serde::Serialize;

mod table;
mod units;

pub(crate) use table::{Styled, Table};
pub(crate) use units::{bytes, count, duration, time};

use crate::exit::Stop;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    Auto,
    Always,
    Never,
}

/// What a text is about, as far as colours tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Faint,
    Good,
    Doubtful,
    Bad,
}

impl Style {
    /// The style of `allow`, `audit` and `deny`.
    pub(crate) fn of_fate(fate: &str) -> Self {
        match fate {
            "allow" => Self::Good,
            "audit" => Self::Doubtful,
            "deny" => Self::Bad,
            _ => Self::Plain,
        }
    }

    /// Parameters of SGR (ECMA-48, 8.3.117).
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Doubtful => "33",
            Self::Bad => "31",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Output {
    format: Format,
    coloured: bool,
    coloured_stderr: bool,
}

impl Output {
    pub(crate) fn new(format: Format, colour: Colour) -> Self {
        // <https://no-color.org>: set and not empty.
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let on = |terminal: bool| match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && !unwanted,
        };
        Self {
            format,
            coloured: on(io::stdout().is_terminal()),
            coloured_stderr: on(io::stderr().is_terminal()),
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Prints a value as JSON, for people to read too.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Result<(), Stop> {
        let text =
            serde_json::to_string_pretty(value).map_err(|error| Stop::Failed(error.to_string()))?;
        self.line(&text)
    }

    /// Prints a value as JSON in one line.
    pub(crate) fn json_line<T: Serialize>(&self, value: &T) -> Result<(), Stop> {
        let text = serde_json::to_string(value).map_err(|error| Stop::Failed(error.to_string()))?;
        self.line(&text)
    }

    pub(crate) fn line(&self, text: &str) -> Result<(), Stop> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.write_all(b"\n")?;
        // Readers of events want each at once.
        Ok(stdout.flush()?)
    }

    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), Stop> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        Ok(stdout.flush()?)
    }

    /// Prints a table, or a sentence where it has no rows.
    pub(crate) fn table(&self, table: Table, otherwise: &str) -> Result<(), Stop> {
        match table.render(self.coloured) {
            Some(text) => self.line(&text),
            None => self.line(otherwise),
        }
    }

    /// A line about what is printed, to standard error.
    pub(crate) fn note(&self, text: &str) -> Result<(), Stop> {
        Ok(writeln!(io::stderr(), "{text}")?)
    }

    /// A table about what is printed, to standard error; nothing where it has no rows.
    pub(crate) fn note_table(&self, table: Table) -> Result<(), Stop> {
        match table.on_stderr().render(self.coloured_stderr) {
            Some(text) => self.note(&text),
            None => Ok(()),
        }
    }

    /// A warning, to standard error.
    pub(crate) fn warn(&self, text: &str) -> Result<(), Stop> {
        Ok(writeln!(
            io::stderr(),
            "{} {text}",
            self.style_stderr("warning:", Style::Doubtful)
        )?)
    }

    /// Names the next command, to people only.
    pub(crate) fn hint(&self, text: &str) {
        if !self.is_json() && io::stderr().is_terminal() {
            // A hint that cannot be read is not missed.
            let _ = writeln!(
                io::stderr(),
                "{} {text}",
                self.style_stderr("hint:", Style::Faint)
            );
        }
    }

    pub(crate) fn style(&self, text: &str, style: Style) -> String {
        styled(text, style, self.coloured)
    }

    pub(crate) fn style_stderr(&self, text: &str, style: Style) -> String {
        styled(text, style, self.coloured_stderr)
    }
}

fn styled(text: &str, style: Style, coloured: bool) -> String {
    if coloured && style != Style::Plain {
        format!("\x1b[{}m{text}\x1b[0m", style.code())
    } else {
        text.to_owned()
    }
}
