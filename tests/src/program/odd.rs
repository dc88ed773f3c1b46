//! Random fields of headers that sanity predicates look at: mostly proper ones, and such
//! as are nearly so.

use super::random::Random;

/// Bytes that mean something in lists of options and in names.
const BYTES: [u8; 16] = [
    0, 1, 2, 3, 4, 5, 8, 10, 12, 25, 53, 131, 148, 0xc0, 0xc2, 0xff,
];

/// So many bytes, of which most mean something.
pub fn bytes(random: &mut Random, count: usize) -> Vec<u8> {
    let byte = |_| {
        if random.chance(80) {
            random.pick(&BYTES)
        } else {
            random.number() as u8
        }
    };
    (0..count).map(byte).collect()
}

/// A list of options with a byte for their kind and one for their length, which counts
/// itself and that of the kind, or not.
pub fn options(random: &mut Random, count: usize, counts_itself: bool) -> Vec<u8> {
    let mut options = Vec::new();
    for _ in 0..count {
        let kind = random.pick(&BYTES);
        let length = random.below(9) as u8;
        options.extend([kind, length + if counts_itself { 2 } else { 0 }]);
        options.extend(bytes(random, length.into()));
    }
    if random.chance(20) && !options.is_empty() {
        let place = random.below(options.len());
        options[place] = random.pick(&BYTES);
    }
    options
}

/// Fills a header's options up, or cuts them off: a multiple of four, at most forty bytes.
pub fn header_options(random: &mut Random) -> Vec<u8> {
    let count = random.below(5);
    let mut options = options(random, count, true);
    options.resize(
        options.len().next_multiple_of(4).min(40),
        random.pick(&[0, 1]),
    );
    options
}

/// Options of neighbour discovery, counted in eight bytes.
pub fn neighbour_options(random: &mut Random) -> Vec<u8> {
    let mut options = Vec::new();
    for _ in 0..random.below(4) {
        let length = 1 + random.below(4);
        let start = options.len();
        options.extend(bytes(random, 8 * length));
        options[start + 1] = length as u8;
        options[start] = random.pick(&[1, 2, 14, 25]);
    }
    if random.chance(20) && !options.is_empty() {
        let place = random.below(options.len());
        options[place] = random.pick(&BYTES);
    }
    options
}

/// A DNS message.
pub fn dns(random: &mut Random) -> Vec<u8> {
    let (questions, records) = (random.below(3), random.below(4));
    let mut message = vec![0, 7, 1, 0, 0, questions as u8, 0, records as u8, 0, 0, 0, 0];
    for _ in 0..questions {
        name(random, &mut message);
        message.extend([0, 1, 0, 1]);
    }
    for _ in 0..records {
        name(random, &mut message);
        message.extend([0, random.pick(&[1, 2, 5, 12, 15, 16, 33]), 0, 1, 0, 0, 1, 0]);
        let start = message.len();
        message.extend([0, 0, 0, 7, 0, 8, 0, 53]);
        name(random, &mut message);
        let length = message.len() - start - 2;
        message[start..start + 2].copy_from_slice(&(length as u16).to_be_bytes());
    }
    match random.below(6) {
        0 => message.truncate(random.below(message.len())),
        1 => {
            let place = random.below(message.len());
            message[place] = random.pick(&BYTES);
        }
        _ => {}
    }
    message
}

/// Writes a name, maybe with a pointer to somewhere before.
fn name(random: &mut Random, message: &mut Vec<u8>) {
    for _ in 0..random.below(5) {
        let length = random.pick(&[1, 4, 7, 63, 63]);
        message.push(length);
        message.extend(vec![b'a'; length.into()]);
    }
    if random.chance(50) {
        let anywhere = random.below(message.len() + 2);
        let target = random.pick(&[12, 12, 14, anywhere]);
        message.extend([0xc0, target as u8]);
    } else {
        message.push(0);
    }
}
