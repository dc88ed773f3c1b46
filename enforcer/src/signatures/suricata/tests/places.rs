//! Contents and their modifiers: where in the text a part may be.

use super::*;

#[test]
fn one_content_is_anywhere() {
    let expected = [absolute(bytes(b"ab"), 0, None)];
    assert_eq!(parts(TCP, r#"content:"ab";"#), expected);
    assert_eq!(parts(UDP, r#"content:"ab";"#), expected);
    assert_eq!(parts(TCP, r#"content:"ab"; distance:0;"#), expected);
    assert_eq!(parts(TCP, r#"content:"ab"; fast_pattern;"#), expected);
    assert_eq!(parts(TCP, r#"content:"ab"; fast_pattern:only;"#), expected);
    assert_eq!(parts(TCP, r#"content:"ab"; fast_pattern:0,1;"#), expected);
}

#[test]
fn nocase() {
    let expected = What::Bytes {
        bytes: b"Ab".to_vec(),
        nocase: true,
    };
    let options = r#"content:"Ab"; nocase; content:"c"; distance:0;"#;
    let parts = parts(TCP, options);
    assert_eq!(parts[0], absolute(expected, 0, None));
    assert_eq!(parts[1], relative(bytes(b"c"), 0, None));
}

#[test]
fn offset_and_depth_of_a_datagram() {
    for (modifiers, first, last) in [
        ("offset:4;", 4, None),
        ("depth:10;", 0, Some(7)),
        ("depth:3;", 0, Some(0)),
        ("offset:4; depth:10;", 4, Some(11)),
        ("depth:10; offset:4;", 4, Some(11)),
        ("startswith;", 0, Some(0)),
        ("offset:60000; depth:3;", 60000, Some(60000)),
        // Without a content before, distances are counted from the beginning.
        ("distance:4; within:10;", 4, Some(11)),
        ("within:10;", 0, Some(7)),
        ("distance:-2; within:10;", 0, Some(5)),
    ] {
        let expected = [absolute(bytes(b"abc"), first, last)];
        let options = format!(r#"content:"abc"; {modifiers}"#);
        assert_eq!(parts(UDP, &options), expected, "{modifiers}");
        assert!(!loaded(UDP, &options).narrowed, "{modifiers}");
    }
}

#[test]
fn in_a_stream_places_count_from_the_turn() {
    for modifiers in [
        "offset:4; depth:10;",
        "depth:10;",
        "startswith;",
        "distance:4;",
        "within:10;",
    ] {
        let options = format!(r#"content:"abc"; {modifiers}"#);
        let found = loaded(TCP, &options);
        assert!(
            found.narrowed && found.signature.begin == Begin::Turn,
            "{modifiers}"
        );
        assert_eq!(found.signature.parts, parts(UDP, &options), "{modifiers}");
        assert!(
            loaded(UDP, &options).signature.begin == Begin::Connection,
            "{modifiers}"
        );
    }
    let anywhere = loaded(TCP, r#"content:"abc"; offset:0;"#);
    assert!(!anywhere.narrowed && anywhere.signature.begin == Begin::Connection);
}

#[test]
fn distance_and_within() {
    for (modifiers, first, last) in [
        ("distance:0;", 0, None),
        ("distance:5;", 5, None),
        ("distance:-2;", -2, None),
        ("within:10;", 0, Some(7)),
        ("within:3;", 0, Some(0)),
        ("distance:5; within:10;", 5, Some(12)),
        ("within:10; distance:5;", 5, Some(12)),
        ("distance:-9; within:10;", -9, Some(-2)),
        ("distance:250; within:3;", 250, Some(250)),
    ] {
        for header in [TCP, UDP] {
            let options = format!(r#"content:"aa"; content:"abc"; {modifiers}"#);
            let expected = [
                absolute(bytes(b"aa"), 0, None),
                relative(bytes(b"abc"), first, last),
            ];
            assert_eq!(parts(header, &options), expected, "{modifiers}");
        }
    }
}

#[test]
fn a_rule_that_may_stretch_farther_is_narrowed() {
    for (modifiers, last, narrowed) in [
        ("distance:0; within:254;", Some(251), false),
        ("distance:0; within:255;", Some(252), true),
        ("distance:0; within:256;", None, true),
        ("distance:0; within:1000;", None, true),
        ("distance:0;", None, true),
    ] {
        let options = format!(r#"content:"aa"; content:"abc"; {modifiers}"#);
        let loaded = loaded(TCP, &options);
        assert_eq!(loaded.signature.parts[1].last, last, "{modifiers}");
        assert_eq!(loaded.narrowed, narrowed, "{modifiers}");
    }
    // Two bytes at most from the first to the last.
    let options = r#"content:"a"; offset:5; content:"b"; distance:-2; within:1;"#;
    assert!(!loaded(UDP, options).narrowed);
    let far = r#"content:"a"; depth:1; content:"b"; offset:4;"#;
    assert!(loaded(UDP, far).narrowed);
}

#[test]
fn what_covers_too_much_is_refused() {
    let long = "a".repeat(256);
    parts(TCP, &format!(r#"content:"{long}";"#));
    assert_eq!(refused(TCP, &format!(r#"content:"{long}a";"#)), "span");
    for (options, loads) in [
        (r#"content:"a"; content:"b"; distance:254;"#, true),
        (r#"content:"a"; content:"b"; distance:255;"#, false),
        (
            r#"content:"a"; content:"b"; distance:-256; within:1;"#,
            true,
        ),
        (
            r#"content:"a"; content:"b"; distance:-257; within:1;"#,
            false,
        ),
        (r#"content:"a"; content:"b"; distance:-60000;"#, true),
        (r#"content:"a"; byte_test:4,>,1,251,relative;"#, true),
        (r#"content:"a"; byte_test:4,>,1,252,relative;"#, false),
    ] {
        if loads {
            parts(TCP, options);
        } else {
            assert_eq!(refused(TCP, options), "span", "{options}");
        }
    }
    // Nothing stands as far back, with all the bytes between in the span.
    let back = parts(TCP, r#"content:"a"; content:"b"; distance:-60000;"#);
    assert_eq!(back[1], relative(bytes(b"b"), -256, None));
    let fixed = |offset| format!(r#"content:"a"; depth:1; content:"b"; offset:{offset}; depth:1;"#);
    parts(UDP, &fixed(255));
    assert_eq!(refused(UDP, &fixed(256)), "span");
}

#[test]
fn contents_at_places_of_their_own() {
    let expected = [
        absolute(bytes(b"a"), 0, Some(0)),
        absolute(bytes(b"b"), 4, Some(5)),
        relative(bytes(b"c"), 0, None),
    ];
    let options =
        r#"content:"a"; depth:1; content:"b"; offset:4; depth:2; content:"c"; distance:0;"#;
    assert_eq!(parts(UDP, options), expected);
    // In the order of the text, not of the rule.
    let options =
        r#"content:"b"; offset:4; depth:2; content:"c"; distance:0; content:"a"; depth:1;"#;
    assert_eq!(parts(UDP, options), expected);
    let open = r#"content:"a"; depth:1; content:"b"; offset:4;"#;
    assert_eq!(parts(UDP, open)[1], absolute(bytes(b"b"), 4, None));
}

#[test]
fn contents_in_any_order_are_refused() {
    for options in [
        r#"content:"a"; content:"b";"#,
        r#"content:"a"; content:"b"; distance:0; content:"c";"#,
    ] {
        assert_eq!(refused(TCP, options), "content (unordered)", "{options}");
        assert_eq!(refused(UDP, options), "content (unordered)", "{options}");
    }
    for options in [
        r#"content:"a"; content:"b"; depth:1;"#,
        r#"content:"a"; depth:1; content:"b";"#,
        r#"content:"a"; depth:9; content:"b"; offset:4; depth:9;"#,
        r#"content:"a"; offset:1; content:"b"; offset:4;"#,
    ] {
        assert_eq!(refused(UDP, options), "content (unordered)", "{options}");
    }
}

#[test]
fn modifiers_that_contradict_are_refused() {
    for (options, keyword) in [
        (r#"content:"a"; offset:1; distance:1;"#, "distance"),
        (r#"content:"a"; depth:1; within:1;"#, "within"),
        (r#"content:"a"; distance:1; offset:1;"#, "offset"),
        (r#"content:"a"; within:1; depth:1;"#, "depth"),
        (r#"content:"a"; within:1; startswith;"#, "startswith"),
        (r#"content:"a"; depth:1; startswith;"#, "startswith"),
        (r#"content:"a"; startswith; offset:1;"#, "offset"),
        (r#"content:"a"; offset:1; offset:1;"#, "offset"),
        (r#"content:"a"; depth:1; depth:2;"#, "depth"),
        (r#"content:"a"; distance:1; distance:1;"#, "distance"),
        (r#"content:"a"; within:1; within:1;"#, "within"),
        (r#"content:"ab"; depth:1;"#, "depth"),
        (r#"content:"ab"; within:1;"#, "within"),
        (r#"content:"ab"; depth:x;"#, "depth"),
        (r#"content:"ab"; depth:65536;"#, "depth"),
        (r#"content:"ab"; offset:-1;"#, "offset"),
        (r#"content:"ab"; offset;"#, "offset"),
        (r#"content:"ab"; distance:length;"#, "distance"),
        (r#"content:"ab"; distance:99999999999;"#, "distance"),
        (r#"content:"ab"; distance:-9; within:2;"#, "distance"),
        (r#"content:"ab"; nocase:1;"#, "nocase"),
        (r#"content:"ab"; startswith:1;"#, "startswith"),
        (r#"content:"ab"; fast_pattern:first;"#, "fast_pattern"),
        (r#"nocase; content:"ab";"#, "nocase"),
        (r#"depth:3; content:"ab";"#, "depth"),
        (r#"byte_test:1,=,1,0; within:3;"#, "within"),
    ] {
        assert_eq!(refused(UDP, options), keyword, "{options}");
    }
}
