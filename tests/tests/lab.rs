//! The lab by itself, without the enforcer: every kind of traffic gets through
//! the bare bridge, and a lab leaves nothing behind however it ends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use enforcer_tests::{
    Lab, Mac, Outcome, Topology, sweep,
    topology::CORE_MAC,
    traffic::{
        dhcp::{self, DhcpServer},
        dns,
        frame::{self, Link},
        hl7, neighbour, ntp, ping, tcp, udp,
        wire::{Sniffer, Wire},
    },
    wait,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const DEADLINE: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(300);

#[test]
fn sockets_talk_in_both_directions_and_both_families() {
    let lab = Lab::build("tsock").unwrap();
    let [pump, engine] = ["pump-1", "engine"].map(|name| lab.endpoint(name).unwrap());
    for (client, server) in [(pump, engine), (engine, pump)] {
        let echo = tcp::serve_echo(server, 7000).unwrap();
        let datagrams = udp::serve_echo(server, 7000).unwrap();
        for to in [server.at(7000), server.at_v6(7000)] {
            let mut stream = tcp::connect(client, to, DEADLINE)
                .unwrap()
                .got()
                .expect("a connection");
            let payload = vec![0x5a; 300_000];
            let (head, tail) = payload.split_at(100_000);
            for part in [head, tail] {
                assert_eq!(
                    tcp::echo(&mut stream, part).unwrap().outcome(),
                    Outcome::Answered
                );
            }
            let reply = udp::ask(client, to, b"hello", DEADLINE)
                .unwrap()
                .got()
                .expect("a reply");
            assert_eq!(reply, b"hello");
            assert_eq!(
                ping::ping(client, to.ip(), DEADLINE).unwrap().outcome(),
                Outcome::Answered
            );
        }
        assert_eq!((echo.heard(), datagrams.heard()), (2, 2));
    }
}

#[test]
fn closed_ports_refuse_and_absent_hosts_are_unreachable() {
    let lab = Lab::build("tclosed").unwrap();
    let [pump, engine] = ["pump-1", "engine"].map(|name| lab.endpoint(name).unwrap());
    for closed in [engine.at(445), engine.at_v6(445)] {
        assert_eq!(
            tcp::connect(pump, closed, DEADLINE).unwrap().outcome(),
            Outcome::Refused
        );
        assert_eq!(
            udp::ask(pump, closed, b"?", DEADLINE).unwrap().outcome(),
            Outcome::Refused
        );
    }
    let nobody = "10.10.9.9:445".parse().unwrap();
    assert_eq!(
        tcp::connect(pump, nobody, SHORT).unwrap().outcome(),
        Outcome::Silent
    );
    assert_eq!(
        tcp::connect(pump, nobody, 2 * DEADLINE).unwrap().outcome(),
        Outcome::Unreachable
    );
}

#[test]
fn hospital_protocols_work() {
    let lab = Lab::build("tproto").unwrap();
    let monitor = lab.endpoint("monitor-1").unwrap();
    let [engine, dns_host, ntp_host] =
        ["engine", "dns", "ntp"].map(|name| lab.endpoint(name).unwrap());
    let engine_server = hl7::serve(engine, 2575).unwrap();
    let _dns = dns::serve(dns_host).unwrap();
    let _ntp = ntp::serve(ntp_host).unwrap();

    assert_eq!(
        hl7::send(monitor, engine.at(2575), "MSG1", DEADLINE)
            .unwrap()
            .outcome(),
        Outcome::Answered
    );
    let mut stream = tcp::connect(monitor, engine.at_v6(2575), DEADLINE)
        .unwrap()
        .got()
        .expect("a connection");
    for control_id in ["MSG2", "MSG3"] {
        assert_eq!(
            hl7::report(&mut stream, control_id).unwrap().outcome(),
            Outcome::Answered
        );
    }
    assert_eq!(engine_server.heard(), 2);
    for server in [dns_host.at(dns::PORT), dns_host.at_v6(dns::PORT)] {
        let address = dns::ask(monitor, server, "engine.hospital.example", DEADLINE)
            .unwrap()
            .got();
        assert_eq!(address, Some(dns::ADDRESS));
    }
    assert_eq!(
        ntp::ask(monitor, ntp_host.at(ntp::PORT), DEADLINE)
            .unwrap()
            .outcome(),
        Outcome::Answered
    );
}

