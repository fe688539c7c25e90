//! Inputs that are nearly right.

use crate::random::Random;

/// Values that parsers trip over.
const EDGES: [u64; 12] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// One of `corpus` after a few changes.
pub fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = random.one_of(corpus);
    for _ in 0..1 + random.below(6) {
        change(random, &mut input, corpus);
    }
    input
}

fn range(random: &mut Random, length: usize) -> std::ops::Range<usize> {
    let start = random.index(length + 1);
    let longest = (length - start).min(1 << random.below(12));
    start..start + random.index(longest + 1)
}

fn change(random: &mut Random, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    if input.is_empty() {
        input.push(random.next() as u8);
    }
    let at = random.index(input.len());
    match random.below(8) {
        0 => input[at] ^= 1 << random.below(8),
        1 => input[at] = random.next() as u8,
        2 | 3 => {
            let width = 1 << random.below(4);
            let mut value = random.one_of(&EDGES).to_le_bytes();
            if random.below(2) == 0 {
                value[..width].reverse();
            }
            for (byte, new) in input[at..].iter_mut().zip(&value[..width]) {
                *byte = *new;
            }
        }
        4 => drop(input.drain(range(random, input.len()))),
        5 => {
            let piece = input[range(random, input.len())].to_vec();
            input.splice(at..at, piece);
        }
        6 => {
            let other = random.one_of(corpus);
            let piece = other[range(random, other.len())].to_vec();
            let end = (at + piece.len()).min(input.len());
            let gone = if random.below(2) == 0 {
                at..end
            } else {
                at..at
            };
            input.splice(gone, piece);
        }
        _ => input.truncate(at),
    }
}
