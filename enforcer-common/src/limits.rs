//! Capacities that the kernel half and user space agree on.

/// Managed devices in one policy.
pub const DEVICES: u32 = 262_144;
/// Profiles in one policy. The tables number two more: 0 is unset, and one is the
/// compiler's own.
pub const PROFILES: u32 = 4_094;
/// Rules in one policy, over all profiles; rule 0 means "none".
pub const RULES: u32 = 65_535;
/// IPv4 addresses that one device may be bound to.
pub const IPV4_PER_DEVICE: usize = 2;
/// IPv6 addresses that one device may be bound to, link-local ones aside.
pub const IPV6_PER_DEVICE: usize = 2;
/// Bridge ports that one enforcer watches.
pub const PORTS: u32 = 64;
/// Flows remembered at a time, unless the daemon is told otherwise.
pub const FLOWS: u32 = 262_144;
/// Sets of the flow table that goes with them: places for four times as many, so that hardly
/// any set is full.
pub const FLOW_SETS: u32 = FLOWS * FLOW_ROOM / crate::flow_table::WAYS as u32;
/// Places in the flow table for each flow that there is to be room for.
pub const FLOW_ROOM: u32 = 4;
/// Least entries of the exact-match cache for each CPU; user space makes it larger with
/// the table of flows.
pub const CACHE_PER_CPU: u32 = 4_096;
/// Signatures in one policy; number 0 means "none".
pub const SIGNATURES: u32 = 4_095;
/// Bytes that the automata of one policy's signatures may take.
pub const SIGNATURE_BYTES: usize = 32 << 20;
/// Connections whose bytes are looked at, remembered at a time, unless the daemon is
/// told otherwise.
pub const STREAMS: u32 = 8_192;
/// Packets in parts that are remembered at a time.
pub const FRAGMENTS: u32 = 16_384;
/// Addresses that are learned at a time, over all devices.
pub const LEARNED: u32 = 262_144;
/// Devices and rules with limits whose use is remembered at a time.
pub const RATES: u32 = 65_536;
/// Addresses whose hits of signatures with a threshold are remembered at a time.
pub const THRESHOLDS: u32 = 16_384;
/// Bytes of the ring buffer that carries frames to learn from.
pub const LESSON_BUFFER: u32 = 1 << 20;
/// Bytes of the ring buffer that carries events to user space.
pub const EVENT_BUFFER: u32 = 1 << 20;
/// EtherTypes that a profile may list.
pub const ETHERTYPES: usize = 8;
/// DNS names that one rule may list.
pub const NAMES_PER_RULE: usize = 8;
/// Ports that a policy may say something of.
pub const POLICY_PORTS: usize = 63;
/// Addresses whose frames are always left to the bridge.
pub const RESERVED: u32 = 4_096;
