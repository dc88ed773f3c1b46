//! The daemon's two listeners: the control socket and the metrics page.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::broadcast::error::RecvError;

mod caller;
mod change;
mod intake;
mod observed;

use super::config::ControlConfig;
use super::engine::{Engine, failure};
use super::events::Events;
use super::observations::Observations;
use super::{inquiry, metrics, views};
use crate::control::api::{
    ApplyRequest, Changes, Clock, Counters, Device, Event, Exception, Explanation, Failure, Flow,
    HistoryEntry, HistoryText, Inquiry, Learned, Rule, Signatures, Status,
};
use caller::group;

#[derive(Clone)]
pub(super) struct Server {
    pub(super) engine: Arc<Engine>,
    pub(super) events: Arc<Events>,
    pub(super) observations: Arc<Observations>,
}

/// Opens the control socket, readable and writable by its owner and group.
pub(super) fn listen(config: &ControlConfig) -> Result<UnixListener> {
    let path = &config.socket;
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
    }
    // The state directory's lock shows that no other daemon listens here.
    if let Ok(existing) = path.symlink_metadata() {
        ensure!(
            existing.file_type().is_socket(),
            "control.socket: {} is there and no socket",
            path.display()
        );
        std::fs::remove_file(path)
            .with_context(|| format!("cannot remove the old socket {}", path.display()))?;
    }
    let listener =
        UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
    if let Some(name) = &config.group {
        let gid = group(name)?;
        nix::unistd::chown(path, None, Some(gid))
            .with_context(|| format!("cannot give the socket to group {name}"))?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
        .with_context(|| format!("cannot set the permissions of {}", path.display()))?;
    Ok(listener)
}

/// Serves the control socket until `stop` resolves.
pub(super) async fn serve_control(
    server: Server,
    listener: UnixListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    // What is added last is asked first: the caller, then the body.
    let changes = Router::new()
        .route("/v1/apply", post(change::apply))
        .route("/v1/rollback", post(change::rollback))
        .route("/v1/confirm", post(change::confirm))
        .route("/v1/withdraw", post(change::withdraw))
        .route("/v1/promote", post(change::promote))
        .route("/v1/break-glass", post(change::break_glass))
        .route("/v1/quarantine", post(change::quarantine))
        .route("/v1/release", post(change::release))
        .route("/v1/clock/accept", post(change::accept_clock))
        .route_layer(from_fn(intake::take_in))
        .route_layer(from_fn_with_state(server.clone(), intake::permit));
    let questions = Router::new()
        .route("/v1/status", get(status))
        .route("/v1/diff", post(diff))
        .route("/v1/devices", get(devices))
        .route("/v1/rules", get(rules))
        .route("/v1/signatures", get(signatures))
        .route("/v1/flows", get(flows))
        .route("/v1/learned", get(learned))
        .route("/v1/counters", get(counters))
        .route("/v1/events", get(events))
        .route("/v1/observations", get(observed::observations))
        .route("/v1/explain", post(explain_question))
        .route("/v1/history", get(history))
        .route("/v1/history/{row}", get(history_text))
        .route("/v1/history/{from}/diff/{to}", get(history_diff))
        .route("/v1/exceptions", get(exceptions))
        .route("/v1/clock", get(clock))
        .route_layer(from_fn(intake::take_in));
    let router = changes
        .merge(questions)
        .fallback(|| async {
            Refusal::new(
                StatusCode::NOT_FOUND,
                failure("there is no such request in version 1"),
            )
        })
        // `take_in` has its own.
        .layer(DefaultBodyLimit::disable())
        .with_state(server);
    intake::serve(listener, router, stop).await
}

/// Serves `/metrics`.
pub(super) async fn serve_metrics(engine: Arc<Engine>, listener: TcpListener) -> Result<()> {
    let page = |State(engine): State<Arc<Engine>>| async move {
        match blocking(move || metrics::render(&engine)).await {
            Ok(page) => {
                ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], page).into_response()
            }
            Err(refusal) => refusal.into_response(),
        }
    };
    let router = Router::new()
        .route("/metrics", get(page))
        .with_state(engine);
    axum::serve(listener, router)
        .await
        .context("the metrics listener failed")
}

type Answer<T> = Result<Json<T>, Refusal>;

async fn status(State(server): State<Server>) -> Answer<Status> {
    answer(move || views::status(&server.engine)).await
}

async fn devices(State(server): State<Server>) -> Answer<Vec<Device>> {
    answer(move || {
        Ok(server
            .engine
            .running()
            .map(|running| views::devices(&running))
            .unwrap_or_default())
    })
    .await
}

async fn rules(State(server): State<Server>) -> Answer<Vec<Rule>> {
    answer(move || match server.engine.running() {
        Some(running) => views::rules(&server.engine, &running),
        None => Ok(Vec::new()),
    })
    .await
}

