//! Whatever the text is, each rule of it is loaded or refused, and nothing panics.

use proptest::prelude::*;

use super::*;
use crate::policy::signature::SPAN;

const RULES: [&str; 4] = [
    r#"alert tcp $EXTERNAL_NET any -> [$HOME_NET,$HTTP_SERVERS] [80,8080:8090,!8085] (msg:"A \"b\""; flow:established,to_server; content:"|0d 0a|GET"; nocase; fast_pattern:only; content:"x"; distance:-4; within:20; byte_test:4,>=,0x10,-2,relative,little,bitmask 0xff00; reference:cve,2017-0144; classtype:attempted-admin; sid:1; rev:2; metadata:signature_severity Major;)"#,
    r#"drop udp any 53 <> any any (content:"\;\\\:"; offset:2; depth:30; byte_test:1,!&,128,0; sid:2;)"#,
    "#alert udp any any -> any !$HTTP_PORTS (content:\"a\"; startswith; sid:3;)",
    "alert udp any any -> any any \\\n(content:\"a\"; content:\"b\"; sid:4;)",
];

/// What can be said of every import.
fn check(text: &str) {
    let imported = import(text);
    let rules = lines(text.as_bytes()).filter(|line| !line.is_comment);
    let rules = rules.count();
    assert_eq!(imported.loaded.len() + imported.refused.len(), rules);
    assert!(imported.disabled <= lines(text.as_bytes()).count() - rules);
    assert_eq!(
        imported.by_keyword().values().sum::<usize>(),
        imported.refused.len()
    );
    let mut sids: Vec<_> = imported.loaded.iter().map(|loaded| loaded.sid).collect();
    sids.sort_unstable();
    sids.dedup();
    assert_eq!(sids.len(), imported.loaded.len());
    for Loaded { signature, .. } in &imported.loaded {
        assert!(!signature.services.is_empty());
        let first = signature.parts.first();
        assert!(first.is_some_and(|part| !part.relative), "{signature:?}");
        for part in &signature.parts {
            assert!(part.relative || part.first >= 0, "{part:?}");
            assert!(part.last.is_none_or(|last| part.first <= last), "{part:?}");
            assert!((1..=SPAN).contains(&part.what.length()), "{part:?}");
        }
    }
}

#[test]
fn long_ones() {
    let deep = "[".repeat(100_000);
    let negated = "!".repeat(100_000);
    for field in [&deep, &negated] {
        check(&format!("alert tcp {field} any -> any {field} (sid:1;)"));
        check(&format!("alert tcp any {field}80 -> any any (sid:1;)"));
    }
    let contents = r#"content:"a"; distance:0; "#.repeat(10_000);
    check(&format!("{TCP} ({contents} sid:1;)"));
    let tests = r#"byte_test:4,>,1,60000,relative; "#.repeat(10_000);
    check(&format!(r#"{TCP} (content:"a"; {tests} sid:1;)"#));
    check(&"\\\n".repeat(100_000));
    check(&"#".repeat(100_000));
    check(&"(".repeat(100_000));
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn text_of_the_language(text in r#"((alert|drop|#|tcp|udp|any|->|<>|[(]|[)]|;|:|"|\\|\||!|\[|\]|,|content|distance|within|byte_test|sid|[0-9]| |\n)){0,60}"#) {
        check(&text);
    }

    #[test]
    fn rules_with_options_of_any_kind(options in r#"((content:"[ab|0 ]{1,4}"|(distance|within|offset|depth|sid|priority):-?[0-9]{1,6}|nocase|startswith|byte_test:[0-9],!?[<>=&]?=?,[0-9]{1,10},-?[0-9]{1,5}(,relative)?(,bitmask 0x[0-9a-f]{1,8})?|flow:[a-z_,]{0,9});){0,8}"#, udp in any::<bool>()) {
        let header = if udp { UDP } else { TCP };
        check(&format!("{header} ({options} sid:1;)"));
        check(&format!("{header} ({options})"));
    }

    #[test]
    fn rules_that_were_cut_and_mended(
        which in 0..RULES.len(),
        from in any::<prop::sample::Index>(),
        removed in 0..20_usize,
        put in r#"[\x00-\x7fé]{0,5}"#,
    ) {
        let mut characters: Vec<char> = RULES[which].chars().collect();
        let from = from.index(characters.len());
        let until = (from + removed).min(characters.len());
        characters.splice(from..until, put.chars());
        let text: String = characters.into_iter().collect();
        check(&format!("{text}\n{}", RULES[0]));
    }
}
