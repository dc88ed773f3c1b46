//! Tables without borders: as wide as the terminal, or as they need to be.

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ContentArrangement, Table as Drawn, presets,
};

use super::Style;

#[derive(Debug)]
pub(crate) struct Table {
    drawn: Drawn,
}

impl Table {
    /// A table with these columns; those that begin with `>` hold numbers.
    pub(crate) fn new(columns: &[&str]) -> Self {
        let mut drawn = Drawn::new();
        let name = |column: &&str| column.trim_start_matches('>').to_owned();
        drawn.load_style(presets::NOTHING).set_header(
            columns
                .iter()
                .map(|column| Cell::new(name(column)).add_attribute(Attribute::Bold))
                .collect::<Vec<_>>(),
        );
        drawn.set_content_arrangement(ContentArrangement::Dynamic);
        for (index, column) in columns.iter().enumerate() {
            if let Some(drawn) = drawn.column_mut(index).filter(|_| column.starts_with('>')) {
                drawn.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self { drawn }
    }

    pub(crate) fn row<C: Into<Styled>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let cells: Vec<Cell> = cells.into_iter().map(|cell| cell.into().cell()).collect();
        self.drawn.add_row(cells);
    }

    /// As wide as the terminal of standard error, if that is one.
    pub(super) fn on_stderr(mut self) -> Self {
        self.drawn.use_stderr();
        self
    }

    /// The text; `None` where there are no rows.
    pub(super) fn render(mut self, coloured: bool) -> Option<String> {
        if self.drawn.is_empty() {
            return None;
        }
        if !self.drawn.is_tty() {
            self.drawn
                .set_content_arrangement(ContentArrangement::Disabled);
        }
        if coloured {
            self.drawn.enforce_styling();
        } else if let Some(width) = self.drawn.width() {
            self.drawn.force_no_tty().set_width(width);
        } else {
            self.drawn.force_no_tty();
        }
        Some(self.drawn.trim_fmt())
    }
}

/// The text of a cell and what it is about.
#[derive(Debug)]
pub(crate) struct Styled(String, Style);

impl Styled {
    pub(crate) fn new(text: impl Into<String>, style: Style) -> Self {
        Self(text.into(), style)
    }

    fn cell(self) -> Cell {
        let cell = Cell::new(self.0);
        match self.1 {
            Style::Plain => cell,
            Style::Faint => cell.add_attribute(Attribute::Dim),
            Style::Good => cell.fg(Color::DarkGreen),
            Style::Doubtful => cell.fg(Color::DarkYellow),
            Style::Bad => cell.fg(Color::DarkRed),
        }
    }
}

impl From<String> for Styled {
    fn from(text: String) -> Self {
        Self(text, Style::Plain)
    }
}
