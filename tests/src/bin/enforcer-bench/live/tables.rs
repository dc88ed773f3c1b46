//! A report as tables, for a terminal or as Markdown.

use std::fmt::Write as _;

use comfy_table::{Table, presets};

use super::rates;
use super::report::{Figure, Report};

impl Report {
    /// All tables, for a terminal or as Markdown. Writing to a string cannot fail.
    pub(super) fn tables(&self, markdown: bool) -> String {
        let machine = &self.machine;
        let mut told = format!(
            "{} × {}, Linux {}; {:.1} threads ran already before. {} rounds, all cases in turn \
             in each. {} verified instructions.\n\n{}\n",
            machine.processors,
            machine.processor,
            machine.kernel,
            machine.load,
            self.rounds,
            machine.verified_instructions,
            self.table(markdown)
        );
        if !self.targets.is_empty() {
            let mut table = styled(markdown);
            table.set_header(["to reach", "asked", "got", ""]);
            for target in &self.targets {
                let reached = match target.reached {
                    Some(true) => "reached",
                    Some(false) => "not reached",
                    None => "not measured",
                };
                let got = target.got.as_deref().unwrap_or("");
                table.add_row([&target.what, &target.asked, got, reached]);
            }
            let _ = write!(told, "\n{table}\n");
        }
        let _ = write!(told, "\n{}\n", self.cores(markdown));
        if !self.skipped.is_empty() {
            let mut table = styled(markdown);
            table.set_header(["left out", "why"]);
            for skipped in &self.skipped {
                table.add_row([&skipped.what, &skipped.why]);
            }
            let _ = write!(told, "\n{table}\n");
        }
        told
    }

    /// Cores that links at their full rate keep busy.
    fn cores(&self, markdown: bool) -> Table {
        let mut table = styled(markdown);
        let links = rates::LINKS.map(|link| format!("cores at {link} Gbit/s"));
        let head = ["at its full rate".to_owned(), "ns a frame".to_owned()];
        table.set_header(head.into_iter().chain(links));
        for row in rates::rows(self) {
            let cores = row.cores.map(|cores| format!("{cores:.0}"));
            let head = [row.what, short(row.nanoseconds)];
            table.add_row(head.into_iter().chain(cores));
        }
        table
    }

    fn table(&self, markdown: bool) -> Table {
        let mut table = styled(markdown);
        table.set_header([
            "load",
            "frame",
            "contender",
            "median",
            "spread",
            "Mpps a core",
            "of the bridge",
            "arrived",
            "to reach",
        ]);
        for figure in &self.figures {
            let least = figure.rounds.iter().copied().fold(f64::INFINITY, f64::min);
            let most = figure.rounds.iter().copied().fold(0.0, f64::max);
            table.add_row([
                figure.load.clone(),
                figure
                    .bytes
                    .map(|bytes| format!("{bytes} B"))
                    .unwrap_or_default(),
                figure.contender.clone(),
                format!("{} {}", short(figure.median), figure.unit),
                format!("{}–{}", short(least), short(most)),
                if figure.part == "forward" {
                    format!("{:.2}", 1e3 / figure.median)
                } else {
                    String::new()
                },
                figure
                    .of_bridge
                    .map(|ratio| format!("{ratio:.2}"))
                    .unwrap_or_default(),
                arrived(figure),
                self.goals(figure),
            ]);
        }
        table
    }

    /// What there was to reach for a figure.
    fn goals(&self, figure: &Figure) -> String {
        let mine = self
            .targets
            .iter()
            .filter(|target| target.figure.as_ref().is_some_and(|place| place.is(figure)));
        let goals: Vec<String> = mine
            .map(|target| match target.reached {
                Some(true) => format!("{}: yes", target.asked),
                Some(false) => format!("{}: no", target.asked),
                None => format!("{}: ?", target.asked),
            })
            .collect();
        goals.join(", ")
    }
}

fn styled(markdown: bool) -> Table {
    let mut table = Table::new();
    if markdown {
        table.load_style(presets::ASCII_MARKDOWN);
    }
    table
}

fn arrived(figure: &Figure) -> String {
    let Some(arrived) = figure.arrived else {
        return String::new();
    };
    let mut told = format!("{:.1} %", 100.0 * arrived);
    if let Some(past) = figure.past_bridge.filter(|past| *past > 0.0) {
        told += &format!(", {:.1} % past", 100.0 * past);
    }
    if !figure.as_expected {
        told += " (!)";
    }
    told
}

fn short(figure: f64) -> String {
    if figure < 10.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.0}")
    }
}
