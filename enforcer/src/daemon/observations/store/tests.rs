//! What is written comes back, within its bounds, whatever happens between.

use enforcer_common::addr::{Ip, Mac, Vlan};
use enforcer_common::verdict::{Fate, Reason};
use tempfile::TempDir;

use super::*;
use crate::control::api::{Observation, SeenDevice, Starter, Told, Watch};
use crate::daemon::observations::entry::{End, Entry, Key};
use crate::daemon::observations::gather::Addition;
use crate::daemon::observations::query;
use crate::daemon::observations::rows::HOUR;

const NOON: u32 = 1_790_000_000 - 1_790_000_000 % DAY + 12 * HOUR;
const BOUNDS: Bounds = Bounds {
    rows_per_device: 3,
    days: 90,
};

struct Record {
    directory: TempDir,
    store: Store,
}

impl Record {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("o.sqlite"), BOUNDS).unwrap();
        Self { directory, store }
    }

    fn again(self) -> Self {
        let Self { directory, store } = self;
        drop(store);
        let store = Store::open(&directory.path().join("o.sqlite"), BOUNDS).unwrap();
        Self { directory, store }
    }

    fn write(&mut self, rows: &[Addition], stretch: Option<Stretch>) -> Written {
        let mut additions = Additions::default();
        rows.iter().for_each(|row| additions.add(*row));
        let moment = Moment {
            monotonic: 1_000,
            unix: NOON,
        };
        self.store
            .write(&additions, &Epochs::default(), moment, stretch, "boot")
            .unwrap()
    }

    fn read(&self, since: u32) -> (Watch, Vec<SeenDevice>, Vec<Observation>) {
        let (mut watch, mut devices, mut rows, mut ended) =
            (Watch::default(), vec![], vec![], None);
        let path = self.directory.path().join("o.sqlite");
        query::read(&path, BOUNDS, since, NOON + 100, &mut |told| {
            match told {
                Told::Watch(of) => watch = of,
                Told::Device(device) => devices.push(device),
                Told::Observation(row) => rows.push(row),
                Told::End { observations } => ended = Some(observations),
            }
            Ok(true)
        })
        .unwrap();
        assert_eq!(ended, Some(rows.len() as u64));
        (watch, devices, rows)
    }
}

fn stranger(last: u8) -> End {
    End::Stranger(Mac([2, 0, 0, 0, 0, last]))
}

fn row(device: End, port: u16, time: u32) -> Addition {
    Addition {
        entry: Entry {
            key: Key {
                device,
                peer: End::Core,
                vlan: Vlan {
                    outer: 100,
                    inner: 10,
                },
                starts: Starter::Device,
                address: Ip::v4([10, 0, 0, 1]),
                peer_address: Ip::v4([10, 0, 0, 100]),
                protocol: 6,
                service: Some(port),
                fate: Fate::Audit,
            },
            reason: Reason::NoRule,
            epoch: 1,
            rules: [0; 2],
        },
        first_seen: time,
        last_seen: time,
        flows: 1,
        packets: 5,
        bytes: 300,
        carried: [0; 3],
    }
}

#[test]
fn rows_add_up_and_outlive_the_daemon() {
    let mut record = Record::new();
    record.write(&[row(stranger(1), 443, NOON - 2 * HOUR)], None);
    let mut record = record.again();
    record.write(&[row(stranger(1), 443, NOON)], None);
    let (_, devices, rows) = record.read(0);
    assert_eq!((devices.len(), rows.len()), (1, 1));
    assert_eq!(
        (rows[0].flows, rows[0].packets, rows[0].bytes),
        (2, 10, 600)
    );
    assert_eq!(
        (rows[0].first_seen, rows[0].last_seen),
        (NOON - 2 * HOUR, NOON)
    );
    assert_eq!(
        (rows[0].service, rows[0].peer.to_string().as_str()),
        (Some(443), "10.0.0.100")
    );
    assert_eq!(rows[0].reason, "no-rule");
    assert_eq!(devices[0].mac, Mac([2, 0, 0, 0, 0, 1]));
    assert_eq!(
        devices[0].vlan,
        Vlan {
            outer: 100,
            inner: 10
        }
    );
    assert_eq!(devices[0].days, [(NOON / DAY, 1 << 10 | 1 << 12)]);
    assert_eq!(
        record.store.setting("looked_at").unwrap().as_deref(),
        Some("1000")
    );
}

