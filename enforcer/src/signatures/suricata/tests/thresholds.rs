//! How often a rule must match before it hits.

use super::*;
use crate::policy::signature::{Per, Threshold};

fn threshold(options: &str) -> Option<Threshold> {
    let loaded = loaded(TCP, &format!(r#"content:"a"; {options};"#));
    assert!(!loaded.narrowed);
    loaded.signature.threshold
}

const fn hits(hits: u32, seconds: u32, per: Per, every: bool) -> Option<Threshold> {
    Some(Threshold {
        hits,
        seconds,
        per,
        every,
    })
}

#[test]
fn kinds() {
    for (options, expected) in [
        (
            "threshold: type limit, track by_src, seconds 60, count 1",
            None,
        ),
        (
            "threshold:type both,track by_src,count 5,seconds 120",
            hits(5, 120, Per::Source, false),
        ),
        (
            "threshold: type both, count 70 , seconds 60, track by_dst",
            hits(70, 60, Per::Destination, false),
        ),
        (
            "threshold: type threshold, track by_src, count 5, seconds 120",
            hits(5, 120, Per::Source, true),
        ),
        // It hits behind those.
        (
            "detection_filter:track by_src,count 15,seconds 2",
            hits(16, 2, Per::Source, false),
        ),
    ] {
        assert_eq!(threshold(options), expected, "{options}");
    }
}

#[test]
fn what_is_counted_otherwise_is_refused() {
    for options in [
        "track by_src, count 1, seconds 60",
        "type both, track by_rule, count 1, seconds 60",
        "type both, track by_flow, count 1, seconds 60",
        "type both, count 1, seconds 60",
        "type both, track by_src, count 0, seconds 60",
        "type both, track by_src, count 1, seconds 0",
        "type both, track by_src, count 1, seconds 604801",
        "type both, track by_src, count x, seconds 60",
        "type both, track by_src, count 1, seconds 60, of 9",
        "type both, track by_src, count 1, count 2, seconds 60",
        "type limit, type both, track by_src, count 1, seconds 60",
    ] {
        let options = format!(r#"content:"a"; threshold: {options};"#);
        assert_eq!(refused(TCP, &options), "threshold", "{options}");
    }
    let refused = |options: &str| refused(TCP, &format!(r#"content:"a"; {options}"#));
    let other = "threshold: type suppress, track by_src, count 1, seconds 60;";
    assert_eq!(refused(other), "threshold:suppress");
    for options in [
        "detection_filter: type both, track by_src, count 1, seconds 60;",
        "detection_filter: track by_src, count 1;",
        "threshold: type limit, track by_src, count 1, seconds 60; detection_filter: track by_src, count 1, seconds 60;",
    ] {
        assert_eq!(refused(options), "detection_filter", "{options}");
    }
}
