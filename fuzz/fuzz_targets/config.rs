#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let folder = lamina_tests::folder();
    lamina::testing::read_config(folder.path(), data);
});
