//! The program's own files, mutated (`fuzz/README.md`).
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[test]
fn config() {
    lamina_tests::fuzz::drive("config", 10_000, |data| {
        let folder = lamina_tests::folder();
        lamina::testing::read_config(folder.path(), data);
    });
}
