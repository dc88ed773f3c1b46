//! The daemon's two listeners: the control socket and the metrics page.

use std::ffi::CString;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use axum::body::{Body, Bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use futures_util::stream;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::broadcast::error::RecvError;

use super::config::ControlConfig;
use super::engine::{Engine, failure};
use super::events::Events;
use super::{metrics, views};
use crate::control::api::{
    Applied, ApplyRequest, Changes, Counters, Device, Event, Explanation, Failure, Flow, Question,
    Rule, Status,
};
use crate::simulate::explain::explain;

/// A policy of 200,000 devices in YAML is about 30 MiB.
const LARGEST_REQUEST: usize = 256 << 20;

#[derive(Clone)]
pub(super) struct Server {
    pub(super) engine: Arc<Engine>,
    pub(super) events: Arc<Events>,
}

/// Who is at the other end of the control socket.
#[derive(Clone, Copy, Debug)]
struct Caller {
    uid: u32,
    gid: u32,
    pid: Option<i32>,
}

impl std::fmt::Display for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "uid {} gid {} pid {}",
            self.uid,
            self.gid,
            self.pid.unwrap_or_default()
        )
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        match stream.io().peer_cred() {
            Ok(credentials) => Self {
                uid: credentials.uid(),
                gid: credentials.gid(),
                pid: credentials.pid(),
            },
            // Nobody: may not write.
            Err(_) => Self {
                uid: u32::MAX,
                gid: u32::MAX,
                pid: None,
            },
        }
    }
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

fn group(name: &str) -> Result<Gid> {
    let group = Group::from_name(name).with_context(|| format!("cannot look up group {name}"))?;
    Ok(group
        .with_context(|| format!("there is no group {name}"))?
        .gid)
}

/// Serves the control socket until `stop` resolves.
pub(super) async fn serve_control(
    server: Server,
    listener: UnixListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let router = Router::new()
        .route("/v1/status", get(status))
        .route("/v1/apply", post(apply))
        .route("/v1/diff", post(diff))
        .route("/v1/devices", get(devices))
        .route("/v1/rules", get(rules))
        .route("/v1/flows", get(flows))
        .route("/v1/counters", get(counters))
        .route("/v1/events", get(events))
        .route("/v1/explain", post(explain_question))
        .fallback(|| async {
            Refusal::new(
                StatusCode::NOT_FOUND,
                failure("there is no such request in version 1"),
            )
        })
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
        .with_state(server);
    let service = router.into_make_service_with_connect_info::<Caller>();
    axum::serve(listener, service)
        .with_graceful_shutdown(stop)
        .await
        .context("the control socket failed")
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

async fn counters(State(server): State<Server>) -> Answer<Counters> {
    answer(move || views::counters(&server.engine)).await
}

async fn apply(
    State(server): State<Server>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    body: Bytes,
) -> Answer<Applied> {
    if let Err(failure) = may_write(caller, &server.engine.config.control) {
        tracing::warn!(target: "audit", %caller, "apply refused: not permitted");
        return Err(Refusal::new(StatusCode::FORBIDDEN, failure));
    }
    let ApplyRequest { bundle } = parse(&body)?;
    match blocking(move || Ok(server.engine.apply(bundle))).await? {
        Ok(applied) => {
            tracing::info!(target: "audit", %caller, epoch = applied.epoch, hash = applied.hash, "policy applied");
            Ok(Json(applied))
        }
        Err(failure) => {
            tracing::warn!(target: "audit", %caller, error = failure.error, "policy refused");
            Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, failure))
        }
    }
}

async fn diff(State(server): State<Server>, body: Bytes) -> Answer<Changes> {
    let ApplyRequest { bundle } = parse(&body)?;
    let changes = blocking(move || Ok(server.engine.diff(&bundle))).await?;
    changes
        .map(Json)
        .map_err(|failure| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, failure))
}

async fn explain_question(State(server): State<Server>, body: Bytes) -> Answer<Explanation> {
    let unprocessable =
        |error: String| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, failure(error));
    let question: Question = parse(&body)?;
    let running = server
        .engine
        .running()
        .ok_or_else(|| unprocessable("no policy is loaded".to_owned()))?;
    let explanation =
        blocking(move || Ok(explain(&running.model, &running.compiled, &question))).await?;
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

/// Writers are root, the daemon's own user, and members of the write group.
fn may_write(caller: Caller, config: &ControlConfig) -> Result<(), Failure> {
    if caller.uid == 0 || caller.uid == Uid::effective().as_raw() {
        return Ok(());
    }
    let Some(name) = &config.write_group else {
        return Err(failure(
            "only root may apply policies; `control.write_group` names others who may",
        ));
    };
    let wanted = group(name).map_err(|error| failure(format!("{error:#}")))?;
    let member = caller.gid == wanted.as_raw() || groups_of(caller).contains(&wanted);
    if member {
        Ok(())
    } else {
        Err(failure(format!(
            "only members of group {name} may apply policies"
        )))
    }
}

fn groups_of(caller: Caller) -> Vec<Gid> {
    let Ok(Some(user)) = User::from_uid(Uid::from_raw(caller.uid)) else {
        return Vec::new();
    };
    let Ok(name) = CString::new(user.name) else {
        return Vec::new();
    };
    getgrouplist(&name, user.gid).unwrap_or_default()
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
