//! What keeps a port with the bridge, one thing at a time.

use enforcer_common::addr::Mac;
use enforcer_common::forward::Exit;
use enforcer_common::port::Side;

use super::{exit, known_for};
use crate::control::api::VlanTags;
use crate::daemon::config::{Config, Forwarding, PortConfig};
use crate::daemon::switch::{Bridge, Interface, Switch};

fn port(forwarding: Forwarding) -> PortConfig {
    PortConfig {
        name: "nothing-of-this-name".to_owned(),
        side: Side::Device,
        forwarding,
    }
}

/// What is found of a port that is the only one in the configuration.
fn judge<'s>(
    port: &PortConfig,
    tags: VlanTags,
    switch: &'s Switch,
) -> Result<&'s Interface, String> {
    let config = format!(
        "{{bridge: br0, ports: [{{name: {}, side: device}}], on_no_policy: pass}}",
        port.name
    );
    let config: Config = serde_yaml::from_str(&config).expect("a configuration");
    super::judge(port, &config, tags, switch)
}

fn switch() -> Switch {
    Switch {
        bridge: Some(Bridge {
            index: 7,
            mac: Mac([2, 0, 0, 0, 0, 1]),
            filters_vlans: false,
            ageing: 300,
            forward_delay: 15,
            runs_stp: false,
        }),
        links: vec![Interface {
            index: 3,
            name: "nothing-of-this-name".to_owned(),
            master: Some(7),
            mtu: 1500,
            up: true,
            kind: None,
            below: None,
            forwards: true,
            special: None,
        }],
        reserved: Vec::new(),
    }
}

/// Why a port stays with the bridge when one thing is otherwise; empty: it does not.
fn why(change: impl FnOnce(&mut Bridge, &mut Interface)) -> String {
    let mut switch = switch();
    let mut bridge = switch.bridge.take().expect("a bridge");
    change(&mut bridge, &mut switch.links[0]);
    switch.bridge = Some(bridge);
    let found = judge(&port(Forwarding::Auto), VlanTags::Unproven, &switch);
    found.err().unwrap_or_default()
}

#[test]
fn a_plain_port_of_a_plain_bridge_is_fast() {
    assert_eq!(why(|_, _| {}), "");
}

#[test]
fn each_thing_that_a_bridge_does_besides_forwarding_is_named() {
    for (reason, expected) in [
        (
            why(|bridge, _| bridge.filters_vlans = true),
            "the bridge filters VLANs",
        ),
        (
            why(|bridge, _| bridge.ageing = 3),
            "the bridge forgets addresses within 4 seconds",
        ),
        (
            why(|_, port| port.forwards = false),
            "it is not in the forwarding state",
        ),
        (
            why(|_, port| port.special = Some("isolated")),
            "the port is isolated",
        ),
        (
            why(|_, port| port.up = false),
            "it is not a port of the bridge that is up",
        ),
        (
            why(|_, port| port.master = None),
            "it is not a port of the bridge that is up",
        ),
        (
            why(|_, port| (port.name, port.master) = ("other".to_owned(), None)),
            "it is gone",
        ),
        (
            why(|_, port| port.kind = Some("veth".to_owned())),
            "a virtual link (veth) must be vouched for by `forwarding: fast`",
        ),
    ] {
        assert_eq!(reason, expected);
    }
    let mut above = switch();
    above.links.push(Interface {
        name: "vlan10".to_owned(),
        below: Some(3),
        ..Interface::default()
    });
    let auto = port(Forwarding::Auto);
    let found = judge(&auto, VlanTags::Unproven, &above);
    assert_eq!(found.unwrap_err(), "vlan10 stands on it");
    let mut unlisted = switch();
    unlisted.links.push(Interface {
        name: "eth9".to_owned(),
        master: Some(7),
        ..Interface::default()
    });
    let found = judge(&auto, VlanTags::Unproven, &unlisted).unwrap_err();
    assert_eq!(found, "eth9 is a port of the bridge too, but not listed");
    let found = judge(&auto, VlanTags::Hidden, &switch()).unwrap_err();
    assert_eq!(found, "VLAN tags are taken off its frames");
}

#[test]
fn fast_vouches_for_a_virtual_link_and_for_nothing_else() {
    let mut virtual_link = switch();
    virtual_link.links[0].kind = Some("veth".to_owned());
    let fast = port(Forwarding::Fast);
    assert!(judge(&fast, VlanTags::Seen, &virtual_link).is_ok());
    virtual_link.links[0].forwards = false;
    assert!(judge(&fast, VlanTags::Seen, &virtual_link).is_err());
    let bridge = port(Forwarding::Bridge);
    assert_eq!(
        judge(&bridge, VlanTags::Seen, &switch()).unwrap_err(),
        "configured"
    );
}

#[test]
fn nothing_is_known_for_longer_than_the_bridge_knows_it() {
    let bridge = |ageing, forward_delay, runs_stp| Bridge {
        ageing,
        forward_delay,
        runs_stp,
        ..Bridge::default()
    };
    assert_eq!(known_for(&bridge(300, 15, false)), 60);
    assert_eq!(known_for(&bridge(20, 15, false)), 20);
    // After a change of the spanning tree the bridge forgets within the delay.
    assert_eq!(known_for(&bridge(300, 15, true)), 15);
}

#[test]
fn each_change_of_a_port_is_a_new_generation() {
    let switch = switch();
    let bridge = switch.bridge.as_ref();
    let open = exit(&Ok(1514), bridge, false, Exit::default());
    assert_eq!(
        (open.longest(), open.known(), open.refresh()),
        (1514, 60, 15)
    );
    assert_eq!(exit(&Ok(1514), bridge, false, open), open);
    let shut = exit(&Err(String::new()), bridge, false, open);
    assert_eq!(
        (shut.longest(), shut.refresh()),
        (0, 15),
        "it learns all the same"
    );
    let again = exit(&Ok(1514), bridge, false, shut);
    let mut generations = vec![open, shut, again, exit(&Ok(1514), bridge, true, again)];
    generations.dedup_by_key(|exit| exit.generation());
    assert_eq!(generations.len(), 4);
    // With fewer than two fast ports nothing need be learned.
    let idle = exit(&Ok(1514), None, false, again);
    assert_eq!((idle.longest(), idle.refresh()), (0, 0));
    assert_ne!(
        exit(&Ok(1514), bridge, false, idle).generation(),
        again.generation()
    );
}
