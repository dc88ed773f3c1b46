//! The client against small servers that do what daemons do on bad days.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::thread;

use serde_json::{Value, json};

use super::*;

/// Answers one request with these bytes, and hands back what it was asked.
fn answering(answer: String) -> (tempfile::TempDir, Client, thread::JoinHandle<String>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).unwrap();
        request.truncate(length);
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    (folder, Client::new(socket), server)
}

fn with_body(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn asks_and_is_answered() {
    let (_folder, client, server) = answering(with_body("200 OK", r#"{"pid": 7}"#));
    let answer: Value = client.get("/v1/status").await.unwrap();
    assert_eq!(answer, json!({"pid": 7}));
    assert!(
        server
            .join()
            .unwrap()
            .starts_with("GET /v1/status HTTP/1.1\r\n")
    );
}

#[tokio::test]
async fn sends_what_it_is_given() {
    let (_folder, client, server) = answering(with_body("200 OK", "[]"));
    let answer: Value = client
        .post("/v1/diff", &json!({"bundle": 1}))
        .await
        .unwrap();
    assert_eq!(answer, json!([]));
    let request = server.join().unwrap();
    assert!(
        request.starts_with("POST /v1/diff") && request.contains("application/json"),
        "{request}"
    );
}

#[tokio::test]
async fn a_failure_stays_one() {
    let body = r#"{"error": "the policy has errors"}"#;
    let (_folder, client, _server) = answering(with_body("422 Unprocessable Entity", body));
    let error = client.get::<Value>("/v1/status").await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { status: 422, .. }),
        "{error:?}"
    );
    assert_eq!(error.to_string(), "the policy has errors");
    assert_eq!(error.failure().error, "the policy has errors");
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_shown() {
    let (_folder, client, _server) = answering(with_body("200 OK", "<html>\x1b hello"));
    let error = client
        .get::<Value>("/v1/status")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("<html>") && !error.contains('\x1b') && error.contains("one version"),
        "{error}"
    );

    let (_folder, client, _server) = answering(with_body("500 Oh", "plain"));
    let error = client
        .get::<Value>("/v1/status")
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("500") && error.contains("plain"), "{error}");

    let (_folder, client, _server) = answering("SSH-2.0-OpenSSH_9.2\r\n".to_owned());
    let error = client.get::<Value>("/v1/status").await.unwrap_err();
    assert!(matches!(error, Error::NotUnderstood { .. }), "{error:?}");
}

#[tokio::test]
async fn a_daemon_that_dies_is_told() {
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"] {
        let (_folder, client, _server) = answering(answer.to_owned());
        let error = client.get::<Value>("/v1/status").await.unwrap_err();
        assert!(matches!(error, Error::Died), "{error:?}");
    }
}

#[tokio::test]
async fn lines_come_one_by_one() {
    let chunks = "4\r\n1\n2\n\r\n1\r\n3\r\n3\r\n4\n\n\r\n2\r\n56\r\n0\r\n\r\n";
    let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
    let (_folder, client, _server) = answering(answer);
    let mut lines = client.lines("/v1/events").await.unwrap();
    let mut numbers = Vec::new();
    while let Some(number) = lines.next::<u32>().await.unwrap() {
        numbers.push(number);
    }
    assert_eq!(numbers, [1, 2, 34, 56]);
}

#[tokio::test]
async fn lines_that_break_off_are_an_error() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n1\n\r\n";
    let (_folder, client, _server) = answering(answer.to_owned());
    let mut lines = client.lines("/v1/events").await.unwrap();
    assert_eq!(lines.next::<u32>().await.unwrap(), Some(1));
    assert!(matches!(lines.next::<u32>().await, Err(Error::Died)));
}

#[tokio::test]
async fn a_missing_socket_asks_whether_the_daemon_runs() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("none.sock");
    let error = Client::new(&socket)
        .get::<Value>("/v1/status")
        .await
        .unwrap_err();
    assert!(matches!(&error, Error::Unreachable { .. }));
    assert!(
        error.to_string().contains("is enforcerd running?"),
        "{error}"
    );

    // A socket that a daemon left behind.
    drop(UnixListener::bind(&socket).unwrap());
    let error = Client::new(&socket)
        .get::<Value>("/v1/status")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("nobody listens"), "{error}");
}

#[test]
fn a_closed_socket_names_the_group_that_may() {
    let folder = tempfile::tempdir().unwrap();
    let error = Error::connecting(folder.path(), io::ErrorKind::PermissionDenied.into());
    assert!(matches!(&error, Error::Denied { .. }));
    assert!(error.to_string().contains("run as root"), "{error}");
}
