//! The client's end of the control socket: HTTP/1.1 with JSON. Carries requests
//! and answers of [`super::api`]; every error says what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::api::Failure;

mod error;

pub use error::Error;

/// Where the daemon listens unless told otherwise.
pub const SOCKET: &str = "/run/enforcer/control.sock";

/// Bytes of an answer that is no JSON, shown to people.
const SHOWN: usize = 200;

/// Speaks with the daemon behind one socket; each request has a connection of its own.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
        }
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Asks for `path`, as in `/v1/status`.
    ///
    /// # Errors
    /// When the daemon is not reached, refuses, or answers something else.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        read(self.send(Method::GET, path, Bytes::new()).await?).await
    }

    /// Sends `question` to `path`.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub async fn post<Q: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        question: &Q,
    ) -> Result<T, Error> {
        let body =
            serde_json::to_vec(question).map_err(|error| Error::Request(error.to_string()))?;
        read(self.send(Method::POST, path, body.into()).await?).await
    }

    /// Asks for `path` and hands out the answer line by line, as it comes.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub async fn lines(&self, path: &str) -> Result<Lines, Error> {
        let response = self.send(Method::GET, path, Bytes::new()).await?;
        Ok(Lines {
            body: response.into_body(),
            buffer: Vec::new(),
            searched: 0,
            ended: false,
        })
    }

    /// Sends one request; the answer's status is one of success.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Error> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| Error::connecting(&self.socket, error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|_| Error::Died)?;
        // Ends with the answer's body, or with the request if that fails.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "enforcer")
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| Error::Request(error.to_string()))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| Error::receiving(&error))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(refusal(response).await)
        }
    }
}

/// An answer of one JSON value a line.
#[derive(Debug)]
pub struct Lines {
    body: Incoming,
    buffer: Vec<u8>,
    /// Bytes of the buffer in which no line ends.
    searched: usize,
    ended: bool,
}

impl Lines {
    /// The next value; `None` once the daemon has said all.
    ///
    /// # Errors
    /// When the daemon goes away, or says something that is not a `T`.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        loop {
            while let Some(line) = self.take_line() {
                if !line.trim_ascii().is_empty() {
                    return decode(&line).map(Some);
                }
            }
            if self.ended {
                return Ok(None);
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.buffer.extend(frame.data_ref().into_iter().flatten()),
                Some(Err(error)) => return Err(Error::receiving(&error)),
                None => self.ended = true,
            }
        }
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let end = self.buffer[self.searched..]
            .iter()
            .position(|byte| *byte == b'\n');
        match end {
            Some(end) => {
                let rest = self.buffer.split_off(self.searched + end + 1);
                self.searched = 0;
                Some(std::mem::replace(&mut self.buffer, rest))
            }
            None if self.ended && !self.buffer.is_empty() => {
                self.searched = 0;
                Some(std::mem::take(&mut self.buffer))
            }
            None => {
                self.searched = self.buffer.len();
                None
            }
        }
    }
}

async fn read<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T, Error> {
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(|error| Error::receiving(&error))?;
    decode(&body.to_bytes())
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::NotUnderstood {
        reason: error.to_string(),
        answer: shown(bytes),
    })
}

/// What an answer that is no success says.
async fn refusal(response: Response<Incoming>) -> Error {
    let status = response.status();
    let body = match response.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Error::receiving(&error),
    };
    let failure = serde_json::from_slice::<Failure>(&body).unwrap_or_else(|_| Failure {
        error: format!("the daemon answered {status}: {}", shown(&body)),
        diagnostics: None,
        unfit: false,
    });
    if matches!(status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED) {
        return Error::Forbidden(failure);
    }
    Error::Refused {
        status: status.as_u16(),
        failure,
    }
}

fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
    // What an unknown program says may hold control characters.
    text.trim()
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

/// Whether an I/O error means that nobody is there.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests;
