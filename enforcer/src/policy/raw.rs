//! A policy as written, before anything is checked. Every shape is accepted and
//! what does not belong is noted, so that validation can report all of it; no
//! value is interpreted here.

use serde::de::{IgnoredAny, MapAccess};

use super::lenient::{Either, Key, Lenient, List, Named, Oddity, OneOrMany, Scalar, Several, seed};

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
        ports: Named<Port>,
        peers: Named<OneOrMany>,
        profiles: Named<Profile>,
        devices: List<Device>,
        include: OneOrMany,
        signatures: List<Signature>,
        tests: List<Test>,
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
        guards: Guards,
        fragments: Scalar,
        on_error: Either<OnError>,
        inspect_first: Scalar,
        sanity: Either<Named<Scalar>>,
        control_frames: ControlFrames,
        timeouts: Timeouts,
        adopt_sessions: Scalar,
        new_flows_per_second: Scalar,
        events_per_second: Scalar,
        zone: Scalar,
    }
}

mapping! { Network { arp: Scalar, neighbour_discovery: Scalar, dhcp: Scalar, } }

mapping! { Guards { dhcp_servers: OneOrMany, routers: OneOrMany, hold_port: Scalar, } }

mapping! { OnError { bad_frame: Scalar, flow_table_full: Scalar, stream_lost: Scalar, } }

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

mapping! { Port { vlans: OneOrMany, double_tags: Scalar, priority_tags: Scalar, } }

mapping! {
    Profile {
        description: Scalar,
        extends: OneOrMany,
        mode: Scalar,
        network: Network,
        guards: Guards,
        fragments: Scalar,
        on_error: Either<OnError>,
        inspect_first: Scalar,
        sanity: Either<Named<Scalar>>,
        limit: Limit,
        ethertypes: OneOrMany,
        allow: List<Rule>,
    }
}

mapping! {
    Rule {
        name: Scalar,
        comment: Scalar,
        source: Scalar,
        to: OneOrMany,
        from: OneOrMany,
        tcp: OneOrMany,
        udp: OneOrMany,
        icmp: OneOrMany,
        icmpv6: OneOrMany,
        protocol: OneOrMany,
        expires: Either<Moment>,
        schedule: Several<Window>,
        limit: Limit,
        dicom: Dicom,
        hl7: Hl7,
        modbus: Modbus,
        bacnet: Bacnet,
    }
}

mapping! { Dicom { called: OneOrMany, calling: OneOrMany, } }

mapping! { Hl7 { application: OneOrMany, facility: OneOrMany, message: OneOrMany, } }

mapping! { Modbus { functions: OneOrMany, } }

mapping! { Bacnet { services: OneOrMany, } }

mapping! { Limit { packets: Scalar, bytes: Scalar, flows: Scalar, } }

mapping! {
    /// A point in time, zone and all.
    Moment { at: Scalar, zone: Scalar, }
}

mapping! { Window { days: OneOrMany, from: Scalar, until: Scalar, zone: Scalar, } }

mapping! {
    Device {
        name: Scalar,
        mac: Scalar,
        vlan: Scalar,
        ip: OneOrMany,
        profile: Scalar,
        mode: Scalar,
        port: Scalar,
        tags: OneOrMany,
    }
}

mapping! {
    Signature {
        name: Scalar,
        id: Scalar,
        message: Scalar,
        references: OneOrMany,
        severity: Scalar,
        action: Scalar,
        quarantine: Scalar,
        from: Scalar,
        begin: Scalar,
        tcp_flags: TcpFlags,
        tcp: OneOrMany,
        udp: OneOrMany,
        profiles: OneOrMany,
        tags: OneOrMany,
        length: Scalar,
        ends: Scalar,
        threshold: Threshold,
        find: List<Part>,
    }
}

mapping! { Threshold { hits: Scalar, within: Scalar, per: Scalar, every: Scalar, } }

mapping! { TcpFlags { set: OneOrMany, clear: OneOrMany, any: OneOrMany, } }

mapping! {
    Part {
        not: Scalar,
        text: Scalar,
        bytes: Scalar,
        nocase: Scalar,
        u8: Scalar,
        u16: Scalar,
        u32: Scalar,
        jump: Scalar,
        mask: Scalar,
        endian: Scalar,
        multiply: Scalar,
        align: Scalar,
        add: Scalar,
        from: Scalar,
        at: Scalar,
        after: Scalar,
    }
}

mapping! {
    Test {
        name: Scalar,
        from: Scalar,
        to: Scalar,
        tcp: Scalar,
        udp: Scalar,
        icmp: Scalar,
        protocol: Scalar,
        expect: Scalar,
        reason: Scalar,
        rule: Scalar,
        at: Either<Moment>,
    }
}
