//! Application protocols that a rule may name, and what of them it lists: the model, and
//! the words for functions and services.

use serde::{Deserialize, Serialize};

/// What may be said over the flows that a rule allows. An empty list is no list: anything
/// of that kind may be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Application {
    /// Titles without the blanks around them.
    Dicom {
        called: Vec<String>,
        calling: Vec<String>,
    },
    /// The names that stand in MSH-3 and MSH-4, and types of messages, as in `ORU^R01`
    /// or `ORU`.
    Hl7 {
        application: Vec<String>,
        facility: Vec<String>,
        message: Vec<String>,
    },
    /// Numbers of functions, in order; none: any.
    Modbus { functions: Vec<u8> },
    /// Numbers of [`BACNET`], in order; none: any.
    Bacnet { services: Vec<u8> },
}

/// Names in one list at most.
pub const NAMES: usize = 64;

/// Modbus functions by name (Modbus Application Protocol V1.1b3, 5).
pub const MODBUS: [(&str, u8); 19] = [
    ("read-coils", 1),
    ("read-discrete-inputs", 2),
    ("read-holding-registers", 3),
    ("read-input-registers", 4),
    ("write-single-coil", 5),
    ("write-single-register", 6),
    ("read-exception-status", 7),
    ("diagnostics", 8),
    ("get-comm-event-counter", 11),
    ("get-comm-event-log", 12),
    ("write-multiple-coils", 15),
    ("write-multiple-registers", 16),
    ("report-server-id", 17),
    ("read-file-record", 20),
    ("write-file-record", 21),
    ("mask-write-register", 22),
    ("read-write-multiple-registers", 23),
    ("read-fifo-queue", 24),
    ("encapsulated-interface", 43),
];

/// What a request to a Modbus device may carry as its function.
pub const MODBUS_FUNCTIONS: (u8, u8) = (1, 127);

/// Where the unconfirmed services begin, the functions of the virtual link, and the
/// messages of the network layer.
const UNCONFIRMED: u8 = 64;
const LINK: u8 = 128;
const NETWORK: u8 = 192;

/// BACnet services (ANSI/ASHRAE 135, 21; the virtual link's functions are annex J, 2).
pub const BACNET: [(&str, u8); 54] = [
    ("acknowledge-alarm", 0),
    ("confirmed-cov-notification", 1),
    ("confirmed-event-notification", 2),
    ("get-alarm-summary", 3),
    ("get-enrollment-summary", 4),
    ("subscribe-cov", 5),
    ("atomic-read-file", 6),
    ("atomic-write-file", 7),
    ("add-list-element", 8),
    ("remove-list-element", 9),
    ("create-object", 10),
    ("delete-object", 11),
    ("read-property", 12),
    ("read-property-conditional", 13),
    ("read-property-multiple", 14),
    ("write-property", 15),
    ("write-property-multiple", 16),
    ("device-communication-control", 17),
    ("confirmed-private-transfer", 18),
    ("confirmed-text-message", 19),
    ("reinitialize-device", 20),
    ("vt-open", 21),
    ("vt-close", 22),
    ("vt-data", 23),
    ("authenticate", 24),
    ("request-key", 25),
    ("read-range", 26),
    ("life-safety-operation", 27),
    ("subscribe-cov-property", 28),
    ("get-event-information", 29),
    ("subscribe-cov-property-multiple", 30),
    ("confirmed-cov-notification-multiple", 31),
    ("confirmed-audit-notification", 32),
    ("audit-log-query", 33),
    ("i-am", UNCONFIRMED),
    ("i-have", UNCONFIRMED + 1),
    ("unconfirmed-cov-notification", UNCONFIRMED + 2),
    ("unconfirmed-event-notification", UNCONFIRMED + 3),
    ("unconfirmed-private-transfer", UNCONFIRMED + 4),
    ("unconfirmed-text-message", UNCONFIRMED + 5),
    ("time-synchronization", UNCONFIRMED + 6),
    ("who-has", UNCONFIRMED + 7),
    ("who-is", UNCONFIRMED + 8),
    ("utc-time-synchronization", UNCONFIRMED + 9),
    ("write-group", UNCONFIRMED + 10),
    ("unconfirmed-cov-notification-multiple", UNCONFIRMED + 11),
    ("unconfirmed-audit-notification", UNCONFIRMED + 12),
    ("write-broadcast-distribution-table", LINK + 1),
    ("read-broadcast-distribution-table", LINK + 2),
    ("register-foreign-device", LINK + 5),
    ("read-foreign-device-table", LINK + 6),
    ("delete-foreign-device-table-entry", LINK + 8),
    ("secure-virtual-link", LINK + 12),
    ("network-message", NETWORK),
];

/// Functions and services that change nothing, under one word.
pub const READING: &str = "reading";
pub const MODBUS_READING: [u8; 9] = [1, 2, 3, 4, 7, 11, 12, 17, 20];
pub const BACNET_READING: [u8; 11] = [
    3,
    4,
    5,
    12,
    14,
    26,
    28,
    29,
    UNCONFIRMED,
    UNCONFIRMED + 7,
    UNCONFIRMED + 8,
];

impl Application {
    /// Its key in a rule.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Dicom { .. } => "dicom",
            Self::Hl7 { .. } => "hl7",
            Self::Modbus { .. } => "modbus",
            Self::Bacnet { .. } => "bacnet",
        }
    }

    /// As text: `dicom called [PACS] calling any`.
    pub fn describe(&self) -> String {
        let list = |key: &str, names: Vec<String>| match names.as_slice() {
            [] => format!("{key} any"),
            names => format!("{key} [{}]", names.join(", ")),
        };
        let lists = match self {
            Self::Dicom { called, calling } => vec![
                list("called", called.clone()),
                list("calling", calling.clone()),
            ],
            Self::Hl7 {
                application,
                facility,
                message,
            } => vec![
                list("application", application.clone()),
                list("facility", facility.clone()),
                list("message", message.clone()),
            ],
            Self::Modbus { functions } => vec![list("functions", named(functions, &MODBUS))],
            Self::Bacnet { services } => vec![list("services", named(services, &BACNET))],
        };
        format!("{} {}", self.key(), lists.join(" "))
    }
}

fn named(numbers: &[u8], names: &[(&str, u8)]) -> Vec<String> {
    let name = |number: &u8| {
        let known = names.iter().find(|(_, known)| known == number);
        known.map_or_else(|| number.to_string(), |(name, _)| (*name).to_owned())
    };
    numbers.iter().map(name).collect()
}
