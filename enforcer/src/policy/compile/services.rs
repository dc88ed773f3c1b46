//! Ports, types and protocols become service classes: a class is the set of
//! services (as rules write them) that contain a place of the service table.
//! Class 0 is the empty set. What guards ask of a peer has a place of its own.

use std::collections::{BTreeMap, BTreeSet};

use enforcer_common::table::{
    SERVICE_DHCP_SERVER, SERVICE_ICMP, SERVICE_ICMPV6, SERVICE_PROTOCOL, SERVICE_ROUTER,
    SERVICE_TCP, SERVICE_UDP, SERVICES,
};

use super::{Error, check};
use crate::policy::model::{Model, Service};

/// First and last place of a service in the table.
pub(super) type Span = (u32, u32);

pub(super) struct ServiceClasses {
    of_span: BTreeMap<Span, Vec<u16>>,
    /// Class of each place of the service table.
    pub(super) table: Vec<u16>,
    pub(super) count: usize,
}

impl ServiceClasses {
    pub(super) fn new(model: &Model) -> Result<Self, Error> {
        let guarded = [SERVICE_DHCP_SERVER, SERVICE_ROUTER].map(|place| (place, place));
        let spans: BTreeSet<Span> = model
            .profiles
            .iter()
            .flat_map(|profile| &profile.rules)
            .flat_map(|rule| &rule.services)
            .chain(model.signatures.iter().flat_map(|of| &of.services))
            .copied()
            .map(span)
            .chain(guarded)
            .collect();
        // The places at which some service begins, or has just ended.
        let mut edges: BTreeMap<u32, (Vec<Span>, Vec<Span>)> = BTreeMap::new();
        for span in spans {
            let (first, last) = span;
            edges.entry(first).or_default().0.push(span);
            edges.entry(last + 1).or_default().1.push(span);
        }
        let mut numbers: BTreeMap<Vec<Span>, usize> = BTreeMap::from([(Vec::new(), 0)]);
        let mut table = vec![0; SERVICES as usize];
        let mut active: BTreeSet<Span> = BTreeSet::new();
        let mut edges = edges.into_iter().peekable();
        while let Some((start, (begin, end))) = edges.next() {
            active.extend(begin);
            for span in end {
                active.remove(&span);
            }
            let until = edges.peek().map_or(SERVICES, |(next, _)| *next);
            let next = numbers.len();
            let class = *numbers
                .entry(active.iter().copied().collect())
                .or_insert(next);
            table[start as usize..until as usize].fill(class as u16);
        }
        check(
            "distinct sets of services",
            numbers.len(),
            u32::from(u16::MAX),
        )?;
        let count = numbers.len();
        let mut of_span: BTreeMap<Span, Vec<u16>> = BTreeMap::new();
        for (set, class) in numbers {
            for span in set {
                of_span.entry(span).or_default().push(class as u16);
            }
        }
        Ok(Self {
            of_span,
            table,
            count,
        })
    }

    /// The classes that make up a service.
    pub(super) fn classes(&self, span: Span) -> &[u16] {
        self.of_span.get(&span).map_or(&[], Vec::as_slice)
    }
}

/// First and last place of a service in the table.
pub(super) fn span(service: Service) -> Span {
    let range =
        |base: u32, first: u16, last: u16| (base + u32::from(first), base + u32::from(last));
    match service {
        Service::Tcp(first, last) => range(SERVICE_TCP, first, last),
        Service::Udp(first, last) => range(SERVICE_UDP, first, last),
        Service::Icmp(first, last) => range(SERVICE_ICMP, first.into(), last.into()),
        Service::Icmpv6(first, last) => range(SERVICE_ICMPV6, first.into(), last.into()),
        Service::Protocol(number) => range(SERVICE_PROTOCOL, number.into(), number.into()),
    }
}
