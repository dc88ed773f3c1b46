//! Modbus (Application Protocol 1.1b3, 6; Messaging on TCP/IP 1.0b, 3.1.3) and BACnet/IP
//! (ASHRAE 135, clauses 6.2, 20.1.2, 21 and annex J.2).

use super::{Row, Said, but, joined};

const MODBUS: Said = Said::Asked(502);
const BACNET: Said = Said::Datagram(47_808);

fn adu(unit: u8, function: u8, data: &[u8]) -> Vec<u8> {
    joined(&[
        &[0, 42, 0, 0],
        &(2 + data.len() as u16).to_be_bytes(),
        &[unit, function],
        data,
    ])
}

/// Registers or coils from an address on: how many, and what follows.
fn many(address: u16, count: u16, rest: &[u8]) -> Vec<u8> {
    joined(&[&address.to_be_bytes(), &count.to_be_bytes(), rest])
}

/// Where a message of the network layer is from or goes to.
#[derive(Clone, Copy)]
enum Route {
    Direct,
    To(&'static [u8]),
    From(&'static [u8]),
}

const MSTP: &[u8] = &[17];
const IP: &[u8] = &[10, 20, 0, 9, 0xba, 0xc0];

/// A confirmed request by a route; `apdu` is all of its application layer.
fn bacnet(route: Route, apdu: &[u8]) -> Vec<u8> {
    let of = |address: &[u8]| joined(&[&[0, 5, address.len() as u8], address]);
    let network = match route {
        Route::Direct => vec![1, 0x04],
        Route::To(address) => joined(&[&[1, 0x24], &of(address), &[255]]),
        Route::From(address) => joined(&[&[1, 0x0c], &of(address)]),
    };
    let length = 4 + network.len() + apdu.len();
    joined(&[
        &[0x81, 0x0a],
        &(length as u16).to_be_bytes(),
        &network,
        apdu,
    ])
}

/// A confirmed request: room for the answer, its number, the service, an object.
fn confirmed(service: u8) -> Vec<u8> {
    joined(&[
        &[0x02, 0x75, 7, service],
        &[0x0c, 0, 0x80, 0, 1, 0x19, 0x55],
    ])
}

fn segment(service: u8) -> Vec<u8> {
    joined(&[&[0x0e, 0x75, 7, 0, 16, service], &[0x0c, 0, 0x80, 0, 1]])
}

/// A service by a route. Its neighbours: readProperty (12) by the same, an unconfirmed
/// request, a message of the network layer, one for everybody, and none from the beginning.
fn service(name: &'static str, number: u8, route: Route) -> Row {
    let request = bacnet(route, &confirmed(number));
    let kind = request.len() - confirmed(number).len();
    let mut neighbours = vec![
        bacnet(route, &confirmed(12)),
        but(&request, kind, 0x10),
        but(&request, 5, 0x80 | request[5]),
        but(&request, 1, 0x0b),
        joined(&[&[0], &request]),
    ];
    if let Route::To(_) | Route::From(_) = route {
        // An address of another length.
        neighbours.push(but(&request, 8, 3));
    }
    Row::new(name, BACNET, [request], neighbours)
}

pub(super) fn rows() -> Vec<Row> {
    let read = adu(1, 3, &many(40, 2, &[]));
    // `excess` is a count of more than there can be, and where its low byte stands.
    let by_unit = |name, unit: u8, function, data: &[u8], excess: &[(usize, u16)]| {
        let written = adu(unit, function, data);
        let mut neighbours = vec![
            // Another unit, which is none of this signature's; and a read.
            adu(7, function, data),
            adu(unit, 3, &many(40, 2, &[])),
            // Another protocol, and a length that no ADU has.
            but(&written, 3, 1),
            but(&written, 4, 1),
        ];
        neighbours.extend(excess.iter().map(|&(place, count)| {
            let [high, low] = count.to_be_bytes();
            but(&but(&written, place - 1, high), place, low)
        }));
        let found = [joined(&[&read, &written]), written];
        Row::new(name, MODBUS, found, neighbours)
    };
    let coils = many(10, 9, &[2, 0xff, 1]);
    let registers = many(10, 2, &[4, 0, 0, 0, 0]);
    let segmented = bacnet(Route::Direct, &segment(16));
    let both = joined(&[&many(3, 6, &[]), &many(14, 1, &[2, 0, 255])]);
    vec![
        Row::new(
            "modbus-write-coil",
            MODBUS,
            [adu(1, 5, &[0, 3, 0xff, 0]), adu(9, 5, &[0, 3, 0, 0])],
            [
                adu(1, 1, &[0, 3, 0, 1]),
                adu(1, 2, &[0, 3, 1, 0]),
                adu(1, 5, &[0, 3, 0, 1]),
            ],
        ),
        Row::new(
            "modbus-write-register",
            MODBUS,
            [adu(0, 6, &[0, 1, 0, 42]), adu(255, 6, &[0, 1, 0, 42])],
            [adu(0, 4, &[0, 1, 0, 42]), read.clone()],
        ),
        Row::new(
            "modbus-mask-register",
            MODBUS,
            [adu(3, 22, &[0, 4, 0, 0xf2, 0, 0x25])],
            [adu(3, 23, &[0, 4, 0, 0xf2, 0, 0x25]), read.clone()],
        ),
        by_unit("modbus-write-coils-unit-1", 1, 15, &coils, &[(11, 1969)]),
        by_unit(
            "modbus-write-coils-unit-255",
            255,
            15,
            &coils,
            &[(11, 1969)],
        ),
        by_unit(
            "modbus-write-registers-unit-1",
            1,
            16,
            &registers,
            &[(11, 124)],
        ),
        by_unit(
            "modbus-write-registers-unit-255",
            255,
            16,
            &registers,
            &[(11, 124)],
        ),
        by_unit(
            "modbus-read-write-unit-1",
            1,
            23,
            &both,
            &[(11, 126), (15, 122)],
        ),
        by_unit(
            "modbus-read-write-unit-255",
            255,
            23,
            &both,
            &[(11, 126), (15, 122)],
        ),
        service("bacnet-write-property", 15, Route::Direct),
        service("bacnet-write-property-to-mstp", 15, Route::To(MSTP)),
        service("bacnet-write-property-to-ip", 15, Route::To(IP)),
        service("bacnet-write-property-from-mstp", 15, Route::From(MSTP)),
        service("bacnet-write-property-from-ip", 15, Route::From(IP)),
        service("bacnet-write-multiple", 16, Route::Direct),
        Row::new(
            "bacnet-write-multiple-segmented",
            BACNET,
            [segmented.clone()],
            [
                bacnet(Route::Direct, &segment(14)),
                but(&segmented, 6, 0x18),
                but(&segmented, 5, 0x84),
                joined(&[&[0], &segmented]),
            ],
        ),
        service("bacnet-write-multiple-to-mstp", 16, Route::To(MSTP)),
        service("bacnet-communication-control", 17, Route::Direct),
        service("bacnet-communication-control-to-mstp", 17, Route::To(MSTP)),
        service("bacnet-reinitialize", 20, Route::Direct),
        service("bacnet-reinitialize-to-mstp", 20, Route::To(MSTP)),
    ]
}
