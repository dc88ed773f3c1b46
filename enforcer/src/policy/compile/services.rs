//! Ports, types and protocols become service classes: a class is the set of
//! services (as rules write them) that contain a place of the service table.
//! Class 0 is the empty set.

use std::collections::{BTreeMap, BTreeSet};

use enforcer_common::table::{
    SERVICE_ICMP, SERVICE_ICMPV6, SERVICE_PROTOCOL, SERVICE_TCP, SERVICE_UDP, SERVICES,
};

use super::{Error, check};
use crate::policy::model::{Model, Service};

pub(super) struct ServiceClasses {
    of_service: BTreeMap<Service, Vec<u16>>,
    /// Class of each place of the service table.
    pub(super) table: Vec<u16>,
    pub(super) count: usize,
}

impl ServiceClasses {
    pub(super) fn new(model: &Model) -> Result<Self, Error> {
        let services: BTreeSet<Service> = model
            .profiles
            .iter()
            .flat_map(|profile| &profile.rules)
            .flat_map(|rule| rule.services.iter().copied())
            .collect();
        // The places at which some service begins, or has just ended.
        let mut edges: BTreeMap<u32, (Vec<Service>, Vec<Service>)> = BTreeMap::new();
        for service in services {
            let (first, last) = places(service);
            edges.entry(first).or_default().0.push(service);
            edges.entry(last + 1).or_default().1.push(service);
        }
        let mut numbers: BTreeMap<Vec<Service>, usize> = BTreeMap::from([(Vec::new(), 0)]);
        let mut table = vec![0; SERVICES as usize];
        let mut active: BTreeSet<Service> = BTreeSet::new();
        let mut edges = edges.into_iter().peekable();
        while let Some((start, (begin, end))) = edges.next() {
            active.extend(begin);
            for service in end {
                active.remove(&service);
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
        let mut of_service: BTreeMap<Service, Vec<u16>> = BTreeMap::new();
        for (set, class) in numbers {
            for service in set {
                of_service.entry(service).or_default().push(class as u16);
            }
        }
        Ok(Self {
            of_service,
            table,
            count,
        })
    }

    /// The classes that make up a service.
    pub(super) fn classes(&self, service: Service) -> &[u16] {
        self.of_service.get(&service).map_or(&[], Vec::as_slice)
    }
}

/// First and last place of a service in the table.
fn places(service: Service) -> (u32, u32) {
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