async fn signatures(State(server): State<Server>) -> Answer<Signatures> {
    answer(move || match server.engine.running() {
        Some(running) => views::signatures(&server.engine, &running),
        None => Ok(Signatures::default()),
    })
    .await
}

#[derive(Deserialize)]
struct Limit {
    limit: Option<usize>,
}

async fn flows(
    State(server): State<Server>,
    Query(Limit { limit }): Query<Limit>,
) -> Answer<Vec<Flow>> {
    answer(move || views::flows(&server.engine, limit.unwrap_or(usize::MAX))).await
}

async fn learned(State(server): State<Server>) -> Answer<Vec<Learned>> {
    answer(move || {
        let running = server.engine.running();
        let list = running.map(|running| server.engine.learning.list(&running));
        Ok(list.unwrap_or_default())
    })
    .await
}

async fn counters(State(server): State<Server>) -> Answer<Counters> {
    answer(move || views::counters(&server.engine)).await
}

async fn diff(State(server): State<Server>, body: Bytes) -> Answer<Changes> {
    let ApplyRequest { bundle, .. } = parse(&body)?;
    settle(move || server.engine.diff(bundle)).await
}

async fn history(
    State(server): State<Server>,
    Query(Limit { limit }): Query<Limit>,
) -> Answer<Vec<HistoryEntry>> {
    let limit = limit.and_then(|limit| u32::try_from(limit).ok());
    answer(move || server.engine.history(limit.unwrap_or(u32::MAX))).await
}

async fn history_text(State(server): State<Server>, Path(row): Path<i64>) -> Answer<HistoryText> {
    settle(move || server.engine.history_text(row)).await
}

async fn history_diff(
    State(server): State<Server>,
    Path((from, to)): Path<(i64, i64)>,
) -> Answer<Changes> {
    settle(move || server.engine.history_diff(from, to)).await
}

async fn exceptions(State(server): State<Server>) -> Answer<Vec<Exception>> {
    answer(move || server.engine.exceptions()).await
}

async fn clock(State(server): State<Server>) -> Answer<Clock> {
    answer(move || Ok(server.engine.clock())).await
}

async fn explain_question(State(server): State<Server>, body: Bytes) -> Answer<Explanation> {
    let unprocessable =
        |error: String| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, failure(error));
    let inquiry: Inquiry = parse(&body)?;
    let running = server
        .engine
        .running()
        .ok_or_else(|| unprocessable("no policy is loaded".to_owned()))?;
    let explanation =
        blocking(move || inquiry::explain(&server.engine, &running, &inquiry)).await?;
    explanation.map(Json).map_err(unprocessable)
}

#[derive(Deserialize)]
struct Follow {
    last: Option<usize>,
    follow: Option<bool>,
}

async fn events(
    State(server): State<Server>,
    Query(Follow { last, follow }): Query<Follow>,
) -> Response {
    let (kept, live) = server.events.follow(last.unwrap_or(100));
    let past = stream::iter(kept.into_iter().map(|event| line(&event)));
    let content_type = [(header::CONTENT_TYPE, "application/x-ndjson")];
    if !follow.unwrap_or(false) {
        return (content_type, Body::from_stream(past)).into_response();
    }
    let coming = stream::unfold(live, |mut live| async move {
        loop {
            match live.recv().await {
                Ok(event) => return Some((line(&event), live)),
                Err(RecvError::Lagged(lost)) => {
                    tracing::warn!(lost, "a follower of events is too slow")
                }
                Err(RecvError::Closed) => return None,
            }
        }
    });
    (
        content_type,
        Body::from_stream(futures_util::StreamExt::chain(past, coming)),
    )
        .into_response()
}

fn line(event: &Event) -> Result<Bytes, serde_json::Error> {
    let mut text = serde_json::to_vec(event)?;
    text.push(b'\n');
    Ok(text.into())
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            failure(format!("cannot read the request: {error}")),
        )
    })
}

/// Answers with what a reader of maps returns.
async fn answer<T: Send + 'static>(read: impl FnOnce() -> Result<T> + Send + 'static) -> Answer<T> {
    blocking(read).await.map(Json)
}

/// Answers with what is asked for, or with why not.
async fn settle<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Answer<T> {
    blocking(move || Ok(work()))
        .await?
        .map(Json)
        .map_err(|failure| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, failure))
}

/// Runs work that may take long off the threads that serve requests.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    let error = match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => format!("{error:#}"),
        Err(error) => error.to_string(),
    };
    Err(Refusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        failure(error),
    ))
}

/// A request that was not carried out.
struct Refusal {
    status: StatusCode,
    failure: Box<Failure>,
}

impl Refusal {
    fn new(status: StatusCode, failure: Failure) -> Self {
        Self {
            status,
            failure: Box::new(failure),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.failure)).into_response()
    }
}
