//! Picks from a Prometheus exposition what is worth a look on one screen.

/// Lines shown at most.
const LINES: usize = 40;

/// What is counted a second time in bytes, and what stands in the configuration.
const SECONDARY: [&str; 3] = ["_bucket{", "_bytes_total{", "enforcer_map_capacity{"];

/// The enforcer's own samples that are not zero, the telling ones.
pub(super) fn interesting(exposition: &str) -> Vec<&str> {
    let samples = exposition
        .lines()
        .filter(|line| line.starts_with("enforcer_"));
    let telling =
        samples.filter(|line| !is_zero(line) && !SECONDARY.iter().any(|part| line.contains(part)));
    telling.take(LINES).collect()
}

fn is_zero(sample: &str) -> bool {
    sample
        .rsplit(' ')
        .next()
        .and_then(|value| value.parse::<f64>().ok())
        .is_some_and(|value| value == 0.0)
}

#[cfg(test)]
mod tests {
    use super::interesting;

    #[test]
    fn keeps_samples_that_say_something() {
        let text = "# HELP enforcer_packets_total x\n\
                    enforcer_packets_total{port=\"p0\"} 12\n\
                    enforcer_packets_total{port=\"p1\"} 0\n\
                    enforcer_bytes_total{port=\"p0\"} 1200\n\
                    enforcer_apply_seconds_bucket{le=\"1\"} 3\n\
                    process_open_fds 9\n";
        assert_eq!(
            interesting(text),
            ["enforcer_packets_total{port=\"p0\"} 12"]
        );
    }
}
