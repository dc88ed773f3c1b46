//! Ports that come back, and everything that keeps a daemon from starting: one
//! clear line for each thing wrong.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, process::Output, time::Duration};

use enforcer_tests::{
    Daemon, Lab, Outcome, Ward,
    daemon::Settings,
    offload,
    traffic::{tcp, udp},
    wait,
};

const DEADLINE: Duration = Duration::from_secs(15);
const SHORT: Duration = Duration::from_millis(100);

#[test]
fn a_port_that_comes_back_is_attached_again() {
    let ward = Ward::enforced("nport").unwrap();
    let at = |name| ward.endpoint(name).unwrap();
    let (pump, manager, engine) = (at("pump-1"), at("systems-manager"), at("engine"));
    let _manager = tcp::serve_echo(manager, 3613).unwrap();
    let refused = udp::serve_echo(engine, 9999).unwrap();

    let enforcer_box = ward.lab().enforcer_box();
    enforcer_box.ip("link del p0").unwrap();
    wait::until("the loss is told", DEADLINE, || {
        Ok(warnings(&ward).contains("p0 is not attached").then_some(()))
    })
    .unwrap();
    let other_end = ward.lab().ward();
    // Under another name until it is like a cable, or the daemon is faster.
    let cable = format!(
        "link add new type veth peer name trunk netns {}",
        other_end.name()
    );
    enforcer_box.ip(&cable).unwrap();
    enforcer_box.run(|| offload::like_a_cable("new")).unwrap();
    other_end.run(|| offload::like_a_cable("trunk")).unwrap();
    enforcer_box.ip("link set new name p0").unwrap();
    other_end.ip("link set trunk master switch up").unwrap();
    enforcer_box.ip("link set p0 master br0 up").unwrap();
    wait::until("the port is attached again", DEADLINE, || {
        Ok(warnings(&ward).is_empty().then_some(()))
    })
    .unwrap();

    wait::until("the pump reaches its manager again", DEADLINE, || {
        let answer = tcp::connect(pump, manager.at(3613), SHORT)?;
        Ok((answer.outcome() == Outcome::Answered).then_some(()))
    })
    .unwrap();
    let answer = udp::ask(pump, engine.at(9999), b"?", SHORT).unwrap();
    assert_eq!(answer.outcome(), Outcome::Silent);
    ward.event("a refusal on the new port", |event| {
        event.port.as_deref() == Some("p0") && event.destination_port == Some(9999)
    })
    .unwrap();
    assert_eq!(refused.heard(), 0);
}

fn warnings(ward: &Ward) -> String {
    let status = ward.client().status().unwrap();
    let warnings = status["warnings"].as_array().unwrap();
    let lines: Vec<_> = warnings.iter().map(|line| line.as_str().unwrap()).collect();
    lines.join("\n")
}

#[test]
fn a_second_daemon_is_refused_and_the_first_goes_on() {
    let mut ward = Ward::enforced("nsecond").unwrap();
    let before = ward.in_force().unwrap();
    let output = ward.daemon().run_beside(&[], &[]).unwrap();
    let lines = refusal(&output);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("another enforcerd (pid "), "{lines:#?}");
    assert!(ward.daemon_mut().is_alive().unwrap());
    assert_eq!(ward.in_force().unwrap(), before);
    assert!(warnings(&ward).is_empty());
}

/// One line for each thing that a user can get wrong in the configuration.
#[test]
fn a_wrong_configuration_is_refused_with_one_line() {
    let lab = Lab::build("nconfig").unwrap();
    let cable = "link add lonely type veth peer name nowhere";
    lab.enforcer_box().ip(cable).unwrap();
    let daemon = Daemon::prepare(&lab, &Settings::default()).unwrap();
    let good = fs::read_to_string(daemon.configuration()).unwrap();
    let bpffs = lab.bpffs().join("enforcer").display().to_string();
    for (piece, other, expected) in [
        (
            "bridge: br0",
            "bridge: br9",
            "bridge: there is no interface br9",
        ),
        ("name: p1", "name: p9", "ports: there is no interface p9"),
        ("name: p1", "name: lonely", "lonely is not a port of br0"),
        ("name: p1", "name: p0", "ports: p0 is listed twice"),
        (
            &*bpffs,
            "/tmp/no-bpffs",
            "bpffs: /tmp/no-bpffs is not on a BPF file system",
        ),
        ("side: core", "side: outside", "unknown variant `outside`"),
        (
            "on_no_policy: pass",
            "on_no_policy: maybe",
            "unknown variant `maybe`",
        ),
        (
            "on_no_policy: pass",
            "flows: 1",
            "missing field `on_no_policy`",
        ),
        ("bridge: br0", "brigde: br0", "unknown field `brigde`"),
        (
            "on_no_policy: pass",
            "on_no_policy: pass\nflows: 1",
            "flows: between 1024",
        ),
        (
            "metrics: 127.0.0.1:9464",
            "metrics: 192.0.2.1:9464",
            "cannot listen on 192.0.2.1:9464",
        ),
        ("metrics: 127.0.0.1:9464", "metrics: here", "metrics"),
    ] {
        assert!(good.contains(piece), "{piece}");
        fs::write(daemon.configuration(), good.replacen(piece, other, 1)).unwrap();
        let lines = refusal(&daemon.run_beside(&[], &[]).unwrap());
        assert_eq!(lines.len(), 1, "{other}: {lines:#?}");
        assert!(lines[0].contains(expected), "{other}: {lines:#?}");
    }
    fs::remove_file(daemon.configuration()).unwrap();
    let lines = refusal(&daemon.run_beside(&[], &[]).unwrap());
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("cannot read"), "{lines:#?}");
}

