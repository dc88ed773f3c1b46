//! A ward whose every byte is looked through: all of the shipped signatures drop, and a
//! mark of the lab's own is looked for at every port. monitor-1 and the core may begin
//! whatever they like with each other; everything else is as a policy has it that says
//! nothing.

use std::fs;

use anyhow::{Context, Result};

use crate::{Topology, Ward, daemon::Settings, pack};

/// What no client says, unless it is to be stopped. Signature `mark`.
pub const MARK: &str = "the mark of what is to be stopped";

/// The policy; `defaults` are more lines for the section of this name.
pub fn policy(defaults: &str) -> Result<String> {
    let names: Vec<String> = pack::dropping()?
        .into_iter()
        .map(|file| format!("signatures/{}", file.name))
        .collect();
    Ok(format!(
        r#"version: 1
include: [{included}]
defaults:
  mode: enforce
  unknown_devices: deny
{defaults}
peers:
  core: [10.10.0.0/16, "fd00:10::/64"]
profiles:
  monitor:
    allow:
      - {{name: out, to: core, tcp: any, udp: any}}
      - {{name: in, from: core, tcp: any, udp: any}}
devices:
  - name: monitor-1
    mac: 02:00:00:00:10:02
    ip: [10.10.0.12, "fd00:10::12"]
    profile: monitor
signatures:
  - {{name: mark, id: 9001, tcp: any, udp: any, from: either, find: [{{text: "{MARK}"}}]}}
"#,
        included = names.join(", ")
    ))
}

/// The policy is in force.
pub fn ward(prefix: &str, defaults: &str) -> Result<Ward> {
    let ward = Ward::unenforced(prefix, &Topology::default(), &Settings::default())?;
    let directory = ward.lab().directory().join("signatures");
    fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
    for file in pack::dropping()? {
        let path = directory.join(&file.name);
        fs::write(&path, &file.text).with_context(|| format!("write {}", path.display()))?;
    }
    ward.apply(&policy(defaults)?)?;
    Ok(ward)
}

/// How many packets a signature has been found in.
pub fn found(ward: &Ward, signature: &str) -> Result<u64> {
    let listed: Vec<serde_json::Value> = ward.client().json(&["signatures", "list"])?;
    let of = listed.iter().find(|of| of["name"] == signature);
    of.and_then(|of| of["packets"].as_u64())
        .with_context(|| format!("no count of {signature} in {listed:?}"))
}
