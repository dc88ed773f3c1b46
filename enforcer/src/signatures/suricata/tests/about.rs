//! What a rule tells people.

use super::*;
use crate::policy::signature::{Severity, Signature};

fn about(options: &str) -> Signature {
    loaded(TCP, &format!(r#"content:"a"; {options}"#)).signature
}

#[test]
fn names_and_references() {
    let signature = about(
        &[
            r#"msg:"EXPLOIT \"a\"\; b\\c \: d (e)"; rev:3; gid:1; target:dest_ip;"#,
            "reference:cve,2017-0144; reference:cve,CVE-2017-0145; reference:url,a.org/b?c=1;",
            "reference:url,http://a.org; reference: bugtraq , 123; reference:md5,00ff; reference:x;",
        ]
        .concat(),
    );
    assert_eq!(signature.name, "sid-7");
    assert_eq!(signature.id, 7);
    assert_eq!(signature.message, r#"EXPLOIT "a"; b\c : d (e)"#);
    assert_eq!(
        signature.references,
        [
            "CVE-2017-0144",
            "CVE-2017-0145",
            "https://a.org/b?c=1",
            "http://a.org",
            "BID-123",
            "md5 00ff",
            "x"
        ]
    );
    assert!(signature.profiles.is_empty());
    assert_eq!(about("").message, "sid-7");
}

#[test]
fn severity() {
    for (options, severity) in [
        ("", Severity::Medium),
        ("classtype:trojan-activity;", Severity::High),
        ("classtype:attempted-dos;", Severity::Medium),
        ("classtype:network-scan;", Severity::Low),
        ("classtype:tcp-connection;", Severity::Info),
        ("classtype:of-my-own;", Severity::Medium),
        ("priority:1; classtype:network-scan;", Severity::High),
        ("classtype:trojan-activity; priority:3;", Severity::Low),
        ("priority:4;", Severity::Info),
        (
            "metadata:created_at 2010_09_23, signature_severity Critical; priority:3;",
            Severity::Critical,
        ),
        (
            "priority:3; metadata:signature_severity Major;",
            Severity::High,
        ),
        ("metadata:signature_severity Minor, a b;", Severity::Low),
        ("metadata:signature_severity Informational;", Severity::Info),
        (
            "metadata:signature_severity Unknown; priority:1;",
            Severity::High,
        ),
        (
            "metadata:signature_severity Major; metadata:a b;",
            Severity::High,
        ),
    ] {
        assert_eq!(about(options).severity, severity, "{options}");
    }
}

#[test]
fn odd_ones_are_refused() {
    for (options, keyword) in [
        ("msg:a;", "msg"),
        (r#"msg:"a;"#, "msg"),
        (r#"msg:"a\b";"#, "msg"),
        ("msg;", "msg"),
        ("priority:high;", "priority"),
        ("priority:0;", "priority"),
        ("metadata;", "metadata"),
        ("reference;", "reference"),
        ("rev;", "rev"),
        ("sid:8;", "sid"),
    ] {
        let options = format!(r#"content:"a"; {options}"#);
        assert_eq!(refused(TCP, &options), keyword, "{options}");
    }
    for sid in ["", "sid:0;", "sid:x;", "sid:-1;", "sid:4294967296;", "sid;"] {
        let text = format!(r#"{TCP} (content:"a"; {sid})"#);
        assert_eq!(refusal(&text), "sid", "{sid}");
    }
}