#[test]
fn check_tells_everything_at_once_and_changes_nothing() {
    let lab = Lab::build("ncheck").unwrap();
    let daemon = Daemon::prepare(&lab, &Settings::default()).unwrap();
    let output = daemon.run_beside(&[], &["--check"]).unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stdout).contains("ready to start"));

    let good = fs::read_to_string(daemon.configuration()).unwrap();
    let bad = good
        .replace("bridge: br0", "bridge: br9")
        .replace("name: p0", "name: p8")
        .replace("name: p1", "name: p9")
        .replace(&lab.bpffs().display().to_string(), "/tmp/no-bpffs");
    fs::write(daemon.configuration(), bad).unwrap();
    let output = daemon.run_beside(&[], &["--check"]).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    for wrong in ["br9", "p8", "p9", "bpffs: "] {
        let lines = said.lines().filter(|line| line.contains(wrong));
        assert_eq!(lines.count(), 1, "{wrong} in {said}");
    }
    assert!(
        said.lines().all(|line| line.starts_with("error: ")),
        "{said}"
    );
    assert!(!lab.directory().join("state").exists());
    assert!(!lab.bpffs().join("enforcer").exists());
}

/// A driver without native XDP is told before anything is attached.
#[test]
fn a_driver_with_generic_xdp_only_is_refused() {
    let lab = Lab::build("ngeneric").unwrap();
    for change in [
        "link add overlay type vxlan id 5 dstport 4789 local 127.0.0.1",
        "link set overlay master br0",
    ] {
        lab.enforcer_box().ip(change).unwrap();
    }
    let daemon = Daemon::prepare(&lab, &Settings::default()).unwrap();
    let good = fs::read_to_string(daemon.configuration()).unwrap();
    fs::write(
        daemon.configuration(),
        good.replace("name: p1", "name: overlay"),
    )
    .unwrap();
    let output = daemon.run_beside(&[], &["--check"]).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    let told = "error: ports: the driver of overlay has generic XDP only";
    assert!(said.lines().any(|line| line.starts_with(told)), "{said}");
    assert!(!lab.bpffs().join("enforcer").exists());
}

#[test]
fn missing_capabilities_are_named() {
    let lab = Lab::build("ncap").unwrap();
    let daemon = Daemon::prepare(&lab, &Settings::default()).unwrap();
    for (wrapper, missing) in [
        (
            &["setpriv", "--bounding-set=-net_admin"][..],
            "CAP_NET_ADMIN missing",
        ),
        (
            &["setpriv", "--bounding-set=-all", "--inh-caps=-all"],
            "CAP_BPF and CAP_NET_ADMIN missing",
        ),
    ] {
        let lines = refusal(&daemon.run_beside(wrapper, &[]).unwrap());
        let told: Vec<_> = lines
            .iter()
            .filter(|line| line.contains("permission"))
            .collect();
        assert_eq!(told.len(), 1, "{lines:#?}");
        assert!(told[0].contains(missing), "{lines:#?}");
    }
    let nobody = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let lines = refusal(&daemon.run_beside(&nobody, &[]).unwrap());
    assert!(
        lines
            .iter()
            .any(|line| line.contains("CAP_BPF and CAP_NET_ADMIN missing")),
        "{lines:#?}"
    );
}

/// What a daemon that refuses to start says: it ends with 1, and every line is
/// an error.
fn refusal(output: &Output) -> Vec<String> {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let (errors, others): (Vec<_>, Vec<_>) = said
        .lines()
        .map(str::to_owned)
        .partition(|line| line.starts_with("enforcerd: error: "));
    assert!(
        others
            .iter()
            .all(|line| line.contains(" INFO ") || line.contains(" WARN ")),
        "{said}"
    );
    errors
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