#[test]
fn addresses_resolve_and_leases_are_granted() {
    let lab = Lab::build("tresolve").unwrap();
    let [pump, engine] = ["pump-1", "engine"].map(|name| lab.endpoint(name).unwrap());
    for (from, to) in [(pump, engine), (engine, pump)] {
        for address in [to.ipv4.into(), to.ipv6.into()] {
            assert_eq!(
                neighbour::resolve(from, address, DEADLINE).unwrap().got(),
                Some(to.mac)
            );
        }
    }
    let nobody = "10.10.9.9".parse().unwrap();
    assert_eq!(
        neighbour::resolve(pump, nobody, SHORT).unwrap().outcome(),
        Outcome::Silent
    );

    assert_eq!(
        dhcp::lease(pump, Duration::from_secs(1)).unwrap().outcome(),
        Outcome::Silent
    );
    let _server = DhcpServer::start(&lab).unwrap();
    let lease = dhcp::lease(pump, DEADLINE).unwrap().got().expect("a lease");
    assert_eq!(
        (lease.address, lease.server),
        (pump.ipv4, lab.endpoint("dhcp").unwrap().ipv4)
    );
}

/// A tag must be inside the frame where the enforcer would see it, not beside it.
#[test]
fn raw_frames_arrive_as_they_were_sent() {
    let lab = Lab::build("traw").unwrap();
    let [pump, monitor, engine] =
        ["pump-1", "monitor-1", "engine"].map(|name| lab.endpoint(name).unwrap());
    let sniffer = Sniffer::open(&engine.namespace, engine.interface).unwrap();
    let wire = Wire::open(&pump.namespace, pump.interface).unwrap();
    for (number, vlans) in [&[][..], &[10], &[100, 10]].into_iter().enumerate() {
        for (source, destination) in [
            (monitor.at(1), engine.at(2)),
            (monitor.at_v6(1), engine.at_v6(2)),
        ] {
            let link = Link {
                source: pump.mac,
                destination: CORE_MAC,
                vlans,
            };
            let mark = format!("frame {number} from {source}");
            let sent = frame::udp(link, source, destination, mark.as_bytes()).unwrap();
            wire.send(&sent).unwrap();
            let arrived = sniffer.find_bytes(DEADLINE, mark.as_bytes()).unwrap();
            assert_eq!(arrived.as_deref(), Some(&sent[..]), "{vlans:?}");
        }
    }
    let link = Link {
        source: pump.mac,
        destination: Mac::BROADCAST,
        vlans: &[],
    };
    let question = frame::arp_request(link, pump.ipv4, engine.ipv4);
    wire.send(&question).unwrap();
    // A switch may pad short frames, so compare what was sent only.
    assert!(
        sniffer
            .find(DEADLINE, |frame| frame.starts_with(&question))
            .unwrap()
            .is_some()
    );
    assert!(sniffer.find_bytes(SHORT, b"never sent").unwrap().is_none());
}

#[test]
fn jumbo_frames_cross_the_bridge() {
    let lab = Lab::with(
        "tjumbo",
        &Topology {
            mtu: 9000,
            ..Topology::default()
        },
    )
    .unwrap();
    let [pump, engine] = ["pump-1", "engine"].map(|name| lab.endpoint(name).unwrap());
    let _echo = udp::serve_echo(engine, 7000).unwrap();
    let sniffer = Sniffer::open(&engine.namespace, engine.interface).unwrap();
    let payload = [0x6a; 8900];
    let reply = udp::ask(pump, engine.at(7000), &payload, DEADLINE)
        .unwrap()
        .got();
    assert_eq!(reply.as_deref(), Some(&payload[..]));
    let whole = sniffer
        .find(DEADLINE, |frame| frame.len() > payload.len())
        .unwrap();
    assert!(whole.is_some(), "the datagram crossed in pieces");
}

