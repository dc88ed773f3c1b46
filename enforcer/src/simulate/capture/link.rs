//! Link types of captures, by their LINKTYPE number, and the Ethernet frame in a
//! frame of each.

const ETHERNET: u16 = 1;
/// Hilscher netANALYZER: four bytes of its own before each Ethernet frame.
const NETANALYZER: u16 = 240;
const NETANALYZER_HEADER: usize = 4;

/// Those met on clinical networks and on desks, for messages.
const NAMES: [(u16, &str); 22] = [
    (0, "NULL"),
    (ETHERNET, "ETHERNET"),
    (6, "IEEE802_5"),
    (9, "PPP"),
    (101, "RAW"),
    (105, "IEEE802_11"),
    (108, "LOOP"),
    (113, "LINUX_SLL"),
    (127, "IEEE802_11_RADIOTAP"),
    (187, "BLUETOOTH_HCI_H4"),
    (192, "PPI"),
    (195, "IEEE802_15_4_WITHFCS"),
    (201, "BLUETOOTH_HCI_H4_WITH_PHDR"),
    (220, "USB_LINUX_MMAPPED"),
    (227, "CAN_SOCKETCAN"),
    (228, "IPV4"),
    (229, "IPV6"),
    (239, "NFLOG"),
    (NETANALYZER, "NETANALYZER"),
    (249, "USBPCAP"),
    (252, "WIRESHARK_UPPER_PDU"),
    (276, "LINUX_SLL2"),
];

pub(super) fn carries_ethernet(link: u16) -> bool {
    matches!(link, ETHERNET | NETANALYZER)
}

pub(super) fn ethernet(link: u16, bytes: &[u8]) -> Option<&[u8]> {
    match link {
        ETHERNET => Some(bytes),
        NETANALYZER => Some(bytes.get(NETANALYZER_HEADER..).unwrap_or_default()),
        _ => None,
    }
}

pub(super) fn name(link: u16) -> String {
    match NAMES.iter().find(|(number, _)| *number == link) {
        Some((_, name)) => format!("LINKTYPE_{name} ({link})"),
        None => format!("link type {link}"),
    }
}
