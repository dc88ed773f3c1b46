//! Takes connections and requests in: whether the caller may send them is asked
//! before a byte of the body is read, and nobody is waited for without end.

use std::time::Duration;

use anyhow::Result;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension as Add, Router};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::UnixListener;
use tokio::time::{sleep, timeout};

use super::caller::{Caller, may_write};
use super::{Refusal, Server, blocking};
use crate::daemon::engine::failure;

/// A policy of 200,000 devices in YAML is about 30 MiB.
const LARGEST_REQUEST: usize = 256 << 20;
/// Time for the head of a request, and for each further piece of its body.
const PATIENCE: Duration = Duration::from_secs(10);
/// Wait after a connection could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves connections until `stop` resolves, then ends those that are idle.
pub(super) async fn serve(
    listener: UnixListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of descriptors, most likely: some will be free again.
                    tracing::error!(%error, "cannot take a connection to the control socket");
                    sleep(PAUSE).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let router = router.clone().layer(Add(Caller::of(&stream)));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the control socket broke off");
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

/// Lets those pass who may change something.
pub(super) async fn permit(
    State(server): State<Server>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    let Err(failure) = may_write(caller, &server.engine.config.control) else {
        return next.run(request).await;
    };
    let what = request.uri().path().trim_start_matches("/v1/").to_owned();
    tracing::warn!(target: "audit", %caller, "{what} refused: not permitted");
    let noted = blocking(move || Ok(server.engine.refuse(&what, &caller.author(), failure))).await;
    match noted {
        Ok(failure) => Refusal::new(StatusCode::FORBIDDEN, failure).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Reads the body, for as long as it keeps coming.
pub(super) async fn take_in(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match read(body).await {
        Ok(bytes) => next.run(Request::from_parts(head, Body::from(bytes))).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn read(mut body: Body) -> Result<Vec<u8>, Refusal> {
    let too_large = || {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            failure(format!(
                "a request has at most {} MiB",
                LARGEST_REQUEST >> 20
            )),
        )
    };
    if body.size_hint().lower() > LARGEST_REQUEST as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    loop {
        let frame = match timeout(PATIENCE, body.frame()).await {
            Ok(None) => return Ok(bytes),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => {
                return Err(Refusal::new(
                    StatusCode::BAD_REQUEST,
                    failure(format!("cannot read the request: {error}")),
                ));
            }
            Err(_) => {
                return Err(Refusal::new(
                    StatusCode::REQUEST_TIMEOUT,
                    failure(format!(
                        "the request stopped in the middle: nothing came for {} seconds",
                        PATIENCE.as_secs()
                    )),
                ));
            }
        };
        let data = frame.into_data().unwrap_or_default();
        if bytes.len() + data.len() > LARGEST_REQUEST {
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
    }
}
