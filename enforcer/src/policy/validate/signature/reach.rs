//! Whose payloads a signature is looked for in: services, profiles, tags.

use std::collections::BTreeSet;

use crate::policy::findings::Findings;
use crate::policy::lenient::{OneOrMany, Scalar};
use crate::policy::model::{Profile, Service};
use crate::policy::place::{Here, quoted};
use crate::policy::raw;
use crate::policy::validate::name::closest;
use crate::policy::validate::scalar::{each, expected, word};
use crate::policy::validate::{Names, service};

/// Ports of the end that was asked. All but some, as rules of other languages say it,
/// are also port 0, which no rule of a policy names.
pub(super) fn services(
    raw: &raw::Signature,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<Service> {
    let mut services = Vec::new();
    for (key, values) in [("tcp", &raw.tcp), ("udp", &raw.udp)] {
        let Some(values) = values else { continue };
        let here = here.key(key);
        if matches!(values, OneOrMany::Many(values) if values.is_empty()) {
            let reported = findings.error(&here, "the list is empty");
            reported.suggest(|| Some("leave the key out or write any".to_owned()));
        }
        each(values, &here, |value, here| {
            let Some((first, last)) = service::ports_from(0, value, here, findings) else {
                return;
            };
            services.push(match key {
                "tcp" => Service::Tcp(first, last),
                _ => Service::Udp(first, last),
            });
        });
    }
    if raw.tcp.is_none() && raw.udp.is_none() {
        findings
            .error(here, "no service")
            .suggest(|| Some("name its ports by `tcp` or `udp`, or write any there".to_owned()));
    }
    services
}

pub(super) fn profiles_of(
    values: Option<&OneOrMany>,
    names: &Names<'_>,
    profiles: &[Profile],
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<usize> {
    let mut found = Vec::new();
    let Some(values) = values else {
        return found;
    };
    let here = here.key("profiles");
    if matches!(values, OneOrMany::Many(values) if values.is_empty()) {
        let reported = findings.error(&here, "the list is empty");
        reported.suggest(|| Some("leave the key out for all profiles".to_owned()));
    }
    each(values, &here, |value, here| {
        let Scalar::Text(text) = value else {
            expected("the name of a profile", value, here, findings);
            return;
        };
        match names.profiles.get(text) {
            Some(index) => found.push(*index),
            None => {
                let known = profiles.iter().map(|profile| profile.name.as_str());
                findings
                    .error(here, format!("no profile {}", quoted(text)))
                    .suggest(|| closest(text, known));
            }
        }
    });
    found.sort_unstable();
    found.dedup();
    found
}

pub(super) fn tags(
    values: Option<&OneOrMany>,
    names: &Names<'_>,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Vec<String> {
    let mut found = BTreeSet::new();
    let Some(values) = values else {
        return Vec::new();
    };
    if matches!(values, OneOrMany::Many(values) if values.is_empty()) {
        let reported = findings.error(here, "the list is empty");
        reported.suggest(|| Some("leave the key out for all devices".to_owned()));
    }
    each(values, here, |value, here| {
        let Some(tag) = word(value, here, findings) else {
            return;
        };
        if names.tags.contains(&tag) {
            found.insert(tag);
            return;
        }
        findings
            .error(here, format!("no device has the tag {}", quoted(&tag)))
            .suggest(|| closest(&tag, names.tags.iter().map(String::as_str)));
    });
    found.into_iter().collect()
}
