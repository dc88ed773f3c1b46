//! A policy as written, before anything is checked. Every shape is accepted and
//! what does not belong is noted, so that validation can report all of it; no
//! value is interpreted here.

use serde::de::{IgnoredAny, MapAccess};

use super::lenient::{Key, Lenient, List, Named, Oddity, OneOrMany, Scalar, seed};

/// The keys that a mapping may have.
pub(super) trait Keys {
    const KEYS: &'static [&'static str];
}

/// A mapping with fixed keys, all optional here.
macro_rules! mapping {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $type:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name {
            $(pub(super) $key: Option<$type>,)+
            pub(super) odd: Vec<Oddity>,
        }

        impl Keys for $name {
            const KEYS: &'static [&'static str] = &[$(stringify!($key)),+];
        }

        impl Lenient for $name {
            /// Nothing at all counts as an empty mapping.
            fn from_scalar(found: Scalar) -> Self {
                let odd = if found == Scalar::Null { Vec::new() } else { vec![Oddity::Shape(found)] };
                Self { odd, ..Self::default() }
            }

            fn from_mapping<'de, A: MapAccess<'de>>(mut mapping: A) -> Result<Self, A::Error> {
                let mut raw = Self::default();
                while let Some(key) = mapping.next_key_seed(seed::<Key>())? {
                    match key.0.as_str() {
                        $(stringify!($key) if raw.$key.is_none() => {
                            raw.$key = Some(mapping.next_value_seed(seed())?);
                            continue;
                        })+
                        $(stringify!($key))|+ => raw.odd.push(Oddity::Repeated(key.0)),
                        _ => raw.odd.push(Oddity::Unknown(key.0)),
                    }
                    mapping.next_value::<IgnoredAny>()?;
                }
                Ok(raw)
            }
        }
    };
}

mapping! {
    /// The main file, or an included one.
    Document {
        version: Scalar,
        defaults: Defaults,
        peers: Named<OneOrMany>,
        profiles: Named<Profile>,
        devices: List<Device>,
        include: OneOrMany,
    }
}

mapping! {
    /// The part of the main file that is needed to find the others.
    Includes { include: OneOrMany, }
}

mapping! {
    Defaults {
        mode: Scalar,
        unknown_devices: Scalar,
        core_broadcast: Scalar,
        network: Network,
        control_frames: ControlFrames,
        timeouts: Timeouts,
        adopt_sessions: Scalar,
        new_flows_per_second: Scalar,
        events_per_second: Scalar,
    }
}

mapping! { Network { arp: Scalar, neighbour_discovery: Scalar, dhcp: Scalar, } }

mapping! { ControlFrames { stp: Scalar, lldp: Scalar, lacp: Scalar, eapol: Scalar, } }

mapping! {
    Timeouts {
        tcp_opening: Scalar,
        tcp_established: Scalar,
        tcp_closing: Scalar,
        udp: Scalar,
        icmp: Scalar,
        other: Scalar,
    }
}

mapping! { Profile { description: Scalar, mode: Scalar, network: Network, allow: List<Rule>, } }

mapping! {
    Rule {
        name: Scalar,
        to: OneOrMany,
        from: OneOrMany,
        tcp: OneOrMany,
        udp: OneOrMany,
        icmp: OneOrMany,
        icmpv6: OneOrMany,
        protocol: OneOrMany,
    }
}

mapping! {
    Device { name: Scalar, mac: Scalar, vlan: Scalar, ip: OneOrMany, profile: Scalar, mode: Scalar, }
}
