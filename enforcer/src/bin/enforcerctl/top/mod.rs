//! `top`: a live view, one sample a second. The terminal is put back on every
//! way out, panics included.

use std::io::{self, IsTerminal as _};
use std::thread;
use std::time::Duration;

use enforcer::control::client::Client;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

mod draw;
mod sample;

use sample::View;

use crate::exit::Stop;
use crate::render::Output;

const PERIOD: Duration = Duration::from_secs(1);
/// How long one look for a key takes at most.
const GLANCE: Duration = Duration::from_millis(100);

pub(crate) async fn top(client: &Client, output: &Output) -> Result<(), Stop> {
    if output.is_json() {
        return Err(Stop::Failed(
            "top has no JSON form: use counters, flows or events with -o json".to_owned(),
        ));
    }
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Stop::Failed(
            "top needs a terminal: use counters, flows or events instead".to_owned(),
        ));
    }
    // A daemon that is not there is told before the screen changes.
    let mut view = View::first(client).await?;
    // Sets a panic hook that restores the terminal.
    let mut terminal = ratatui::try_init()?;
    let done = watch(&mut terminal, &mut view, client).await;
    ratatui::restore();
    done
}

async fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    view: &mut View,
    client: &Client,
) -> Result<(), Stop> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut tick = tokio::time::interval_at(Instant::now() + PERIOD, PERIOD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (sender, mut quit) = mpsc::channel(1);
    // One reader for as long as the view lives: a key read by one that was given
    // up would be lost.
    thread::spawn(move || read_keys(&sender));
    loop {
        terminal.draw(|frame| draw::draw(frame, view))?;
        tokio::select! {
            _ = tick.tick() => view.renew(client).await,
            asked = quit.recv() => return asked.unwrap_or(Ok(())).map_err(Stop::from),
            _ = terminate.recv() => return Ok(()),
            _ = hang_up.recv() => return Ok(()),
        }
    }
}

/// Reads keys until one quits, or reading fails, or nobody listens any more.
fn read_keys(sender: &mpsc::Sender<io::Result<()>>) {
    while !sender.is_closed() {
        let said = match wants_to_quit() {
            Ok(false) => continue,
            Ok(true) => Ok(()),
            Err(error) => Err(error),
        };
        // Nobody left to tell is as good as told.
        let _ = sender.blocking_send(said);
        return;
    }
}

/// Waits for a key for a moment; in raw mode Ctrl-C is one too.
fn wants_to_quit() -> io::Result<bool> {
    if !event::poll(GLANCE)? {
        return Ok(false);
    }
    let Event::Key(key) = event::read()? else {
        return Ok(false);
    };
    let interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    let quit = matches!(key.code, KeyCode::Char('q' | 'Q') | KeyCode::Esc);
    Ok(key.kind == KeyEventKind::Press && (quit || interrupt))
}
