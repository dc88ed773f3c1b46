//! Wrong input on purpose, through the client and straight at the control
//! socket: a clear error each time, and nothing else changes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fmt::Write as _,
    fs::{self, Permissions},
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    process::{Command, Output},
    time::Duration,
};

use enforcer_tests::{
    Load, Outcome, Topology, Ward,
    daemon::Settings,
    traffic::{dns, udp},
};

const DEADLINE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(100);
/// As `enforcerctl --help` tells.
const POLICY_WRONG: i32 = 3;
const NOT_PERMITTED: i32 = 5;

/// A ward, and what must not change in it.
struct Unshaken {
    ward: Ward,
    before: (u64, String),
}

impl Unshaken {
    fn build(prefix: &str) -> Self {
        let ward = Ward::enforced(prefix).unwrap();
        let before = ward.in_force().unwrap();
        Self { ward, before }
    }

    /// Applies a policy that must be refused with this code, and what it said.
    fn refused(&self, name: &str, policy: &str, code: i32) -> String {
        let path = self.ward.write(name, policy).unwrap();
        let output = self
            .ward
            .client()
            .try_run(&["apply", path.to_str().unwrap()])
            .unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    /// The same daemon enforces the same policy on the same traffic.
    fn assert_unshaken(&mut self) {
        assert!(self.ward.daemon_mut().is_alive().unwrap());
        assert_eq!(self.ward.in_force().unwrap(), self.before);
        let at = |name| self.ward.endpoint(name).unwrap();
        let _dns = dns::serve(at("dns")).unwrap();
        let refused = udp::serve_echo(at("engine"), 9999).unwrap();
        let answer = dns::ask(at("pump-1"), at("dns").at(53), "a.example", DEADLINE).unwrap();
        assert_eq!(answer.outcome(), Outcome::Answered);
        let answer = udp::ask(at("pump-1"), at("engine").at(9999), b"?", SHORT).unwrap();
        assert_eq!(answer.outcome(), Outcome::Silent);
        assert_eq!(refused.heard(), 0);
        let log = self.ward.daemon().log().unwrap();
        assert!(!log.contains("panicked"), "{log}");
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

#[test]
fn malformed_policies_are_refused_with_their_place() {
    let mut unshaken = Unshaken::build("nmalformed");
    for (policy, expected) in [
        ("version: 1\ndevices: [\n", "malformed.yaml:"),
        ("version: 1\nprofiles: \"unclosed\n", "malformed.yaml:"),
        ("\tversion: 1\n", "malformed.yaml:1:"),
        ("version: 2\n", "malformed.yaml:1:10: error: version"),
        ("version: 1\nprofles: {}\n", "did you mean \"profiles\"?"),
        ("version: 1\ninclude: nowhere.csv\n", "nowhere.csv"),
        (
            "version: 1\ndevices:\n  - {name: x, mac: 02:00:00:00:00, profile: y}\n",
            "malformed.yaml:3:",
        ),
        ("", "malformed.yaml"),
        ("just words", "malformed.yaml"),
        ("\u{0}\u{1}\u{2}", "malformed.yaml"),
    ] {
        let said = unshaken.refused("malformed.yaml", policy, POLICY_WRONG);
        assert!(said.contains(expected), "{policy:?}: {said}");
    }
    unshaken.assert_unshaken();
}

#[test]
fn an_alias_bomb_does_not_go_off() {
    let mut unshaken = Unshaken::build("nbomb");
    let mut bomb = String::from("version: 1\npeers:\n  l0: &l0 [10.0.0.1]\n");
    for level in 1..40 {
        let below = format!("*l{}, ", level - 1).repeat(10);
        writeln!(bomb, "  l{level}: &l{level} [{below}]").unwrap();
    }
    let said = unshaken.refused("bomb.yaml", &bomb, POLICY_WRONG);
    assert!(said.contains("bomb.yaml"), "{said}");
    unshaken.assert_unshaken();
}

#[test]
fn a_policy_of_a_hundred_megabytes_is_refused_by_its_size() {
    let mut unshaken = Unshaken::build("nhuge");
    let huge = "# nothing to see\n".repeat((100 << 20) / 17 + 1);
    let said = unshaken.refused("huge.yaml", &huge, POLICY_WRONG);
    assert!(said.contains("100 MiB"), "{said}");
    unshaken.assert_unshaken();
}

/// More devices than can be numbered, under load.
#[test]
fn a_policy_of_300_000_devices_is_refused_by_their_number() {
    let mut unshaken = Unshaken::build("ncrowd");
    let mut list = String::from("name,mac,profile\n");
    for number in 0..300_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        writeln!(list, "d{number},02:01:00:{a:02x}:{b:02x}:{c:02x},printer").unwrap();
    }
    let path = unshaken.ward.lab().directory().join("crowd.csv");
    fs::write(path, list).unwrap();
    let policy = "version: 1\nprofiles: {printer: {allow: []}}\ninclude: crowd.csv\n";
    let load = Load::start(unshaken.ward.lab()).unwrap();
    let said = unshaken.refused("crowd.yaml", policy, POLICY_WRONG);
    let outcome = load.finish().unwrap();
    assert!(
        said.contains("262144") || said.contains("262,144"),
        "{said}"
    );
    assert_eq!((outcome.lost(), outcome.leaked()), (0, 0), "{outcome:?}");
    unshaken.assert_unshaken();
}

#[test]
fn who_may_not_apply_does_not() {
    let mut unshaken = Unshaken::build("nuid");
    let policy = unshaken.ward.write("policy.yaml", "version: 1\n").unwrap();
    let client = unshaken.ward.client();
    // The client itself must be within anybody's reach, the socket first is not.
    let directory = unshaken.ward.lab().directory();
    fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
    let program = directory.join("enforcerctl");
    fs::copy(client.program(), &program).unwrap();
    let as_nobody = || {
        Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program)
            .arg("--socket")
            .arg(client.socket())
            .arg("apply")
            .arg(&policy)
            .output()
            .unwrap()
    };
    let output = as_nobody();
    assert_eq!(
        output.status.code(),
        Some(NOT_PERMITTED),
        "{}",
        said(&output)
    );
    // Let in to look, still not to change.
    fs::set_permissions(client.socket(), Permissions::from_mode(0o666)).unwrap();
    let output = as_nobody();
    assert_eq!(
        output.status.code(),
        Some(NOT_PERMITTED),
        "{}",
        said(&output)
    );
    assert!(
        said(&output).contains("only root may apply"),
        "{}",
        said(&output)
    );
    let log = unshaken.ward.daemon().log().unwrap();
    assert!(log.contains("apply refused: not permitted"), "{log}");
    unshaken.assert_unshaken();
}

#[test]
fn garbage_on_the_control_socket_is_answered_or_dropped() {
    let mut unshaken = Unshaken::build("ngarbage");
    let apply = |body: &str| {
        format!(
            "POST /v1/apply HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    for (request, expected) in [
        (apply("not JSON"), " 400 "),
        (apply("{}"), " 400 "),
        (apply("{\"bundle\": {\"main\": {\"path\": 7}}}"), " 400 "),
        (apply(&"[".repeat(100_000)), " 400 "),
        (apply("").replace("apply", "nothing"), " 404 "),
        (apply("").replace("POST", "DELETE"), " 405 "),
        (apply("").replace("Length: 0", "Length: many"), " 400 "),
        ("\u{0}\u{1}\u{ff}".repeat(1000) + "\r\n\r\n", " 400 "),
        (
            format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 20)),
            " 4",
        ),
    ] {
        let reply = exchange(&unshaken.ward, request.as_bytes());
        let head = reply.lines().next().unwrap_or_default();
        assert!(
            head.contains(expected),
            "{:.60}: {reply}",
            request.escape_debug()
        );
    }
    unshaken.assert_unshaken();
}

