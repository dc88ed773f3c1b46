//! Signatures and their changes in words.

use super::super::super::{describe, diff};
use super::*;

#[test]
fn signatures_are_described() {
    let shown = |settings: &str| {
        let (model, _) = model(&with(&format!("  - {{{settings}}}\n")));
        describe::signature(&model, &model.signatures[0])
    };
    assert_eq!(
        shown("name: s, tcp: 80, find: [{text: abc}]"),
        "medium drop from client by tcp 80: \"abc\""
    );
    assert_eq!(
        shown(
            "name: s, tcp: [80, 8000-8010], udp: any, severity: high, action: cut, from: either, profiles: [pump, monitor], \
             find: [{bytes: '00 ff', at: 0-9}, {text: 'x\"', nocase: true, after: 3}, {u16: '> 0x10', mask: 0xff, endian: little}, {u8: '& 1', after: 0}]"
        ),
        "high cut from either by tcp 80, tcp 8000-8010, udp any: @0-9 [00 ff] +3 \"x\\\"\" nocase u16le&0xff>0x10 +0 u8&0x1, for pump, monitor"
    );
}

#[test]
fn changes_of_signatures_are_told() {
    let before = with(
        "  - {name: gone, tcp: 80, find: [{text: abc}]}\n  \
         - {name: kept, tcp: 80, find: [{text: abc}]}\n  \
         - {name: other, tcp: 80, find: [{text: abc}]}\n",
    );
    let after = with(
        "  - {name: other, tcp: 81, action: alert, find: [{text: abc}]}\n  \
         - {name: kept, tcp: 80, find: [{text: abc}]}\n  \
         - {name: new, udp: 53, find: [{text: abc, at: 0}]}\n",
    );
    let (before, after) = (model(&before).0, model(&after).0);
    let changes = diff::diff(Some(&before), &after);
    let lines: Vec<_> = changes
        .iter()
        .map(|change| {
            let (action, subject) = (change.action, &change.subject);
            format!(
                "{action:?} {subject}: {} -> {}",
                change.before, change.after
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "Remove signature gone: medium drop from client by tcp 80: \"abc\" -> ",
            "Add signature new:  -> medium drop from client by udp 53: @0 \"abc\"",
            "Change signature other: medium drop from client by tcp 80: \"abc\" -> medium alert from client by tcp 81: \"abc\"",
        ]
    );
}

#[test]
fn what_a_signature_tells_people_is_a_part_of_it() {
    let of = |rest: &str| {
        let settings = format!("  - {{name: s, tcp: 80, find: [{{text: abc}}]{rest}}}\n");
        model(&with(&settings)).0
    };
    let told = ", message: Told, references: [CVE-1, CVE-2]";
    let changes = diff::diff(Some(&of("")), &of(told));
    let after: Vec<_> = changes.iter().map(|change| change.after.as_str()).collect();
    assert_eq!(
        after,
        ["medium drop from client by tcp 80: \"abc\"; references CVE-1, CVE-2; \"Told\""]
    );
}
