//! Requests that change something. Each is in the audit log and in the history,
//! with its author, whether it was carried out or not.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::StatusCode;

use super::caller::Caller;
use super::{Answer, Refusal, Server, blocking, parse};
use crate::control::api::{
    Applied, ApplyRequest, Author, BreakGlassRequest, Clock, Exception, Failure, QuarantineRequest,
    ReleaseRequest, RollbackRequest, Settled,
};
use crate::daemon::engine::Engine;

/// Carries out a change.
async fn change<T: Send + 'static>(
    server: Server,
    caller: Caller,
    what: &'static str,
    work: impl FnOnce(&Engine, &Author) -> Result<T, Failure> + Send + 'static,
) -> Answer<T> {
    let done = blocking(move || Ok(work(&server.engine, &caller.author()))).await?;
    match done {
        Ok(value) => {
            tracing::info!(target: "audit", %caller, "{what}: done");
            Ok(Json(value))
        }
        Err(failure) => {
            tracing::warn!(target: "audit", %caller, error = failure.error, "{what}: refused");
            Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, failure))
        }
    }
}

pub(super) async fn apply(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Answer<Applied> {
    let request: ApplyRequest = parse(&body)?;
    drop(body);
    change(server, caller, "apply", move |engine, author| {
        policy(engine.apply(request, author), caller)
    })
    .await
}

pub(super) async fn rollback(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Answer<Applied> {
    let request: RollbackRequest = parse(&body)?;
    change(server, caller, "rollback", move |engine, author| {
        policy(engine.rollback(&request, author), caller)
    })
    .await
}

pub(super) async fn promote(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
) -> Answer<Applied> {
    change(server, caller, "promote", move |engine, author| {
        policy(engine.promote(author), caller)
    })
    .await
}

pub(super) async fn confirm(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
) -> Answer<Settled> {
    change(server, caller, "confirm", Engine::confirm).await
}

pub(super) async fn withdraw(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
) -> Answer<Settled> {
    change(server, caller, "withdraw", Engine::withdraw).await
}

pub(super) async fn break_glass(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Answer<Exception> {
    let request: BreakGlassRequest = parse(&body)?;
    change(server, caller, "break-glass", move |engine, author| {
        engine.break_glass(&request, author)
    })
    .await
}

pub(super) async fn quarantine(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Answer<Exception> {
    let request: QuarantineRequest = parse(&body)?;
    change(server, caller, "quarantine", move |engine, author| {
        engine.quarantine(&request, author)
    })
    .await
}

pub(super) async fn release(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Answer<Exception> {
    let request: ReleaseRequest = parse(&body)?;
    change(server, caller, "release", move |engine, author| {
        engine.release(&request, author)
    })
    .await
}

pub(super) async fn accept_clock(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
) -> Answer<Clock> {
    change(server, caller, "clock --accept", Engine::accept_clock).await
}

/// Says which policy came into force.
fn policy(result: Result<Applied, Failure>, caller: Caller) -> Result<Applied, Failure> {
    if let Ok(applied) = &result {
        tracing::info!(target: "audit", %caller, epoch = applied.epoch, hash = applied.hash, "policy applied");
    }
    result
}