/// Clients that stop in the middle, as many as there are, hold nobody up.
#[test]
fn half_requests_hold_nobody_up() {
    let mut unshaken = Unshaken::build("nhalf");
    let socket = unshaken.ward.client().socket().to_owned();
    let halves: Vec<_> = (0..200)
        .map(|number| {
            let mut stream = UnixStream::connect(&socket).unwrap();
            let half: &[u8] = match number % 4 {
                0 => b"",
                1 => b"POST /v1/app",
                2 => b"POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n",
                _ => {
                    b"POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"bundle\""
                }
            };
            stream.write_all(half).unwrap();
            stream
        })
        .collect();
    unshaken.assert_unshaken();
    drop(halves);
    unshaken.assert_unshaken();
}

/// Whoever stops in the middle is not waited for without end.
#[test]
fn half_requests_are_given_up() {
    let ward = Ward::enforced("ngiveup").unwrap();
    let halves: [&[u8]; 3] = [
        b"",
        b"POST /v1/app",
        b"POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"bundle\"",
    ];
    let streams = halves.map(|half| {
        let mut stream = UnixStream::connect(ward.client().socket()).unwrap();
        stream.set_read_timeout(Some(2 * DEADLINE)).unwrap();
        stream.write_all(half).unwrap();
        stream
    });
    for mut stream in streams {
        let mut reply = Vec::new();
        // The end of it, or a reset where something was left unread.
        match stream.read_to_end(&mut reply) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
}

/// Without errors, but larger than the tables: the same code from the daemon as
/// from `check` for what no tables hold.
#[test]
fn a_policy_that_does_not_fit_is_a_fault_of_the_policy() {
    let settings = Settings {
        more: "policy_mib: 1\n".to_owned(),
        ..Settings::default()
    };
    let ward = Ward::unenforced("nunfit", &Topology::default(), &settings).unwrap();
    let mut list = String::from("name,mac,profile\n");
    for number in 0..30_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        writeln!(list, "d{number},02:01:00:{a:02x}:{b:02x}:{c:02x},printer").unwrap();
    }
    fs::write(ward.lab().directory().join("crowd.csv"), list).unwrap();
    let policy = "version: 1\nprofiles: {printer: {allow: []}}\ninclude: crowd.csv\n";
    let path = ward.write("unfit.yaml", policy).unwrap();
    let output = ward
        .client()
        .try_run(&["apply", path.to_str().unwrap()])
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(POLICY_WRONG),
        "{}",
        said(&output)
    );
    assert!(said(&output).contains("policy_mib"), "{}", said(&output));
}

