//! `GET /v1/observations`: the record of flows, handed out as it is read.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::{Refusal, Server, blocking};
use crate::control::api::Told;
use crate::daemon::engine::failure;

/// Bytes that are sent at a time.
const PIECE: usize = 64 << 10;
/// Pieces that a slow reader may lag behind.
const LAG: usize = 4;

#[derive(Deserialize)]
pub(super) struct Period {
    /// Unix time or RFC 3339; everything if absent.
    since: Option<String>,
}

pub(super) async fn observations(
    State(server): State<Server>,
    Query(Period { since }): Query<Period>,
) -> Result<Response, Refusal> {
    let since = time(since.as_deref().unwrap_or("0")).ok_or_else(|| {
        let error = "`since` is neither Unix time nor RFC 3339, as in 2026-03-01T00:00:00Z";
        Refusal::new(StatusCode::BAD_REQUEST, failure(error))
    })?;
    let (engine, observations) = (server.engine, server.observations);
    // What has happened until this moment belongs to the answer.
    let until = blocking({
        let observations = observations.clone();
        move || {
            observations.check()?;
            observations.record(&engine)?;
            Ok(engine.policy_time())
        }
    })
    .await?;
    let (sender, receiver) = mpsc::channel(LAG);
    tokio::task::spawn_blocking(move || {
        let mut pieces = Pieces {
            text: Vec::new(),
            sender,
        };
        let mut told = observations.read(since, until, &mut |line| pieces.add(&line));
        if told.is_ok() {
            told = pieces.flush().map(drop);
        }
        if let Err(error) = told {
            tracing::error!("cannot tell the record of flows: {error:#}");
            // The reader must not take this for the end.
            let _ = pieces
                .sender
                .blocking_send(Err(std::io::Error::other(error.to_string())));
        }
    });
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    let content_type = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((content_type, Body::from_stream(pieces)).into_response())
}

/// Lines on their way to the reader.
struct Pieces {
    text: Vec<u8>,
    sender: mpsc::Sender<std::io::Result<Bytes>>,
}

impl Pieces {
    /// False once nobody reads any more.
    fn add(&mut self, line: &Told) -> Result<bool> {
        serde_json::to_writer(&mut self.text, line)?;
        self.text.push(b'\n');
        if self.text.len() < PIECE {
            return Ok(true);
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<bool> {
        let piece = Bytes::from(std::mem::take(&mut self.text));
        Ok(self.sender.blocking_send(Ok(piece)).is_ok())
    }
}

/// Unix time, in seconds.
fn time(text: &str) -> Option<u32> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let time: SystemTime = humantime::parse_rfc3339_weak(text).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    u32::try_from(since.as_secs()).ok()
}
