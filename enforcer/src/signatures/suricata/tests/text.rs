//! Lines, fields, quotation marks and escapes.

use super::*;

fn content(value: &str) -> Vec<u8> {
    match parts(TCP, &format!("content:{value};")).as_slice() {
        [
            Part {
                what: What::Bytes { bytes, .. },
                ..
            },
        ] => bytes.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn contents_are_text_and_bytes() {
    assert_eq!(content(r#""GET /a""#), b"GET /a");
    assert_eq!(content(r#""a|0d 0A|b|ff|""#), b"a\r\nb\xff");
    assert_eq!(content(r#""|0d0a|""#), b"\r\n");
    assert_eq!(content(r#"  "a|20 7c|b"  "#), b"a |b");
    assert_eq!(content(r#""\;\"\\\:(:)""#), br#";"\:(:)"#);
    assert_eq!(content(r#""a\\;b""#), br"a\;b");
    assert_eq!(content("\"\u{e9}\""), [0xc3, 0xa9]);
}

#[test]
fn odd_contents_are_refused() {
    for value in [
        "",
        r#""""#,
        r#""||""#,
        r#""|0|""#,
        r#""|0 d 0|""#,
        r#""|0g|""#,
        r#""|0d""#,
        r#""a\nb""#,
        r#""a\|b""#,
        r#""a"#,
        r#"a"#,
        r#"a""#,
        r#"""#,
        r#""a\""#,
        r#""a"b"#,
        r#""a", nocase"#,
        r#""a;b""#,
    ] {
        let keyword = refused(TCP, &format!("content:{value};"));
        assert_eq!(keyword, "content", "{value}");
    }
    assert_eq!(refused(TCP, "content;"), "content");
    // The escape takes the semicolon with it, and the next option too.
    assert_eq!(refused(TCP, r#"content:"a\"; nocase;"#), "content");
}

#[test]
fn what_is_no_rule_is_syntax() {
    for text in [
        "hello",
        "alert tcp any any -> any any",
        "alert tcp any any -> any any ()x",
        "alert tcp any any -> any any (sid:1)",
        "alert tcp any any -> any any (sid:1; nocase)",
        "alert tcp any any -> any any (;sid:1;)",
        "alert tcp any any -> any any (:1;)",
        "alert tcp any any -> any any (sid:1;",
        "alert tcp any any <- any any (sid:1;)",
        "alert tcp any -> any any (sid:1;)",
        "alert tcp any any -> any any any (sid:1;)",
        "(",
        ")(",
        "()",
        "\\",
    ] {
        assert_eq!(refusal(text), "syntax", "{text}");
    }
    assert_eq!(refusal("alert tcp any any -> any any ()"), "sid");
}

#[test]
fn lines_are_continued() {
    let imported = import(
        "\n# alert tcp any any -> any any (sid:1;)\n\
         alert tcp any any \\\r\n  -> any any \\  \n (msg:\"a \\\n  b\"; \\\n content:\"c\"; sid:2;)\n\
         #alert \\\nnonsense\n\
         ## a comment (of its own);\n\
         alert udp any any -> any any (content:\"d\"; sid:3;)\n\
         alert udp any any -> any any \\",
    );
    let loaded: Vec<_> = imported
        .loaded
        .iter()
        .map(|loaded| (loaded.line, loaded.sid, loaded.signature.message.as_str()))
        .collect();
    assert_eq!(loaded, [(3, 2, "a   b"), (11, 3, "sid-3")]);
    let refused: Vec<_> = imported
        .refused
        .iter()
        .map(|refused| (refused.line, refused.keyword.as_str()))
        .collect();
    assert_eq!(refused, [(9, "syntax"), (12, "syntax")]);
    assert_eq!(imported.disabled, 1);
    assert_eq!(imported.summary(), "2 of 4 loaded");
}

#[test]
fn counts_are_by_keyword() {
    let rule = |options: &str| format!("{TCP} ({options})\n");
    let text = rule(r#"content:"a"; pcre:"/a/"; sid:1;"#)
        + &rule(r#"content:"a"; sid:2;"#)
        + &rule(r#"pcre:"/b/"; flowbits:set,x; sid:3;"#)
        + &rule(r#"content:"b"; sid:2;"#)
        + &rule(r#"content:"a"; sid:1;"#);
    let imported = import(&text);
    let counts = [("pcre", 2), ("sid", 1)];
    assert_eq!(imported.by_keyword(), BTreeMap::from(counts));
    let sids: Vec<_> = imported.refused.iter().map(|refused| refused.sid).collect();
    assert_eq!(sids, [Some(1), Some(3), Some(2)]);
    assert_eq!(imported.summary(), "2 of 5 loaded");
}

#[test]
fn what_came_of_it_is_serialised() {
    let text = format!("{TCP} (content:\"a\"; sid:1;)\n{TCP} (pcre:\"/a/\"; sid:2;)");
    let value = serde_json::to_value(import(&text)).unwrap();
    assert_eq!(value["loaded"][0]["signature"]["name"], "sid-1");
    assert_eq!(value["refused"][0]["keyword"], "pcre");
    assert_eq!(value["disabled"], 0);
}

#[test]
fn a_line_that_is_not_utf8_is_refused() {
    let rule = |message: &str, sid: u32| {
        format!("alert tcp any any -> any 1 (msg:\"{message}\"; content:\"a\"; sid:{sid};)\n")
    };
    let text = [
        "\u{feff}# Gr\u{fc}\u{df}e\n".as_bytes(),
        rule("W\u{fc}rmer", 1).as_bytes(),
        b"# Latin-1: \xfc\n#",
        rule("\u{fffd}", 2).replace('\u{fffd}', "?").as_bytes(),
        b"alert tcp any any -> any 1 (msg:\"W\xfcrmer\"; content:\"a\"; sid:3;)\n",
        b"alert tcp any any -> any 1 \\\n(msg:\"W\xfcrmer\"; content:\"a\"; sid:4;)\n",
        rule("\u{fffd}", 5).as_bytes(),
    ]
    .concat();
    let imported = Importer::default().import(&text);
    let loaded: Vec<_> = imported.loaded.iter().map(|of| (of.line, of.sid)).collect();
    assert_eq!(loaded, [(2, 1), (8, 5)]);
    assert_eq!(imported.loaded[0].signature.message, "W\u{fc}rmer");
    let refused = imported.refused.iter();
    let refused: Vec<_> = refused
        .map(|of| (of.line, of.sid, of.keyword.as_str()))
        .collect();
    assert_eq!(refused, [(5, Some(3), "utf-8"), (6, Some(4), "utf-8")]);
    assert_eq!(imported.disabled, 1);
}

#[test]
fn disabled_rules_if_asked_for() {
    let text = "# prose\n#alert tcp any any -> any 1 (content:\"a\"; sid:1;)\n## alert tcp any any -> any 1 (pcre:\"/a/\"; sid:2;)\n";
    let passed_over = import(text);
    assert_eq!(
        (passed_over.disabled, passed_over.summary().as_str()),
        (2, "0 of 0 loaded")
    );
    let imported = Importer::with_disabled().import(text.as_bytes());
    assert_eq!(
        (imported.disabled, imported.summary().as_str()),
        (0, "1 of 2 loaded")
    );
    assert_eq!((imported.loaded[0].line, imported.refused[0].line), (2, 3));
}

#[test]
fn of_rules_with_one_sid_in_several_texts_the_first_is_loaded() {
    let mut importer = Importer::default();
    let rule = b"alert tcp any any -> any 1 (content:\"a\"; sid:1;)";
    assert_eq!(importer.import(rule).loaded.len(), 1);
    let again = importer.import(rule);
    assert_eq!(again.refused[0].keyword, "sid");
    assert_eq!(importer.import(b"").summary(), "0 of 0 loaded");
}
