//! The ports that a simulation pretends: one for each port of the policy, whose
//! place in the counters is its number in the policy, and one a side of which the
//! policy says nothing.

use enforcer_common::limits;
use enforcer_common::port::{Port, Side};

use crate::policy::compile::Compiled;
use crate::policy::model::Device;

/// Place of a device-side port of which the policy says nothing.
const UNNAMED: u32 = 0;
/// Place of the core-side port; the policy may name that many ports only where it
/// names all that there are.
const CORE: u32 = limits::PORTS - 1;

/// Tells a compiled policy where the pretended ports stand.
pub fn place(compiled: &mut Compiled) {
    let names = compiled.ports.clone();
    compiled.place_ports(names.iter().map(String::as_str).zip(1..));
}

/// The port that a device's frames come in by: the one it is bound to, if any.
pub fn of_device(compiled: &Compiled, device: &Device) -> Port {
    let name = device.port.as_deref().unwrap_or_default();
    named(compiled, name, Side::Device)
}

/// A port by its name, by which something comes in from a side.
pub fn named(compiled: &Compiled, name: &str, side: Side) -> Port {
    let number = compiled.ports.iter().position(|port| port == name);
    match number.and_then(|index| u32::try_from(index + 1).ok()) {
        Some(number) => port(side, number),
        None => unnamed(side),
    }
}

/// The port by which everything else comes in from a side.
pub fn unnamed(side: Side) -> Port {
    match side {
        Side::Device => port(side, UNNAMED),
        Side::Core => port(side, CORE),
    }
}

fn port(side: Side, index: u32) -> Port {
    Port {
        index,
        side: side as u8,
        ..Port::default()
    }
}