#[test]
fn what_may_have_been_counted_is_written_only_to_a_new_row() {
    let mut record = Record::new();
    let carried = Addition {
        flows: 0,
        packets: 0,
        bytes: 0,
        carried: [1, 5, 300],
        ..row(stranger(1), 443, NOON)
    };
    record.write(&[carried], None);
    record.write(&[carried], None);
    let (_, _, rows) = record.read(0);
    assert_eq!((rows[0].flows, rows[0].packets, rows[0].bytes), (1, 5, 300));
}

#[test]
fn a_device_has_its_rows_and_what_is_beyond_is_counted() {
    let mut record = Record::new();
    let rows: Vec<Addition> = (0..8).map(|port| row(stranger(1), port, NOON)).collect();
    let written = record.write(&rows, None);
    assert_eq!(
        written,
        Written {
            rows: 3,
            overflow: 5
        }
    );
    // Rows that are there go on.
    let (watch, devices, kept) = record.read(0);
    assert_eq!((kept.len(), devices[0].overflow, watch.overflow), (3, 5, 5));
    let known = kept[0].service.unwrap();
    assert_eq!(
        record.write(&[row(stranger(1), known, NOON)], None),
        Written {
            rows: 1,
            overflow: 0
        }
    );
}

#[test]
fn devices_that_nobody_declared_are_bounded_too() {
    let mut record = Record::new();
    let rows: Vec<Addition> = (0..8).map(|last| row(stranger(last), 443, NOON)).collect();
    assert_eq!(
        record.write(&rows, None),
        Written {
            rows: 3,
            overflow: 5
        }
    );
    let (watch, devices, _) = record.read(0);
    assert_eq!((devices.len(), watch.overflow), (3, 5));
}

#[test]
fn old_rows_are_forgotten_and_make_room() {
    let mut record = Record::new();
    let old = NOON - 91 * DAY;
    let rows: Vec<Addition> = (0..3).map(|port| row(stranger(1), port, old)).collect();
    record.write(
        &rows,
        Some(Stretch {
            begun: old - 10,
            ended: old,
            denials_untold: 1,
        }),
    );
    record.write(&[row(stranger(2), 1, NOON)], None);
    assert_eq!(record.store.purge(NOON).unwrap(), 3);
    let (watch, devices, rows) = record.read(0);
    assert_eq!((watch.watched.len(), devices.len(), rows.len()), (0, 1, 1));
    assert_eq!(
        record.write(&[row(stranger(1), 9, NOON)], None),
        Written {
            rows: 1,
            overflow: 0
        }
    );
}

#[test]
fn a_stretch_grows_and_a_new_one_leaves_a_gap() {
    let mut record = Record::new();
    let stretch = |begun, ended| {
        Some(Stretch {
            begun,
            ended,
            denials_untold: 2,
        })
    };
    record.write(&[], stretch(NOON - 100, NOON - 80));
    record.write(&[], stretch(NOON - 100, NOON - 60));
    let mut record = record.again();
    record.write(&[], stretch(NOON - 10, NOON));
    let (watch, _, _) = record.read(NOON - 90);
    assert_eq!(watch.watched, [[NOON - 90, NOON - 60], [NOON - 10, NOON]]);
    assert_eq!(
        (watch.recording_since, watch.denials_untold),
        (Some(NOON - 100), 6)
    );
}

#[test]
fn a_damaged_record_is_set_aside_and_a_newer_one_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("o.sqlite");
    std::fs::write(
        &path,
        "this is no database, however long one looks at it".repeat(100),
    )
    .unwrap();
    drop(Store::open(&path, BOUNDS).unwrap());
    let kept = std::fs::read_dir(directory.path()).unwrap();
    let names: Vec<String> = kept
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("o.sqlite.damaged-")),
        "{names:?}"
    );
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let refused = format!("{:#}", Store::open(&path, BOUNDS).unwrap_err());
    assert!(refused.contains("newer enforcerd"), "{refused}");
}