#[test]
fn labs_exist_side_by_side_and_a_prefix_has_one_owner() {
    let one = Lab::build("tside1").unwrap();
    let other = Lab::build("tside2").unwrap();
    let _echo = tcp::serve_echo(one.endpoint("engine").unwrap(), 7000).unwrap();
    let connect = |lab: &Lab| {
        let to = lab.endpoint("engine").unwrap().at(7000);
        tcp::connect(lab.endpoint("pump-1").unwrap(), to, DEADLINE)
            .unwrap()
            .outcome()
    };
    assert_eq!(
        (connect(&one), connect(&other)),
        (Outcome::Answered, Outcome::Refused)
    );
    let refusal = Lab::build("tside1").unwrap_err().to_string();
    assert!(
        refusal.contains("another program has a lab tside1 up"),
        "{refusal}"
    );
    assert_eq!(connect(&one), Outcome::Answered);
}

#[test]
fn a_dropped_lab_leaves_nothing() {
    let lab = Lab::build("tdrop").unwrap();
    let _dhcp = DhcpServer::start(&lab).unwrap();
    assert!(!traces("tdrop").is_empty());
    drop(lab);
    assert_eq!(traces("tdrop"), [""; 0]);
}

#[test]
fn a_failed_build_leaves_nothing() {
    let mut topology = Topology::default();
    topology.devices[2].name = "a-name-too-long-for-a-port".to_owned();
    assert!(Lab::with("tfailed", &topology).is_err());
    assert_eq!(traces("tfailed"), [""; 0]);
}

#[test]
fn signals_take_the_lab_down() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut program = start_program("tsignal");
        kill(pid(&program), signal).unwrap();
        assert!(program.wait().unwrap().success(), "{signal}");
        assert_eq!(traces("tsignal"), [""; 0], "{signal}");
    }
}

/// At whatever moment of its building a lab is interrupted.
#[test]
fn a_signal_during_the_building_takes_the_lab_down() {
    for delay in [5, 20, 50, 90, 150, 250, 400] {
        let mut program = program("tearly").spawn().unwrap();
        wait::poll(Duration::from_millis(delay), || Ok(None::<()>)).unwrap();
        kill(pid(&program), Signal::SIGTERM).unwrap();
        program.wait().unwrap();
        assert_eq!(traces("tearly"), [""; 0], "after {delay} ms");
    }
}

#[test]
fn a_killed_lab_is_removed_by_the_next() {
    let mut program = start_program("tkilled");
    program.kill().unwrap();
    program.wait().unwrap();
    let left = traces("tkilled");
    for kind in ["namespace", "mount", "directory", "process"] {
        assert!(
            left.iter().any(|trace| trace.starts_with(kind)),
            "{kind} among {left:?}"
        );
    }
    let lab = Lab::build("tkilled").unwrap();
    assert!(
        lab.leftovers()
            .iter()
            .any(|leftover| leftover.contains("processes")),
        "{:?}",
        lab.leftovers()
    );
    let [pump, engine] = ["pump-1", "engine"].map(|name| lab.endpoint(name).unwrap());
    assert_eq!(
        ping::ping(pump, engine.ipv4.into(), DEADLINE)
            .unwrap()
            .outcome(),
        Outcome::Answered
    );
    drop(lab);
    assert_eq!(traces("tkilled"), [""; 0]);
}

/// What a user sees of a lab on the machine, found without the lab's own code.
fn traces(prefix: &str) -> Vec<String> {
    let directory = sweep::directory(prefix).display().to_string();
    let mut traces = Vec::new();
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&format!("{prefix}-")) {
            traces.push(format!("namespace {name}"));
        }
    }
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    traces.extend(
        mounts
            .lines()
            .filter(|line| line.contains(&directory))
            .map(|line| format!("mount {line}")),
    );
    if fs::exists(&directory).unwrap() {
        traces.push(format!("directory {directory}"));
    }
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&words).replace('\0', " ");
        if line.contains(&directory) {
            traces.push(format!("process {line}"));
        }
    }
    traces
}

/// The lab program with a bare bridge.
fn program(prefix: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enforcer-lab"));
    command
        .args(["up", "--bare", "--prefix", prefix])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// Starts the lab program and waits until it says that the lab is up.
fn start_program(prefix: &str) -> Child {
    let mut child = program(prefix).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(
        output.any(|line| line.unwrap().contains("Ctrl-C takes it all down")),
        "the lab did not come up"
    );
    child
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}
