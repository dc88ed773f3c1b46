//! The daemon's life: check, load, attach, serve, stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use enforcer_common::addr::Mac;
use enforcer_common::port::Port;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::config::{Config, OnNoPolicy};
use super::engine::Engine;
use super::events::{self, Events};
use super::http::{self, Server};
use super::observations::Observations;
use super::state::State;
use super::{forwarding, learning, links, preflight, response};
use crate::datapath::install::pinned_policy;
use crate::datapath::ports::Attached;
use crate::datapath::{Datapath, offload, pins};

/// How often flows are recorded, and idle ones forgotten.
const SWEEP: Duration = Duration::from_secs(15);
/// How often deadlines and clocks are looked at.
const TEND: Duration = Duration::from_secs(1);

/// Runs the daemon until a signal stops it. Enforcement goes on afterwards,
/// unless `detach_on_stop`.
///
/// # Errors
/// When it cannot start; each reason is logged as a line of its own.
pub async fn run(config: Config, detach_on_stop: bool) -> Result<()> {
    let findings = preflight::check(&config).await;
    for finding in findings.iter().filter(|finding| !finding.fatal) {
        tracing::warn!("{}", finding.line);
    }
    let fatal: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.fatal)
        .map(|finding| finding.line.as_str())
        .collect();
    if !fatal.is_empty() {
        bail!("{}", fatal.join("\n"));
    }
    // What may be refused comes first: nothing is loaded until all of it is had.
    let state = State::open(&config.state_directory)?;
    let _pins = pins::lock(&config.bpffs)?;
    let metrics = TcpListener::bind(config.metrics)
        .await
        .with_context(|| format!("metrics: cannot listen on {}", config.metrics))?;
    let listener = http::listen(&config.control)?;
    let plan = pins::plan(&config.bpffs, config.capacity())?;
    if let Some((directory, why)) = &plan.replaces {
        tracing::warn!(pins = %directory.display(), why, "the pinned maps do not fit this version: building new ones");
    }
    let mut datapath = Datapath::load_pinned(config.capacity(), plan.directory.clone())?;
    let ring = datapath.take_events()?;
    let lessons = datapath.take_lessons()?;
    #[cfg(feature = "bpf-log")]
    log_from_kernel(&mut datapath)?;
    // The last policy is in force before the first frame is judged. Links of any
    // other generation are switched, also of one whose replacement was cut short.
    let others = pins::others(&config.bpffs, &plan.directory)?;
    let replaced = others.iter().find_map(|directory| pinned_policy(directory));
    let engine = Arc::new(Engine::new(config, datapath, state, replaced)?);
    engine.learning.open(&engine)?;
    attach_ports(&engine, &others).await?;
    pins::remove_others(&engine.config.bpffs, &plan.directory)?;
    forwarding::open(&engine);
    forwarding::look(&engine).await?;

    let events = Arc::new(Events::new());
    let observations = Arc::new(Observations::open(&engine));
    let (responses, requests) = response::channel();
    spawn("respond", response::respond(Arc::clone(&engine), requests));
    spawn(
        "events",
        events::pump(
            Arc::clone(&engine),
            Arc::clone(&events),
            Arc::clone(&observations),
            responses,
            ring,
        ),
    );
    spawn(
        "sweep",
        sweep(Arc::clone(&engine), Arc::clone(&observations)),
    );
    learning::start(Arc::clone(&engine), lessons)?;
    spawn("tidy", learning::tidy(Arc::clone(&engine)));
    spawn("tend", tend(Arc::clone(&engine)));
    spawn("tags", super::tags::watch(Arc::clone(&engine)));
    spawn("forwarding", forwarding::watch(Arc::clone(&engine)));
    spawn("watch", super::watch::watch(Arc::clone(&engine)));
    spawn("metrics", http::serve_metrics(Arc::clone(&engine), metrics));
    // Not being started by systemd is no error.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tracing::info!(socket = %engine.config.control.socket.display(), metrics = %engine.config.metrics, "ready");

    let (stop, stopped) = watch::channel(false);
    let server = Server {
        engine: Arc::clone(&engine),
        events,
        observations: Arc::clone(&observations),
    };
    let control = tokio::spawn(http::serve_control(server, listener, until(stopped)));
    wait_for_signal().await?;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    let _ = stop.send(true);
    // Followers of events never finish by themselves.
    let _ = tokio::time::timeout(Duration::from_secs(1), control).await;
    let _ = std::fs::remove_file(&engine.config.control.socket);
    look(&engine, &observations).await?;
    engine.learning.save()?;
    if detach_on_stop {
        detach(&engine.config)?;
    } else {
        tracing::info!("stopped; enforcement goes on");
    }
    Ok(())
}

