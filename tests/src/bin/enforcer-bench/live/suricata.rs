//! Suricata inline (AF_PACKET, copy-mode ips) in place of the bridge, with one worker on
//! another CPU. What is told is the CPU time of its own threads for each frame that it
//! passed on: what the kernel does to hand frames to it is left out, in its favour.

use std::fs::{self, File};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use enforcer_tests::live::{bare, clock};
use enforcer_tests::{interrupt, wait};

use super::signatures::Rules;
use super::track::{Passage, Track};

/// It has this CPU for itself.
const CPU: usize = 0;
/// Loading many rules takes a while.
const START: Duration = Duration::from_secs(120);
const DRAIN: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(60);
/// What it is given at a time, far more than it can take.
pub(super) const FRAMES: u32 = 400_000;

pub(super) struct Suricata {
    child: Child,
}

impl Suricata {
    pub(super) fn start(track: &Track, rules: &Rules) -> Result<Self> {
        for port in ["p0", "p1"] {
            track.namespace().ip(&format!("link set {port} nomaster"))?;
        }
        let folder = track.lab().directory().to_owned();
        let file = |name: &str| folder.join(name);
        fs::write(file("suricata.yaml"), configuration(&folder))?;
        fs::write(file("bench.rules"), &rules.text)?;
        let told = file("suricata.out");
        let output = File::create(&told)?;
        let mut command = track.namespace().command("taskset");
        command
            .args([
                "--cpu-list",
                &CPU.to_string(),
                "suricata",
                "--af-packet",
                "--runmode",
                "workers",
                "-c",
            ])
            .arg(file("suricata.yaml"))
            .arg("-S")
            .arg(file("bench.rules"))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = {
            let _not_while_stopping = interrupt::hold();
            command.spawn().context("start suricata")?
        };
        let mut suricata = Self { child };
        suricata.wait_until_ready(&told)?;
        Ok(suricata)
    }

    fn wait_until_ready(&mut self, told: &Path) -> Result<()> {
        wait::until("Suricata is ready", START, || {
            let text = fs::read_to_string(told)?;
            if let Some(status) = self.child.try_wait()? {
                let last = text.lines().rfind(|line| line.contains("Error"));
                anyhow::bail!(
                    "it ended with {status}: {}",
                    last.unwrap_or("no reason given")
                );
            }
            ensure!(
                !text.contains("error parsing signature"),
                "it refuses a rule that the enforcer loads"
            );
            Ok(text.contains("Engine started").then_some(()))
        })
    }

    /// Gives it frames and waits until it is through with them.
    pub(super) fn pass(
        &self,
        track: &Track,
        program: BorrowedFd<'_>,
        frame: &[u8],
        frames: u32,
        sink: &bare::Sink,
    ) -> Result<Passage> {
        let process = self.child.id();
        let (before, begin) = (sink.all()?, clock::process_time(process)?);
        track.pass(program, frame, frames, sink)?;
        let mut last = sink.all()?;
        wait::until("Suricata has nothing left to do", DRAIN, || {
            std::thread::sleep(PAUSE);
            let now = sink.all()?;
            let still = now == last;
            last = now;
            Ok(still.then_some(()))
        })?;
        Ok(Passage {
            time: clock::process_time(process)? - begin,
            arrived: last - before,
        })
    }

    /// Refuses to go on with one that does not see what its rules look for.
    pub(super) fn ensure_drops(
        &self,
        track: &Track,
        program: BorrowedFd<'_>,
        frame: &[u8],
        sink: &bare::Sink,
    ) -> Result<()> {
        let passage = self.pass(track, program, frame, 1000, sink)?;
        ensure!(
            passage.arrived == 0,
            "it passed {} of 1,000 frames that its rules drop",
            passage.arrived
        );
        Ok(())
    }
}

impl Drop for Suricata {
    fn drop(&mut self) {
        // Gone already, or it goes now; the lab's end sees to what is left.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nothing is logged, and all addresses are everybody's: rules apply to all traffic.
fn configuration(folder: &Path) -> String {
    let folder: PathBuf = folder.to_owned();
    let networks = [
        "HOME_NET",
        "EXTERNAL_NET",
        "HTTP_SERVERS",
        "SMTP_SERVERS",
        "SQL_SERVERS",
        "DNS_SERVERS",
        "TELNET_SERVERS",
        "AIM_SERVERS",
        "DC_SERVERS",
        "DNP3_SERVER",
        "DNP3_CLIENT",
        "MODBUS_CLIENT",
        "MODBUS_SERVER",
        "ENIP_CLIENT",
        "ENIP_SERVER",
    ];
    let ports = [
        ("HTTP_PORTS", "80"),
        ("SHELLCODE_PORTS", "any"),
        ("ORACLE_PORTS", "1521"),
        ("SSH_PORTS", "22"),
        ("DNP3_PORTS", "20000"),
        ("MODBUS_PORTS", "502"),
        ("FILE_DATA_PORTS", "[110,143,80]"),
        ("FTP_PORTS", "21"),
        ("GENEVE_PORTS", "6081"),
        ("VXLAN_PORTS", "4789"),
        ("TEREDO_PORTS", "3544"),
    ];
    let networks: String = networks
        .iter()
        .map(|name| format!("    {name}: any\n"))
        .collect();
    let ports: String = ports
        .iter()
        .map(|(name, ports)| format!("    {name}: \"{ports}\"\n"))
        .collect();
    let side = |from: &str, to: &str, cluster: u32| {
        format!(
            "  - interface: {from}\n    threads: 1\n    cluster-id: {cluster}\n    \
             cluster-type: cluster_flow\n    defrag: no\n    use-mmap: yes\n    \
             tpacket-v3: no\n    ring-size: 32768\n    copy-mode: ips\n    copy-iface: {to}\n"
        )
    };
    format!(
        "%YAML 1.1\n---\nvars:\n  address-groups:\n{networks}  port-groups:\n{ports}\
         default-log-dir: {folder}\n\
         stats:\n  enabled: no\noutputs: []\n\
         logging:\n  default-log-level: notice\n  outputs:\n  - console:\n      enabled: yes\n\
         unix-command:\n  enabled: no\npid-file: {folder}/suricata.pid\n\
         classification-file: /etc/suricata/classification.config\n\
         reference-config-file: /etc/suricata/reference.config\n\
         af-packet:\n{}{}",
        side("p0", "p1", 91),
        side("p1", "p0", 92),
        folder = folder.display(),
    )
}
