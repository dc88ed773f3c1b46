//! Numbers, sizes and times as people read them.

/// `1 234 567`, grouped so that it cannot be taken for a fraction.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `812 B`, `1.2 MiB`.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1024.0;
    let mut unit = 0;
    // What would be shown as 1024.0 belongs to the next unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `45s`, `3m 20s`, `2h 5m`, `3d 4h`.
pub(crate) fn duration(seconds: u64) -> String {
    let (big, small) = match seconds {
        0..60 => return format!("{seconds}s"),
        60..3_600 => (("m", seconds / 60), ("s", seconds % 60)),
        3_600..86_400 => (("h", seconds / 3_600), ("m", seconds / 60 % 60)),
        _ => (("d", seconds / 86_400), ("h", seconds / 3_600 % 24)),
    };
    if small.1 == 0 {
        format!("{}{}", big.1, big.0)
    } else {
        format!("{}{} {}{}", big.1, big.0, small.1, small.0)
    }
}

/// `2026-03-01 12:34:56.789Z` from RFC 3339.
pub(crate) fn time(text: &str) -> String {
    let Some((seconds, fraction)) = text.split_once('.') else {
        return text.replacen('T', " ", 1);
    };
    let digits = fraction.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let zone = &fraction[digits.len()..];
    format!(
        "{}.{}{zone}",
        seconds.replacen('T', " ", 1),
        digits.get(..3).unwrap_or(digits)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [count(0), count(999), count(1_000), count(1_234_567)],
            ["0", "999", "1 000", "1 234 567"]
        );
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(
            [bytes(0), bytes(1_023), bytes(1_024)],
            ["0 B", "1023 B", "1.0 KiB"]
        );
        assert_eq!([bytes(1_048_575), bytes(u64::MAX)], ["1.0 MiB", "16.0 EiB"]);
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let texts = [
            duration(59),
            duration(60),
            duration(200),
            duration(7_500),
            duration(90_000),
            duration(86_400),
        ];
        assert_eq!(texts, ["59s", "1m", "3m 20s", "2h 5m", "1d 1h", "1d"]);
    }

    #[test]
    fn times_lose_what_nobody_reads() {
        assert_eq!(
            time("2026-03-01T12:34:56.789012Z"),
            "2026-03-01 12:34:56.789Z"
        );
        assert_eq!(time("2026-03-01T12:34:56Z"), "2026-03-01 12:34:56Z");
        assert_eq!(time("whatever"), "whatever");
    }
}