/// Who may not write is told before anything of the body is read.
#[test]
fn who_may_not_apply_is_told_before_the_body_comes() {
    let ward = Ward::enforced("nearly").unwrap();
    let directory = ward.lab().directory();
    fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(ward.client().socket(), Permissions::from_mode(0o666)).unwrap();
    let socket = ward.client().socket().to_owned();
    let nobody = std::thread::spawn(move || {
        // SAFETY: takes no pointers. Not the C library's call, which would change
        // the whole process: this thread alone is nobody, until its end.
        let changed = unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
        assert_eq!(changed, 0);
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(DEADLINE / 2)).unwrap();
        // A head that announces a body, of which not a byte is sent.
        stream
            .write_all(b"POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
            .unwrap();
        let mut reply = [0; 4096];
        let length = stream.read(&mut reply).unwrap();
        String::from_utf8_lossy(&reply[..length]).into_owned()
    });
    let reply = nobody.join().unwrap();
    assert!(reply.contains(" 403 "), "{reply}");
    assert!(reply.contains("only root may apply"), "{reply}");
}

/// More than any policy holds is not even taken in.
#[test]
fn a_body_without_end_is_cut_off() {
    let mut unshaken = Unshaken::build("nendless");
    let mut stream = UnixStream::connect(unshaken.ward.client().socket()).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
        .write_all(b"POST /v1/apply HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    let chunk = [&b"100000\r\n"[..], &vec![b'['; 1 << 20], b"\r\n"].concat();
    // Far beyond the limit: at some point the daemon takes no more.
    let sent = (0..1024).take_while(|_| stream.write_all(&chunk).is_ok());
    assert!(sent.count() < 1024, "a body of 1 GiB was taken in");
    unshaken.assert_unshaken();
}

fn exchange(ward: &Ward, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(ward.client().socket()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    // The daemon may answer and close before it has read everything.
    let _sent = stream.write_all(request);
    let mut reply = Vec::new();
    let _ended = stream.read_to_end(&mut reply);
    String::from_utf8_lossy(&reply).into_owned()
}
