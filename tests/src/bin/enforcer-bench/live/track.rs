//! A track: an enforcer box with a bridge, a near port where frames come in and a far port
//! to a sink. All tracks are wired alike; rules of a peer are in force in one alone.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use anyhow::{Context as _, Result};
use enforcer_tests::live::{Generator, Order, Stream, bare, clock, kernel};
use enforcer_tests::topology::CoreHost;
use enforcer_tests::{Lab, Namespace, Topology};
use nix::net::if_::if_nametoindex;

use super::policy::ALLOWED;

/// All work of one figure is done in one thread on this CPU.
pub(super) const CPU: usize = 1;

pub(super) struct Track {
    lab: Lab,
    pub(super) near: u32,
    pub(super) far: u32,
    /// A question and its answer.
    introduction: [Generator; 2],
    _attached: Vec<OwnedFd>,
}

/// What a number of frames came to.
pub(super) struct Passage {
    /// CPU time of all of them, ns.
    pub(super) time: u64,
    pub(super) arrived: u64,
}

impl Track {
    /// `name` begins the names of its namespaces.
    pub(super) fn build(name: &str, number: usize, sink: &bare::Sink) -> Result<Self> {
        let topology = Topology {
            devices: Vec::new(),
            core: vec![CoreHost::new("server", [10, 10, 0, 53], 0x53)],
            ..Topology::default()
        };
        let lab = Lab::with(&format!("{name}{number}"), &topology)?;
        let mut attached = vec![lab.core().run(|| {
            let far = if_nametoindex("eth0").context("the far end")?;
            kernel::attach(sink.program(), far)
        })?];
        let pass = bare::always(bare::PASS)?;
        let [near, far] = lab.enforcer_box().run(|| {
            let [near, far] = ["p0", "p1"].map(if_nametoindex);
            Ok([near?, far?])
        })?;
        // A veth lets frames come in by its driver only with a program attached.
        for interface in [near, far] {
            attached.push(
                lab.enforcer_box()
                    .run(|| kernel::attach(pass.as_fd(), interface))?,
            );
        }
        let question = Stream::datagrams(1, Order::InTurn, ALLOWED);
        let answer = Stream {
            answers: true,
            ..question
        };
        Ok(Self {
            lab,
            near,
            far,
            introduction: [
                Generator::new(&[question], &[0; 6])?,
                Generator::new(&[answer], &[0; 6])?,
            ],
            _attached: attached,
        })
    }

    pub(super) fn namespace(&self) -> &Namespace {
        self.lab.enforcer_box()
    }

    pub(super) fn lab(&self) -> &Lab {
        &self.lab
    }

    /// Device 0 asks and the server answers, so that bridge and program know where it is.
    /// Without a program the bridge alone does.
    pub(super) fn introduce_server(&self, program: Option<BorrowedFd<'_>>) -> Result<()> {
        for (generator, interface) in self.introduction.iter().zip([self.near, self.far]) {
            generator.aim(program)?;
            self.namespace()
                .run(|| kernel::run_live(generator.program(), generator.frame(), interface, 1))?;
        }
        Ok(())
    }

    /// Lets frames come in by the near port; their CPU time and how many arrived.
    pub(super) fn pass(
        &self,
        program: BorrowedFd<'_>,
        frame: &[u8],
        frames: u32,
        sink: &bare::Sink,
    ) -> Result<Passage> {
        let near = self.near;
        self.namespace().run(|| {
            clock::stay_on(CPU)?;
            let softirq = clock::Softirq::of(CPU)?;
            let before = sink.all()?;
            let begin = clock::thread_time()? + softirq.time()?;
            kernel::run_live(program, frame, near, frames)?;
            Ok(Passage {
                time: clock::thread_time()? + softirq.time()? - begin,
                arrived: sink.all()? - before,
            })
        })
    }
}
