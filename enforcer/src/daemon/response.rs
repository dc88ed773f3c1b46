//! Responses to signatures: a device that sent what a signature with `quarantine` stops is
//! cut off. Its victim is not: that would do the attacker's work.

use std::sync::Arc;

use enforcer_common::event::Event as Record;
use enforcer_common::verdict::Fate;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task;
use tracing::{error, warn};

use super::engine::{Engine, the_enforcer};
use crate::control::api::QuarantineRequest;

/// Devices that may wait for their quarantine at once.
const WAITING: usize = 256;

/// Hands hits to whoever responds to them.
#[derive(Clone)]
pub(super) struct Responses(Sender<QuarantineRequest>);

/// What is told of hits, and what comes of it.
pub(super) fn channel() -> (Responses, Receiver<QuarantineRequest>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Responses(sender), receiver)
}

impl Responses {
    /// Asks for a quarantine, if the event is about a signature that wants it and stopped
    /// the packet, and a declared device sent that.
    pub(super) fn hear(&self, engine: &Engine, record: &Record) {
        if record.signature == 0 || record.fate != Fate::Deny as u8 {
            return;
        }
        let running = engine.running();
        let Some(running) = running.filter(|running| running.epoch == record.epoch) else {
            return;
        };
        let model = &running.model;
        let Some(signature) = running.signature(record.signature.into()) else {
            return;
        };
        let Some(lasts) = signature.quarantine else {
            return;
        };
        let mut devices = model.devices.iter();
        let sender =
            devices.find(|device| device.mac == record.source_mac && device.vlan == record.vlan);
        let Some(device) = sender else { return };
        let request = QuarantineRequest {
            device: device.name.clone(),
            seconds: lasts.seconds(),
            reason: Some(format!("it sent what {} tells of", signature.name)),
        };
        // Whoever sends on is heard again.
        if self.0.try_send(request).is_err() {
            warn!(device = device.name, "too many quarantines at once");
        }
    }
}

/// Cuts devices off, for as long as the daemon lives.
pub(super) async fn respond(
    engine: Arc<Engine>,
    mut requests: Receiver<QuarantineRequest>,
) -> anyhow::Result<()> {
    while let Some(request) = requests.recv().await {
        let engine = Arc::clone(&engine);
        task::spawn_blocking(move || quarantine(&engine, &request)).await?;
    }
    Ok(())
}

/// Events that were under way when the device was cut off change nothing.
fn quarantine(engine: &Engine, request: &QuarantineRequest) {
    let held = engine.exceptions().is_ok_and(|exceptions| {
        exceptions
            .iter()
            .any(|held| held.kind == "quarantine" && held.name == request.device)
    });
    if held {
        return;
    }
    match engine.quarantine(request, &the_enforcer()) {
        Ok(_) => warn!(
            device = request.device,
            reason = request.reason,
            "quarantined"
        ),
        Err(failure) => error!(device = request.device, "cannot quarantine: {failure:?}"),
    }
}
