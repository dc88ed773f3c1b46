//! Draws a view: head line, traffic and rules, flows, denials.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::Line;
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};

use super::sample::View;
use crate::events::sentence;
use crate::render::{bytes, count, duration, time};
use crate::traffic::endpoint;

pub(super) fn draw(frame: &mut Frame<'_>, view: &View) {
    let [head, upper, flows, denials] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Fill(3),
        Constraint::Fill(3),
        Constraint::Fill(2),
    ])
    .areas(frame.area());
    let [traffic, rules] =
        Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).areas(upper);
    draw_head(frame, head, view);
    draw_traffic(frame, traffic, view);
    draw_rules(frame, rules, view);
    draw_flows(frame, flows, view);
    draw_denials(frame, denials, view);
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let status = &view.status;
    let policy = match &status.policy {
        Some(policy) => format!("{} (epoch {})", policy.source, policy.epoch),
        None => "no policy".to_owned(),
    };
    let facts = format!(
        "enforcerd on {}, up {}, {policy}; {} flows; events {} sent, {} lost",
        status.bridge,
        duration(status.uptime_seconds),
        count(view.counters.flows_current),
        count(view.counters.events_sent),
        count(view.counters.events_lost),
    );
    let second = match &view.trouble {
        Some(trouble) => Line::from(trouble.clone()).red(),
        None => Line::from("q quits").dim(),
    };
    frame.render_widget(Paragraph::new(vec![Line::from(facts).bold(), second]), area);
}

fn draw_traffic(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let rows = view.traffic.iter().map(|of| {
        Row::new([
            Cell::from(of.port.clone()),
            Cell::from(of.fate.clone()).style(fate_style(&of.fate)),
            Cell::from(of.reason.clone()),
            Cell::from(per_second(of.packets_per_second)),
            Cell::from(format!("{}/s", bytes(of.bytes_per_second as u64))),
            Cell::from(count(of.packets)),
        ])
    });
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(5),
        Constraint::Fill(2),
    ];
    let widths = widths.into_iter().chain([
        Constraint::Length(9),
        Constraint::Length(12),
        Constraint::Length(12),
    ]);
    table(
        frame,
        area,
        "Traffic",
        ["PORT", "FATE", "REASON", "PACKETS/s", "BYTES/s", "PACKETS"],
        rows,
        widths,
    );
}

fn draw_rules(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let rows = view.rules.iter().map(|of| {
        Row::new([
            of.name.clone(),
            per_second(of.packets_per_second),
            count(of.packets),
        ])
    });
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(9),
        Constraint::Length(12),
    ];
    table(
        frame,
        area,
        "Rules",
        ["RULE", "PACKETS/s", "PACKETS"],
        rows,
        widths,
    );
}

fn draw_flows(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let rows = view.flows.iter().map(|flow| {
        Row::new([
            Cell::from(endpoint(
                flow.initiator,
                flow.initiator_port,
                &flow.protocol,
            )),
            Cell::from(endpoint(
                flow.responder,
                flow.responder_port,
                &flow.protocol,
            )),
            Cell::from(flow.protocol.clone()),
            Cell::from(flow.state.clone()),
            Cell::from(flow.fate.clone()).style(fate_style(&flow.fate)),
            Cell::from(flow.rules.join(", ")),
            Cell::from(bytes(flow.bytes.iter().sum())),
        ])
    });
    let widths = [
        Constraint::Fill(2),
        Constraint::Fill(2),
        Constraint::Length(8),
        Constraint::Length(11),
    ];
    let widths = widths.into_iter().chain([
        Constraint::Length(5),
        Constraint::Fill(2),
        Constraint::Length(10),
    ]);
    table(
        frame,
        area,
        "Flows",
        ["FROM", "TO", "PROTOCOL", "STATE", "FATE", "RULES", "BYTES"],
        rows,
        widths,
    );
}

fn draw_denials(frame: &mut Frame<'_>, area: Rect, view: &View) {
    // The newest ones stand first: the end may not fit.
    let lines = view.denials.iter().rev().map(|event| {
        Line::from(format!("{} {}", time(&event.time), sentence(event)))
            .style(fate_style(&event.fate))
    });
    let block = Block::bordered().title("Last denials");
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()).block(block), area);
}

fn table<'a, const N: usize>(
    frame: &mut Frame<'_>,
    area: Rect,
    title: &str,
    columns: [&str; N],
    rows: impl IntoIterator<Item = Row<'a>>,
    widths: impl IntoIterator<Item = Constraint>,
) {
    let drawn = Table::new(rows, widths)
        .header(Row::new(columns.map(|name| Cell::from(name.to_owned()))).bold())
        .block(Block::bordered().title(title.to_owned()));
    frame.render_widget(drawn, area);
}

fn per_second(rate: f64) -> String {
    if rate < 10.0 && rate > 0.0 {
        format!("{rate:.1}")
    } else {
        count(rate.round() as u64)
    }
}

fn fate_style(fate: &str) -> Style {
    match fate {
        "deny" => Style::new().fg(Color::Red),
        "audit" => Style::new().fg(Color::Yellow),
        _ => Style::new(),
    }
}
