//! What there was to reach, beside what came out. Ratios of one run, or times of the
//! program alone.

use super::contender::{BRIDGE, BY_BRIDGE, FAST, INSPECTING, REDIRECT, SURICATA};
use super::ends::{QUANTILES, TCP};
use super::firewall::Firewall;
use super::flood::{EVICTED, KEPT, LOADS};
use super::loads::{Load, devices};
use super::program::{PREFIXES, PROGRAM, RULES, SMALL};
use super::report::{Place, Report, Target};

/// What is no dearer may still come out by so many per cent more.
const NOISE: f64 = 2.0;

/// Which way a figure is good.
#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

pub(super) fn judge(report: &mut Report) {
    let targets = forwarding(report)
        .into_iter()
        .chain(program(report))
        .chain(flood(report))
        .chain(ends(report))
        .chain(inspection(report));
    report.targets = targets.collect();
}

fn forwarding(report: &Report) -> Vec<Target> {
    let thousand = Load::Allowed(64, 1000);
    let all = Load::Allowed(64, devices());
    let against = |load: Load, peer: &str, least| {
        let what = format!("{FAST}, against {peer}: {}", load.name());
        let got = times(report, load, peer, FAST);
        target(what, Bound::AtLeast(least), "×", got).about("forward", FAST, load)
    };
    vec![
        against(thousand, BRIDGE, 3.0),
        against(thousand, REDIRECT, 0.6),
        against(all, BRIDGE, 1.3),
        against(all, &Firewall::NftSet(devices()).name(), 3.0),
        against(all, &Firewall::NftMap(devices()).name(), 4.5),
    ]
}

/// How many times as fast the second is as the first.
fn times(report: &Report, load: Load, peer: &str, own: &str) -> Option<f64> {
    let of =
        |contender: &str| report.median("forward", contender, &load.name(), Some(load.length()));
    Some(of(peer)? / of(own)?)
}

fn program(report: &Report) -> Vec<Target> {
    let of = |contender: &str, load: Load| report.median("program", contender, &load.name(), None);
    let own = |load| of(PROGRAM, load);
    let most = |load: Load, most| {
        let what = format!("{PROGRAM}: {}", load.name());
        target(what, Bound::AtMost(most), " ns", own(load)).about("program", PROGRAM, load)
    };
    let share = |one: Option<f64>, other: Option<f64>| Some(one? / other? * 100.0 - 100.0);
    let (denied, allowed) = (own(Load::Flood(false)), own(Load::Flood(true)));
    let known = own(Load::Allowed(64, 1000));
    let mut targets = vec![
        most(Load::Allowed(64, 1), 25.0),
        most(Load::Allowed(64, 10_000), 45.0),
        most(Load::Allowed(64, devices()), 210.0),
        most(Load::Flood(true), 240.0),
        target(
            format!("{PROGRAM}: denied, beside a new flow that is allowed"),
            Bound::AtMost(NOISE),
            " % more",
            share(denied, allowed),
        )
        .about("program", PROGRAM, Load::Flood(false)),
        target(
            format!("{PROGRAM}: denied, beside a known flow"),
            Bound::AtMost(NOISE),
            " % more",
            share(own(Load::Denied), known),
        )
        .about("program", PROGRAM, Load::Denied),
    ];
    for name in [RULES, PREFIXES] {
        for load in [Load::Allowed(64, 1000), Load::Flood(true)] {
            let own = format!("{PROGRAM}, {name}");
            let grown = of(&own, load);
            let small = of(&format!("{PROGRAM}, {SMALL}"), load);
            let growth = target(
                format!("{name} beside {SMALL}: {}", load.name()),
                Bound::AtMost(5.0),
                " % more",
                share(grown, small),
            );
            targets.push(growth.about("program", &own, load));
        }
    }
    targets
}

fn flood(report: &Report) -> Vec<Target> {
    let mut targets = Vec::new();
    for load in LOADS {
        let kept = report.median("flood", KEPT, load, None);
        let rate = format!("{KEPT}, {load}");
        let rate = target(rate, Bound::AtLeast(95.0), " %", kept);
        targets.push(rate.of("flood", KEPT, load));
        // One in any round is one too many.
        let figure = report.figures.iter().find(|figure| {
            figure.part == "flood" && figure.contender == EVICTED && figure.load == load
        });
        let most = figure.map(|figure| figure.rounds.iter().copied().fold(0.0, f64::max));
        let evicted = target(format!("{EVICTED}, {load}"), Bound::AtMost(0.0), "", most);
        targets.push(evicted.of("flood", EVICTED, load));
    }
    targets
}

fn ends(report: &Report) -> Vec<Target> {
    let (p99, _) = QUANTILES[1];
    let ratio = |part, load, more: &str, less: &str| {
        Some(report.median(part, more, load, None)? / report.median(part, less, load, None)?)
    };
    [FAST, BY_BRIDGE]
        .into_iter()
        .flat_map(|own| {
            [
                target(
                    format!("{own}, against {BRIDGE}: {TCP}"),
                    Bound::AtLeast(1.0),
                    "×",
                    ratio("tcp", TCP, own, BRIDGE),
                )
                .of("tcp", own, TCP),
                target(
                    format!("{own}, against {BRIDGE}: {p99}"),
                    Bound::AtMost(1.0),
                    "×",
                    ratio("latency", p99, own, BRIDGE),
                )
                .of("latency", own, p99),
            ]
        })
        .collect()
}

fn inspection(report: &Report) -> Vec<Target> {
    [
        (Load::Inspected(64, false), 10.0),
        (Load::Inspected(1500, false), 3.5),
        (Load::Inspected(1500, true), 1.0),
    ]
    .into_iter()
    .map(|(load, least)| {
        let what = format!(
            "{INSPECTING}, against {SURICATA}: {}, {} B",
            load.name(),
            load.length()
        );
        let got = times(report, load, SURICATA, INSPECTING);
        target(what, Bound::AtLeast(least), "×", got).about("forward", INSPECTING, load)
    })
    .collect()
}

fn target(what: String, bound: Bound, unit: &str, got: Option<f64>) -> Target {
    let (asked, reached) = match bound {
        Bound::AtLeast(least) => (format!("≥ {least}{unit}"), got.map(|got| got >= least)),
        Bound::AtMost(most) => (format!("≤ {most}{unit}"), got.map(|got| got <= most)),
    };
    Target {
        what,
        figure: None,
        asked,
        got: got.map(|got| format!("{got:.2}{unit}")),
        reached,
    }
}

impl Target {
    /// Says which figure it is seen beside.
    fn of(self, part: &'static str, contender: &str, load: &str) -> Self {
        self.beside(part, contender, load, None)
    }

    fn about(self, part: &'static str, contender: &str, load: Load) -> Self {
        self.beside(part, contender, &load.name(), Some(load.length()))
    }

    fn beside(self, part: &'static str, contender: &str, load: &str, bytes: Option<usize>) -> Self {
        Self {
            figure: Some(Place {
                part,
                contender: contender.to_owned(),
                load: load.to_owned(),
                bytes,
            }),
            ..self
        }
    }
}
