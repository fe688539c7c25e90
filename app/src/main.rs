//! Starts Lamina.

fn main() {}