/// Takes the program off every port and forgets its maps.
///
/// # Errors
/// When a pin cannot be removed.
pub fn detach(config: &Config) -> Result<()> {
    if !config.bpffs.exists() {
        return Ok(());
    }
    for (_, directory) in pins::generations(&config.bpffs)? {
        pins::remove(&directory)?;
    }
    tracing::warn!("detached: frames pass unjudged");
    Ok(())
}

/// Declares and attaches every configured port that is there.
pub(super) async fn attach_ports(engine: &Engine, previous: &[PathBuf]) -> Result<()> {
    let links = links::list().await?;
    let config = &engine.config;
    let bridge = links
        .iter()
        .find(|link| link.name == config.bridge)
        .map_or(Mac::ZERO, |link| link.mac);
    let interfaces: Vec<u32> = links.iter().map(|link| link.index).collect();
    let mut datapath = engine.datapath();
    datapath.forget_gone(&interfaces)?;
    let mut present = Vec::new();
    for (port, place) in config.ports.iter().zip(0..) {
        let Some(link) = links.iter().find(|link| link.name == port.name) else {
            continue;
        };
        present.push(link.index);
        let description = Port {
            index: place,
            side: port.side as u8,
            pass_without_policy: u8::from(config.on_no_policy == OnNoPolicy::Pass),
            bridge,
            reserved: 0,
        };
        keep_tags(&port.name);
        datapath.declare_port(link.index, &description)?;
        datapath.forget_replaced(&port.name, link.index)?;
        match datapath.attach(&port.name, link.index, previous)? {
            Attached::New => tracing::info!(port = port.name, side = ?port.side, "attached"),
            Attached::Replaced => {
                tracing::info!(port = port.name, side = ?port.side, "attached, without a gap")
            }
        }
    }
    datapath.retain_ports(&present)
}

/// A tag that the card takes off is a VLAN that the program does not see.
fn keep_tags(port: &str) {
    // A driver that does not tell has no such offload.
    if !offload::strips_vlan(port).unwrap_or(false) {
        return;
    }
    match offload::keep_vlan(port) {
        Ok(()) => tracing::info!(port, "turned VLAN stripping off, so that tags are seen"),
        Err(error) => tracing::warn!(
            port,
            %error,
            "the port strips VLAN tags: devices in a VLAN will look untagged; turn it off with `ethtool -K {port} rxvlan off`"
        ),
    }
}

#[cfg(feature = "bpf-log")]
fn log_from_kernel(datapath: &mut Datapath) -> Result<()> {
    let logger = aya_log::EbpfLogger::init(&mut datapath.ebpf)
        .context("cannot read the kernel half's log")?;
    // SAFETY: the logger owns its descriptor and shows the same one while it lives.
    let mut logger = unsafe {
        tokio::io::unix::AsyncFd::register_with_interest(logger, tokio::io::Interest::READABLE)
    }?;
    tokio::spawn(async move {
        while let Ok(mut ready) = logger.readable_mut().await {
            ready.get_inner_mut().flush();
            ready.clear_ready();
        }
    });
    Ok(())
}

async fn sweep(engine: Arc<Engine>, observations: Arc<Observations>) -> Result<()> {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        look(&engine, &observations).await?;
    }
}

/// Records flows, and forgets idle ones.
async fn look(engine: &Arc<Engine>, observations: &Arc<Observations>) -> Result<()> {
    let (engine, observations) = (Arc::clone(engine), Arc::clone(observations));
    let done = tokio::task::spawn_blocking(move || observations.record(&engine)).await?;
    if let Err(error) = done {
        tracing::error!(
            "cannot look through the flows: {error:#}; what passes meanwhile counts as not watched"
        );
    }
    Ok(())
}

/// Ends what has reached its end, and keeps the clock.
async fn tend(engine: Arc<Engine>) -> Result<()> {
    let mut ticks = tokio::time::interval(TEND);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let engine = Arc::clone(&engine);
        tokio::task::spawn_blocking(move || engine.tend()).await?;
    }
}

/// Runs a task for as long as the daemon lives; its failure is told, and the
/// rest goes on.
fn spawn(name: &'static str, task: impl Future<Output = Result<()>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = task.await {
            tracing::error!(task = name, "{error:#}");
        }
    });
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn wait_for_signal() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for signals")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
