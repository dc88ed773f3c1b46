//! Whatever stands below `signatures`, it is answered.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::super::{compile, diff};
use super::*;

/// Values of any kind wherever something stands below `signatures`.
fn value() -> impl Strategy<Value = String> {
    const SCALARS: [&str; 24] = [
        "abc",
        "''",
        "~",
        "true",
        "0",
        "-1",
        "1.5",
        "4294967296",
        "80",
        "any",
        "0-64",
        "9-8",
        "'> 14'",
        "'& 0x80'",
        "'ff 53'",
        "ff5",
        "client",
        "cut",
        "little",
        "pump",
        "!t x",
        "\"\\0\\x01é\"",
        "1e400",
        "'\u{1b}'",
    ];
    const KEYS: [&str; 23] = [
        "name",
        "id",
        "message",
        "references",
        "severity",
        "action",
        "from",
        "tcp",
        "udp",
        "profiles",
        "find",
        "text",
        "bytes",
        "nocase",
        "u8",
        "u16",
        "u32",
        "mask",
        "endian",
        "at",
        "after",
        "else",
        "name",
    ];
    let scalar = select(SCALARS.as_slice()).prop_map(str::to_owned);
    scalar.prop_recursive(4, 40, 6, |inner| {
        let list = vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(", ")));
        let entry = (select(KEYS.as_slice()), inner);
        let mapping = vec(entry, 0..6).prop_map(|entries| {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| format!("{key}: {value}"))
                .collect();
            format!("{{{}}}", entries.join(", "))
        });
        prop_oneof![list, mapping]
    })
}

proptest! {
    #[test]
    fn no_value_makes_it_panic(any in value(), find in vec(value(), 0..4), rest in value()) {
        let find = find.join(", ");
        for text in [
            format!("version: 1\nsignatures: {any}\n"),
            with(&format!("  - {any}\n")),
            with(&format!("  - {{name: s, tcp: 80, find: [{{text: abc}}, {find}]}}\n")),
            with(&format!("  - {{name: s, tcp: {rest}, profiles: {any}, find: [{find}, {{text: a}}]}}\n")),
            with(&format!("  - {{name: s, id: {any}, udp: 80, find: [{{text: {rest}}}, {{u16: {any}, mask: {rest}}}]}}\n")),
            with(&format!("  - {{name: s, udp: 80, find: [{{bytes: {rest}, at: {any}}}, {{text: abc, after: {rest}}}]}}\n")),
        ] {
            if let Ok((model, _)) = parse(&bundle(&text)) {
                let _ = compile::compile(&model);
                let _ = diff::diff(None, &model);
            }
            let _ = parse(&with_devices(HEAD, "s.yaml", &text));
        }
    }
}
